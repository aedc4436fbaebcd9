import ArgumentParser
import Environment
import Launch
import Sandbox
import Stack

/// `slipway run`: launches a command in the stack.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Replaces itself with a command in the stack of this node.",
    discussion: """
      The command keeps slipway's process id, and its exit code is slipway's.

      Examples:
        slipway run -- gmx_mpi mdrun
        slipway run --eessi 2023.06 --dry-run --json -- true
      """)

  @OptionGroup var launch: LaunchOptions

  @Flag(help: "Print the plan and launch nothing.")
  var dryRun = false

  @Flag(help: "With --dry-run: print the plan as JSON, schema 1.")
  var json = false

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("The command and its arguments.", valueName: "command"))
  var command: [String] = []

  mutating func validate() throws {
    guard !command.isEmpty || dryRun else {
      throw ValidationError("name a command: slipway run -- COMMAND [ARGUMENT ...]")
    }
    guard dryRun || !json else { throw ValidationError("--json needs --dry-run") }
  }

  func run() throws {
    try reportingFailures {
      let plan = try launch.plan(command)
      guard dryRun else { try execute(plan.argv, environment: plan.environment) }
      print(json ? try PlanDocument(plan).json : plan.text)
    }
  }
}

extension LaunchPlan {
  /// The plan for a person.
  var text: String {
    var lines = ["stack     \(summary)"]
    lines += selection.steppedOver.map { "not       \($0.subdirectory): \($0.reason)" }
    lines += warnings.map { "warning   \($0)" }
    lines += changes.map { change in
      change.value.map { "set       \(change.name)=\($0)" } ?? "unset     \(change.name)"
    }
    if !argv.isEmpty { lines.append("command   \(argv.joined(separator: " "))") }
    return lines.joined(separator: "\n")
  }
}
