/// Why a feature that GCC enables for a target is not asked of a node.
///
/// Virtual machines and kernels hide some features that no ordinary program executes; asking for
/// them would refuse nodes that run every build of the tree.
package enum Exemption: String, Sendable {
  /// The instruction faults outside ring 0 on every processor, so no program contains it.
  case privileged
  /// It works only after the operating system granted it, so a program must ask first.
  case granted
  /// Processors without it run its encoding as a no-operation.
  case hint
  /// No compiler emits it by itself: only source written for it does, and asks first.
  case explicit

  /// Features by the kernel's name, or by GCC's where the kernel has none.
  ///
  /// Sources: Intel SDM vol. 2, AMD APM vol. 3, Arm ARM (DDI 0487), GCC's
  /// gcc/config/i386/i386-options.cc.
  package static let table: [String: Exemption] = [
    "monitor": .privileged, "pconfig": .privileged, "wbnoinvd": .privileged,
    "xsaves": .privileged,
    "enqcmd": .granted, "fsgsbase": .granted, "pku": .granted, "sgx": .granted,
    "uintr": .granted, "usermsr": .granted,
    "3dnowprefetch": .hint, "cldemote": .hint, "hle": .hint, "prefetchi": .hint,
    "clzero": .explicit, "mwaitx": .explicit, "ptwrite": .explicit, "tsxldtrk": .explicit,
    "waitpkg": .explicit,
    // Arm: pointer authentication is emitted only with -mbranch-protection, rndr and memory
    // tagging only from intrinsics, dit only from system code, ssbs only from kernels, which hide
    // it on Neoverse V1 and V2 with erratum 3194386.
    "paca": .explicit, "pacg": .explicit, "dit": .explicit, "rng": .explicit, "mte": .explicit,
    "ssbs": .explicit,
    "dcpop": .explicit, "dcpodp": .explicit,
  ]

  /// GCC before 12.3 enabled this for sapphirerapids although no such processor has it.
  package static let compilerMistakes: [String: Set<String>] = [
    "x86_64/intel/sapphirerapids": ["avx512_vp2intersect"]
  ]
}
