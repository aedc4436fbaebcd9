import ArgumentParser
import Environment
import Glibc
import Launch
import Sandbox
import Stack

/// `slipway shell`: an interactive shell in the stack.
struct ShellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell",
    abstract: "Replaces itself with an interactive shell in the stack of this node.",
    discussion: """
      The shell reads your own start-up files first. Its exit code is slipway's.

      Examples:
        slipway shell
        slipway shell --eessi 2023.06 zsh
        srun --pty slipway shell
      """)

  @OptionGroup var launch: LaunchOptions

  @Argument(help: "The shell, by its name or path (default: $SHELL, else bash or sh).")
  var shell: String?

  mutating func validate() throws {
    if let shell { _ = try ShellProgram(argument: shell) }
  }

  func run() throws {
    try reportingFailures {
      let inherited = Environment.ofThisProcess
      let path = shell ?? Self.ownShell(inherited)
      let program = try ShellProgram(argument: path)
      if program.family == .csh {
        // No option of csh names a file to read after the user's own.
        let session = try Initialisation(of: launch, in: inherited)
        writeError(
          "slipway: \(program) is given the environment alone; for the module command type: "
            + "eval `slipway init \(program)`")
        try execute([path], environment: session.environment)
      }
      // What fails shall fail here and not in the new shell.
      let plan = try launch.plan([], in: inherited)
      let arguments = Array(CommandLine.arguments.drop { $0 != Self._commandName }.dropFirst())
      let start = ShellStart(
        program,
        initialise: [ownPath, "init"] + arguments + (shell == nil ? [program.rawValue] : []),
        mark: "{EESSI/\(plan.selection.version)} ")
      let (words, environment) = try start.prepared(inherited)
      try execute([path] + words, environment: environment)
    }
  }

  private static func ownShell(_ environment: Environment) -> String {
    if let own = environment.nonEmpty("SHELL"), ShellProgram(named: own) != nil { return own }
    return access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh"
  }
}

extension ShellStart {
  /// Puts the start-up text where the shell reads it.
  func prepared(_ inherited: Environment) throws -> (words: [String], environment: Environment) {
    var environment = inherited
    switch place {
    case .option(let name): return ([name, text(from: inherited)], environment)
    case .fileOption(let name): return ([name, try descriptorPath(inherited)], environment)
    case .fileVariable(let name):
      environment[name] = try descriptorPath(inherited)
    case .directoryVariable(let name, let file):
      environment[name] = try TemporaryFile.directory(with: file) {
        text(from: inherited, at: $0)
      }
    }
    return ([], environment)
  }

  /// A file in memory: nothing is left behind whatever becomes of the shell.
  private func descriptorPath(_ inherited: Environment) throws -> String {
    let descriptor = try memoryFile()
    let path = "/proc/self/fd/\(descriptor)"
    let bytes = Environment.bytes(text(from: inherited, at: "\(descriptor)"))
    guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count
    else { throw SystemError(path, errno) }
    return path
  }
}
