import Microarchitecture
import TestSupport
import Testing

/// The rules of the selection, on processors made of the catalogue's features.
@Suite(.tags(.small))
struct SelectionTests {
  @Test(arguments: Catalog.targets)
  func `a processor with exactly a target's features gets that target`(target: Target) {
    #expect(Selection(for: Processors.fitting(target)).suitable.first == target)
  }

  @Test(arguments: Catalog.targets.filter { !$0.isGeneric })
  func `one missing feature is enough to refuse a target`(target: Target) throws {
    for feature in target.features {
      var processor = Processors.fitting(target)
      processor.features.remove(feature)
      let selection = Selection(for: processor)
      #expect(!selection.suitable.contains(target))
      let candidate = try #require(selection.candidate(for: target))
      #expect(candidate.verdict == .missing([feature]))
    }
  }

  @Test(arguments: Architecture.allCases)
  func `a processor that shows nothing gets the generic target only`(architecture: Architecture) {
    let selection = Selection(for: Processor(architecture: architecture))
    #expect(selection.suitable.map(\.subdirectory) == ["\(architecture.rawValue)/generic"])
    #expect(selection.candidates.count == Catalog.targets(of: architecture).count)
  }

  @Test func `another vendor's target needs the site's consent`() throws {
    let haswell = Catalog.target(named: "x86_64/intel/haswell")!
    var processor = Processors.fitting(Catalog.target(named: "x86_64/amd/zen4")!)
    let closed = Selection(for: processor)
    #expect(closed.candidate(for: haswell)?.verdict == .otherVendor)
    #expect(closed.candidate(for: haswell)?.isOwnLine == false)
    let policy = SelectionPolicy(crossVendor: ["x86_64/intel/haswell"])
    let open = Selection(for: processor, policy: policy)
    #expect(
      open.suitable.map(\.subdirectory) == [
        "x86_64/amd/zen4", "x86_64/amd/zen3", "x86_64/amd/zen2", "x86_64/intel/haswell",
        "x86_64/generic",
      ])
    // Consent does not make up for a feature.
    processor.features.remove("movbe")
    #expect(
      Selection(for: processor, policy: policy).suitable.map(\.subdirectory) == ["x86_64/generic"])
  }

  @Test func `the own line stands before an allowed one even when that is newer`() {
    let icelake = Catalog.target(named: "x86_64/intel/icelake")!
    var processor = Processors.fitting(Catalog.target(named: "x86_64/amd/zen2")!)
    processor.features.formUnion(icelake.features)
    let suitable = Selection(
      for: processor, policy: SelectionPolicy(crossVendor: ["x86_64/intel/icelake"])
    ).suitable.map(\.subdirectory)
    #expect(suitable.prefix(2) == ["x86_64/amd/zen3", "x86_64/amd/zen2"])
    #expect(suitable.suffix(2) == ["x86_64/intel/icelake", "x86_64/generic"])
  }

  @Test(arguments: ["0x41", "ARM", "0x48", "0x61", "0xc0", "0x51", ""])
  func `Arm's line serves every maker`(vendor: String) {
    var processor = Processors.fitting(Catalog.target(named: "aarch64/neoverse_v1")!)
    processor.vendor = vendor
    #expect(Selection(for: processor).suitable.first?.subdirectory == "aarch64/neoverse_v1")
  }

  @Test func `Fujitsu has a line of its own`() {
    var processor = Processors.fitting(Catalog.target(named: "aarch64/neoverse_v1")!)
    processor.vendor = "0x46"
    #expect(
      Selection(for: processor).suitable.map(\.subdirectory) == [
        "aarch64/a64fx", "aarch64/generic",
      ])
  }

  @Test func `a RISC-V board's builds stay on boards of its maker`() {
    var processor = Processors.fitting(Catalog.target(named: "riscv64/sifive/p550")!)
    processor.vendor = "0x710"
    #expect(Selection(for: processor).suitable.map(\.subdirectory) == ["riscv64/generic"])
  }

  @Test func `the reason names eight missing features and counts the rest`() throws {
    let zen5 = Catalog.target(named: "x86_64/amd/zen5")!
    let selection = Selection(
      for: Processor(architecture: .x86_64, vendor: "AuthenticAMD", features: []))
    let reason = try #require(selection.candidate(for: zen5)).reason
    #expect(reason.hasPrefix("missing: "))
    #expect(reason.hasSuffix("and \(zen5.features.count - 8) more"))
    #expect(reason.split(separator: " ").count == 1 + 8 + 3)
  }
}

@Suite(.tags(.small))
struct CatalogTests {
  @Test(arguments: Catalog.targets)
  func `every name and every older name leads to its target`(target: Target) {
    for name in [target.subdirectory] + target.aliases {
      #expect(Catalog.target(named: name) == target)
    }
  }

  @Test func `the names of pilot repositories lead to the targets of today`() {
    #expect(Catalog.target(named: "aarch64/graviton2")?.subdirectory == "aarch64/neoverse_n1")
    #expect(Catalog.target(named: "aarch64/graviton3")?.subdirectory == "aarch64/neoverse_v1")
    #expect(Catalog.target(named: "x86_64/amd/zen9") == nil)
    #expect(Catalog.target(named: "") == nil)
  }

  @Test func `no two targets share a name`() {
    let names = Catalog.targets.flatMap { [$0.subdirectory] + $0.aliases }
    #expect(Set(names).count == names.count)
  }

  @Test(arguments: Architecture.allCases)
  func `every architecture has one generic target that asks for nothing`(
    architecture: Architecture
  ) {
    let generic = Catalog.targets(of: architecture).filter(\.isGeneric)
    #expect(generic.map(\.subdirectory) == ["\(architecture.rawValue)/generic"])
    #expect(generic.first?.features == [])
  }

  @Test func `every target that EESSI's table holds is here`() {
    let table = [
      "x86_64/intel/haswell", "x86_64/intel/skylake_avx512", "x86_64/intel/cascadelake",
      "x86_64/intel/icelake", "x86_64/intel/sapphirerapids", "x86_64/amd/zen2", "x86_64/amd/zen3",
      "x86_64/amd/zen4", "x86_64/amd/zen5", "aarch64/a64fx", "aarch64/neoverse_n1",
      "aarch64/neoverse_v1", "aarch64/nvidia/grace", "aarch64/google/axion", "ppc64le/power9le",
      "riscv64/sifive/p550", "riscv64/spacemit/x60", "riscv64/spacemit/x60-k6.6",
    ]
    for name in table { #expect(Catalog.target(named: name) != nil, "\(name)") }
  }

  /// The words that EESSI's own script looks for are the least that a target must ask.
  @Test(arguments: [
    ("x86_64/intel/haswell", "avx2 fma"),
    ("x86_64/intel/skylake_avx512", "avx2 fma avx512f avx512bw avx512cd avx512dq avx512vl"),
    (
      "x86_64/intel/cascadelake", "avx2 fma avx512f avx512bw avx512cd avx512dq avx512vl avx512_vnni"
    ),
    ("x86_64/intel/icelake", "avx512_vnni avx512_vbmi2"),
    ("x86_64/intel/sapphirerapids", "avx512_bf16 amx_tile"), ("x86_64/amd/zen2", "avx2 fma"),
    ("x86_64/amd/zen3", "avx2 fma vaes"),
    ("x86_64/amd/zen4", "avx2 fma vaes avx512f avx512ifma"),
    ("x86_64/amd/zen5", "avx512_vp2intersect avx_vnni movdiri"), ("aarch64/a64fx", "asimdhp sve"),
    ("aarch64/neoverse_n1", "asimddp"), ("aarch64/neoverse_v1", "asimddp svei8mm"),
    ("aarch64/nvidia/grace", "sve2 sm3 sm4 svesm4"),
  ])
  func `a target asks for all that EESSI's script asks for`(name: String, words: String) throws {
    let target = try #require(Catalog.target(named: name))
    #expect(Set(words.split(separator: " ").map(String.init)).subtracting(target.features) == [])
  }

  @Test func `no target asks for what the exemptions take out`() {
    for target in Catalog.targets where target.subdirectory != "aarch64/google/axion" {
      #expect(target.features.intersection(Exemption.table.keys) == [], "\(target)")
    }
    // Axion is told from Grace by nothing else.
    let axion = Catalog.target(named: "aarch64/google/axion")!.features
    #expect(axion.intersection(Exemption.table.keys) == ["rng"])
  }

  @Test func `a newer target of a line has all that the older has`() {
    let lines = [
      [
        "intel/haswell", "intel/skylake_avx512", "intel/cascadelake", "intel/icelake",
        "intel/sapphirerapids", "intel/graniterapids",
      ],
      ["amd/zen2", "amd/zen3", "amd/zen4", "amd/zen5"],
    ]
    for line in lines {
      let features = line.map { Catalog.target(named: "x86_64/\($0)")!.features }
      for (older, newer) in zip(features, features.dropFirst()) {
        #expect(older.isStrictSubset(of: newer))
      }
    }
  }
}

@Suite(.tags(.small))
struct RISCVExtensionTests {
  @Test(arguments: [
    ("rv64imafdc", ["i", "m", "a", "f", "d", "c"]), ("rv64imac_zba", ["i", "m", "a", "c", "zba"]),
    ("RV64GC_ZBB", ["g", "c", "zbb"]), ("rv64i__zba_", ["i", "zba"]), ("rv64", []), ("", []),
    ("x86", []), ("_zba", []),
  ])
  func `an isa string is read letter by letter and word by word`(isa: String, names: [String]) {
    #expect(riscvExtensions(isa: isa) == Set(names))
  }
}
