/// A site's wishes that widen or narrow the choice of targets.
package struct SelectionPolicy: Equatable, Sendable {
  /// Targets that processors of another vendor may use too, when they have every feature.
  package var crossVendor: Set<String>
  /// Whether a user's override may name a target that the node lacks features for.
  package var allowsUnsafeOverride: Bool

  package init(crossVendor: Set<String> = [], allowsUnsafeOverride: Bool = false) {
    self.crossVendor = crossVendor
    self.allowsUnsafeOverride = allowsUnsafeOverride
  }
}

/// What a target is worth on one processor, and why.
package struct Candidate: Equatable, Sendable {
  package var target: Target
  package var verdict: Verdict
  /// Whether the target belongs to the processor's own vendor line.
  package var isOwnLine: Bool

  /// Whether a processor can run every build of a target.
  package enum Verdict: Equatable, Sendable {
    /// It can. `assumed` are features that the kernel is too old to list and the model has.
    case suitable(assumed: [String])
    /// It lacks these features.
    case missing([String])
    /// It has every feature, but the target belongs to another vendor's line.
    case otherVendor
  }

  package var isSuitable: Bool {
    if case .suitable = verdict { true } else { false }
  }

  /// The reason in words.
  package var reason: String {
    switch verdict {
    case .suitable(assumed: []):
      target.isGeneric ? "every \(target.architecture.rawValue) processor" : "has every feature"
    case .suitable(let assumed):
      "has every feature; the kernel is too old to list \(assumed.joined(separator: " ")), "
        + "which this model has"
    case .missing(let features):
      "missing: \(features.prefix(8).joined(separator: " "))"
        + (features.count > 8 ? " and \(features.count - 8) more" : "")
    case .otherVendor: "another vendor's target (the site may allow it)"
    }
  }
}

/// The targets of a processor's architecture, best first, each with a verdict.
package struct Selection: Equatable, Sendable {
  package var candidates: [Candidate]

  /// The targets whose builds run on the processor, best first; ends with the generic one.
  package var suitable: [Target] { candidates.filter(\.isSuitable).map(\.target) }

  package func candidate(for target: Target) -> Candidate? {
    candidates.first { $0.target == target }
  }

  /// Judges every target of the processor's architecture.
  ///
  /// The order is: the processor's own vendor line, then lines that the site allows, then the
  /// rest, then generic; within each, the catalogue's order from its end.
  package init(for processor: Processor, policy: SelectionPolicy = SelectionPolicy()) {
    let line = Self.line(of: processor)
    let judged = Catalog.targets(of: processor.architecture).reversed().map { target in
      let own = target.isGeneric || !target.vendors.isDisjoint(with: line)
      return (
        rank: target.isGeneric
          ? 3 : own ? 0 : policy.crossVendor.contains(target.subdirectory) ? 1 : 2,
        candidate: Self.judge(target, on: processor, own: own, policy: policy)
      )
    }
    // A stable sort by rank: `sorted(by:)` promises no stability, so ranks are taken in turn.
    candidates = (0...3).flatMap { rank in judged.filter { $0.rank == rank }.map(\.candidate) }
  }

  /// The vendor names that count as the processor's own.
  ///
  /// All Arm processors implement Arm's architecture, so any implementer other than Fujitsu,
  /// which has a target of its own, is served by Arm's line. POWER has one line.
  private static func line(of processor: Processor) -> Set<String> {
    switch processor.architecture {
    case .ppc64le: [""]
    case .aarch64 where processor.vendor != "0x46": ["0x41"]
    case .x86_64, .aarch64, .riscv64: [processor.vendor]
    }
  }

  private static func judge(
    _ target: Target, on processor: Processor, own: Bool, policy: SelectionPolicy
  ) -> Candidate {
    let absent = target.features.subtracting(processor.features)
    let model = absent.isEmpty ? nil : KnownModel.of(processor)?.features
    let assumed = absent.filter {
      model?.contains($0) == true && KernelListing.isTooOld(for: $0, on: processor)
    }
    let missing = absent.subtracting(assumed)
    if !missing.isEmpty {
      return Candidate(target: target, verdict: .missing(missing.sorted()), isOwnLine: own)
    }
    if !own && !policy.crossVendor.contains(target.subdirectory) {
      return Candidate(target: target, verdict: .otherVendor, isOwnLine: own)
    }
    return Candidate(
      target: target, verdict: .suitable(assumed: assumed.sorted()), isOwnLine: own)
  }
}
