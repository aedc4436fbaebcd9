package import Configuration
package import Environment
import Glibc
package import Host
import Injection
package import Microarchitecture
package import Modules
package import Stack

/// Everything that a launch does, computed before anything is done: a value to print, to compare
/// and to carry out.
package struct LaunchPlan: Equatable, Sendable {
  /// The command and its arguments; empty where only the environment is wanted.
  package var argv: [String]
  package var selection: StackSelection
  package var processor: Processor
  /// What is done to the environment, in order: paths of another node moved, then ``initialisation``.
  package var patch: EnvironmentPatch
  /// The part of the patch that initialises the stack.
  package var initialisation: EnvironmentPatch
  /// The environment that results.
  package var environment: Environment
  /// What differs between the environment that came in and the one that results.
  package var changes: [EnvironmentChange]
  /// What an interactive shell is given beside the environment.
  package var definitions = ShellDefinitions()
  /// What Lmod and the loaded modules said.
  package var messages = ""
  /// Why capsules could not be used or kept: the same on every node that shares them.
  package var capsuleWarnings: [String] = []
  /// How the modules' environment came about; nil where none were asked for.
  package var origin: LoadedModules.Origin?
  /// Whether the step was given none of the node's GPUs.
  package var hasNoGPU: Bool
  /// What the site has put under the stack.
  package var injections: NodeInjections
  package var warnings: [String]

  /// Plans a launch on one machine.
  ///
  /// Throws ``StackError``, ``ModuleError``, and what `files` throws. `modules` loads what the
  /// request names.
  package init(
    _ request: LaunchRequest, environment: Environment, configuration: Configuration,
    host: HostProfile, files: StackReader, modules: ModuleLoader? = nil
  ) throws {
    let site = SiteDefaults(configuration)
    var wanted = StackRequest(
      repository: request.repository, version: request.version, subdirectory: request.subdirectory,
      accelerator: host.accelerator, site: site)
    wanted.honour(environment)
    let targets = Selection(for: host.processor, policy: site.policy)
    let best = try StackSelection(
      wanted, on: targets, environment: environment, reading: files)
    do {
      try self.init(
        for: best, request, environment: environment, target: configuration.injection.target,
        host: host, files: files, modules: modules)
    } catch let error as ModuleError {
      guard request.fallsBack, wanted.subdirectory == nil, let places = error.places else {
        throw error
      }
      // The whole set from one tree: the next that has all of it.
      for place in places where place.isSuitable {
        wanted.subdirectory = .init(place.subdirectory, source: "--eessi-load-fallback")
        var next = try StackSelection(
          wanted, on: targets, environment: environment, reading: files)
        next.steppedOver =
          best.steppedOver + [
            StackSelection.Step(
              subdirectory: best.subdirectory, reason: "lacks modules", isOwnLine: true)
          ]
        do {
          try self.init(
            for: next, request, environment: environment, target: configuration.injection.target,
            host: host, files: files, modules: modules)
          warnings.append(
            "\(error.lacking) not in \(best.subdirectory), so all software is that of "
              + place.subdirectory)
          return
        } catch let next as ModuleError where next.places != nil {
          continue
        }
      }
      throw error
    }
  }

  private init(
    for selection: StackSelection, _ request: LaunchRequest, environment: Environment,
    target: String?, host: HostProfile, files: StackReader, modules: ModuleLoader?
  ) throws {
    let tree = ModuleTree(selection, reading: files)
    try tree.checkMoved(in: environment)
    var patch = selection.retargeting(of: environment)
    let hasCertificates = try files.kind(StackSelection.certificates) == .file
    initialisation = selection.initialisation(
      of: environment, hasCertificates: hasCertificates)
    patch.append(initialisation)

    argv = request.argv
    processor = host.processor
    hasNoGPU = host.allocation == []
    self.selection = selection
    self.patch = patch
    self.environment = patch.applied(to: environment)
    warnings = selection.warnings + host.warnings
    injections = try NodeInjections(
      for: selection, target: target,
      runningDriver: host.allocatedGPUs.isEmpty ? nil : host.nvidiaDriver, reading: files)
    warnings += injections.warnings
    if let modules, !request.modules.isEmpty {
      do {
        let loaded = try modules.load(request.modules, in: self.environment, of: selection)
        self.environment = loaded.environment
        definitions = loaded.definitions
        messages = loaded.messages
        capsuleWarnings = loaded.warnings
        origin = loaded.origin
      } catch ModuleError.refused(let names, let message) {
        // Lmod says it in many lines; where a module is missing there is more to say.
        try tree.checkPresent(request.modules, in: self.environment)
        throw ModuleError.refused(names, message: message)
      }
    }
    if let driver = host.nvidiaDriver, host.allocatedGPUs.contains(where: { $0.vendor == .nvidia }),
      let finding = CUDACompatibility.check(self.environment, driver: driver)
    {
      warnings.append(finding.text)
    }
    // What cannot be read cannot be kept up; `slipway deinit` will refuse it.
    self.environment =
      (try? EnvironmentUndo(of: environment))?
      .following(environment, with: self.environment, moved: selection.retargeting)
      ?? self.environment
    changes = environment.changes(to: self.environment)
  }

  /// The choice in one line, for `--eessi-verbose`.
  package var summary: String {
    var line = "\(selection.subdirectory) of \(selection.prefix) (\(selection.reason)"
    if let step = selection.steppedOver.last(where: \.isOwnLine) {
      line += "; not \(step.subdirectory): \(step.reason)"
    }
    line += ")"
    if let accelerator = selection.acceleratorSubtree { line += " with \(accelerator)" }
    for record in injections.records { line += ", the site's \(record.name)" }
    if hasNoGPU { line += " without an accelerator (the step was given no GPU)" }
    if let name = processor.name { line += " on \(name)" }
    return line
  }

  /// How the modules were loaded in one line; nil where none were.
  package var moduleSummary: String? {
    switch origin {
    case nil: nil
    case .alreadyLoaded: "modules: all were loaded already"
    case .capsule: "modules: by capsule"
    case .computed: "modules: loaded by Lmod, and kept as a capsule"
    case .impure(let reasons):
      "modules: loaded by Lmod each time: the set \(reasons.joined(separator: "; "))"
    }
  }
}

/// What a user asks of a launch.
package struct LaunchRequest: Equatable, Sendable {
  package var repository: StackRequest.Override?
  package var version: StackRequest.Override?
  package var subdirectory: StackRequest.Override?
  /// The modules to load, named as for `module load`.
  package var modules: [String]
  /// Whether another tree that the node can run may be taken where this one lacks a module.
  package var fallsBack: Bool
  package var argv: [String]

  package init(
    repository: StackRequest.Override? = nil, version: StackRequest.Override? = nil,
    subdirectory: StackRequest.Override? = nil, modules: [String] = [], fallsBack: Bool = false,
    argv: [String] = []
  ) {
    self.modules = modules
    self.fallsBack = fallsBack
    self.repository = repository
    self.version = version
    self.subdirectory = subdirectory
    self.argv = argv
  }
}

extension SiteDefaults {
  package init(_ configuration: Configuration) {
    self.init(
      cvmfs: configuration.stack.cvmfs, repository: configuration.stack.repository,
      version: configuration.stack.version, roots: configuration.stack.roots,
      policy: SelectionPolicy(
        crossVendor: configuration.selection.crossVendor,
        allowsUnsafeOverride: configuration.selection.allowUnsafeOverride))
  }
}

extension ModuleLoader {
  /// A loader as the site wants it, whose capsules lie where the site or the user keeps such.
  ///
  /// The user's cache directory: $XDG_CACHE_HOME, else ~/.cache (XDG Base Directory Specification).
  package init(_ configuration: Configuration, files: GuardedFiles, environment: Environment) {
    var directory = configuration.modules.capsules?.replacing("{uid}", with: "\(getuid())")
    if directory == nil {
      let home = environment.nonEmpty("HOME").map { "\($0)/.cache" }
      if let cache = environment.nonEmpty("XDG_CACHE_HOME") ?? home, cache.hasPrefix("/") {
        directory = "\(cache)/slipway/capsules"
      }
    }
    self.init(
      files: files,
      store: configuration.modules.keepsCapsules
        ? directory.map { CapsuleStore(directory: $0) } : nil,
      seconds: configuration.modules.deadline)
  }
}

extension StackReader {
  /// Asks files of a mount that may hang, through a child process.
  package init(guarding files: GuardedFiles) {
    self.init(
      kind: { path in
        switch try files.isDirectory(path) {
        case nil: .absent
        case true?: .directory
        case false?: .file
        }
      },
      names: { try files.names(in: $0) },
      prefetch: { try files.prefetch($0) },
      beginning: { try files.beginnings(of: [$0])[0]?.bytes },
      marks: { paths in
        try files.marks(of: paths).map { $0.map { (Int($0.size), Int($0.mtime)) } }
      })
  }
}

extension Configuration {
  /// Reads a configuration file; the defaults where nobody named a file and the site has none.
  package static func load(named file: String?) throws(ConfigurationError) -> Configuration {
    let path = file ?? Self.path
    guard let bytes = MachineRoot().contents(of: path, limit: 1 << 20) else {
      guard file == nil && !MachineRoot().exists(path) else {
        throw ConfigurationError(
          file: path, problem: "cannot be read", remedy: "check its name and its mode")
      }
      return Configuration()
    }
    let configuration = try Configuration(toml: bytes, file: path)
    for name in configuration.selection.crossVendor where Catalog.target(named: name) == nil {
      throw ConfigurationError(
        file: path, problem: "selection.cross_vendor names no target: \(name)")
    }
    return configuration
  }
}
