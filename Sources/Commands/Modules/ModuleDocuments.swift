import Environment
import Launch
import Modules
import Stack

/// What `slipway modules avail` prints, as JSON.
struct AvailableDocument: Document {
  var schema = 1
  var repository: String
  var version: String
  var subdirectory: String
  var accelerator: String?
  var modules: [Module]

  struct Module: Encodable {
    var name: String
    var version: String
    var fullName: String
    var file: String
    var kind: String
    var `default`: Bool
    var aliases: [String]
    var target: String
    var site: Bool
    var description: String?
  }

  init(_ items: [ModuleIndex.Available], of survey: Survey) {
    repository = survey.selection.repository.name
    version = survey.selection.version
    subdirectory = survey.selection.subdirectory
    accelerator = survey.selection.acceleratorSubtree
    modules = items.map { item in
      let tree = survey.index.trees[item.place.tree]
      return Module(
        name: item.module.name, version: item.module.version, fullName: item.module.fullName,
        file: survey.index.file(of: item.module, in: item.place),
        kind: item.place.isLua ? "lua" : "tcl", default: item.isDefault,
        aliases: survey.index.otherVersions(of: item), target: tree.target, site: tree.isSite,
        description: item.module.shownDescription)
    }
  }
}

extension ModuleIndex.Module {
  /// nil where it says nothing of itself, or was not asked.
  var shownDescription: String? { description.flatMap { $0.isEmpty ? nil : $0 } }
}

/// What `slipway modules spider` prints, as JSON.
struct SpiderDocument: Document {
  var schema = 1
  var repository: String
  var version: String
  var subdirectory: String
  var accelerator: String?
  var targets: [Target]
  var modules: [Module]

  struct Target: Encodable {
    var name: String
    /// Whether this node has it in its MODULEPATH.
    var here: Bool
    /// Whether this node can run its builds.
    var suitable: Bool
  }

  struct Module: Encodable {
    var name: String
    var version: String
    var fullName: String
    var hidden: Bool
    var targets: [String]
    /// Targets for which only the site has it.
    var site: [String]
    /// The file that this node would load.
    var file: String?
    /// The target that a fallback would take, where this node's lacks the module.
    var fallback: String?
    var description: String?
  }

  init(_ modules: [ModuleIndex.Module], of survey: Survey) {
    repository = survey.selection.repository.name
    version = survey.selection.version
    subdirectory = survey.selection.subdirectory
    accelerator = survey.selection.acceleratorSubtree
    targets = survey.targets.map {
      Target(name: $0.name, here: $0.isHere, suitable: $0.isSuitable)
    }
    let index = survey.index
    self.modules = modules.map { module in
      let place = survey.place(of: module)
      let names = survey.targets(having: module).map(\.name)
      let ofStack = Set(
        module.places.map { index.trees[$0.tree] }.filter { !$0.isSite }.map(\.target))
      return Module(
        name: module.name, version: module.version, fullName: module.fullName,
        hidden: index.isHidden(module), targets: names,
        site: names.filter { !ofStack.contains($0) },
        file: place.map { index.file(of: module, in: $0) },
        fallback: place == nil ? survey.fallback(for: module) : nil,
        description: module.shownDescription)
    }
  }
}

/// What `slipway modules list` prints, as JSON.
struct LoadedDocument: Document {
  var schema = 1
  var modules: [Module]

  struct Module: Encodable {
    var name: String
    var file: String?
    /// The target that it was loaded from; nil when it is none of the stack's version.
    var target: String?
    /// Whether this node has it in its MODULEPATH.
    var here: Bool
    var targets: [String]
  }

  init(_ loaded: [LoadedFile], of survey: Survey) {
    let index = survey.index
    modules = loaded.map { item in
      let tree = item.file.flatMap { file in
        index.trees.first { file.hasPrefix($0.directory + "/") }
      }
      let module = tree == nil ? nil : index.modules.first { $0.fullName == item.name }
      return Module(
        name: item.name, file: item.file, target: tree?.target,
        here: module.map { survey.place(of: $0) != nil } ?? false,
        targets: module.map { survey.targets(having: $0).map(\.name) } ?? [])
    }
  }
}

/// What `slipway modules show` prints, as JSON.
struct ShowDocument: Document {
  var schema = 1
  var name: String
  var version: String
  var fullName: String
  var description: String?
  /// The file that this node loads, and its target.
  var file: String?
  var target: String?
  var kind: String?
  var targets: [String]
  /// How the load came about: capsule, computed (and kept), impure, loaded, refused.
  var capsule: String
  /// Why it is not kept.
  var reasons: [String] = []
  /// The modules that are loaded, those that it brings included.
  var loads: [String] = []
  var prepend: [String: [String]] = [:]
  var append: [String: [String]] = [:]
  var set: [String: String] = [:]
  var unset: [String] = []
  var aliases: [String: String] = [:]
  var functions: [String] = []
  var messages = ""

  private init(_ module: ModuleIndex.Module, _ survey: Survey, capsule: String) {
    name = module.name
    version = module.version
    fullName = module.fullName
    description = module.shownDescription
    targets = survey.targets(having: module).map(\.name)
    self.capsule = capsule
    guard let place = survey.place(of: module) else { return }
    file = survey.index.file(of: module, in: place)
    target = survey.index.trees[place.tree].target
    kind = place.isLua ? "lua" : "tcl"
  }

  init(_ module: ModuleIndex.Module, refusal: String, _ survey: Survey) {
    self.init(module, survey, capsule: "refused")
    messages = refusal
  }

  init(_ module: ModuleIndex.Module, _ plan: LaunchPlan, _ survey: Survey) {
    let word =
      switch plan.origin {
      case .capsule: "capsule"
      case .computed: "computed"
      case .impure: "impure"
      case .alreadyLoaded, nil: "loaded"
      }
    self.init(module, survey, capsule: word)
    if case .impure(let reasons) = plan.origin { self.reasons = reasons }
    messages = plan.messages
    for alias in plan.definitions.aliases { aliases[alias.name] = alias.value }
    functions = plan.definitions.functions.map(\.name)
    let before = plan.patch.applied(to: .ofThisProcess)
    let known = Set(LoadedModules.names(in: before))
    loads = LoadedModules.names(in: plan.environment).filter { !known.contains($0) }
    for change in before.changes(to: plan.environment) where !Self.isOfLmod(change.name) {
      add(change, before: before[change.name])
    }
  }

  /// Lmod's own bookkeeping.
  private static func isOfLmod(_ name: String) -> Bool {
    name.hasPrefix("_ModuleTable") || name.hasPrefix("__LMOD_")
      || ["LOADEDMODULES", "_LMFILES_"].contains(name)
  }

  private mutating func add(_ change: EnvironmentChange, before: String?) {
    let name = change.name
    guard let value = change.value else { return unset.append(name) }
    let new = value.split(separator: ":", omittingEmptySubsequences: false)
    // Lmod takes repeated elements out of a list that it adds to.
    var old: [Substring] = []
    for element in (before ?? "").split(separator: ":") where !old.contains(element) {
      old.append(element)
    }
    let isNewList = old.isEmpty && value.hasPrefix("/") && (name.hasSuffix("PATH") || new.count > 1)
    guard isNewList || !old.isEmpty, new.count > old.count,
      new.filter(old.contains).elementsEqual(old),
      let first = old.isEmpty ? new.endIndex : new.firstIndex(where: old.contains),
      new[first...].prefix(old.count).elementsEqual(old)
    else {
      set[name] = value
      return
    }
    if first > 0 { prepend[name] = new[..<first].map(String.init) }
    let rest = new[first...].dropFirst(old.count)
    if !rest.isEmpty { append[name] = rest.map(String.init) }
  }
}
