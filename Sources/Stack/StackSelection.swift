package import Environment
package import Microarchitecture

/// The subtree of a stack that was chosen for one node, and why.
package struct StackSelection: Equatable, Sendable {
  package var repository: Repository
  package var version: String
  /// `EESSI_SOFTWARE_LAYER_VERSION_SUFFIX`: appended to the version in paths.
  package var suffix: String
  /// `versions/V` of the software layer.
  package var prefix: String
  package var initPrefix: String
  package var cpuFamily: String
  package var eprefix: String
  package var subdirectory: String
  /// Why this subdirectory.
  package var reason: String
  /// Better targets that were stepped over, best first, each with the reason.
  package var steppedOver: [Step]
  /// Every target whose builds this node runs, best first.
  package var suitable: [String]
  /// What `accelpath` of EESSI's script answers: the node's accelerator.
  package var accelerator: String?
  /// The accelerator subtree that exists, which may be that of the architecture's first model.
  package var acceleratorSubtree: String?
  /// The software subdirectory that holds the accelerator subtree.
  package var acceleratorParent: String
  package var warnings: [String]

  /// A target that was not chosen.
  package struct Step: Equatable, Sendable, Codable {
    package var subdirectory: String
    package var reason: String
    /// Whether it is of the processor's own vendor line.
    package var isOwnLine: Bool

    package init(subdirectory: String, reason: String, isOwnLine: Bool) {
      self.subdirectory = subdirectory
      self.reason = reason
      self.isOwnLine = isOwnLine
    }
  }

  package var softwarePath: String { "\(prefix)/software/linux/\(subdirectory)" }
  package var acceleratorPath: String? {
    acceleratorSubtree.map { "\(prefix)/software/linux/\(acceleratorParent)/\($0)" }
  }
}

extension StackSelection {
  /// Chooses the best subtree that exists and that the processor runs.
  ///
  /// Throws ``StackError``, and whatever the reader throws.
  package init(
    _ request: StackRequest, on selection: Selection, environment: Environment,
    reading files: StackReader
  ) throws {
    guard let architecture = selection.candidates.first?.target.architecture else {
      preconditionFailure("every architecture has a generic target")
    }
    var warnings: [String] = []
    let suffix = environment["EESSI_SOFTWARE_LAYER_VERSION_SUFFIX"] ?? ""
    guard suffix.isEmpty || isVersionName("0\(suffix)") else {
      throw StackError.invalidWord(
        what: "version suffix", value: suffix, source: "EESSI_SOFTWARE_LAYER_VERSION_SUFFIX")
    }
    let (repository, version) = try Self.place(
      request, architecture: architecture, suffix: suffix, reading: files)
    let prefix = "\(repository.root)/versions/\(version)\(suffix)"
    let compatPrefix =
      repository.compatRoot.map { "\($0)/versions/\(version)" } ?? prefix

    let cpuFamily = environment.nonEmpty("EESSI_CPU_FAMILY_OVERRIDE") ?? architecture.rawValue
    let eprefix =
      environment.nonEmpty("EESSI_COMPAT_LAYER_DIR") ?? "\(compatPrefix)/compat/linux/\(cpuFamily)"
    // What follows asks for these; one by one it would be as many waits.
    let subtrees = "\(prefix)/software/linux"
    try files.prefetch(
      [eprefix]
        + selection.suitable.flatMap { [$0.subdirectory] + $0.aliases }
        .map { "\(subtrees)/\($0)/software" })
    guard try files.kind(eprefix) == .directory else {
      throw StackError.missingCompatLayer(eprefix)
    }

    let choice = try Self.choose(
      request, from: selection, below: subtrees, warnings: &warnings,
      reading: files)

    let parent = environment.nonEmpty("EESSI_ACCEL_SOFTWARE_SUBDIR_OVERRIDE") ?? choice.subdirectory
    guard isSubdirectoryName(parent) else {
      throw StackError.invalidWord(
        what: "software subdirectory", value: parent,
        source: "EESSI_ACCEL_SOFTWARE_SUBDIR_OVERRIDE")
    }
    let accelerator = try Self.accelerator(
      request.accelerator, below: "\(subtrees)/\(parent)", reading: files)
    if let before = environment.nonEmpty("EESSI_PREFIX"), before != prefix,
      before.hasPrefix(repository.root + "/")
    {
      warnings.append(
        "the environment was initialised for \(before); paths that it set stay behind those of "
          + prefix)
    }

    self.init(
      repository: repository, version: version, suffix: suffix, prefix: prefix,
      initPrefix: "\(compatPrefix)/init", cpuFamily: cpuFamily, eprefix: eprefix,
      subdirectory: choice.subdirectory, reason: choice.reason, steppedOver: choice.steps,
      suitable: selection.suitable.map(\.subdirectory), accelerator: request.accelerator,
      acceleratorSubtree: accelerator, acceleratorParent: parent, warnings: warnings)
  }

  /// The repository and version to use, both of which exist.
  private static func place(
    _ request: StackRequest, architecture: Architecture, suffix: String,
    reading files: StackReader
  ) throws -> (Repository, version: String) {
    let site = request.site
    var repository: Repository
    let wanted =
      request.repository ?? StackRequest.Override(site.repository, source: "slipway.toml")
    let name = wanted.value
    if name.hasPrefix("/") {
      // EESSI_CVMFS_REPO_OVERRIDE is a path.
      let root = name.count > 1 && name.hasSuffix("/") ? String(name.dropLast()) : name
      let below = site.cvmfs + "/"
      repository = Repository(
        name: root.hasPrefix(below) ? String(root.dropFirst(below.count)) : root, root: root)
    } else if isRepositoryName(name) {
      repository =
        site.roots[name].map { Repository(name: name, root: $0) }
        ?? Repository(named: name, below: site.cvmfs)
    } else {
      throw StackError.invalidWord(
        what: "repository name", value: name, source: wanted.source)
    }
    let wantedVersion =
      request.version ?? site.version.map { StackRequest.Override($0, source: "slipway.toml") }
    if let wantedVersion, !isVersionName(wantedVersion.value) {
      throw StackError.invalidWord(
        what: "version", value: wantedVersion.value, source: wantedVersion.source)
    }
    var version = wantedVersion?.value

    // RISC-V builds stand elsewhere (init/eessi_defaults of EESSI/software-layer-scripts).
    if architecture == .riscv64, repository.name == "software.eessi.io" {
      if version == "2023.06" || version == "20240402" {
        version = "20240402"
        repository = Repository(named: "riscv.eessi.io", below: site.cvmfs)
      } else if version?.hasPrefix("2025.06") == true {
        let compat = repository.root
        repository = Repository(named: "dev.eessi.io/riscv", below: site.cvmfs)
        repository.compatRoot = compat
      }
    }

    let versions = "\(repository.root)/versions"
    if let version {
      if try files.kind("\(versions)/\(version)\(suffix)") == .directory {
        return (repository, version)
      }
      guard try files.kind(versions) == .directory else {
        throw StackError.missingRepository(repository)
      }
      throw StackError.missingVersion(
        version + suffix, in: repository,
        present: try files.names(versions).filter(isVersionName).sorted())
    }
    guard try files.kind(versions) == .directory else {
      throw StackError.missingRepository(repository)
    }
    let present = try files.names(versions).filter { isVersionName($0) && $0.hasSuffix(suffix) }
    guard let newest = present.max() else { throw StackError.noVersion(repository) }
    return (repository, String(newest.dropLast(suffix.count)))
  }

  private struct Choice {
    var subdirectory: String
    var reason: String
    var steps: [Step]
  }

  private static func choose(
    _ request: StackRequest, from selection: Selection, below directory: String,
    warnings: inout [String], reading files: StackReader
  ) throws -> Choice {
    func exists(_ subdirectory: String) throws -> Bool {
      try files.kind("\(directory)/\(subdirectory)/software") == .directory
    }
    let policy = request.site.policy

    if let override = request.subdirectory {
      let (name, source) = (override.value, override.source)
      guard isSubdirectoryName(name) else {
        throw StackError.invalidWord(what: "software subdirectory", value: name, source: source)
      }
      let candidate = Catalog.target(named: name).flatMap(selection.candidate(for:))
      var reason = "\(source) names it"
      if let candidate, case .missing(let missing) = candidate.verdict {
        guard policy.allowsUnsafeOverride else {
          throw StackError.unsafeSubtree(name, reason: candidate.reason, source: source)
        }
        warnings.append(
          "\(source): this node lacks \(missing.joined(separator: " ")) for \(name); the site "
            + "allows it, and programs may die of an illegal instruction")
      } else if candidate == nil {
        guard policy.allowsUnsafeOverride else {
          throw Catalog.target(named: name) == nil
            ? StackError.unknownSubtree(name, source: source)
            : StackError.unsafeSubtree(
              name, reason: "another architecture", source: source)
        }
        warnings.append("\(source): slipway cannot tell whether this node runs \(name)")
      } else if let candidate {
        reason += "; \(candidate.reason)"
      }
      guard try exists(name) else {
        throw StackError.missingSubtree("\(directory)/\(name)", override: source)
      }
      return Choice(subdirectory: name, reason: reason, steps: [])
    }

    if let names = request.subdirectories {
      var steps: [Step] = []
      for name in names where isSubdirectoryName(name) {
        let candidate = Catalog.target(named: name).flatMap(selection.candidate(for:))
        let safe = candidate.map { if case .missing = $0.verdict { false } else { true } } ?? false
        if !safe && !policy.allowsUnsafeOverride {
          steps.append(
            Step(
              subdirectory: name, reason: candidate?.reason ?? "unknown target",
              isOwnLine: candidate?.isOwnLine ?? false))
        } else if try !exists(name) {
          steps.append(
            Step(
              subdirectory: name, reason: "not in this version",
              isOwnLine: candidate?.isOwnLine ?? false))
        } else {
          return Choice(
            subdirectory: name, reason: "EESSI_ARCHDETECT_OPTIONS_OVERRIDE names it", steps: steps)
        }
      }
      throw StackError.noSubtree(directory, tried: names)
    }

    var steps: [Step] = []
    for candidate in selection.candidates {
      let target = candidate.target
      guard candidate.isSuitable else {
        steps.append(
          Step(
            subdirectory: target.subdirectory, reason: candidate.reason,
            isOwnLine: candidate.isOwnLine))
        continue
      }
      for name in [target.subdirectory] + target.aliases where try exists(name) {
        return Choice(subdirectory: name, reason: candidate.reason, steps: steps)
      }
      steps.append(
        Step(
          subdirectory: target.subdirectory, reason: "not in this version",
          isOwnLine: candidate.isOwnLine))
    }
    throw StackError.noSubtree(directory, tried: selection.suitable.map(\.subdirectory))
  }

  /// The accelerator subtree that exists for an accelerator.
  ///
  /// An NVIDIA model without a tree of its own runs the builds of its architecture's first model,
  /// cc86 those of cc80: machine code is compatible within a major compute capability.
  private static func accelerator(
    _ name: String?, below parent: String, reading files: StackReader
  ) throws -> String? {
    guard let name else { return nil }
    guard isAcceleratorName(name) else {
      throw StackError.invalidWord(
        what: "accelerator", value: name, source: "EESSI_ACCELERATOR_TARGET_OVERRIDE")
    }
    var names = [name]
    if name.hasPrefix("accel/nvidia/"), !name.hasSuffix("0") {
      names.append(String(name.dropLast()) + "0")
    }
    return try names.first { try files.kind("\(parent)/\($0)/modules/all") == .directory }
  }
}
