extension Processor {
  /// The level of the x86-64 psABI that the processor implements, 1 to 4; nil on others.
  ///
  /// Source: x86-64 psABI, table 3.1 "Micro-Architecture Levels", in the kernel's names: pni is
  /// SSE3, abm LZCNT, xsave stands for OSXSAVE.
  package var x86Level: Int? {
    guard architecture == .x86_64 else { return nil }
    let levels: [Set<String>] = [
      ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"],
      ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"],
      ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
    ]
    return 1 + levels.prefix { $0.isSubset(of: features) }.count
  }
}
