import Microarchitecture
import TestSupport
import Testing

/// The proof of safety, first half: the compilers themselves say what a target's builds may use.
@Suite(.tags(.large))
struct CompilerTests {
  static let x86 = Catalog.targets(of: .x86_64)
  static let compilers = Compiler.allCases.filter { $0.path != nil }

  /// What is allowed in a target's builds although no node is asked for it.
  static func allowed(_ target: Target) -> Set<String> {
    target.features.union(InstructionSets.baseline).union(Exemption.table.keys)
      .union(Exemption.compilerMistakes[target.subdirectory] ?? [])
  }

  @Test(.enabled(if: !compilers.isEmpty, "neither gcc nor clang is installed"))
  func `every x86 target is known to an installed compiler`() {
    for target in Self.x86 where !Self.compilers.contains(where: { $0.knows(target) }) {
      Issue.record("no installed compiler knows -march=\(target.compilerTarget)")
    }
  }

  @Test(
    .enabled(if: !compilers.isEmpty, "neither gcc nor clang is installed"), arguments: compilers,
    x86)
  func `a compiler uses nothing that the target does not ask of a node`(
    compiler: Compiler, target: Target
  ) throws {
    guard compiler.knows(target) else { return }
    var allowed = Self.allowed(target)
    if compiler == .clang { allowed.formUnion(InstructionSets.clangOnly.keys) }
    for word in try compiler.words(for: target).sorted() {
      let features = try #require(
        compiler.features(of: word), "\(compiler) has \(word), which the table does not know")
      #expect(allowed.isSuperset(of: features), "\(word) of \(compiler) for \(target)")
    }
  }

  @Test(
    .enabled(if: compilers.count == 2, "needs gcc and clang"), arguments: x86)
  func `a target asks for nothing that no compiler uses`(target: Target) throws {
    var used: Set<String> = []
    for compiler in Self.compilers where compiler.knows(target) {
      for word in try compiler.words(for: target) {
        used.formUnion(compiler.features(of: word) ?? [])
      }
    }
    let byHand = InstructionSets.addedByHand[target.subdirectory] ?? [:]
    let more = target.features.subtracting(used).subtracting(byHand.keys)
    let mistakes = Exemption.compilerMistakes.values.reduce(into: Set()) { $0.formUnion($1) }
    #expect(more.subtracting(mistakes) == [], "asked of nodes for nothing")
    // A later target of the line inherits what was added by hand.
    #expect(Set(byHand.keys).isSubset(of: target.features))
  }

  /// So that the test above can fail: one target's words are too many for the one before it.
  @Test(.enabled(if: Compiler.gcc.path != nil, "gcc is not installed"))
  func `haswell uses what generic does not ask`() throws {
    let haswell = try #require(Catalog.target(named: "x86_64/intel/haswell"))
    let generic = try #require(Catalog.target(named: "x86_64/generic"))
    let used = try Compiler.gcc.words(for: haswell).flatMap { Compiler.gcc.features(of: $0) ?? [] }
    #expect(Set(used).subtracting(Self.allowed(generic)).isSuperset(of: ["avx2", "fma", "bmi2"]))
  }

  @Test func `a mistake of the compiler is written down for targets only`() {
    for name in Exemption.compilerMistakes.keys { #expect(Catalog.target(named: name) != nil) }
  }
}

/// The same for Arm, where the compilers' macros have other names.
@Suite(.tags(.large))
struct ArmCompilerTests {
  /// Macros of the Arm C Language Extensions and the kernel's flags; none for a convention.
  static let features: [String: [String]] = [
    "AES": ["aes", "pmull"], "ATOMICS": ["atomics"], "BF16": ["bf16"],
    "BF16_SCALAR_ARITHMETIC": ["bf16"], "BF16_VECTOR_ARITHMETIC": ["bf16"], "COMPLEX": ["fcma"],
    "CRC32": ["crc32"], "CRYPTO": ["aes", "sha1", "sha2"], "DOTPROD": ["asimddp"],
    "FP16_FML": ["asimdfhm"], "FP16_SCALAR_ARITHMETIC": ["fphp"],
    "FP16_VECTOR_ARITHMETIC": ["asimdhp"], "FRINT": ["frint"], "JCVT": ["jscvt"],
    "MATMUL_INT8": ["i8mm"], "MEMORY_TAGGING": ["mte"], "PAUTH": ["paca"], "QRDMX": ["asimdrdm"],
    "RCPC": ["lrcpc"], "RNG": ["rng"], "SHA2": ["sha1", "sha2"], "SHA3": ["sha3"],
    "SHA512": ["sha512"], "SM3": ["sm3"], "SM4": ["sm4"], "SVE": ["sve"], "SVE2": ["sve2"],
    "SVE2_BITPERM": ["svebitperm"], "SVE2_AES": ["sveaes"], "SVE2_SHA3": ["svesha3"],
    "SVE2_SM4": ["svesm4"], "SVE_BF16": ["svebf16"], "SVE_MATMUL_INT8": ["svei8mm"],
    "SYSREG128": [], "BTI": [], "CLZ": [], "DIRECTED_ROUNDING": [], "DIV": [], "FMA": [],
    "IDIV": [], "LDREX": [], "NUMERIC_MAXMIN": [], "SVE_BITS": [], "SVE_VECTOR_OPERATORS": [],
    "UNALIGNED": [], "SVE_PREDICATE_OPERATORS": [], "BTI_DEFAULT": [], "PAC_DEFAULT": [],
    "QBIT": [], "SAT": [], "SIMD32": [], "DSP": [],
  ]

  /// Clang gives a64fx the AES instructions, which no such processor has; GCC, which builds EESSI,
  /// does not.
  static let clangMistakes = [
    "aarch64/a64fx": ["aes", "pmull"], "aarch64/neoverse_v1": ["sm3", "sm4"],
  ]

  /// What both kinds of compiler are called with, and whether they are here.
  static let compilers: [[String]] = {
    let gcc = Tool.path(of: "aarch64-linux-gnu-gcc").map { [$0] }
    let clang = Compiler.clang.path.map { [$0, "--target=aarch64-linux-gnu"] }
    return [gcc, clang].compactMap { $0 }
  }()

  /// The words for a target, without the prefix; nil when the compiler does not know it.
  static func words(_ compiler: [String], _ target: Target) throws -> Set<String>? {
    let result = try run(
      compiler + ["-mcpu=\(target.compilerTarget)", "-dM", "-E", "-x", "c", "/dev/null"])
    guard result.status == 0 else { return nil }
    let prefix = "#define __ARM_FEATURE_"
    return Set(
      result.stdout.split(separator: "\n").filter { $0.hasPrefix(prefix) }.map {
        String($0.dropFirst(prefix.count).prefix { $0 != " " })
      })
  }

  @Test(
    .enabled(if: !compilers.isEmpty, "no compiler for aarch64 is installed"), arguments: compilers,
    Catalog.targets(of: .aarch64).filter { !$0.isGeneric })
  func `a compiler uses nothing that the target does not ask of a node`(
    compiler: [String], target: Target
  ) throws {
    guard let words = try Self.words(compiler, target) else { return }
    var allowed = target.features.union(Exemption.table.keys).union(["fp", "asimd"])
    if compiler.count > 1 { allowed.formUnion(Self.clangMistakes[target.subdirectory] ?? []) }
    for word in words.sorted() {
      let features = try #require(Self.features[word], "__ARM_FEATURE_\(word) is not in the table")
      #expect(allowed.isSuperset(of: features), "__ARM_FEATURE_\(word) for \(target)")
    }
  }

  @Test(.enabled(if: !compilers.isEmpty, "no compiler for aarch64 is installed"))
  func `every Arm target is known to an installed compiler`() throws {
    for target in Catalog.targets(of: .aarch64) {
      let known = try Self.compilers.contains { try Self.words($0, target) != nil }
      #expect(known, "-mcpu=\(target.compilerTarget)")
    }
  }

  /// So that the test above can fail.
  @Test(.enabled(if: !compilers.isEmpty, "no compiler for aarch64 is installed"))
  func `neoverse_v1 uses what neoverse_n1 does not ask`() throws {
    let v1 = try #require(Catalog.target(named: "aarch64/neoverse_v1"))
    let n1 = try #require(Catalog.target(named: "aarch64/neoverse_n1"))
    let words = try #require(try Self.words(Self.compilers[0], v1))
    let used = Set(words.flatMap { Self.features[$0] ?? [] })
    #expect(used.subtracting(n1.features).isSuperset(of: ["sve", "i8mm", "bf16"]))
  }
}
