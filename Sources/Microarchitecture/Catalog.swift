/// Every CPU target that EESSI knows, worst first within an architecture.
///
/// The features are those that GCC enables for the `-march` or `-mcpu` that a target is built
/// with (gcc/config/i386/i386.h `PTA_*`, gcc/config/aarch64/aarch64-cores.def; the union over
/// GCC 9 to 14, the compilers that built EESSI), in the kernel's spelling
/// (arch/x86/include/asm/cpufeatures.h, Documentation/arch/arm64/elf_hwcaps.rst), less those in
/// ``Exemption/table``. Tests ask the installed compilers and fail when a feature is missing here.
package enum Catalog {
  package static let targets: [Target] = x86 + arm + power + riscv

  package static func targets(of architecture: Architecture) -> [Target] {
    targets.filter { $0.architecture == architecture }
  }

  /// The target of that name, current or older.
  package static func target(named subdirectory: String) -> Target? {
    targets.first { $0.subdirectory == subdirectory || $0.aliases.contains(subdirectory) }
  }

  // MARK: x86_64

  private static let intel: Set = ["GenuineIntel"]
  private static let amd: Set = ["AuthenticAMD"]

  private static let haswell: Set = [
    "abm", "aes", "avx", "avx2", "bmi1", "bmi2", "cx16", "f16c", "fma", "lahf_lm", "movbe",
    "pclmulqdq", "pni", "popcnt", "rdrand", "sse4_1", "sse4_2", "ssse3", "xsave", "xsaveopt",
  ]
  private static let skylake = haswell.union([
    "adx", "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl", "clflushopt", "clwb",
    "rdseed", "xsavec",
  ])
  private static let cascadelake = skylake.union(["avx512_vnni"])
  private static let icelake = cascadelake.union([
    "avx512_bitalg", "avx512_vbmi2", "avx512_vpopcntdq", "avx512ifma", "avx512vbmi", "gfni",
    "rdpid", "sha_ni", "vaes", "vpclmulqdq",
  ])
  private static let sapphirerapids = icelake.union([
    "amx_bf16", "amx_int8", "amx_tile", "avx512_bf16", "avx512_fp16", "avx_vnni", "movdir64b",
    "movdiri", "serialize",
  ])
  private static let graniterapids = sapphirerapids.union(["amx_fp16"])

  private static let zen2 = haswell.union([
    "adx", "clflushopt", "clwb", "rdpid", "rdseed", "sha_ni", "sse4a", "xsavec",
  ])
  private static let zen3 = zen2.union(["vaes", "vpclmulqdq"])
  private static let zen4 = zen3.union([
    "avx512_bf16", "avx512_bitalg", "avx512_vbmi2", "avx512_vnni", "avx512_vpopcntdq",
    "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512ifma", "avx512vbmi", "avx512vl", "gfni",
  ])
  private static let zen5 = zen4.union([
    "avx512_vp2intersect", "avx_vnni", "movdir64b", "movdiri",
  ])

  private static func x86(
    _ name: String, _ vendors: Set<String>, march: String, _ features: Set<String>
  ) -> Target {
    Target(
      subdirectory: "x86_64/\(name)", aliases: [], architecture: .x86_64, vendors: vendors,
      compilerTarget: march, features: features)
  }

  private static let x86: [Target] = [
    x86("generic", [], march: "x86-64", []),
    x86("intel/haswell", intel, march: "haswell", haswell),
    x86("intel/skylake_avx512", intel, march: "skylake-avx512", skylake),
    x86("intel/cascadelake", intel, march: "cascadelake", cascadelake),
    x86("intel/icelake", intel, march: "icelake-server", icelake),
    x86("intel/sapphirerapids", intel, march: "sapphirerapids", sapphirerapids),
    x86("intel/graniterapids", intel, march: "graniterapids", graniterapids),
    x86("amd/zen2", amd, march: "znver2", zen2),
    x86("amd/zen3", amd, march: "znver3", zen3),
    x86("amd/zen4", amd, march: "znver4", zen4),
    x86("amd/zen5", amd, march: "znver5", zen5),
  ]

  // MARK: aarch64

  // Armv8.2-A with half precision, dot product and RCpc; the cryptographic extension because
  // EESSI builds with -mcpu=native on processors that have it.
  private static let neoverseN1: Set = [
    "aes", "asimd", "asimddp", "asimdhp", "asimdrdm", "atomics", "crc32", "fp", "fphp", "lrcpc",
    "pmull", "sha1", "sha2",
  ]
  private static let neoverseV1 = neoverseN1.union([
    "asimdfhm", "bf16", "fcma", "flagm", "i8mm", "ilrcpc", "jscvt", "sha3", "sha512", "sve",
    "svebf16", "svei8mm", "uscat",
  ])
  private static let neoverseV2 = neoverseV1.union([
    "flagm2", "frint", "sb", "sm3", "sm4", "sve2", "sveaes", "svebitperm", "svepmull", "svesha3",
    "svesm4",
  ])

  private static func arm(
    _ name: String, formerly aliases: [String] = [], _ vendors: Set<String> = ["0x41"],
    mcpu: String, _ features: Set<String>
  ) -> Target {
    Target(
      subdirectory: "aarch64/\(name)", aliases: aliases.map { "aarch64/\($0)" },
      architecture: .aarch64, vendors: vendors, compilerTarget: mcpu, features: features)
  }

  private static let arm: [Target] = [
    arm("generic", [], mcpu: "generic", []),
    arm(
      "a64fx", ["0x46"], mcpu: "a64fx",
      ["asimd", "asimdhp", "asimdrdm", "atomics", "crc32", "fp", "fphp", "sha1", "sha2", "sve"]),
    arm("neoverse_n1", formerly: ["graviton2"], mcpu: "neoverse-n1", neoverseN1),
    arm("neoverse_v1", formerly: ["graviton3"], mcpu: "neoverse-v1", neoverseV1),
    arm("nvidia/grace", mcpu: "neoverse-v2", neoverseV2),
    // Axion is a Neoverse V2 whose kernel shows the random-number instructions.
    arm("google/axion", mcpu: "neoverse-v2+rng", neoverseV2.union(["rng"])),
  ]

  // MARK: ppc64le

  private static let power: [Target] = [
    Target(
      subdirectory: "ppc64le/generic", aliases: [], architecture: .ppc64le, vendors: [],
      compilerTarget: "power8", features: []),
    Target(
      subdirectory: "ppc64le/power9le", aliases: ["ppc64le/power9"], architecture: .ppc64le,
      vendors: [""], compilerTarget: "power9", features: ["power9"]),
  ]

  // MARK: riscv64

  // EESSI takes these two boards by the whole isa string of their kernels (init/arch_specs);
  // the names in it are what their builds may use.
  private static func riscv(_ name: String, vendor: String, isa: String) -> Target {
    Target(
      subdirectory: "riscv64/\(name)", aliases: [], architecture: .riscv64, vendors: [vendor],
      compilerTarget: isa, features: riscvExtensions(isa: isa))
  }

  private static let riscv: [Target] = [
    Target(
      subdirectory: "riscv64/generic", aliases: [], architecture: .riscv64, vendors: [],
      compilerTarget: "rv64gc", features: []),
    riscv("sifive/p550", vendor: "0x489", isa: "rv64imafdch_zicsr_zifencei_zba_zbb_sscofpmf"),
    riscv(
      "spacemit/x60", vendor: "0x710",
      isa: "rv64imafdcv_sscofpmf_sstc_svpbmt_zicbom_zicboz_zicbop_zihintpause"),
    riscv(
      "spacemit/x60-k6.6", vendor: "0x710",
      isa: "rv64imafdcv_zicbom_zicboz_zicntr_zicond_zicsr_zifencei_zihintpause_zihpm_zfh_zfhmin"
        + "_zca_zcd_zba_zbb_zbc_zbs_zkt_zve32f_zve32x_zve64d_zve64f_zve64x_zvfh_zvfhmin_zvkt"
        + "_sscofpmf_sstc_svinval_svnapot_svpbmt"),
  ]
}

/// The extensions that a RISC-V `isa` string names: `rv64imac_zba` gives i, m, a, c and zba.
package func riscvExtensions(isa: some StringProtocol) -> Set<String> {
  let words = isa.lowercased().split(separator: "_")
  guard let base = words.first, base.hasPrefix("rv") else { return [] }
  let letters = base.dropFirst(2).drop(while: \.isNumber).map(String.init)
  return Set(letters).union(words.dropFirst().map(String.init))
}
