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
/// A program that runs longer than `seconds` is killed and an error is thrown. Daemons that it
/// leaves behind are not waited for.
package func run(
  _ argv: [String], environment: [String: String]? = nil, input: [UInt8]? = nil,
  directory: String? = nil, seconds: Double = 120
) throws -> ToolResult {
  let program = try RunningProgram(
    argv, environment: environment, input: input, directory: directory)
  return try program.finish(seconds: seconds)
}

/// A program that runs while a test does something else.
///
/// Foundation's `Process` is not used: it takes a program for running as long as a daemon that the
/// program started lives, and hands on the signal mask of the test's thread, which blocks all.
package final class RunningProgram: Sendable {
  package let identifier: Int32
  private let argv: [String]
  private let output: Drain
  private let error: Drain

  package init(
    _ argv: [String], environment: [String: String]? = nil, input: [UInt8]? = nil,
    directory: String? = nil
  ) throws {
    let argv = directory.map { ["env", "-C", $0] + argv } ?? argv
    guard let name = argv.first, let program = Tool.path(of: name) else {
      throw ToolError.notFound(argv.first ?? "")
    }
    // A file instead of a pipe: a program that does not read its input cannot block the writer.
    var inputFile = "/dev/null"
    if let input {
      inputFile =
        FileManager.default.temporaryDirectory.path + "/slipway-input-\(UUID().uuidString)"
      try Data(input).write(to: URL(filePath: inputFile))
    }
    defer { if input != nil { unlink(inputFile) } }
    spawning.lock()
    defer { spawning.unlock() }
    (output, error) = (Drain(), Drain())

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, inputFile, O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.writeEnd, 1)
    posix_spawn_file_actions_adddup2(&actions, error.writeEnd, 2)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))

    let variables = environment ?? ProcessInfo.processInfo.environment
    var pid: pid_t = 0
    let failure = withCStrings(argv) { arguments in
      withCStrings(variables.map { "\($0.key)=\($0.value)" }) { environment in
        posix_spawn(&pid, program, &actions, &attributes, arguments, environment)
      }
    }
    guard failure == 0 else {
      throw ToolError.notFound("\(program): \(String(cString: strerror(failure)))")
    }
    identifier = pid
    self.argv = argv
    output.start()
    error.start()
  }

  /// Waits until the program has ended.
  package func finish(seconds: Double = 120) throws -> ToolResult {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var status: Int32 = 0
    while waitpid(identifier, &status, WNOHANG) == 0 {
      guard ContinuousClock.now < deadline else {
        kill(identifier, SIGKILL)
        waitpid(identifier, nil, 0)
        throw ToolError.timedOut(argv, seconds: seconds)
      }
      usleep(1000)
    }
    // wait(2): the low 7 bits are the signal, the next byte the exit code.
    let signal = status & 0x7f
    return ToolResult(
      status: signal == 0 ? (status >> 8) & 0xff : 128 + signal, output: output.bytes(),
      error: error.bytes())
  }

  /// Waits until the program has written a text to its standard output.
  package func waitForOutput(_ text: String, seconds: Double = 20) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !String(decoding: output.sofar, as: UTF8.self).contains(text) {
      guard ContinuousClock.now < deadline else { throw ToolError.timedOut(argv, seconds: seconds) }
      usleep(1000)
    }
  }
}

private let spawning = NSLock()

/// Lends a NULL-ended array of C strings.
private func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result
) rethrows -> Result {
  let pointers = strings.map { strdup($0) } + [nil]
  defer { pointers.forEach { free($0) } }
  return try body(pointers)
}

/// Reads a pipe to its end on a thread of its own.
private final class Drain: Sendable {
  let writeEnd: Int32
  private let readEnd: Int32
  private let state = Mutex<(bytes: [UInt8], isComplete: Bool)>(([], false))

  init() {
    var ends: [Int32] = [0, 0]
    // Made and marked close-on-exec under the lock of the spawning: no program inherits the ends
    // of another's pipes.
    precondition(pipe(&ends) == 0)
    (readEnd, writeEnd) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  func start() {
    close(writeEnd)
    Thread.detachNewThread { [self] in
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = read(readEnd, &chunk, chunk.count)
        if count <= 0 { break }
        state.withLock { $0.bytes += chunk[..<count] }
      }
      close(readEnd)
      state.withLock { $0.isComplete = true }
    }
  }

  var sofar: [UInt8] { state.withLock { $0.bytes } }

  /// All bytes; a daemon that holds the pipe open is given two seconds.
  func bytes() -> [UInt8] {
    for _ in 0..<2000 {
      if state.withLock({ $0.isComplete }) { break }
      usleep(1000)
    }
    return sofar
  }
}
