package import Configuration
package import Environment
package import Host
package import Microarchitecture
package import Stack

/// Everything that a launch does, computed before anything is done: a value to print, to compare
/// and to carry out.
package struct LaunchPlan: Equatable, Sendable {
  /// The command and its arguments; empty where only the environment is wanted.
  package var argv: [String]
  package var selection: StackSelection
  package var processor: Processor
  /// What is done to the environment, in order.
  package var patch: EnvironmentPatch
  /// The environment that results.
  package var environment: Environment
  /// What differs between the environment that came in and the one that results.
  package var changes: [EnvironmentChange]
  /// What an interactive shell is given beside the environment.
  package var definitions = ShellDefinitions()
  package var warnings: [String]

  /// Plans a launch on one machine.
  ///
  /// Throws ``StackError``, and what `files` throws.
  package init(
    _ request: LaunchRequest, environment: Environment, configuration: Configuration,
    host: HostProfile, files: StackReader
  ) throws {
    let site = SiteDefaults(configuration)
    var wanted = StackRequest(
      repository: request.repository, version: request.version, subdirectory: request.subdirectory,
      accelerator: host.accelerator, site: site)
    wanted.honour(environment)
    let targets = Selection(for: host.processor, policy: site.policy)
    let selection = try StackSelection(
      wanted, on: targets, environment: environment, reading: files)
    var patch = selection.retargeting(of: environment)
    let hasCertificates = try files.kind(StackSelection.certificates) == .file
    patch.append(selection.initialisation(of: environment, hasCertificates: hasCertificates))

    argv = request.argv
    processor = host.processor
    self.selection = selection
    self.patch = patch
    let result = patch.applied(to: environment)
    // What cannot be read cannot be kept up; `slipway deinit` will refuse it.
    self.environment =
      (try? EnvironmentUndo(of: environment))?.following(environment, with: result) ?? result
    changes = environment.changes(to: self.environment)
    warnings = selection.warnings + host.warnings
  }

  /// The choice in one line, for `--eessi-verbose`.
  package var summary: String {
    var line = "\(selection.subdirectory) of \(selection.prefix) (\(selection.reason)"
    if let step = selection.steppedOver.last(where: \.isOwnLine) {
      line += "; not \(step.subdirectory): \(step.reason)"
    }
    line += ")"
    if let accelerator = selection.acceleratorSubtree { line += " with \(accelerator)" }
    if let name = processor.name { line += " on \(name)" }
    return line
  }
}

/// What a user asks of a launch.
package struct LaunchRequest: Equatable, Sendable {
  package var repository: StackRequest.Override?
  package var version: StackRequest.Override?
  package var subdirectory: StackRequest.Override?
  package var argv: [String]

  package init(
    repository: StackRequest.Override? = nil, version: StackRequest.Override? = nil,
    subdirectory: StackRequest.Override? = nil, argv: [String] = []
  ) {
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
      prefetch: { try files.prefetch($0) })
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
    let configuration = try Configuration(
      toml: String(decoding: bytes, as: UTF8.self), file: path)
    for name in configuration.selection.crossVendor where Catalog.target(named: name) == nil {
      throw ConfigurationError(
        file: path, problem: "selection.cross_vendor names no target: \(name)")
    }
    return configuration
  }
}
