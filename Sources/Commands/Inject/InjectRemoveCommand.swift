import ArgumentParser
import Injection

/// `slipway inject remove`: takes away what slipway injected.
struct InjectRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Takes away what was injected, and gives back what was there before.",
    discussion: """
      Examples:
        slipway inject remove mpi
        slipway inject remove
      """)

  @Argument(help: ArgumentHelp("mpi or cuda (default: all).", valueName: "kind"))
  var kind: InjectionKind?

  @OptionGroup var site: InjectionSiteOptions

  func run() throws {
    try reportingFailures {
      let site = try site.site()
      let outcome = try site.writer.remove(kind)
      writeOutput(
        outcome.text(of: site, tree: nil, mpi: nil, isDryRun: false).map { $0 + "\n" }.joined())
    }
  }
}

/// `slipway inject rollback`: the generation before.
struct InjectRollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Goes back to what was injected before the last change.")

  @OptionGroup var site: InjectionSiteOptions

  func run() throws {
    try reportingFailures {
      let site = try site.site()
      let outcome = try site.writer.rollback()
      writeOutput(
        outcome.text(of: site, tree: nil, mpi: nil, isDryRun: false).map { $0 + "\n" }.joined())
    }
  }
}

/// `slipway inject status`: whether what was injected is still true.
struct InjectStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says what is injected, and what has changed since.",
    discussion: "Ends with 1 where something has changed: the line says which command to run.")

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var site: InjectionSiteOptions

  func run() throws {
    try reportingFailures {
      let site = try site.site()
      let status = try SiteStatus(of: site)
      if json {
        print(try StatusDocument(status).json)
      } else {
        writeOutput(status.lines.map { $0 + "\n" }.joined())
      }
      if !status.drifts.isEmpty { throw ExitCode(1) }
    }
  }
}
