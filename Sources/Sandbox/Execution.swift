import CLinux
package import Environment
import Glibc

/// A command that could not be started.
package struct ExecutionError: Error, Equatable, CustomStringConvertible {
  package var command: String
  package var code: Int32

  package init(command: String, code: Int32) {
    self.command = command
    self.code = code
  }

  /// Whether no file of that name was found, as opposed to one that cannot be run.
  package var isNotFound: Bool { code == ENOENT }

  package var description: String {
    isNotFound
      ? "\(command): command not found in the PATH of the stack and the user; remedy: check the "
        + "name, or load the module that provides it"
      : "\(command): \(String(cString: strerror(code)))"
  }
}

/// Replaces this process by a command: same process id, one thread, nothing in between.
///
/// A name without a slash is looked up in the PATH of `environment`, as execvp(3) does. Returns
/// only by throwing.
package func execute(_ argv: [String], environment: Environment) throws(ExecutionError) -> Never {
  guard let command = argv.first, !command.isEmpty else {
    throw ExecutionError(command: "", code: ENOENT)
  }
  let candidates =
    command.contains("/")
    ? [command]
    : (environment["PATH"] ?? "/usr/bin:/bin").split(
      separator: ":", omittingEmptySubsequences: false
    )
    .map { $0.isEmpty ? command : "\($0)/\(command)" }
  var failure = ENOENT
  let strings = environment.entries
  for path in candidates {
    let code = replace(path, argv, strings)
    switch code {
    case ENOENT, ENOTDIR: continue
    case ENOEXEC:
      // A script without `#!` is one for sh, as for every shell.
      throw ExecutionError(
        command: command, code: replace("/bin/sh", ["sh", path] + argv.dropFirst(), strings))
    case EACCES: failure = EACCES
    default: throw ExecutionError(command: command, code: code)
    }
  }
  throw ExecutionError(command: command, code: failure)
}

/// Makes a file in memory for the command that ``execute(_:environment:)`` starts; it finds the file
/// under `/proc/self/fd`.
package func memoryFile() throws(ExecutionError) -> Int32 {
  let descriptor = sw_memory_file("slipway")
  guard descriptor >= 0 else { throw ExecutionError(command: "memfd_create", code: -descriptor) }
  return descriptor
}

/// execve(2); returns the errno.
private func replace(_ path: String, _ argv: [String], _ environment: [[UInt8]]) -> Int32 {
  withCStrings(argv.map(Environment.bytes)) { arguments in
    withCStrings(environment) { variables in -sw_execute(path, arguments, variables) }
  }
}
