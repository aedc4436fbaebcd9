/// A processor model, known by its numbers.
package struct KnownModel: Equatable, Sendable {
  /// The maker's name of the microarchitecture.
  package var name: String
  /// The best target whose every feature the model was made with; nil when generic is the best.
  package var implements: String?

  /// The model with those numbers; nil when the table does not hold it.
  package static func of(_ processor: Processor) -> KnownModel? {
    switch processor.architecture {
    case .x86_64: x86(processor)
    case .aarch64: arm(processor)
    case .ppc64le, .riscv64: nil
    }
  }

  // Source: arch/x86/include/asm/intel-family.h; arch/x86/kernel/cpu/amd.c (`ZEN_FAMILIES`).
  private static func x86(_ processor: Processor) -> KnownModel? {
    guard let family = processor.family, let model = processor.model else { return nil }
    switch (processor.vendor, family) {
    case ("GenuineIntel", 6):
      return intel(model, stepping: processor.stepping ?? 0)
    case ("AuthenticAMD", 21):
      return KnownModel(name: model < 0x10 ? "Bulldozer" : "Piledriver or later")
    case ("AuthenticAMD", 23):
      return model < 0x30
        ? KnownModel(name: "Zen 1") : KnownModel(name: "Zen 2", implements: "x86_64/amd/zen2")
    case ("AuthenticAMD", 25):
      switch model {
      case 0x10...0x1f, 0x60...0xaf:
        return KnownModel(name: "Zen 4", implements: "x86_64/amd/zen4")
      default: return KnownModel(name: "Zen 3", implements: "x86_64/amd/zen3")
      }
    case ("AuthenticAMD", 26) where model < 0x50 || (0x60...0x7f).contains(model):
      return KnownModel(name: "Zen 5", implements: "x86_64/amd/zen5")
    case ("HygonGenuine", 24):
      return KnownModel(name: "Hygon Dhyana")
    default: return nil
    }
  }

  private static func intel(_ model: Int, stepping: Int) -> KnownModel? {
    let haswell = "x86_64/intel/haswell"
    switch model {
    case 26, 30, 31, 46: return KnownModel(name: "Nehalem")
    case 37, 44, 47: return KnownModel(name: "Westmere")
    case 42, 45: return KnownModel(name: "Sandy Bridge")
    case 58, 62: return KnownModel(name: "Ivy Bridge")
    // Pentiums and Celerons share the numbers of client processors and have no AVX.
    case 60, 69, 70: return KnownModel(name: "Haswell client")
    case 63: return KnownModel(name: "Haswell", implements: haswell)
    case 61, 71: return KnownModel(name: "Broadwell client")
    case 79, 86: return KnownModel(name: "Broadwell", implements: haswell)
    case 78, 94, 142, 158, 165, 166: return KnownModel(name: "Skylake client")
    case 85 where stepping >= 5:
      return KnownModel(
        name: stepping >= 10 ? "Cooper Lake" : "Cascade Lake",
        implements: "x86_64/intel/cascadelake")
    case 85: return KnownModel(name: "Skylake", implements: "x86_64/intel/skylake_avx512")
    case 87, 133: return KnownModel(name: "Knights Landing or Mill", implements: haswell)
    case 106, 108: return KnownModel(name: "Ice Lake", implements: "x86_64/intel/icelake")
    case 143, 207:
      return KnownModel(
        name: model == 143 ? "Sapphire Rapids" : "Emerald Rapids",
        implements: "x86_64/intel/sapphirerapids")
    case 173, 174:
      return KnownModel(name: "Granite Rapids", implements: "x86_64/intel/graniterapids")
    case 151, 154, 183, 186, 191:
      return KnownModel(name: "Alder or Raptor Lake", implements: haswell)
    case 170, 172, 181, 189, 197, 198:
      return KnownModel(name: "Meteor, Lunar or Arrow Lake", implements: haswell)
    case 175, 221: return KnownModel(name: "Sierra or Clearwater Forest", implements: haswell)
    default: return nil
    }
  }

  // Source: arch/arm64/include/asm/cputype.h.
  private static func arm(_ processor: Processor) -> KnownModel? {
    guard let part = processor.part else { return nil }
    let n1 = "aarch64/neoverse_n1"
    let v1 = "aarch64/neoverse_v1"
    return switch (processor.vendor, part) {
    case ("0x41", 0xd03): KnownModel(name: "Cortex-A53")
    case ("0x41", 0xd07): KnownModel(name: "Cortex-A57")
    case ("0x41", 0xd08): KnownModel(name: "Cortex-A72")
    case ("0x41", 0xd0b): KnownModel(name: "Cortex-A76", implements: n1)
    case ("0x41", 0xd0c): KnownModel(name: "Neoverse N1", implements: n1)
    case ("0x41", 0xd40): KnownModel(name: "Neoverse V1", implements: v1)
    case ("0x41", 0xd49): KnownModel(name: "Neoverse N2", implements: v1)
    case ("0x41", 0xd4f): KnownModel(name: "Neoverse V2", implements: "aarch64/nvidia/grace")
    case ("0x41", 0xd83): KnownModel(name: "Neoverse V3AE", implements: v1)
    case ("0x41", 0xd84): KnownModel(name: "Neoverse V3", implements: v1)
    case ("0x41", 0xd85): KnownModel(name: "Cortex-X925", implements: n1)
    case ("0x41", 0xd87): KnownModel(name: "Cortex-A725", implements: n1)
    case ("0x41", 0xd8e): KnownModel(name: "Neoverse N3", implements: v1)
    case ("0x43", 0x0af): KnownModel(name: "ThunderX2")
    case ("0x46", 0x001): KnownModel(name: "A64FX", implements: "aarch64/a64fx")
    case ("0x46", 0x003): KnownModel(name: "Monaka", implements: "aarch64/a64fx")
    case ("0x48", 0xd01): KnownModel(name: "Kunpeng 920")
    case ("0x4e", 0x004): KnownModel(name: "Carmel")
    case ("0x61", 0x020...0x02f): KnownModel(name: "Apple M1", implements: n1)
    case ("0x61", _): KnownModel(name: "Apple silicon", implements: n1)
    case ("0xc0", 0xac3), ("0xc0", 0xac4): KnownModel(name: "AmpereOne", implements: n1)
    default: nil
    }
  }

  init(name: String, implements: String? = nil) {
    self.name = name
    self.implements = implements
  }

  /// Every feature of the target that the model implements.
  package var features: Set<String> {
    implements.flatMap(Catalog.target(named:))?.features ?? []
  }
}

/// The mainline kernel that first printed a feature in `/proc/cpuinfo`.
///
/// Source: the history of arch/x86/include/asm/cpufeatures.h. AMX is absent on purpose: a kernel
/// that does not list it does not let a program use it.
package enum KernelListing {
  static let since: [String: KernelRelease] = [
    "avx512_bf16": KernelRelease(5, 3), "avx512_bitalg": KernelRelease(4, 15),
    "avx512_fp16": KernelRelease(5, 12), "avx512_vbmi2": KernelRelease(4, 15),
    "avx512_vnni": KernelRelease(4, 15), "avx512_vp2intersect": KernelRelease(5, 3),
    "avx512_vpopcntdq": KernelRelease(4, 11), "avx512vbmi": KernelRelease(4, 10),
    "avx_vnni": KernelRelease(5, 12), "gfni": KernelRelease(4, 15),
    "movdir64b": KernelRelease(4, 20), "movdiri": KernelRelease(4, 20),
    "rdpid": KernelRelease(4, 10), "serialize": KernelRelease(5, 8),
    "vaes": KernelRelease(4, 15), "vpclmulqdq": KernelRelease(4, 15),
  ]

  /// Features that no kernel prints, although programs can use them.
  static let never: Set = ["amx_fp16"]

  /// Whether the kernel that listed the processor's features cannot have listed this one.
  ///
  /// Where the release is not known, the word `eagerfpu`, which kernel 4.9 dropped, shows an older
  /// one (CentOS 7). A distribution's kernel may list more than its release says: then the feature
  /// is there and nobody asks.
  package static func isTooOld(for feature: String, on processor: Processor) -> Bool {
    // A hypervisor may hide what no kernel prints: then nothing proves that it is there.
    if never.contains(feature) { return !processor.isVirtual }
    guard let since = since[feature] else { return false }
    if let kernel = processor.kernel { return kernel < since }
    return processor.features.contains("eagerfpu") && since >= KernelRelease(4, 9)
  }
}
