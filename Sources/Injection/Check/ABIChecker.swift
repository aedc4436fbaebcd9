package import ELF

/// Tells whether programs work with an MPI that they were not linked with.
///
/// Nothing is executed: the dynamic linker's choices are computed from the files alone. One value
/// serves one thread; the files behind it may be shared.
package final class ABIChecker {
  private let world: World
  private let bundles: [MPIBundle]
  private let method: InjectionMethod?
  private let kind: LaunchKind?
  private let libraryPath: [String]
  private let preload: [String]

  private var scenes: [String: Result<Scene, LoaderWorldError>] = [:]
  private var numbers: [FileIdentity: Int] = [:]
  private var versionMemo: [Pair: [Finding]] = [:]
  private var symbolMemo: [Scope: [SymbolTable.Reference]] = [:]
  private var pluginMemo: [PluginKey: [Finding]] = [:]

  /// A dynamic linker and the files that it sees.
  private struct Scene {
    var loader: Loader
    var files: any LoaderFiles
  }

  private struct Pair: Hashable {
    var requester: Int
    var provider: Int
    var name: String
  }
  private struct PluginKey: Hashable {
    var directory: String
    var shared: [Int]
  }
  private struct Scope: Hashable {
    var object: Int
    var others: [Int]
  }

  /// Makes ready to check programs of one world against one of `bundles`, which a directory may hold
  /// several of.
  ///
  /// `method` nil is the override directory where a program has one, else the library path;
  /// `libraryPath` and `preload` are what the environment brings beside the injection; `kind` is how
  /// tasks will be started, where that is known.
  package init(
    world: World, bundles: [MPIBundle], method: InjectionMethod?, libraryPath: [String] = [],
    preload: [String] = [], kind: LaunchKind? = nil
  ) {
    self.world = world
    self.bundles = bundles
    self.method = method
    self.kind = kind
    self.libraryPath = libraryPath
    self.preload = preload
  }

  // MARK: one program

  package func check(_ path: String) -> ConsumerCheck {
    var result = ConsumerCheck(consumer: path, method: method ?? .libraryPath)
    guard case .object(let program, _) = world.files.file(at: path) else {
      // Linker scripts are called libmpi.so too.
      result.findings.append(
        Finding(
          .identity, .fail, file: path, "is no ELF object that can be read",
          remedy: "name a dynamically linked program or library"))
      return result
    }
    guard program.isDynamic else { return result }
    let interpreter = program.interpreter ?? world.interpreter
    result.interpreter = interpreter

    // Without the injection first: whether it is concerned, and what is wrong anyway.
    let scene: Scene
    switch self.scene(interpreter, binds: []) {
    case .success(let made): scene = made
    case .failure(let error):
      result.findings.append(
        Finding(
          .resolution, .fail, file: interpreter,
          "the dynamic linker cannot be used: \(error.reason)",
          remedy: "check that this world has it"))
      return result
    }
    result.release = scene.loader.world.release.description
    let own = closure(of: path, by: scene.loader, bundle: nil, method: .present)
    let wanted = own.wantedMPINames
    guard !wanted.isEmpty || !own.mpiLibraries.isEmpty else { return result }
    result.usesMPI = true
    result.family = family(of: own, wanted: wanted)

    guard method != .present else {
      result.bundle = own.mpiLibraries.first.flatMap { bundle(at: own.objects[$0].path) }
      result.use(own, bundle: result.bundle)
      result.findings = findings(of: own, baseline: nil, in: scene)
      if let bundle = result.bundle {
        result.findings += plugins(of: bundle, with: own, in: scene) + launch(of: bundle)
      }
      return result
    }
    guard let bundle = bundle(for: wanted, family: result.family) else {
      result.findings.append(
        Finding(
          .family, .fail, "the directory holds no MPI", remedy: "name the directory of an MPI"))
      return result
    }
    result.bundle = bundle
    let binds = method == .override || method == nil ? overrides(in: own, for: bundle) : []
    let method = method ?? (binds.isEmpty ? .libraryPath : .override)
    result.method = method
    if method == .override && binds.isEmpty {
      result.use(own, bundle: bundle)
      result.findings.append(
        Finding(
          .resolution, .notApplied, file: path,
          "its RPATH has no override directory, so nothing can be put before its own MPI",
          remedy: "inject by library-path or preload, or rebuild it with rpath_overrides"))
      return result
    }
    guard case .success(let scene) = self.scene(interpreter, binds: binds) else { return result }
    let injected = closure(of: path, by: scene.loader, bundle: bundle, method: method)
    result.use(injected, bundle: bundle)
    result.findings = applied(injected, wanted: wanted, family: result.family, bundle: bundle)
    result.findings += findings(of: injected, baseline: own, in: scene)
    if result.picked?.isInjected == true {
      result.findings += skew(of: own, injected, bundle: bundle, family: result.family)
      result.findings += plugins(of: bundle, with: injected, in: scene)
      result.findings += launch(of: bundle)
    }
    return result
  }

  // MARK: steps B, C and D: which library

  /// Which of the bundles in a directory a program means.
  private func bundle(for wanted: [String], family: MPIFamily?) -> MPIBundle? {
    bundles.first { bundle in wanted.contains { bundle.libraries[$0] == bundle.path } }
      ?? bundles.first { bundle in wanted.contains { bundle.libraries[$0] != nil } }
      ?? bundles.first { $0.library.family == family } ?? bundles.first
  }

  /// The MPI that a library belongs to.
  private func bundle(at path: String) -> MPIBundle? {
    if let known = foundBundles[path] { return known }
    let found = MPIBundle.find(at: path, in: world.files).first
    foundBundles[path] = .some(found)
    return found
  }

  private func family(of closure: Closure, wanted: [String]) -> MPIFamily? {
    // Data of Open MPI says more than a name does: its releases have used several.
    let asksForOpenMPI = closure.objects.contains { loaded in
      !MPILibrary.isLibrary(loaded.object)
        && !MPINames.isMPI(loaded.path.lastComponent)
        && !loaded.path.lastComponent.hasPrefix("libopen")
        && loaded.object.symbols.asksForOpenMPI
    }
    if asksForOpenMPI { return .openMPI }
    return wanted.lazy.compactMap(MPINames.family(of:)).first
  }

  /// The override directories in the run paths of a program, with what the bundle puts there.
  private func overrides(
    in closure: Closure, for bundle: MPIBundle
  ) -> [(path: String, target: String)] {
    var binds: [(path: String, target: String)] = []
    for loaded in closure.objects {
      guard let rpath = loaded.object.runpath ?? loaded.object.rpath else { continue }
      for element in rpath.split(separator: ":") {
        let element = String(element).replacingOrigin(with: loaded.path.directory)
        let parts = element.split(separator: "/", omittingEmptySubsequences: false)
        guard let at = parts.firstIndex(of: "rpath_overrides"), at + 2 < parts.count,
          parts[at + 2].hasPrefix("system")
        else { continue }
        let system = parts[...(at + 2)].joined(separator: "/")
        for name in ["lib", "lib64"] {
          let bind = (path: "\(system)/\(name)", target: bundle.directory)
          if !binds.contains(where: { $0.path == bind.path }) { binds.append(bind) }
        }
        if let prefix = bundle.prefix, !binds.contains(where: { $0.path == system }) {
          binds.append((path: system, target: prefix))
        }
      }
    }
    return binds
  }

  /// Whether the injected library is the one that is loaded, and the only one.
  private func applied(
    _ closure: Closure, wanted: [String], family: MPIFamily?, bundle: MPIBundle
  ) -> [Finding] {
    var findings: [Finding] = []
    let libraries = closure.mpiLibraries
    let ours = libraries.filter { isInjected(closure.objects[$0], bundle) }
    let bundleName = bundle.library.description
    guard ours.isEmpty else {
      if libraries.count > 1 {
        let paths = libraries.map { closure.objects[$0].path }
        // The first one's symbols are used by all, the second's own code too. Only one of the same
        // ABI lets itself be replaced so, and only by one that has all that the program calls.
        let isReplaced =
          ours.first == libraries.first
          && libraries.allSatisfy {
            MPILibrary.family(of: closure.objects[$0].object) == bundle.library.family
          }
          && !closure.isSplit(between: libraries)
        findings.append(
          Finding(
            .resolution, isReplaced ? .warn : .fail, file: paths[1],
            "two MPI libraries are loaded into one process: \(paths.joined(separator: " and "))",
            remedy: isReplaced
              ? "inject by a directory that has the name that the program asks for"
              : "inject by one way only, or rebuild the library that brings the second"))
      }
      if let family, family != bundle.library.family {
        findings.append(familyFinding(family, bundle, .fail))
      }
      return findings
    }
    if let family, family != bundle.library.family {
      findings.append(familyFinding(family, bundle, libraries.isEmpty ? .fail : .notApplied))
    }
    if let first = libraries.first {
      let loaded = closure.objects[first]
      findings.append(
        Finding(
          .resolution, .notApplied, file: loaded.path, subject: loaded.requestedName,
          "\(loaded.requestedName) is found \(closure.rule(first)), before \(bundleName)",
          remedy: remedy(for: closure, first)))
    }
    for name in wanted where bundle.libraries[name] == nil {
      let alias = MPINames.aliases(of: name).first { bundle.libraries[$0] != nil }
      findings.append(
        Finding(
          .soname, libraries.isEmpty ? .fail : .notApplied, file: bundle.directory, subject: name,
          "\(bundleName) has no \(name)",
          remedy: alias.map {
            "put a link \(name) -> \($0) beside it (slipway inject apply does)"
          } ?? "choose an MPI that has it"))
    }
    return findings
  }

  private func familyFinding(_ family: MPIFamily, _ bundle: MPIBundle, _ verdict: Verdict)
    -> Finding
  {
    Finding(
      .family, verdict, file: bundle.path, subject: family.rawValue,
      "built for \(family.words), and \(bundle.library.description) is another ABI",
      remedy: "inject an MPI of the family \(family.words), or rebuild the program")
  }

  private func remedy(for closure: Closure, _ index: Int) -> String {
    switch closure.objects[index].via {
    case .rpath:
      "a DT_RPATH comes before LD_LIBRARY_PATH: inject by an override directory or by preload"
    default: "inject by preload, or remove that library from the search path"
    }
  }

  private func isInjected(_ loaded: LoadedObject, _ bundle: MPIBundle) -> Bool {
    loaded.identity == bundle.identity
  }

  // MARK: what the linker would do

  private func scene(_ interpreter: String, binds: [(path: String, target: String)])
    -> Result<Scene, LoaderWorldError>
  {
    let key = "\(interpreter)|" + binds.map { "\($0.path)=\($0.target)" }.joined(separator: "|")
    if let known = scenes[key] { return known }
    let world = world.binding(binds)
    let made = Result { () throws(LoaderWorldError) in
      Scene(
        loader: Loader(
          world: try LoaderWorld.reading(
            interpreter: interpreter, files: world.files, processor: world.processor),
          files: world.files),
        files: world.files)
    }
    scenes[key] = made
    return made
  }

  private func closure(
    of path: String, by loader: Loader, bundle: MPIBundle?, method: InjectionMethod
  ) -> Closure {
    // What the environment injects already is no part of what a program has of its own.
    let injected = Set(bundles.map(\.directory))
    var libraryPath =
      method == self.method && method == .present
      ? libraryPath : libraryPath.filter { !injected.contains($0) }
    var preload = preload.filter { path in !bundles.contains { $0.path == path } }
    if let bundle {
      if method == .libraryPath { libraryPath.insert(bundle.directory, at: 0) }
      if method == .preload { preload.insert(bundle.path, at: 0) }
    }
    return loader.closure(of: path, libraryPath: libraryPath, preload: preload)
  }

  // MARK: steps A, D to H: whether what is loaded fits together

  private func findings(of closure: Closure, baseline: Closure?, in scene: Scene) -> [Finding] {
    var findings: [Finding] = []
    if let failure = closure.failure {
      findings.append(
        Finding(
          .resolution, .fail, file: failure.path,
          "the dynamic linker refuses it: \(failure.reason)",
          remedy: "repair or remove that file"))
    }
    for missing in closure.missing {
      findings.append(
        Finding(
          .resolution, .fail, file: closure.objects[missing.requester].path, subject: missing.name,
          "needs \(missing.name), which is found nowhere",
          remedy: "bring it along beside the library, or inject the bundle's whole directory"))
    }
    findings += identities(closure)
    findings += generations(closure)
    findings += libcParts(closure, in: scene)
    findings += versions(closure)
    // Where a library is missing, so is what it defines.
    if closure.missing.isEmpty && closure.failure == nil {
      findings += symbols(closure, baseline: baseline, in: scene)
    }
    findings += processorLevels(closure)
    return findings
  }

  private func identities(_ closure: Closure) -> [Finding] {
    let program = closure.objects[0].object.identity
    return closure.objects.dropFirst().compactMap { loaded in
      guard !loaded.object.identity.isCompatible(with: program) else { return nil }
      return Finding(
        .identity, .fail, file: loaded.path, subject: loaded.object.identity.description,
        "is \(loaded.object.identity.description); the program is \(program.description)",
        remedy: "use libraries for the program's architecture and calling convention")
    }
  }

  /// Libraries that are loaded in two versions.
  ///
  /// All symbols are looked for in one order: of two versions, the second's users get the first's
  /// code. An MPI lives with that as long as it is not the one who gets the other's.
  private func generations(_ closure: Closure) -> [Finding] {
    var first: [Substring: Int] = [:]
    var findings: [Finding] = []
    for (index, loaded) in closure.objects.enumerated().dropFirst() {
      let name = loaded.object.soname ?? loaded.path.lastComponent
      guard let end = name.range(of: ".so.") else { continue }
      let stem = name[..<end.lowerBound]
      guard let other = first[stem] else {
        first[stem] = index
        continue
      }
      let former = closure.objects[other]
      guard (former.object.soname ?? former.path.lastComponent) != name else { continue }
      let isPartOfMPI = [
        "libopen-pal", "libopen-rte", "libopen_mpi", "libpmix", "libprrte", "libmpi",
      ]
      .contains(String(stem))
      let isSafe =
        !isPartOfMPI
        || closure.mpiLibraries.first.map { closure.objects[$0].needed.contains(other) } == true
      findings.append(
        Finding(
          .resolution, isSafe ? .warn : .fail, file: loaded.path, subject: name,
          "\(former.path) and \(loaded.path) are two versions of \(stem) in one process",
          remedy: isPartOfMPI
            ? "inject an MPI that brings the Fortran or C++ libraries that the program needs"
            : nil))
    }
    return findings
  }

  private static let libcParts: Set<String> = [
    "libc", "libm", "libpthread", "libdl", "librt", "libutil", "libmvec", "libresolv",
    "libBrokenLocale", "libanl", "libthread_db",
  ]

  /// The parts of the C library, the dynamic linker among them, must be of one release: they share
  /// data whose layout changes.
  private func libcParts(_ closure: Closure, in scene: Scene) -> [Finding] {
    let parts = closure.objects.indices.dropFirst().filter { index in
      let name = closure.objects[index].path.lastComponent
      return name.hasPrefix("ld-") || name.hasPrefix("ld.so")
        || name.range(of: ".so.").map { Self.libcParts.contains(String(name[..<$0.lowerBound])) }
          == true
    }
    guard
      let libc = parts.first(where: { closure.objects[$0].path.lastComponent.hasPrefix("libc.") })
    else { return [] }
    let directory = closure.objects[libc].path.directory
    let release = release(of: closure.objects[libc], in: scene)
    return parts.compactMap { index in
      let part = closure.objects[index]
      guard part.path.directory != directory else { return nil }
      // The same directory by another name: /lib and /usr/lib.
      let sibling = "\(directory)/\(part.path.lastComponent)"
      if case .object(_, let identity) = scene.files.file(at: sibling), identity == part.identity {
        return nil
      }
      // Only libc and the linker say their release; the others ask both for private interfaces, so
      // the one that is another's is told by its versions.
      guard part.path.lastComponent.hasPrefix("ld") else {
        return Finding(
          .resolution, .fail, file: part.path, subject: release,
          "is a part of another C library than \(closure.objects[libc].path)",
          remedy: "do not bring parts of the C library along")
      }
      let other = self.release(of: part, in: scene)
      guard let release, let other, release != other else { return nil }
      return Finding(
        .resolution, .fail, file: part.path, subject: other,
        "is the dynamic linker of glibc \(other), and \(closure.objects[libc].path) is glibc \(release)",
        remedy: "do not bring parts of the C library along")
    }
  }

  private var releases: [Int: String?] = [:]
  private var foundBundles: [String: MPIBundle?] = [:]

  /// The release of glibc that libc or the dynamic linker says it is, as `2.36`.
  private func release(of loaded: LoadedObject, in scene: Scene) -> String? {
    let number = number(loaded)
    if let known = releases[number] { return known }
    var release: String?
    if let source = scene.files.source(at: loaded.path) {
      loaded.object.texts(in: source, longest: 512) { text in
        for mark in ["stable release version ", "development release version "] {
          let text = String(decoding: text, as: UTF8.self)
          guard let found = text.range(of: mark) else { continue }
          release = String(text[found.upperBound...].prefix { $0.isWholeNumber || $0 == "." })
          if release?.last == "." { release?.removeLast() }
          return false
        }
        return true
      }
    }
    releases[number] = release
    return release
  }

  /// Versions that a library is asked for and does not have.
  private func versions(_ closure: Closure) -> [Finding] {
    var findings: [Finding] = []
    for loaded in closure.objects {
      guard !loaded.object.requirements.isEmpty else { continue }
      for requirement in loaded.object.requirements {
        guard let provider = closure.provider(of: requirement.file, for: loaded) else { continue }
        let other = closure.objects[provider]
        let pair = Pair(
          requester: number(loaded), provider: number(other), name: requirement.file)
        if let known = versionMemo[pair] {
          findings += known
          continue
        }
        let found = versionFindings(requirement, of: loaded, in: other)
        versionMemo[pair] = found
        findings += found
      }
    }
    return findings
  }

  private func versionFindings(
    _ requirement: VersionRequirement, of loaded: LoadedObject, in provider: LoadedObject
  ) -> [Finding] {
    guard !provider.object.definitions.isEmpty else {
      return [
        Finding(
          .versions, .warn, file: provider.path, subject: requirement.versions.first?.name,
          "has no versions, and \(loaded.path) asks for \(requirement.versions.map(\.name).joined(separator: " "))",
          remedy: "build it as the program's own was built")
      ]
    }
    let defined = Set(provider.object.definitions.map(\.name))
    return requirement.versions.filter { !defined.contains($0.name) }.map { version in
      Finding(
        .versions, version.isWeak ? .conditional : .fail, file: provider.path,
        subject: version.name,
        "has no \(version.name), which \(loaded.path) needs",
        remedy: version.name.hasPrefix("GLIBC_") && !version.name.hasPrefix("GLIBCXX")
          ? "use an MPI built on an older system than the C library of this world"
          : "bring the newer \(requirement.file) along")
    }
  }

  // MARK: symbols

  private func symbols(_ closure: Closure, baseline: Closure?, in scene: Scene) -> [Finding] {
    var findings: [Finding] = []
    let ids = closure.objects.map(number)
    // The program's own symbols, and what its libraries do not find among their own.
    for (index, loaded) in closure.objects.enumerated() {
      let open: [SymbolTable.Reference]
      if index == 0 {
        open = loaded.object.symbols.references.filter { !$0.isWeak }
      } else {
        open = unresolved(index, in: closure, ids: ids)
      }
      var missing: [SymbolTable.Reference] = []
      for reference in open where !closure.defines(reference) {
        missing.append(reference)
      }
      guard !missing.isEmpty else { continue }
      findings += missingSymbols(missing, of: loaded, in: closure, baseline: baseline, scene: scene)
    }
    if closure.objects[0].object.isProgram { findings += copies(in: closure, scene: scene) }
    return findings
  }

  /// What a library does not find in the libraries that it needs itself.
  private func unresolved(_ index: Int, in closure: Closure, ids: [Int]) -> [SymbolTable.Reference]
  {
    let reach = closure.reach(of: index)
    let scope = Scope(object: ids[index], others: reach.map { ids[$0] })
    if let known = symbolMemo[scope] { return known }
    let open = closure.objects[index].object.symbols.references.filter { reference in
      guard !reference.isWeak else { return false }
      let name = SymbolName(reference.name)
      return !reach.contains {
        closure.objects[$0].object.symbols.definition(of: name, version: reference.version) != nil
      }
    }
    symbolMemo[scope] = open
    return open
  }

  private func missingSymbols(
    _ missing: [SymbolTable.Reference], of loaded: LoadedObject, in closure: Closure,
    baseline: Closure?, scene: Scene
  ) -> [Finding] {
    // A library may leave symbols to the program that opens it, and a library may be broken without
    // any injection: what MPI has no part in is not the injection's doing.
    let isProgramsOwn = loaded.path == closure.objects[0].path && loaded.object.isProgram
    let concerned = missing.filter { reference in
      isProgramsOwn || reference.isMPI || baseline?.defines(reference) == true
    }
    guard !concerned.isEmpty else { return [] }
    let use =
      scene.files.source(at: loaded.path).map { loaded.object.symbolUse(in: $0) }
    let isEagerAll = loaded.object.flags.contains(.bindNow)
    let fatal = concerned.filter {
      isEagerAll || use?.eager.contains($0.index) != false || $0.kind == SymbolTable.Kind.object
    }
    let lazy = concerned.filter { reference in !fatal.contains(reference) }
    var findings: [Finding] = []
    if !fatal.isEmpty {
      findings.append(
        Finding(
          .symbols, .fail, file: loaded.path, subject: fatal.names,
          "needs \(fatal.names) at its start, which no library has",
          remedy: "inject an MPI that has them"))
    }
    if !lazy.isEmpty {
      findings.append(
        Finding(
          .symbols, .conditional, file: loaded.path, subject: lazy.names,
          "dies when it calls \(lazy.names), which no library has",
          remedy: "inject an MPI that has them, if the program calls them"))
    }
    return findings
  }

  /// Objects whose space the program has set aside by the size they had when it was linked.
  private func copies(in closure: Closure, scene: Scene) -> [Finding] {
    let program = closure.objects[0]
    let symbols = program.object.symbols
    // Data that the program defines and a library defines too was copied, or is the program's own;
    // the relocations tell which.
    guard let source = scene.files.source(at: program.path) else { return [] }
    let copied = program.object.symbolUse(in: source).copied
    var findings: [Finding] = []
    for index in copied.sorted() {
      guard let name = symbols.name(index), let own = symbols.definition(of: name) else { continue }
      let wanted = SymbolName(name)
      for other in closure.objects.dropFirst() {
        guard let theirs = other.object.symbols.definition(of: wanted, version: own.version) else {
          continue
        }
        if theirs.size > own.size {
          findings.append(
            Finding(
              .copies, .fail, file: other.path, subject: name,
              "\(name) has \(theirs.size) bytes in the library and \(own.size) in the program",
              remedy: "rebuild the program"))
        } else if theirs.size < own.size {
          findings.append(
            Finding(
              .copies, .warn, file: other.path, subject: name,
              "\(name) has \(theirs.size) bytes in the library and \(own.size) in the program"))
        }
        break
      }
    }
    return findings
  }

  private func processorLevels(_ closure: Closure) -> [Finding] {
    let level = world.processor.level
    return closure.objects.compactMap { loaded in
      guard let needed = loaded.object.notes.x86Level, needed > level else { return nil }
      return Finding(
        .processor, .fail, file: loaded.path, subject: "x86-64-v\(needed)",
        "is built for x86-64-v\(needed), and the processor is x86-64-v\(level)",
        remedy: "use a build for x86-64-v\(level)")
    }
  }

  // MARK: steps B, I and J: what no symbol tells

  /// Where the MPI ABI itself differs between its first implementations.
  ///
  /// Intel MPI 2021.19 has MPI_ERRORS_RETURN and MPI_ERRORS_ABORT the other way round than MPICH 5.0
  /// and the corrected header (mpi-forum/mpi-abi-stubs, pull request 72), with the same version.
  private func skew(
    of own: Closure, _ injected: Closure, bundle: MPIBundle, family: MPIFamily?
  ) -> [Finding] {
    guard family == .abi, let program = injected.objects.first else { return [] }
    let isIntel = bundle.library.name == "Intel MPI"
    if let first = own.mpiLibraries.first, let known = self.bundle(at: own.objects[first].path),
      (known.library.name == "Intel MPI") == isIntel
    {
      return []
    }
    guard isIntel || !own.mpiLibraries.isEmpty else { return [] }
    let setters = program.object.symbols.references.filter {
      $0.name.hasPrefix("MPI_") && $0.name.hasSuffix("_set_errhandler")
        || $0.name == "MPI_Session_init" || $0.name == "MPI_Comm_create_from_group"
    }
    guard !setters.isEmpty else { return [] }
    return [
      Finding(
        .family, .conditional, file: bundle.path, subject: setters.names,
        "MPI_ERRORS_RETURN and MPI_ERRORS_ABORT are exchanged between Intel MPI and others, so errors "
          + "after \(setters.names) may abort",
        remedy: "inject an MPI of the same maker, or rebuild the program")
    ]
  }

  /// Whether what the bundle opens at run time is there and fits what is loaded.
  private func plugins(of bundle: MPIBundle, with closure: Closure, in scene: Scene)
    -> [Finding]
  {
    var findings: [Finding] = []
    for directory in bundle.plugins {
      let isVital = directory.component == "Open MPI"
      guard let names = scene.files.list(directory.path), directory.isCompiledIn else {
        findings.append(
          Finding(
            .plugins, isVital ? .fail : .warn, file: directory.path, subject: directory.component,
            "\(directory.component) looks for its plugins elsewhere: it was built for another place",
            remedy: directory.variable.map {
              "set \($0) for the tasks, or install it where it was built for"
            }))
        continue
      }
      // What the plugins share with the program is in the closure; the answer is the same for all
      // programs that load the same of it.
      let key = PluginKey(directory: directory.path, shared: closure.objects.map(number).sorted())
      if let known = pluginMemo[key] {
        findings += known
        continue
      }
      let requester =
        closure.objects.firstIndex { loaded in
          directory.openers.contains { loaded.path.lastComponent.hasPrefix($0) }
        } ?? closure.mpiLibraries.first ?? 0
      let before = Set(versions(closure) + generations(closure))
      var broken: [(name: String, finding: Finding)] = []
      for name in names.sorted() where name.hasSuffix(".so") {
        let path = "\(directory.path)/\(name)"
        let opened = scene.loader.closure(closure, opening: path, by: requester)
        var found = opened.missing.dropFirst(closure.missing.count).map {
          Finding(
            .plugins, .warn, file: path, subject: $0.name, "needs \($0.name), which is not found")
        }
        if opened.objects.count > closure.objects.count {
          found += (generations(opened) + versions(opened)).filter { !before.contains($0) }
        }
        if let first = found.max(by: { $0.verdict < $1.verdict }) { broken.append((name, first)) }
      }
      let found = summary(of: broken, in: directory, among: names)
      pluginMemo[key] = found
      findings += found
    }
    return findings
  }

  /// A plugin that cannot be opened is left out; only where none is left to speak with the launcher
  /// does the program end.
  private func summary(
    of broken: [(name: String, finding: Finding)], in directory: MPIBundle.PluginDirectory,
    among names: Set<String>
  ) -> [Finding] {
    guard !broken.isEmpty else { return [] }
    // Open MPI 4: pmix3x is its own, ext3x the machine's; the others are for single processes.
    func isVital(_ name: String) -> Bool {
      name.hasPrefix("mca_pmix_") && !["isolated", "flux", "cray"].contains { name.contains($0) }
    }
    let vital = broken.filter { isVital($0.name) }
    let isFatal = !vital.isEmpty && vital.count == names.count(where: isVital)
    let first = isFatal ? vital[0] : broken[0]
    let shown = (isFatal ? vital : broken).prefix(4).map(\.name).joined(separator: " ")
    return [
      Finding(
        .plugins, isFatal ? .fail : .warn, file: "\(directory.path)/\(first.name)", subject: shown,
        "\(broken.count) of \(names.count) plugins of \(directory.component) cannot be opened: it "
          + first.finding.message,
        remedy: "bring what they need along"
          + (isFatal ? "; without it no task learns its rank" : ""))
    ]
  }

  /// Whether the bundle speaks with the launcher.
  private func launch(of bundle: MPIBundle) -> [Finding] {
    guard let kind else { return [] }
    return LaunchRule.findings(for: bundle.library, launchedBy: kind)
  }

  private func number(_ loaded: LoadedObject) -> Int {
    if let known = numbers[loaded.identity] { return known }
    let new = numbers.count
    numbers[loaded.identity] = new
    return new
  }
}

extension ELFObject {
  /// Whether it is started and not loaded into another.
  package var isProgram: Bool {
    kind == .executable || flags.contains(.positionIndependentExecutable)
      || interpreter != nil && soname == nil
  }
}

extension SymbolTable {
  /// Whether it asks for data that only Open MPI has.
  var asksForOpenMPI: Bool {
    references.contains { $0.name.hasPrefix("ompi_mpi_") }
      || definition(of: "ompi_mpi_comm_world") != nil
  }
}

extension SymbolTable.Reference {
  /// Whether the name is one of MPI's interface.
  var isMPI: Bool {
    [
      "MPI_", "PMPI_", "MPIX_", "MPII_", "mpi_", "pmpi_", "ompi_", "opal_", "MPIR_", "_ZN3MPI",
      "_ZNK3MPI", "_ZTIN3MPI", "_ZTVN3MPI",
    ]
    .contains(where: name.hasPrefix)
  }
}

extension [SymbolTable.Reference] {
  /// The first few names.
  fileprivate var names: String {
    let shown = prefix(4).map(\.description).joined(separator: ", ")
    return count > 4 ? "\(shown) and \(count - 4) more" : shown
  }
}

extension MPIBundle.PluginDirectory {
  /// The libraries that open the plugins, by the beginnings of their names.
  fileprivate var openers: [String] {
    switch component {
    case "Open MPI": ["libopen-pal.", "libopen_mpi."]
    case "PMIx": ["libpmix."]
    case "UCX": ["libucs.", "libuct."]
    case "libfabric": ["libfabric."]
    default: []
    }
  }
}

extension MPIFamily {
  /// The family in words.
  package var words: String {
    switch self {
    case .openMPI: "Open MPI"
    case .mpich: "MPICH"
    case .abi: "the MPI ABI"
    }
  }
}

extension String {
  fileprivate func replacingOrigin(with directory: String) -> String {
    replacing("$ORIGIN", with: directory).replacing("${ORIGIN}", with: directory)
  }
}
