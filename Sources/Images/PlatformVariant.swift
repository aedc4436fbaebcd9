/// A variant of an architecture, and what a processor must have for it beside what those before it
/// in the table ask for.
struct PlatformVariant: Sendable {
  let name: String
  var aliases: Set<String> = []
  /// In the kernel's words, as in `Processor.features`.
  var features: Set<String> = []
  /// The x86-64 level.
  var level = 1

  func isNamed(_ text: String) -> Bool { text == name || aliases.contains(text) }

  /// Whether a variant has what one before it in the table has.
  ///
  /// Armv9.m is Armv8.(m+5) with SVE2, so that an Armv8 has what no Armv9 asks for, never the other
  /// way round. Source: Arm Architecture Reference Manual (DDI 0487), A2.1.
  func includes(_ other: PlatformVariant) -> Bool {
    name.hasPrefix("v9.") || !other.name.hasPrefix("v9.")
  }

  /// By architecture, lowest first.
  ///
  /// Source of the names: image-spec, image-index.md, "Platform Variants" (GOAMD64, GOARM64,
  /// GOPPC64, GORISCV64 of Go). Of the features: for arm64 those that the manual makes mandatory and
  /// that the kernel shows to programs (Documentation/arch/arm64/elf_hwcaps.rst); for riscv64 the
  /// profiles RVA22U64 and RVA23U64 of the RISC-V profiles specification, as far as the kernel
  /// names the extensions. Distributions ask every arm64, ppc64le and riscv64 for the first.
  static let table: [String: [PlatformVariant]] = [
    "amd64": (1...4).map { PlatformVariant(name: "v\($0)", level: $0) },
    "arm64": [
      PlatformVariant(name: "v8", aliases: ["v8.0", "8"]),
      PlatformVariant(name: "v8.1", features: ["asimdrdm", "atomics", "crc32"]),
      PlatformVariant(name: "v8.2", features: ["dcpop"]),
      PlatformVariant(name: "v8.3", features: ["fcma", "jscvt", "lrcpc", "paca", "pacg"]),
      PlatformVariant(name: "v8.4", features: ["asimddp", "dit", "flagm", "ilrcpc", "uscat"]),
      PlatformVariant(name: "v8.5", features: ["dcpodp", "flagm2", "frint", "sb"]),
      PlatformVariant(name: "v9.0", aliases: ["v9"], features: ["sve2"]),
      PlatformVariant(name: "v8.6", features: ["bf16", "i8mm"]),
      PlatformVariant(name: "v9.1"),
      PlatformVariant(name: "v8.7", features: ["afp", "wfxt"]),
      PlatformVariant(name: "v9.2"),
      PlatformVariant(name: "v8.8", features: ["hbc", "mops"]),
      PlatformVariant(name: "v9.3"),
      PlatformVariant(name: "v8.9", features: ["cssc"]),
      PlatformVariant(name: "v9.4"),
    ],
    "ppc64le": [
      PlatformVariant(name: "power8"),
      PlatformVariant(name: "power9", features: ["power9"]),
      PlatformVariant(name: "power10", features: ["power10"]),
    ],
    "riscv64": [
      PlatformVariant(name: "rva20u64"),
      PlatformVariant(
        name: "rva22u64",
        features: ["zba", "zbb", "zbs", "zfhmin", "zicbom", "zicboz", "zihintpause", "zkt"]),
      PlatformVariant(
        name: "rva23u64",
        features: [
          "v", "zawrs", "zcb", "zcmop", "zfa", "zicond", "zihintntl", "zimop", "zvbb", "zvfhmin",
          "zvkt",
        ]),
    ],
  ]
}
