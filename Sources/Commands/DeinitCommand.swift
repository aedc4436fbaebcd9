import ArgumentParser
import Environment
import Launch
import Stack

/// `slipway deinit`: what takes an initialisation back, for the shell to evaluate.
struct DeinitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deinit",
    abstract: "Takes back in a running shell what slipway init has done.",
    discussion: """
      Examples:
        eval "$(slipway deinit bash)"
        eval `slipway deinit csh`
        slipway deinit fish | source
      """)

  @Argument(help: "The shell: \(ShellProgram.names).")
  var shell: String

  @Flag(help: .hidden)
  var afterUnload = false

  mutating func validate() throws { _ = try ShellProgram(argument: shell) }

  func run() throws {
    try reportingFailures {
      let program = try ShellProgram(argument: shell)
      let environment = Environment.ofThisProcess
      guard let undo = try EnvironmentUndo(of: environment) else {
        throw EnvironmentUndoError.absent
      }
      let loaded = Lmod.loaded(in: environment, below: undo.elementsAdded(to: "MODULEPATH"))
      if !loaded.isEmpty, !afterUnload, let lmod = environment.nonEmpty("LMOD_CMD") {
        return try writeCommands(
          unloading(loaded.reversed(), with: lmod, in: program), for: program.rawValue)
      }
      if !loaded.isEmpty {
        writeError(
          "slipway: modules of the stack stay loaded: \(loaded.joined(separator: " ")); "
            + "remedy: start a new shell")
      }
      var former = undo.undone(environment)
      if !undo.hadModuleTable && loaded.isEmpty && environment.nonEmpty("LOADEDMODULES") == nil {
        for name in Lmod.bookkeeping(in: former) { former[name] = nil }
      }
      try writeCommands(
        ShellSession.deinitialisation(of: program, changes: environment.changes(to: former)),
        for: program.rawValue)
    }
  }

  /// Lmod's commands first, then the rest, with the environment as Lmod leaves it.
  private func unloading(_ modules: [String], with lmod: String, in program: ShellProgram)
    -> String
  {
    let family = program.family
    let unload = ([lmod, program.lmodName, "--force", "unload"] + modules).map(family.quoted)
      .joined(separator: " ")
    let rest = [ownPath, "deinit", program.rawValue, "--after-unload"].map(family.quoted)
      .joined(separator: " ")
    return switch family {
    case .sh: "\\eval \"$(\(unload))\"\n\\eval \"$(\(rest))\"\n"
    case .csh: "eval `\(unload)`\neval `\(rest)`\n"
    case .fish: "\(unload) | source\n\(rest) | source\n"
    }
  }
}
