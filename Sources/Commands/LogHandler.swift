import Logging

/// Log lines on standard error, as a person reads them.
struct StandardErrorLog: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let word = event.level >= .warning ? "\(event.level): " : ""
    writeError("slipway: \(word)\(event.message)")
  }
}

extension Logger {
  /// Warnings always; with `verbose` the choices too.
  static func slipway(verbose: Bool) -> Logger {
    Logger(label: "slipway") { _ in StandardErrorLog(logLevel: verbose ? .debug : .warning) }
  }
}
