import Dispatch
import Foundation
import Synchronization

/// What a program left behind when it ended.
package struct ToolResult: Sendable {
  /// The exit status; 128 and the signal's number for a program that a signal ended.
  package var status: Int32
  package var output: [UInt8]
  package var error: [UInt8]

  package var stdout: String { String(decoding: output, as: UTF8.self) }
  package var stderr: String { String(decoding: error, as: UTF8.self) }
}

/// A program that could not be run to its end.
package enum ToolError: Error {
  case notFound(String)
  case timedOut([String], seconds: Double)
}

/// Programs of the system, by name.
package enum Tool {
  /// The path of a program in `PATH`; nil when it is not installed.
  package static func path(of name: String) -> String? {
    if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
    return (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .map { "\($0)/\(name)" }.first(where: FileManager.default.isExecutableFile(atPath:))
  }

  package static func isInstalled(_ name: String) -> Bool { path(of: name) != nil }
}

/// Runs a program to its end and gives what it wrote.
///
/// Without `environment` the program inherits the tests' own; without `input` it reads nothing.
/// A program that runs longer than `seconds` is killed and an error is thrown.
package func run(
  _ argv: [String], environment: [String: String]? = nil, input: [UInt8]? = nil,
  directory: String? = nil, seconds: Double = 120
) throws -> ToolResult {
  guard let name = argv.first, let program = Tool.path(of: name) else {
    throw ToolError.notFound(argv.first ?? "")
  }
  let process = Process()
  process.executableURL = URL(filePath: program)
  process.arguments = Array(argv.dropFirst())
  if let environment { process.environment = environment }
  if let directory { process.currentDirectoryURL = URL(filePath: directory) }
  let ended = DispatchSemaphore(value: 0)
  process.terminationHandler = { _ in ended.signal() }

  // A file instead of a pipe: a program that does not read its input cannot block the writer.
  let file = FileManager.default.temporaryDirectory.path + "/slipway-input-\(UUID().uuidString)"
  defer { if input != nil { try? FileManager.default.removeItem(atPath: file) } }
  if let input {
    try Data(input).write(to: URL(filePath: file))
    process.standardInput = FileHandle(forReadingAtPath: file)
  } else {
    process.standardInput = FileHandle.nullDevice
  }
  let (output, error) = (Drain(), Drain())
  process.standardOutput = output.pipe
  process.standardError = error.pipe

  // One at a time, so that no program inherits the ends of another's pipes.
  try spawning.withLock { _ in
    try process.run()
    try output.start()
    try error.start()
  }
  guard ended.wait(timeout: .now() + seconds) == .success else {
    kill(process.processIdentifier, SIGKILL)
    throw ToolError.timedOut(argv, seconds: seconds)
  }
  let status = process.terminationStatus
  return ToolResult(
    status: process.terminationReason == .exit ? status : 128 + status,
    output: output.bytes(), error: error.bytes())
}

private let spawning = Mutex(())

/// Reads a pipe to its end on a thread of its own.
private final class Drain: Sendable {
  let pipe = Pipe()
  private let read = Mutex(Data())
  private let done = DispatchSemaphore(value: 0)

  func start() throws {
    try? pipe.fileHandleForWriting.close()
    Thread.detachNewThread { [self] in
      let data = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
      read.withLock { $0 = data }
      done.signal()
    }
  }

  /// All bytes; what a grandchild still holds open is not waited for.
  func bytes() -> [UInt8] {
    _ = done.wait(timeout: .now() + 10)
    return read.withLock { Array($0) }
  }
}
