private import Glibc

/// The line that shows how far downloads are: values in, text out.
package struct ProgressMeter: Sendable {
  package var label: String
  /// The least seconds between two lines.
  package var interval = 0.2
  private var start: (seconds: Double, bytes: Int64)?
  private var last: Double?

  package init(label: String) { self.label = label }

  /// The line for a moment, at most `width` characters; nil when the last one is too fresh.
  ///
  /// - Parameter seconds: of any clock that does not go back.
  package mutating func line(
    _ progress: TransferProgress, at seconds: Double, width: Int = 80
  ) -> String? {
    let isLast = progress.files == progress.filesDone
    if let last, seconds - last < interval, !isLast { return nil }
    last = seconds
    // What was there before has no part in the rate.
    let start = start ?? (seconds, progress.bytes)
    self.start = start
    var text = label
    if progress.files > 1 { text += " \(progress.filesDone)/\(progress.files)" }
    text += "  \(Self.size(progress.bytes))"
    if let total = progress.total {
      text += " of \(Self.size(total))"
      if total > 0 { text += " (\(Int(Double(progress.bytes) * 100 / Double(total))) %)" }
    }
    let elapsed = seconds - start.seconds
    if elapsed >= 1 {
      let rate = Double(max(0, progress.bytes &- start.bytes)) / elapsed
      text += "  \(Self.size(Int64(min(rate, 1e18))))/s"
    }
    return String(text.prefix(width))
  }

  /// Such as `17 kB`, `3.4 MB`: three digits are enough.
  package static func size(_ bytes: Int64) -> String {
    var (value, unit) = (Double(bytes), 0)
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    guard unit > 0, value < 9.95 else { return "\(Int(value.rounded())) \(units[unit])" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }
}

/// Draws a ``ProgressMeter`` over itself on the standard error if that is a terminal.
package final class ProgressLine {
  private var meter: ProgressMeter
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var isDrawn = false

  package init(label: String) { meter = ProgressMeter(label: label) }

  package func show(_ progress: TransferProgress) {
    guard isTerminal else { return }
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    var size = winsize()
    let columns = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
    let seconds = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    guard
      let line = meter.line(progress, at: seconds, width: columns > 20 ? columns - 1 : 79)
    else { return }
    isDrawn = true
    put("\r\u{1b}[K\(line)")
  }

  /// Takes the line away.
  package func end() {
    if isDrawn { put("\r\u{1b}[K") }
    isDrawn = false
  }

  private func put(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
