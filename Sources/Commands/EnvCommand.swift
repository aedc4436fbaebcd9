import ArgumentParser
import Environment
import Launch

/// `slipway env`: what a launch would change in the environment.
struct EnvCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "env",
    abstract: "Prints what initialising the stack changes in the environment.",
    discussion: """
      Examples:
        eval "$(slipway env)"
        slipway env --eessi 2023.06 --shell fish | source
        slipway env --json
      """)

  @OptionGroup var stack: StackOptions

  @Option(help: "The shell to print for: sh, bash, zsh, ksh, dash, csh, tcsh or fish.")
  var shell = "sh"

  @Flag(help: "Print the plan as JSON, schema 1, as run --dry-run --json does.")
  var json = false

  mutating func validate() throws {
    guard Shell(named: shell) != nil else {
      throw ValidationError("no shell \(shell); use sh, bash, zsh, ksh, dash, csh, tcsh or fish")
    }
  }

  func run() throws {
    try reportingFailures {
      let plan = try stack.plan([])
      guard !json else { return print(try PlanDocument(plan).json) }
      let shell = Shell(named: shell)!
      writeOutput(plan.changes.compactMap(shell.command).map { $0 + ";\n" }.joined())
    }
  }
}
