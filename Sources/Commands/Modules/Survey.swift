import Configuration
import Environment
import Host
import Launch
import Logging
import Microarchitecture
import Modules
import Stack

/// The modules of a stack as one node sees them.
struct Survey {
  var plan: LaunchPlan
  var index: ModuleIndex
  /// The trees of this node, in the order of its MODULEPATH.
  var here: [Int]
  /// Every target that has modules, in the catalogue's order; those of this node's architecture
  /// first.
  var targets: [Column]

  /// A target that has modules, as a column of a table.
  struct Column: Equatable {
    /// `x86_64/amd/zen2`, `x86_64/amd/zen2/accel/nvidia/cc80`.
    var name: String
    /// The shortest end of the name that tells it from the others, and its mark.
    var heading: String
    var isHere: Bool
    /// Whether this node can run its builds.
    var isSuitable: Bool

    var mark: String { isHere ? "*" : isSuitable ? "+" : "" }
  }

  var selection: StackSelection { plan.selection }
}

extension Survey {
  init(plan: LaunchPlan, _ answer: ModuleIndexer.Answer) {
    self.plan = plan
    index = answer.index
    here = answer.here
    let (index, here, selection) = (index, here, plan.selection)
    let order = Catalog.targets.map(\.subdirectory)
    let family = "\(selection.cpuFamily)/"
    func rank(_ tree: ModuleIndex.Tree) -> Int {
      let place =
        Catalog.target(named: tree.subdirectory).flatMap { order.firstIndex(of: $0.subdirectory) }
        ?? order.count
      return tree.subdirectory.hasPrefix(family) ? place : place + 1000
    }
    var columns: [(rank: Int, Column)] = []
    for (number, tree) in index.trees.enumerated() {
      let isHere = here.contains(number)
      if let known = columns.firstIndex(where: { $0.1.name == tree.target }) {
        columns[known].1.isHere = columns[known].1.isHere || isHere
        continue
      }
      let target = Catalog.target(named: tree.subdirectory)?.subdirectory ?? ""
      let suits =
        selection.suitable.contains(target)
        && (tree.accelerator == nil
          || [selection.accelerator, selection.acceleratorSubtree].contains(tree.accelerator))
      columns.append(
        (
          rank(tree),
          Column(name: tree.target, heading: "", isHere: isHere, isSuitable: suits || isHere)
        ))
    }
    targets = columns.sorted { ($0.rank, $0.1.name) < ($1.rank, $1.1.name) }.map(\.1)
    let shorts = targets.map { Self.short($0.name, 1) }
    for number in targets.indices {
      let isAlone = shorts.count { $0 == shorts[number] } == 1
      targets[number].heading =
        (isAlone ? shorts[number] : targets[number].name) + targets[number].mark
    }
  }

  /// The last components of a target's name: `zen2`, `zen2/cc80`.
  private static func short(_ name: String, _ count: Int) -> String {
    let parts = name.split(separator: "/")
    guard let accelerator = parts.firstIndex(of: "accel") else {
      return parts.suffix(count).joined(separator: "/")
    }
    return (parts[..<accelerator].suffix(count) + parts.suffix(1)).joined(separator: "/")
  }

  /// The targets that have a module.
  func targets(having module: ModuleIndex.Module) -> [Column] {
    let names = Set(module.places.map { index.trees[$0.tree].target })
    return targets.filter { names.contains($0.name) }
  }

  /// The file that this node would take.
  func place(of module: ModuleIndex.Module) -> ModuleIndex.Place? {
    here.lazy.compactMap { tree in module.places.first { $0.tree == tree } }.first
  }

  /// The best other target that this node can run, which has what is missing here.
  func fallback(for module: ModuleIndex.Module) -> String? {
    let targets = Set(module.places.map { index.trees[$0.tree].subdirectory })
    return selection.suitable.first { $0 != selection.subdirectory && targets.contains($0) }
  }

  /// The modules that a word asks for: those of a name, or one with its version.
  func modules(named word: String) throws -> [ModuleIndex.Module] {
    let word = index.resolved(
      word.hasSuffix("/") ? String(word.dropLast()) : word,
      in: here + index.trees.indices.filter { !here.contains($0) })
    let exact = index.modules.filter { $0.fullName == word }
    if !exact.isEmpty { return exact }
    let versions = index.modules.filter { $0.name == word && !index.isHidden($0) }
    guard versions.isEmpty else { return versions }
    throw ModuleError.unknown(word, in: selection.prefix, similar: index.similar(to: word))
  }

  /// The options that choose this stack, in the form of srun or of slipway.
  func options(forSrun isSrun: Bool, _ stack: StackOptions) -> String {
    let link = isSrun ? "=" : " "
    return "--eessi\(link)\(selection.version)"
      + (stack.repository.map { " --eessi-repo\(link)\($0)" } ?? "")
  }
}

extension ModulesOptions {
  /// Looks at the modules of the stack, and says on standard error what there is to say.
  ///
  /// `also` is told of the survey while the same files can be asked more.
  func survey(
    describing: @escaping (ModuleIndex.Module) -> Bool = { _ in false },
    also: (Survey, Surveyor) throws -> Void = { _, _ in }
  ) throws -> Survey {
    let surveyor = try Surveyor(stack)
    defer { surveyor.files.stop() }
    let log = Logger.slipway(verbose: stack.verbose)
    var environment = Environment.ofThisProcess
    // What is loaded does not matter here, and may be missing on this node.
    for name in ["LOADEDMODULES", "_LMFILES_"] { environment[name] = nil }
    let plan = try surveyor.plan(in: environment)
    for warning in plan.warnings { log.warning("\(warning)") }
    log.info("\(plan.summary)")
    surveyor.files.renew()
    let loader = surveyor.loader
    let indexer = ModuleIndexer(
      files: surveyor.files, store: loader.store, seconds: loader.seconds)
    let answer = try indexer.index(
      of: plan.selection, in: plan.environment, describing: describing)
    for note in answer.notes { log.info("\(note)") }
    log.info("modules: \(answer.isKept ? "by the index that is kept" : "looked for in all trees")")
    let survey = Survey(plan: plan, answer)
    try also(survey, surveyor)
    return survey
  }
}

/// What plans and loads on this machine, with one child for all that it asks.
struct Surveyor {
  var stack: StackOptions
  var configuration: Configuration
  var host: HostProfile
  var files: GuardedFiles

  init(_ stack: StackOptions) throws {
    self.stack = stack
    configuration = try Configuration.load(named: stack.config)
    host = try MachineRoot().profile(for: .ofThisProcess)
    files = GuardedFiles(seconds: configuration.deadline)
  }

  var loader: ModuleLoader {
    ModuleLoader(configuration, files: files, environment: .ofThisProcess)
  }

  /// Plans a launch that loads modules.
  func plan(loading modules: [String] = [], in environment: Environment) throws -> LaunchPlan {
    files.renew()
    var request = stack.request()
    request.modules = modules
    return try LaunchPlan(
      request, environment: environment, configuration: configuration, host: host,
      files: StackReader(guarding: files), modules: modules.isEmpty ? nil : loader)
  }
}
