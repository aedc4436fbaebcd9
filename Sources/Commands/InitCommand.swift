import ArgumentParser
import Environment
import Launch
import Logging
import Stack

/// `slipway init`: what initialises a running shell, for the shell to evaluate.
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Initialises the stack in a running shell.",
    discussion: """
      Examples:
        eval "$(slipway init bash)"
        eval `slipway init csh`
        slipway init fish | source
      """)

  @OptionGroup var launch: LaunchOptions

  @Argument(help: "The shell: \(ShellProgram.names).")
  var shell: String

  mutating func validate() throws { _ = try ShellProgram(argument: shell) }

  func run() throws {
    try reportingFailures {
      let session = try Initialisation(of: launch, in: Environment.ofThisProcess)
      try writeCommands(
        session.commands(for: try ShellProgram(argument: shell)), for: shell)
    }
  }
}

/// An environment, initialised so that it can be undone.
struct Initialisation {
  var plan: LaunchPlan
  var module: ShellSession.ModuleCommand
  var environment: Environment
  var changes: [EnvironmentChange]

  /// Initialises for one version at a time: another one is undone first.
  init(of launch: LaunchOptions, in inherited: Environment) throws {
    let undo = try EnvironmentUndo(of: inherited)
    let clean = undo?.undone(inherited) ?? inherited
    var hasLmod = false
    func planned(in environment: Environment) throws -> LaunchPlan {
      try launch.plan([], in: environment) { plan, files in
        hasLmod = try files.kind(plan.selection.lmodCommand) == .file
      }
    }
    var plan = try planned(in: inherited)
    if let undo, inherited["EESSI_PREFIX"] != plan.selection.prefix,
      !undo.elementsAdded(to: "EESSI_PREFIX").isEmpty
    {
      let modules = Lmod.loaded(in: inherited, below: undo.elementsAdded(to: "MODULEPATH"))
      guard modules.isEmpty else { throw InitialisationError.loadedModules(modules) }
      plan = try planned(in: clean)
    }
    launch.report(plan)

    // Of the shell as it was: what an earlier initialisation has set is no tool of the site.
    var result = plan.environment
    if Lmod.isUsable(in: clean) {
      module = .definedIfMissing
    } else if hasLmod {
      module = .defined
      // Lists without Lmod's table are of a tool that it cannot read.
      let isInUse = result["LMOD_CMD"] == plan.selection.lmodCommand
      result = plan.selection.lmodInitialisation(
        replacingOtherTool: !isInUse && !Lmod.hasTable(clean)
      ).applied(to: result)
    } else {
      module = .absent
      Logger.slipway(verbose: launch.stack.verbose).info(
        "\(plan.selection.lmod) is not there: the environment is set, no module command is defined"
      )
    }
    // What another node's initialisation left is moved for good.
    let base =
      undo == nil ? clean : plan.selection.retargeting(of: clean).applied(to: clean)
    let record = EnvironmentUndo(
      from: base, to: result, hadModuleTable: undo?.hadModuleTable ?? Lmod.hasTable(inherited))
    guard !record.isTooLong else { throw EnvironmentUndoError.tooLong }
    result[EnvironmentUndo.variable] = record.text
    self.plan = plan
    environment = result
    changes = inherited.changes(to: result).filter {
      !Shell.ownVariables.contains($0.name)
    }
  }

  func commands(for shell: ShellProgram) -> String {
    ShellSession(shell, changes: changes, module: module, definitions: plan.definitions)
      .initialisation
  }
}

/// A shell that cannot be initialised as it is.
enum InitialisationError: Error, CustomStringConvertible {
  case loadedModules([String])

  var description: String {
    switch self {
    case .loadedModules(let modules):
      "modules of another version are loaded: \(modules.joined(separator: " ")); nothing was "
        + "changed; remedy: slipway deinit first"
    }
  }
}

extension ShellProgram {
  init(argument: String) throws {
    guard let program = ShellProgram(named: argument) else {
      throw ValidationError("no shell \(argument); use \(ShellProgram.names)")
    }
    self = program
  }
}
