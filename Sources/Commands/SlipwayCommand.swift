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
      DetectCommand.self, EnvCommand.self, RunCommand.self, ModulesCommand.self,
      ModulefileCommand.self,
    ])

  package static let version = "0.1.0"

  package init() {}
}
