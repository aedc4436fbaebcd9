import ArgumentParser

/// `slipway inject`: the site's MPI and GPU driver below a software stack.
struct InjectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inject",
    abstract: "Puts the site's MPI and GPU driver under a stack, after proof that they fit.",
    discussion: """
      Nothing is executed for a verdict: what the dynamic linker would choose is computed from the \
      files.

      Verdicts and the exit codes of check, explain, plan and apply, the worst of all:
        0  OK           the injected library is loaded, and all checks passed
        1  WARN         it works, with a risk that is named
        2  COND         it dies when a function that is named is first called
        3  NOT-APPLIED  the program loads another library: nothing was injected
        4  FAIL         it dies at its start, aborts, or its tasks do not know of each other
      """,
    subcommands: [
      InjectListCommand.self, InjectCheckCommand.self, InjectExplainCommand.self,
      InjectPlanCommand.self, InjectApplyCommand.self, InjectRemoveCommand.self,
      InjectRollbackCommand.self, InjectStatusCommand.self,
    ])
}
