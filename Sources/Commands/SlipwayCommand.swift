package import ArgumentParser
import Launch
import Sandbox

/// The root command.
///
/// It is synchronous: `run` replaces the process, which must have one thread.
package struct SlipwayCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "slipway",
    abstract: "Gives every task the software stack that fits the node it runs on.",
    discussion: """
      Under Slurm: srun --eessi[=VERSION] COMMAND

      Exit codes of slipway's own failures; a launched command's code passes through:
      \(ExitStatus.allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n"))
      """,
    version: version,
    subcommands: [
      DetectCommand.self, EnvCommand.self, RunCommand.self, ExecCommand.self, InitCommand.self,
      DeinitCommand.self,
      ShellCommand.self, ModulesCommand.self, ModulefileCommand.self, InjectCommand.self,
      ImageCommand.self, StoreCommand.self,
    ])

  package static let version = "0.1.0"

  package init() {}

  /// Runs the command line, and lets a shell know where it has nothing to evaluate.
  package static func main() {
    do {
      var command = try subcommand(CommandLine.arguments.dropFirst()) ?? parseAsRoot()
      try command.run()
    } catch {
      let isEvaluated = [InitCommand.self, DeinitCommand.self].contains {
        (type: any ParsableCommand.Type) in
        type._commandName == CommandLine.arguments.dropFirst().first
      }
      if isEvaluated && exitCode(for: error) != .success { print("false") }
      exit(withError: error)
    }
  }

  /// The subcommand that the first word names, if the others are its own; nil for all that the root
  /// command answers: help, errors, completions.
  ///
  /// The way from the root takes a fifth of a shell's initialisation.
  private static func subcommand(_ words: ArraySlice<String>) -> (any ParsableCommand)? {
    let named = configuration.subcommands.first { $0._commandName == words.first }
    guard let named, named.configuration.subcommands.isEmpty else { return nil }
    return try? named.parse(Array(words.dropFirst()))
  }
}
