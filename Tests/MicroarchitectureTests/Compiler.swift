import Foundation
import Microarchitecture
import TestSupport

/// A compiler of this machine that is asked what it would use.
enum Compiler: String, CaseIterable, Sendable {
  case gcc, clang

  /// Whether this machine can compile a program and take it apart.
  static let canDisassemble =
    Tool.isInstalled("objdump") && allCases.contains { $0.path != nil }

  /// The program's path; clang is the one beside `swift`, or else one of the system.
  var path: String? {
    if self == .gcc { return Tool.path(of: "gcc") }
    let swift = Tool.path(of: "swift").map { URL(filePath: $0).resolvingSymlinksInPath() }
    let beside = swift?.deletingLastPathComponent().appending(path: "clang").path
    return beside.flatMap(Tool.path(of:)) ?? Tool.path(of: "clang")
  }

  /// Whether it compiles for a target.
  func knows(_ target: Target) -> Bool {
    guard let path else { return false }
    let arguments = [
      path, "-march=\(target.compilerTarget)", "-x", "c", "-fsyntax-only", "/dev/null",
    ]
    return (try? run(arguments))?.status == 0
  }

  /// The options or macros of instruction sets that it has for a target.
  func words(for target: Target) throws -> Set<String> {
    let march = "-march=\(target.compilerTarget)"
    switch self {
    case .gcc:
      let result = try run([path ?? "", march, "-Q", "--help=target"])
      let enabled = result.stdout.split(separator: "\n").compactMap { line -> String? in
        let words = line.split(whereSeparator: \.isWhitespace)
        return words.count == 2 && words[1] == "[enabled]" ? String(words[0]) : nil
      }
      return Set(enabled)
    case .clang:
      return try macros(march).subtracting(try macros("-march=x86-64"))
    }
  }

  /// The macros that it defines, without their values.
  func macros(_ options: String...) throws -> Set<String> {
    let result = try run([path ?? ""] + options + ["-dM", "-E", "-x", "c", "/dev/null"])
    return Set(
      result.stdout.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        return words.count >= 2 ? String(words[1]) : nil
      })
  }

  /// The kernel's names of what a word stands for: none for a word that is no instruction set, nil
  /// for a word that this table does not know.
  func features(of word: String) -> [String]? {
    switch self {
    case .gcc:
      if InstructionSets.noOptions.contains(word) { return [] }
      guard word.hasPrefix("-m") else { return nil }
      return InstructionSets.byCompilerName[String(word.dropFirst(2))].map { [$0] }
    case .clang:
      if InstructionSets.noMacros.contains(word) { return [] }
      if word == "__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16" { return ["cx16"] }
      if ["__tune_", "__znver", "__corei7"].contains(where: word.hasPrefix) { return [] }
      guard word.hasPrefix("__"), word.hasSuffix("__") else { return nil }
      let name = word.dropFirst(2).dropLast(2).lowercased()
      return InstructionSets.byMacro[name].map { [$0] }
    }
  }
}

/// The names of x86's instruction sets: GCC's options, Clang's macros and the kernel's flags.
///
/// Sources: gcc(1), "x86 Options"; clang/lib/Basic/Targets/X86.cpp; the kernel's cpufeatures.h.
enum InstructionSets {
  /// What every x86_64 processor has (System V ABI, table 3.1: x86-64 baseline).
  static let baseline: Set = ["fpu", "cmov", "cx8", "fxsr", "mmx", "sse", "sse2", "clflush"]

  /// Names that the compilers and the kernel share.
  private static let shared = [
    "adx", "aes", "avx", "avx2", "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512ifma",
    "avx512vbmi", "avx512vl", "bmi2", "cldemote", "clflushopt", "clwb", "clzero", "cx16", "enqcmd",
    "f16c", "fma", "fsgsbase", "fxsr", "gfni", "hle", "mmx", "movbe", "movdir64b", "movdiri",
    "mwaitx", "pconfig", "pku", "popcnt", "prefetchi", "ptwrite", "rdpid", "rdseed", "serialize",
    "sgx", "sse", "sse2", "sse4a", "ssse3", "tsxldtrk", "uintr", "usermsr", "vaes", "vpclmulqdq",
    "waitpkg", "wbnoinvd", "xsave", "xsavec", "xsaveopt", "xsaves",
  ]

  private static let common: [String: String] = {
    var names = Dictionary(uniqueKeysWithValues: shared.map { ($0, $0) })
    names.merge(
      [
        "avx512bf16": "avx512_bf16", "avx512bitalg": "avx512_bitalg",
        "avx512fp16": "avx512_fp16", "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni",
        "avx512vp2intersect": "avx512_vp2intersect", "avx512vpopcntdq": "avx512_vpopcntdq",
        "avxvnni": "avx_vnni", "bmi": "bmi1", "lzcnt": "abm", "pclmul": "pclmulqdq",
        "prfchw": "3dnowprefetch", "rdrnd": "rdrand", "sha": "sha_ni", "sse3": "pni",
        // CRC32 came with SSE4.2 and is no word of its own in the kernel.
        "crc32": "sse4_2",
      ], uniquingKeysWith: { $1 })
    return names
  }()

  /// What follows `-m` in GCC's options.
  static let byCompilerName = common.merging(
    [
      "abm": "abm", "amx-bf16": "amx_bf16", "amx-fp16": "amx_fp16", "amx-int8": "amx_int8",
      "amx-tile": "amx_tile", "mwait": "monitor", "sahf": "lahf_lm", "sse4": "sse4_2",
      "sse4.1": "sse4_1", "sse4.2": "sse4_2",
    ], uniquingKeysWith: { $1 })

  /// What stands between the underscores of Clang's macros, in lower case.
  static let byMacro = common.merging(
    [
      "amx_bf16": "amx_bf16", "amx_fp16": "amx_fp16", "amx_int8": "amx_int8",
      "amx_tile": "amx_tile", "lahf_sahf": "lahf_lm", "sse4_1": "sse4_1", "sse4_2": "sse4_2",
      // Only Clang defines these three; see `clangOnly`.
      "invpcid": "invpcid", "rdpru": "rdpru", "shstk": "shstk",
    ], uniquingKeysWith: { $1 })

  /// What Clang has for a target and GCC, which builds EESSI, has not.
  static let clangOnly: [String: String] = [
    "invpcid": "faults outside ring 0",
    "rdpru": "no compiler emits it by itself",
    "shstk": "only with -fcf-protection and in a process that enabled it; else no-operations",
  ]

  /// GCC's options that choose conventions and not instructions.
  static let noOptions: Set = [
    "-m128bit-long-double", "-m64", "-m80387", "-malign-stringops", "-mdirect-extern-access",
    "-mfancy-math-387", "-mfp-ret-in-387", "-mglibc", "-mhard-float", "-mieee-fp",
    "-mlong-double-80", "-mno-sse4", "-mpush-args", "-mred-zone", "-mstv",
    "-mtls-direct-seg-refs", "-mvzeroupper", "-mevex512", "-mno-direct-extern-access", "-mgather",
    "-mscatter",
  ]

  /// Clang's macros that tell of something else than an instruction set.
  static let noMacros: Set = ["__EVEX256__", "__EVEX512__"]

  /// Features of a target that the installed compilers do not have for it, and why they are asked.
  static let addedByHand: [String: [String: String]] = [
    "x86_64/intel/haswell": ["aes": "GCC up to 9 had it for haswell"]
  ]
}
