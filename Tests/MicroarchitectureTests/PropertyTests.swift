import Microarchitecture
import TestSupport
import Testing

/// What holds for every processor, tried on 2000 random ones per architecture.
@Suite(.tags(.small))
struct PropertyTests {
  static let identities: [(vendor: String, family: Int?, model: Int?, part: Int?)] = [
    ("GenuineIntel", 6, 85, nil), ("GenuineIntel", 6, 173, nil), ("AuthenticAMD", 23, 49, nil),
    ("AuthenticAMD", 23, 1, nil), ("AuthenticAMD", 26, 2, nil), ("HygonGenuine", 24, 0, nil),
    ("0x41", nil, nil, 0xd0c), ("0x41", nil, nil, 0xd4f), ("0x46", nil, nil, 1),
    ("0x61", nil, nil, 0x22), ("0x489", nil, nil, nil), ("0x710", nil, nil, nil),
    ("", nil, nil, nil),
  ]

  /// A random processor: a random part of all features, now and then all but a few.
  static func processor(
    _ architecture: Architecture, using random: inout SeededGenerator
  ) -> Processor {
    let all = Catalog.targets(of: architecture).reduce(into: Set<String>()) {
      $0.formUnion($1.features)
    }
    let likely = [30, 70, 95, 99].randomElement(using: &random)!
    var features = Set(
      all.sorted().filter { _ in Int.random(in: 0..<100, using: &random) < likely })
    if Bool.random(using: &random) { features.insert("eagerfpu") }
    if Bool.random(using: &random) { features.insert("hypervisor") }
    let identity = identities.randomElement(using: &random)!
    let kernels = [nil, KernelRelease(3, 10), KernelRelease(4, 18), KernelRelease(6, 1)]
    return Processor(
      architecture: architecture, vendor: identity.vendor, family: identity.family,
      model: identity.model, stepping: 7, part: identity.part, features: features,
      kernel: kernels.randomElement(using: &random)!)
  }

  static func cases(_ architecture: Architecture) -> [Processor] {
    var random = SeededGenerator(seed: 0x511b)
    return (0..<2000).map { _ in processor(architecture, using: &random) }
  }

  @Test(arguments: Architecture.allCases)
  func `no suitable target asks for more than the processor shows or its model has`(
    architecture: Architecture
  ) {
    for processor in Self.cases(architecture) {
      for candidate in Selection(for: processor).candidates {
        guard case .suitable(let assumed) = candidate.verdict else { continue }
        let shown = processor.features.union(assumed)
        #expect(candidate.target.features.isSubset(of: shown), "\(candidate.target) \(processor)")
        #expect(Set(assumed).isSubset(of: KnownModel.of(processor)?.features ?? []))
        #expect(Set(assumed).isDisjoint(with: processor.features))
      }
    }
  }

  @Test(arguments: Architecture.allCases)
  func `generic is always suitable and always last`(architecture: Architecture) {
    for processor in Self.cases(architecture) {
      let selection = Selection(for: processor)
      #expect(selection.suitable.last?.isGeneric == true)
      #expect(selection.candidates.last?.target.isGeneric == true)
      #expect(selection.candidates.filter(\.target.isGeneric).count == 1)
    }
  }

  @Test(arguments: Architecture.allCases)
  func `every target is judged exactly once`(architecture: Architecture) {
    for processor in Self.cases(architecture) {
      let judged = Selection(for: processor).candidates.map(\.target)
      #expect(judged.count == Set(judged).count)
      #expect(Set(judged) == Set(Catalog.targets(of: architecture)))
    }
  }

  @Test(arguments: Architecture.allCases)
  func `more features never take a target away`(architecture: Architecture) {
    var random = SeededGenerator(seed: 42)
    for processor in Self.cases(architecture) {
      var richer = processor
      let missing = Catalog.targets(of: architecture)
        .reduce(into: Set<String>()) { $0.formUnion($1.features) }
        .subtracting(processor.features).sorted()
      richer.features.formUnion(missing.filter { _ in Bool.random(using: &random) })
      let before = Set(Selection(for: processor).suitable)
      let after = Set(Selection(for: richer).suitable)
      #expect(before.isSubset(of: after), "\(processor)")
    }
  }

  @Test(arguments: Architecture.allCases)
  func `a site's consent never takes a target away`(architecture: Architecture) {
    let policy = SelectionPolicy(crossVendor: Set(Catalog.targets.map(\.subdirectory)))
    for processor in Self.cases(architecture) {
      let closed = Selection(for: processor).suitable
      let open = Selection(for: processor, policy: policy).suitable
      #expect(Set(closed).isSubset(of: open))
      #expect(open.first == closed.first || closed.first?.isGeneric == true)
    }
  }
}
