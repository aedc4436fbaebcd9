import ArgumentParser
import Configuration
import Environment
import Host
import Launch
import Logging
import Microarchitecture
import Modules
import Stack

/// The options of every command that launches, or says what a launch would do.
struct LaunchOptions: ParsableArguments {
  @OptionGroup var stack: StackOptions

  @Option(
    name: .customLong("load"),
    help: ArgumentHelp(
      "Modules to load, named as for module load, separated by commas.", valueName: "modules"))
  var modules: String?

  @Flag(
    name: .customLong("load-fallback"),
    help: "Take all software from a lesser tree where the best one lacks a module.")
  var fallsBack = false

  /// Plans a launch on this machine, by its own configuration where none is given, and says what there is to say.
  func plan(_ argv: [String], _ configuration: Configuration? = nil) throws -> LaunchPlan {
    let plan = try plan(argv, in: Environment.ofThisProcess, configuration)
    report(plan)
    return plan
  }

  /// Plans a launch in an environment, and says nothing; more may be asked of the same files.
  func plan(
    _ argv: [String], in environment: Environment, _ configuration: Configuration? = nil,
    asking: (LaunchPlan, StackReader) throws -> Void = { _, _ in }
  ) throws -> LaunchPlan {
    let configuration = try configuration ?? Configuration.load(named: stack.config)
    let host = try MachineRoot().profile(for: environment)
    let files = GuardedFiles(seconds: configuration.deadline)
    defer { files.stop() }
    let reader = StackReader(guarding: files)
    var request = stack.request(argv)
    request.modules = try modules.map { try ModuleTree.names($0, source: "--load") } ?? []
    request.fallsBack = fallsBack
    let plan = try LaunchPlan(
      request, environment: environment, configuration: configuration, host: host, files: reader,
      modules: ModuleLoader(configuration, files: files, environment: environment))
    try asking(plan, reader)
    return plan
  }

  /// Whether an option asks for the stack.
  var isStackWanted: Bool {
    stack.version != nil || stack.repository != nil || stack.subdirectory != nil || modules != nil
      || fallsBack
  }

  /// What modules said, the warnings of a plan, and with `verbose` what was chosen and why.
  func report(_ plan: LaunchPlan) {
    let log = Logger.slipway(verbose: stack.verbose)
    log.debug("processor: \(plan.processor.name ?? plan.processor.vendor)")
    if !plan.messages.isEmpty { writeError(String(plan.messages.trimmingTail)) }
    for warning in plan.warnings + plan.capsuleWarnings { log.warning("\(warning)") }
    log.info("\(plan.summary)")
    if let summary = plan.moduleSummary { log.info("\(summary)") }
  }
}

extension String {
  /// Without the white space at its end.
  fileprivate var trimmingTail: Substring {
    var text = self[...]
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
