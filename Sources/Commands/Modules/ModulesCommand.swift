import ArgumentParser

/// `slipway modules`: which software exists for which target.
struct ModulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "modules",
    abstract: "Tells which modules of the stack exist, for this node and for every target.",
    discussion: """
      The answers come from an index of all module files of the version, which the first question \
      makes and the capsule store keeps. It is made anew when the stack has changed.

      Examples:
        slipway modules avail
        slipway modules spider GROMACS
        slipway modules show GROMACS/2024.4-foss-2023b
        slipway modules list --json
      """,
    subcommands: [
      ModulesAvailCommand.self, ModulesSpiderCommand.self, ModulesShowCommand.self,
      ModulesListCommand.self,
    ])
}

/// The options of every question about modules.
struct ModulesOptions: ParsableArguments {
  @OptionGroup var stack: StackOptions

  @Flag(help: "Print JSON, schema 1.")
  var json = false
}
