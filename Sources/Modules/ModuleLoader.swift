package import Environment
import Files
import Glibc
package import Host
package import Stack

/// Loads modules of a stack into an environment, by capsule where there is one.
package struct ModuleLoader {
  package var files: GuardedFiles
  /// Where capsules are kept; nil keeps none.
  package var store: CapsuleStore?
  /// Seconds that a load may take, the wait for another's included.
  package var seconds: Double

  package init(files: GuardedFiles, store: CapsuleStore?, seconds: Double) {
    self.files = files
    self.store = store
    self.seconds = seconds
  }

  /// Loads modules, named as for `module load`, into an environment that is initialised for
  /// `selection`.
  ///
  /// Throws ``ModuleError`` and ``FileError``.
  package func load(
    _ modules: [String], in environment: Environment, of selection: StackSelection
  ) throws -> LoadedModules {
    let present = LoadedModules.names(in: environment)
    if modules.allSatisfy({ wanted in present.contains { Self.satisfies($0, wanted) } }) {
      return LoadedModules(environment: environment, origin: .alreadyLoaded)
    }
    let command = "\(selection.eprefix)/usr/share/Lmod/libexec/lmod"
    guard try files.isDirectory(command) == false else { throw ModuleError.missingLmod(command) }
    let load = Load(
      modules: modules, before: environment, selection: selection,
      revision: try files.revision(of: selection.prefix), command: command, files: files,
      store: store, end: .now + .seconds(seconds), seconds: seconds)
    return try load.result()
  }

  /// Whether a loaded module, such as `GCC/13.2.0`, is what a name asks for.
  private static func satisfies(_ loaded: String, _ wanted: String) -> Bool {
    loaded == wanted || loaded.hasPrefix(wanted + "/")
  }
}

/// An environment with modules loaded.
package struct LoadedModules: Equatable {
  package var environment: Environment
  package var definitions = ShellDefinitions()
  /// What Lmod and the modules said.
  package var messages = ""
  package var origin: Origin
  /// Why nothing could be kept, or something kept was not believed.
  package var warnings: [String] = []

  package enum Origin: Equatable {
    case alreadyLoaded
    case capsule
    case computed
    /// Computed, and to be computed again the next time, for these reasons.
    case impure([String])
  }

  /// The names of the loaded modules, in order.
  package static func names(in environment: Environment) -> [String] {
    (environment["LOADEDMODULES"] ?? "").split(separator: ":").map(String.init)
  }
}

/// One load, on its way through the store.
private struct Load {
  var modules: [String]
  var before: Environment
  var selection: StackSelection
  var revision: String?
  var command: String
  var files: GuardedFiles
  var store: CapsuleStore?
  var end: ContinuousClock.Instant
  var seconds: Double

  // MARK: What decides

  /// Variables that a load always depends on.
  ///
  /// Lmod's settings begin with LMOD_; those that say how Lmod talks or where its shell command is
  /// are no part of the answer.
  private static func isKeyed(_ name: String) -> Bool {
    if name.hasPrefix("LMOD_") {
      return
        ![
          "LMOD_CMD", "LMOD_DIR", "LMOD_PKG", "LMOD_ROOT", "LMOD_PAGER", "LMOD_PAGER_OPTS",
          "LMOD_TERM_WIDTH", "LMOD_COLORIZE", "LMOD_SHELL_PRGM", "LMOD_sys", "LMOD_arch",
        ].contains(name) && !name.hasPrefix("LMOD_VERSION") && !name.hasPrefix("LMOD_SETTARG")
    }
    return name.hasPrefix("_ModuleTable")
      || [
        "MODULEPATH", "MODULEPATH_ROOT", "MODULERCFILE", "SITE_PACKAGE_ROOT", "LOADEDMODULES",
        "_LMFILES_", "__LMOD_REF_COUNT_MODULEPATH", "__LMOD_Priority_MODULEPATH",
        "__LMOD_REF_COUNT_LOADEDMODULES", "__LMOD_REF_COUNT__LMFILES_",
      ].contains(name)
  }

  private var key: String {
    var records = [
      Record("k", [Capsule.format, selection.repository.root, revision ?? "", command]),
      Record("k", [selection.softwarePath, selection.acceleratorPath ?? ""]),
      Record("k", modules),
    ]
    for name in before.names where Self.isKeyed(name) {
      records.append(Record("v", [name, before[name]!]))
    }
    return String(decoding: Records.encode(records), as: UTF8.self)
  }

  // MARK: Looking up

  private enum Found {
    case capsule(Capsule)
    /// Nothing that holds; a new capsule belongs under this name.
    case place(String)
  }

  /// Looks for a capsule that holds.
  ///
  /// One whose conditions do not hold leads on: the values of its variables name the next.
  private func look(_ store: CapsuleStore, _ key: String, _ warnings: inout [String]) throws
    -> Found
  {
    var name = Fingerprint.hex(of: key.utf8)
    for depth in 0..<4 {
      guard case .capsule(let capsule) = noting(store.read(name), &warnings), capsule.key == key
      else { return .place(name) }
      guard capsule.holds(in: before) else {
        guard depth < 3 else { return .place(name) }
        let values = capsule.conditions.keys.sorted().map { variable in
          Record("v", before[variable].map { [variable, $0] } ?? [variable])
        }
        name = Fingerprint.hex(of: key.utf8 + Records.encode(values))
        continue
      }
      files.renew()
      let paths = Array(capsule.marks.keys)
      let marks = try files.marks(of: paths)
      let areSame = zip(paths, marks).allSatisfy { capsule.marks[$0]! == $1 }
      return areSame ? .capsule(capsule) : .place(name)
    }
    return .place(name)
  }

  private func noting(_ content: CapsuleStore.Content, _ warnings: inout [String])
    -> CapsuleStore.Content
  {
    if case .refused(let why) = content {
      let warning = "\(why), so it is not used; the modules are loaded anew"
      if !warnings.contains(warning) { warnings.append(warning) }
    }
    return content
  }

  // MARK: The way

  func result() throws -> LoadedModules {
    guard let store else { return try computed() }
    let key = key
    var warnings: [String] = []
    var pause = 2.0
    var watch: (name: String, CapsuleStore.Watch)?
    while true {
      let place: String
      switch try look(store, key, &warnings) {
      case .place(let name): place = name
      case .capsule(let capsule):
        if case .impure(let reasons) = capsule.outcome {
          var loaded = try computed()
          loaded.origin = .impure(reasons)
          return loaded
        }
        guard let environment = try environment(by: capsule) else { return try computed() }
        return LoadedModules(
          environment: environment, definitions: capsule.definitions, messages: capsule.messages,
          origin: .capsule, warnings: warnings)
      }
      switch store.take(place) {
      case .nobody(let why):
        var loaded = try computed()
        loaded.warnings += warnings + ["\(why), so every step loads the modules anew"]
        return loaded
      case .mine(let heartbeat):
        defer { store.release(place, heartbeat) }
        // It may have come between the look and the turn.
        if case .capsule = try look(store, key, &warnings) { continue }
        var (loaded, isRefused, capsule) = try computed(key: key, heartbeat: heartbeat)
        if let capsule, let why = store.write(capsule, as: place) {
          loaded.warnings.append("\(why), so every step loads the modules anew")
        }
        if isRefused { throw ModuleError.refused(modules, message: loaded.messages) }
        loaded.warnings += warnings
        return loaded
      case .another:
        if watch?.name != place { watch = (place, CapsuleStore.Watch(store, place)) }
        if watch!.1.isOver() {
          pause = 2
          continue
        }
        guard ContinuousClock.now < end else {
          throw ModuleError.timedOut(modules, seconds: seconds)
        }
        // No notice crosses a shared file system: it is looked at, ever more seldom.
        usleep(UInt32(pause * 1000))
        pause = min(pause * 1.5, 100)
      }
    }
  }

  private func environment(by capsule: Capsule) throws -> Environment? {
    if case .refused = capsule.outcome {
      throw ModuleError.refused(modules, message: capsule.messages)
    }
    return capsule.applied(to: before)
  }

  // MARK: Computing

  private func computed() throws -> LoadedModules {
    let (loaded, isRefused, _) = try computed(key: "", heartbeat: -1)
    if isRefused { throw ModuleError.refused(modules, message: loaded.messages) }
    return loaded
  }

  /// Runs Lmod; gives what came of it, and the capsule to keep.
  private func computed(key: String, heartbeat: Int32) throws -> (
    LoadedModules, isRefused: Bool, Capsule?
  ) {
    let left = (end - ContinuousClock.now).components
    let seconds = max(0.1, Double(left.seconds) + Double(left.attoseconds) / 1e18)
    var began = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &began)
    let outcome = try Lmod(command: command, seconds: seconds, heartbeat: heartbeat)
      .load(modules, in: before, limit: self.seconds)
    var impurities = outcome.trace.impurities
    if !outcome.trace.isComplete { impurities.append("could not be watched") }
    files.renew()
    let paths = relevant(outcome, &impurities)
    let marks = try files.marks(of: paths)
    // A file that changed while it was read may change again within the same tick of its clock.
    let start = Int64(began.tv_sec) * 1_000_000_000 + Int64(began.tv_nsec) - 10_000_000
    let isTorn = marks.contains { ($0?.mtime ?? 0) >= start }
    var capsule: Capsule? = Capsule(
      key: key, keyed: Self.isKeyed, before: before, outcome: outcome,
      marks: Dictionary(uniqueKeysWithValues: zip(paths, marks)))
    let definitions = capsule!.definitions
    if !impurities.isEmpty {
      // Told to those that wait, so that they do not wait for one another.
      let reasons = impurities.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      capsule!.outcome = .impure(reasons)
      impurities = reasons
    }
    if isTorn { capsule = nil }
    return (
      LoadedModules(
        environment: outcome.environment ?? before, definitions: definitions,
        messages: outcome.messages,
        origin: impurities.isEmpty ? .computed : .impure(impurities)),
      outcome.environment == nil, capsule
    )
  }

  /// The paths whose change would change the answer.
  private func relevant(_ outcome: Lmod.Outcome, _ impurities: inout [String]) -> [String] {
    let after = outcome.environment ?? before
    let directories = Set(
      [before, after].flatMap { ($0["MODULEPATH"] ?? "").split(separator: ":").map(String.init) })
    // Lmod walks through whole trees; what decides is the directories of the names that were loaded.
    let names: Set<Substring>? =
      outcome.environment.map { environment in
        Set(
          (LoadedModules.names(in: environment) + modules)
            .map { $0.prefix { $0 != "/" } })
      }
    var paths: [String] = []
    for path in outcome.trace.paths.sorted() {
      guard path.hasPrefix("/") else { continue }
      // The stack's revision, in the key, stands for all that the repository itself holds.
      if revision != nil, path.hasPrefix(selection.repository.root + "/"),
        !path.hasPrefix(selection.repository.root + "/host_injections")
      {
        continue
      }
      if path.hasPrefix("/proc/") || path.hasPrefix("/sys/") || path == "/dev/tty" {
        if path != "/dev/tty" { impurities.append("reads \(path)") }
        continue
      }
      if path.hasPrefix("/dev/") { continue }
      if let names,
        let directory = directories.first(where: { path.hasPrefix($0 + "/") }),
        let name = path.dropFirst(directory.utf8.count + 1).split(separator: "/").first,
        !name.hasPrefix("."), !names.contains(where: { $0 == name || "\($0).lua" == name })
      {
        continue
      }
      paths.append(path)
    }
    for file in (after["_LMFILES_"] ?? "").split(separator: ":") where !file.hasSuffix(".lua") {
      // What a Tcl module file reads cannot be watched; what it could ask with can be seen.
      if asksTheHost(String(file)) { impurities.append("loads \(file), which may ask the host") }
    }
    return paths
  }

  private func asksTheHost(_ file: String) -> Bool {
    guard let bytes = Files.contents(at: file, limit: 1 << 20), bytes.count < 1 << 20 else {
      return true
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return [
      "env(", "getenv", "exec", "file ", "open", "source", "uname", "glob", "clock", "info ",
      "system", "rand", "is-", "puts", "x-resource", "eval", "subst", "socket", "pid",
    ].contains { text.contains($0) }
  }
}
