import ArgumentParser
import Configuration
import Environment
import Glibc
import Host
import Launch
import Logging
import Microarchitecture
import Modules
import Stack

/// The options of every command that chooses a stack.
struct StackOptions: ParsableArguments {
  @Option(
    name: .customLong("eessi"),
    help: ArgumentHelp(
      "The version of the stack (default: the environment's, the site's, or the newest).",
      valueName: "version"))
  var version: String?

  @Option(
    name: .customLong("eessi-repo"),
    help: ArgumentHelp("The repository, by its CVMFS name.", valueName: "name"))
  var repository: String?

  @Option(
    name: .customLong("eessi-arch"),
    help: ArgumentHelp(
      "A software subdirectory instead of the detected one, such as x86_64/amd/zen2.",
      valueName: "subdir"))
  var subdirectory: String?

  @Option(
    name: .customLong("load"),
    help: ArgumentHelp(
      "Modules to load, named as for module load, separated by commas.", valueName: "modules"))
  var modules: String?

  @Flag(
    name: .customLong("load-fallback"),
    help: "Take all software from a lesser tree where the best one lacks a module.")
  var fallsBack = false

  @Option(
    help: ArgumentHelp(
      "The configuration file (default: \(Configuration.path)).", valueName: "file"))
  var config: String?

  @Flag(name: .shortAndLong, help: "Say what is chosen and why, on standard error.")
  var verbose = false

  /// Plans a launch on this machine and says what there is to say.
  func plan(_ argv: [String]) throws -> LaunchPlan {
    let plan = try plan(argv, in: Environment.ofThisProcess)
    report(plan)
    return plan
  }

  /// Plans a launch in an environment, and says nothing; more may be asked of the same files.
  func plan(
    _ argv: [String], in environment: Environment,
    asking: (LaunchPlan, StackReader) throws -> Void = { _, _ in }
  ) throws -> LaunchPlan {
    let configuration = try Configuration.load(named: config)
    let host = try MachineRoot().profile()
    let files = GuardedFiles(seconds: configuration.deadline)
    defer { files.stop() }
    let reader = StackReader(guarding: files)
    let plan = try LaunchPlan(
      LaunchRequest(
        repository: repository.map { .init($0, source: "--eessi-repo") },
        version: version.map { .init($0, source: "--eessi") },
        subdirectory: subdirectory.map { .init($0, source: "--eessi-arch") },
        modules: try modules.map { try ModuleTree.names($0, source: "--load") } ?? [],
        fallsBack: fallsBack, argv: argv),
      environment: environment, configuration: configuration, host: host, files: reader,
      modules: ModuleLoader(configuration, files: files, environment: environment))
    try asking(plan, reader)
    return plan
  }

  /// What modules said, the warnings of a plan, and with `verbose` what was chosen and why.
  func report(_ plan: LaunchPlan) {
    let log = Logger.slipway(verbose: verbose)
    log.debug("processor: \(plan.processor.name ?? plan.processor.vendor)")
    if !plan.messages.isEmpty { writeError(String(plan.messages.trimmingTail)) }
    for warning in plan.warnings + plan.capsuleWarnings { log.warning("\(warning)") }
    log.info("\(plan.summary)")
    if let summary = plan.moduleSummary { log.info("\(summary)") }
  }
}

extension Environment {
  /// The environment that this process was started with.
  static var ofThisProcess: Environment {
    var entries: [UnsafeBufferPointer<UInt8>] = []
    var at = environ
    while let entry = at.pointee {
      let length = strlen(entry)
      entries.append(
        UnsafeBufferPointer(
          start: UnsafeRawPointer(entry).assumingMemoryBound(to: UInt8.self), count: length))
      at += 1
    }
    return Environment(entries: entries)
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
