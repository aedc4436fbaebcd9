import ArgumentParser
import CDI
import ELF
import Environment
import Glibc
import Host
import Injection
import Microarchitecture
import Stack
import Workers

/// `slipway inject plan`: what apply would do.
struct InjectPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Prints what apply would place, for whom it works, and why.",
    discussion: """
      Example:
        slipway inject plan mpi --with /opt/openmpi
      """)

  @OptionGroup var change: InjectionChangeOptions

  func run() throws {
    try reportingFailures { try change.carryOut(isDryRun: true) }
  }
}

/// `slipway inject apply`: puts an MPI or the GPU driver under the stack.
struct InjectApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Puts an MPI, or the running GPU driver, under the stack.",
    discussion: """
      Nothing is changed where a program of the stack would die of it. What was there before comes \
      back with remove.

      Examples:
        slipway inject apply mpi --with /opt/openmpi
        slipway inject apply mpi --with /opt/openmpi --all-targets
        slipway inject apply cuda
      """)

  @OptionGroup var change: InjectionChangeOptions

  @Flag(help: "Print the plan and change nothing, as plan does.")
  var dryRun = false

  func run() throws {
    try reportingFailures { try change.carryOut(isDryRun: dryRun) }
  }
}

/// What plan and apply are given.
struct InjectionChangeOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("mpi or cuda.", valueName: "kind"))
  var kind: InjectionKind

  @Option(
    name: .customLong("with"),
    help: ArgumentHelp(
      "mpi: the directory that it was installed to.", valueName: "bundle"))
  var bundle: String?

  @Option(
    name: .customLong("for"), parsing: .singleValue,
    help: ArgumentHelp(
      "mpi: the programs or directories whose verdicts decide (default: all software of the "
        + "subdirectory).", valueName: "consumer"))
  var consumers: [String] = []

  @Flag(help: "mpi: for every software subdirectory of this architecture, not only this node's.")
  var allTargets = false

  @Option(
    help: ArgumentHelp(
      "mpi: inject although the worst verdict is this: cond or fail.", valueName: "verdict"))
  var despite: String?

  @Option(help: ArgumentHelp("Threads to check with.", valueName: "number"))
  var threads = Workers.processors

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var site: InjectionSiteOptions

  mutating func validate() throws {
    guard kind != .mpi || bundle != nil else { throw ValidationError("mpi needs --with") }
    guard despite == nil || ["cond", "fail"].contains(despite) else {
      throw ValidationError("--despite is cond or fail")
    }
    guard (1...1024).contains(threads) else { throw ValidationError("--threads is from 1 to 1024") }
  }

  func carryOut(isDryRun: Bool) throws {
    let site = try site.site()
    switch kind {
    case .mpi:
      let plan = try mpiPlan(site)
      try refuse(plan, site, isDryRun: isDryRun)
      try finish(plan.tree(), of: site, verdict: plan.verdict, mpi: plan, isDryRun: isDryRun)
    case .cuda:
      guard let driver = try NVIDIADriver.ofThisMachine() else {
        throw InjectionError(
          what: "no GPU driver to inject", cause: "no NVIDIA driver runs on this node",
          remedy: "run this on a node with GPUs", kind: .unavailable)
      }
      let (tree, site) = try driverTree(driver, site)
      let before = driver.version
      try finish(
        tree, of: site, verdict: driver.verdict, mpi: nil, isDryRun: isDryRun,
        stillTrue: {
          MachineRoot().nvidiaDriverVersion == before ? nil : "the NVIDIA driver that runs"
        })
    }
  }

  // MARK: driver

  /// Where the stack's linker looks for a driver, and what is placed there.
  private func driverTree(
    _ driver: NVIDIADriver, _ site: InjectionSite
  ) throws -> (InjectionTree, InjectionSite) {
    let selection = try site.stack()
    let own = InjectionLayout.nvidia(architecture: selection.cpuFamily)
    if InjectionLayout.hasTrustedDirectoryInInjections(version: selection.version)
      || self.site.target != nil
    {
      let links = InjectionLayout.nvidiaLinks(
        versions: [selection.version], architecture: selection.cpuFamily,
        repository: selection.repository.root)
      return (try driver.tree(place: own, links: links), site)
    }
    // A link of the compat layer, whose text the CVMFS client's settings decide.
    let files = GuardedFiles(seconds: 10)
    defer { files.stop() }
    let target = try InjectionTarget(
      .nvidia(version: selection.version, architecture: selection.cpuFamily),
      of: selection.repository.root, files: files)
    if let place = target.place(below: site.target) {
      return (try driver.tree(place: place, links: []), site)
    }
    var other = site
    other.target = target
    return (try driver.tree(place: "", links: []), other)
  }

  // MARK: MPI

  private func mpiPlan(_ site: InjectionSite) throws -> MPIPlan {
    let selection = try site.stack()
    let processor = try MachineRoot().processor()
    let files = RootFiles()!
    let bundles = MPIBundle.find(at: bundle!.absolutePath, in: files)
    guard let bundle = bundles.first else {
      throw InjectionError(
        what: "\(bundle!) is no MPI",
        cause: "no library that defines PMPI_Init was found in it, its lib, or its lib64",
        remedy: "name the directory of libmpi.so (slipway inject list shows those of this machine)",
        kind: .badInput)
    }
    // One MPI may have two C libraries: its own ABI's and that of MPI 5.
    guard bundles.allSatisfy({ $0.library.description == bundle.library.description }) else {
      throw InjectionError(
        what: "\(bundle.directory) holds more than one MPI",
        cause: bundles.map(\.library.description).joined(separator: " and "),
        remedy: "name one that is installed to a directory of its own", kind: .badInput)
    }
    let interpreter = DynamicLinker.paths(of: processor.architecture, below: selection.eprefix)
      .first { if case .object = files.file(at: $0) { true } else { false } }
    let parent = "\(selection.prefix)/software/linux"
    let all = Catalog.targets.filter { $0.architecture == processor.architecture }
      .flatMap { [$0.subdirectory] + $0.aliases }
    let subdirectories =
      allTargets
      ? all.filter { files.list("\(parent)/\($0)/software") != nil } : [selection.subdirectory]
    let places = subdirectories.map { subdirectory in
      // What every processor of the target has.
      let target = Catalog.target(named: subdirectory)
      let level = target.flatMap {
        Processor(architecture: $0.architecture, features: $0.features).x86Level
      }
      let world = World(
        name: "stack \(selection.version)", files: files,
        interpreter: interpreter ?? DynamicLinker.path(of: processor.architecture),
        processor: LoaderProcessor(processor, level: level))
      let setting = InjectionSetting(
        world: world, bundles: bundles, method: .override, libraryPath: [], preload: [])
      let wanted = consumers.isEmpty ? ["\(parent)/\(subdirectory)/software"] : consumers
      let paths = wanted.flatMap { ConsumerWalk.candidates(below: $0) }
      let checks = setting.check(paths, threads: threads)
      return MPIPlan.Place(
        path: InjectionLayout.mpi(
          version: "\(selection.version)\(selection.suffix)", subdirectory: subdirectory,
          family: bundle.library.family),
        subdirectory: subdirectory,
        checks: checks.filter {
          $0.usesMPI && $0.family == bundle.library.family && !$0.isPartOfMPI
        })
    }
    return MPIPlan(bundle: bundle, places: places)
  }

  /// Ends where programs of the stack would die, or where nobody would load the MPI.
  private func refuse(_ plan: MPIPlan, _ site: InjectionSite, isDryRun: Bool) throws {
    let allowed: Verdict = despite == "fail" ? .fail : despite == "cond" ? .conditional : .warn
    for place in plan.places {
      let reached = place.reached
      let dying = reached.filter { $0.verdict > allowed }
      guard !dying.isEmpty || reached.isEmpty else { continue }
      // The plan is told whole; apply says what stands in its way.
      if isDryRun && despite == nil && !reached.isEmpty { continue }
      for check in (dying.isEmpty ? place.checks : dying).prefix(10) {
        writeError("\(check.verdict.rawValue.padded(12))\(check.consumer)")
        for finding in check.findings where finding.verdict > .ok {
          for line in finding.lines { writeError(line) }
        }
      }
      let name = plan.bundle.library.description
      throw InjectionError(
        what: "\(name) is not injected for \(place.subdirectory)",
        cause: reached.isEmpty
          ? place.checks.isEmpty
            ? "the stack has no program there that uses \(plan.bundle.library.family.words)"
            : "no program would load it (\(place.counts))"
          : "\(dying.count) of \(reached.count) programs that would load it would not work",
        remedy: reached.isEmpty
          ? "inject an MPI of the family that the stack's programs use"
          : "inject another build; --despite \(dying.contains { $0.verdict == .fail } ? "fail" : "cond") injects it all the same",
        kind: .unavailable)
    }
  }

  // MARK: both

  private func finish(
    _ tree: InjectionTree, of site: InjectionSite, verdict: Verdict, mpi: MPIPlan?, isDryRun: Bool,
    stillTrue: () -> String? = { nil }
  ) throws {
    let writer = site.writer
    let outcome =
      isDryRun ? try writer.preview(tree) : try writer.apply(tree, stillTrue: stillTrue)
    if json {
      print(
        try ChangeDocument(
          outcome, of: site, tree: tree, verdict: verdict, mpi: mpi, isDryRun: isDryRun
        ).json)
    } else {
      writeOutput(
        outcome.text(of: site, tree: tree, mpi: mpi, isDryRun: isDryRun).map { $0 + "\n" }.joined())
    }
    if verdict > .ok { throw ExitCode(verdict.exitCode) }
  }
}

extension InjectionKind: ExpressibleByArgument {}

extension InjectionWriter.Outcome {
  /// The outcome for a person.
  func text(of site: InjectionSite, tree: InjectionTree?, mpi: MPIPlan?, isDryRun: Bool) -> [String]
  {
    var lines: [String] = []
    for step in site.target.chain { lines.append("follows     \(step.link) -> \(step.text)") }
    lines.append("target      \(site.target.path)")
    for injection in tree?.injections ?? [] {
      lines.append("\(injection.record.verdict.rawValue.padded(12))\(injection.record.reason)")
    }
    for check in mpi?.places.flatMap(\.checks) ?? [] where check.verdict > .ok {
      lines.append("\(check.verdict.rawValue.padded(12))\(check.consumer)")
      lines += check.findings.filter { $0.verdict > .ok }.flatMap(\.lines)
    }
    for found in adopted {
      lines.append(
        "\(found.isKept ? "keeps" : "adopts")".padded(12) + "\(found.path): \(found.was)")
    }
    let words: [InjectionTree.Change.Kind: String] =
      isDryRun
      ? [.added: "would add", .changed: "would set", .removed: "would take"]
      : [.added: "added", .changed: "set", .removed: "took away"]
    for change in changes {
      lines.append(words[change.kind]!.padded(12) + "\(change.path) \(change.what) (\(change.why))")
    }
    if changes.isEmpty { lines.append("nothing \(isDryRun ? "would change" : "changed")") }
    lines += notes.map { "note        \($0)" }
    if let generation { lines.append("generation  \(generation)") }
    return lines
  }
}

extension NVIDIADriver {
  /// The driver of this machine; CDI's descriptions are asked where it lies.
  static func ofThisMachine() throws -> NVIDIADriver? {
    let machine = MachineRoot()
    guard machine.nvidiaDriverVersion != nil || machine.exists("/dev/dxg"), let files = RootFiles()
    else { return nil }
    let (specifications, findings) = CDISpecification.all(of: files)
    var driver = find(
      on: machine, architecture: try machine.processor().architecture,
      search: Search(specifications: specifications))
    driver?.findings += findings
    return driver
  }
}
