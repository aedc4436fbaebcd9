import ArgumentParser
import Environment
import Launch
import Stack

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

      A module file asks with --module-records; slipway-modulefile(1) prints such files.
      """)

  @OptionGroup var launch: LaunchOptions

  @Option(help: "The shell to print for: sh, bash, zsh, ksh, dash, csh, tcsh or fish.")
  var shell = "sh"

  @Flag(help: "Print the plan as JSON, schema 1, as run --dry-run --json does.")
  var json = false

  @Flag(help: "Print what a module file of Lmod or Environment Modules carries out.")
  var moduleRecords = false

  @Flag(
    help: """
      With --module-records: only what the environment shows that was done, whichever node did it; \
      a module file takes that back when it is unloaded.
      """)
  var asInitialised = false

  mutating func validate() throws {
    guard moduleRecords || !asInitialised else {
      throw ValidationError("--as-initialised needs --module-records")
    }
    guard !moduleRecords || !json else {
      throw ValidationError("give one of --json and --module-records")
    }
    guard Shell(named: shell) != nil else {
      throw ValidationError("no shell \(shell); use sh, bash, zsh, ksh, dash, csh, tcsh or fish")
    }
  }

  func run() throws {
    guard !moduleRecords else { return try answerModuleFile() }
    try reportingFailures {
      let plan = try launch.plan([])
      guard !json else { return print(try PlanDocument(plan).json) }
      let shell = Shell(named: shell)!
      writeOutput(plan.changes.compactMap(shell.command).map { $0 + ";\n" }.joined())
    }
  }

  /// Prints records.
  ///
  /// A failure is one of them: a module file of Lmod cannot see how a program ended, nor what it
  /// wrote to standard error.
  private func answerModuleFile() throws {
    do {
      var records: [ModuleRecord]
      if asInitialised {
        let done = StackSelection.initialisation(shownBy: .ofThisProcess)
        records = try StackSelection.moduleRecords(of: done)
      } else {
        let plan = try launch.plan([])
        records = plan.modulesElsewhere(in: .ofThisProcess).map { .remove("MODULEPATH", $0) }
        records += try StackSelection.moduleRecords(of: plan.initialisation)
        records.append(.message("\(plan.selection.subdirectory) of \(plan.selection.prefix)"))
      }
      for record in records + [.end] { print(record.line) }
    } catch {
      for record in [ModuleRecord.error("slipway: \(error)"), .end] { print(record.line) }
      throw ExitCode(ExitStatus(error).rawValue)
    }
  }
}

extension LaunchPlan {
  /// The module directories of an environment that belong to other nodes' subtrees.
  ///
  /// Lmod's collections hold those of the node where they were saved.
  fileprivate func modulesElsewhere(in environment: Environment) -> [String] {
    func directories(of environment: Environment) -> [Substring] {
      (environment["MODULEPATH"] ?? "").split(separator: ":")
    }
    let here = directories(of: self.environment)
    return directories(of: environment).filter { !here.contains($0) }.map(String.init)
  }
}
