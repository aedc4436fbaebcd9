import Microarchitecture
import TestSupport
import Testing

/// The proof of safety, second half: a program compiled for a target is taken apart, instruction by
/// instruction.
@Suite(.tags(.large), .enabled(if: Compiler.canDisassemble, "needs objdump and a compiler"))
struct DisassemblyTests {
  /// What a program of the target uses at least: without it the tests would show nothing.
  static let typical = [
    "x86_64/generic": "",
    "x86_64/intel/haswell": "abm avx avx2 bmi1 bmi2 f16c fma movbe popcnt cx16",
    "x86_64/intel/skylake_avx512": "avx512f avx512vl avx512bw avx512dq avx512cd",
    "x86_64/intel/cascadelake": "avx512_vnni",
    "x86_64/intel/icelake": "avx512_vpopcntdq avx512_vnni",
    "x86_64/intel/sapphirerapids": "avx512_fp16", "x86_64/intel/graniterapids": "avx512_fp16",
    "x86_64/amd/zen2": "avx2 fma bmi2 abm", "x86_64/amd/zen3": "avx2 fma bmi2",
    "x86_64/amd/zen4": "avx512f avx512vl avx512_vpopcntdq", "x86_64/amd/zen5": "avx512f avx_vnni",
  ]

  /// The instructions of the sample program, compiled for a target by the first compiler that knows
  /// it; addresses are left out, so that equal ones fall together.
  static func instructions(
    of target: Target, _ options: [String] = []
  ) throws -> Set<Instruction> {
    let compiler = try #require(
      Compiler.allCases.first { $0.knows(target) }, "no compiler knows \(target)")
    return try TemporaryDirectory.with { directory in
      let source = try directory.write("sample.c", SampleProgram.source)
      let compilation = try run(
        [compiler.path ?? "", "-march=\(target.compilerTarget)", "-O3", "-ffast-math", "-w"]
          + options
          + ["-c", source, "-o", directory("sample.o")])
      try #require(compilation.status == 0, "\(compilation.stderr)")
      let listing = try run([
        "sh", "-c",
        """
        objdump -d -M intel --no-show-raw-insn -w "$1" | sed -n '
          s/^ *[0-9a-f]*:[[:space:]]*//
          t instruction
          d
          :instruction
          s/[#<].*//
          s/\\[[^]]*\\]/[memory]/g
          s/0x[0-9a-f]*/number/g
          s/^\\(j[a-z]*\\|call\\) .*/\\1/
          p' | sort -u
        """, "sh", directory("sample.o"),
      ])
      try #require(listing.status == 0, "\(listing.stderr)")
      return Set(listing.stdout.split(separator: "\n").map { Instruction($0) })
    }
  }

  /// The features that instructions use, with one instruction of each as the witness.
  static func features(of instructions: Set<Instruction>) throws -> [String: Instruction] {
    var used: [String: Instruction] = [:]
    for instruction in instructions {
      let features = try #require(
        instruction.features, "\(instruction): no table says what this instruction needs")
      for feature in features { used[feature] = instruction }
    }
    return used
  }

  @Test(arguments: Catalog.targets(of: .x86_64))
  func `a program uses no instruction that the target does not ask of a node`(
    target: Target
  ) throws {
    let allowed = CompilerTests.allowed(target)
    // By itself a compiler keeps off the registers of 512 bits.
    let isWide = target.features.contains("avx512f")
    let variants = isWide ? [[], ["-mprefer-vector-width=512"]] : [[]]
    var all: Set<String> = []
    for options in variants {
      let instructions = try Self.instructions(of: target, options)
      #expect(instructions.count > 500)
      let used = try Self.features(of: instructions)
      for (feature, witness) in used where !allowed.contains(feature) {
        Issue.record("\(witness) needs \(feature), which \(target) does not ask of a node")
      }
      all.formUnion(used.keys)
    }
    let typical = try #require(Self.typical[target.subdirectory])
    #expect(Set(typical.split(separator: " ").map { String($0) }).subtracting(all) == [])
  }

  /// The control: a program for haswell is no program for generic.
  @Test func `a program for haswell is found to need more than generic asks`() throws {
    let haswell = try #require(Catalog.target(named: "x86_64/intel/haswell"))
    let generic = try #require(Catalog.target(named: "x86_64/generic"))
    let used = try Self.features(of: try Self.instructions(of: haswell)).keys
    let more = Set(used).subtracting(CompilerTests.allowed(generic))
    #expect(more.isSuperset(of: ["avx", "avx2", "bmi2", "fma"]))
  }
}

/// The tables of instructions, on lines of objdump.
@Suite(.tags(.small))
struct InstructionTests {
  @Test(arguments: [
    ("add rax,rbx", ""), ("addps xmm0,xmm1", ""), ("cmovne eax,edx", ""), ("jmp 1a <f+0x1a>", ""),
    ("lock cmpxchg16b XMMWORD PTR [rdi]", "cx16"), ("pshufb xmm0,xmm1", "ssse3"),
    ("vaddps xmm0,xmm1,xmm2", "avx"), ("vpaddd xmm0,xmm1,xmm2", "avx"),
    ("vpaddd ymm0,ymm1,ymm2", "avx2"), ("vaddps ymm0,ymm1,ymm2", "avx"),
    ("vaddps ymm0,ymm1,ymm20", "avx512f avx512vl"), ("vaddps zmm0,zmm1,zmm2", "avx512f"),
    ("vaddsd xmm16,xmm1,xmm2", "avx512f"), ("vpaddb zmm0,zmm1,zmm2", "avx512bw avx512f"),
    ("vpaddb ymm16,ymm1,ymm2", "avx512bw avx512f avx512vl"),
    ("vandps zmm0,zmm1,zmm2", "avx512dq avx512f"), ("vfmadd231ps ymm0,ymm1,ymm2", "fma"),
    ("vfmadd231ps ymm0{k1},ymm1,ymm2", "avx512f avx512vl"),
    ("vpcmpltub k1,ymm0,ymm1", "avx512bw avx512vl"), ("kmovw k1,eax", "avx512f"),
    ("kmovb k1,eax", "avx512dq"), ("kmovd k1,eax", "avx512bw"), ("mulx rax,rbx,rcx", "bmi2"),
    ("vpopcntq zmm0,zmm1", "avx512_vpopcntdq avx512f"), ("vcvtph2ps ymm0,xmm1", "f16c"),
    ("{vex} vpdpbusd ymm0,ymm1,ymm2", "avx_vnni"),
    ("vpdpbusd zmm0,zmm1,zmm2", "avx512_vnni avx512f"),
    ("vaddph zmm0,zmm1,zmm2", "avx512_fp16"), ("vbroadcastss ymm0,DWORD PTR [rdi]", "avx"),
    ("vbroadcastss ymm0,xmm0", "avx2"), ("tzcnt eax,edi", ""), ("lzcnt eax,edi", "abm"),
    ("vpternlogd xmm0,xmm1,xmm2,0xca", "avx512f avx512vl"),
    ("vpaddd ymm0,ymm1,DWORD BCST [rax]", "avx512f avx512vl"),
    ("vcvtusi2sd xmm0,xmm0,rax", "avx512f"), ("vpabsq xmm0,xmm1", "avx512f avx512vl"),
  ])
  func `an instruction needs what the manual says`(line: String, features: String) {
    #expect(Instruction(line).features == Set(features.split(separator: " ").map(String.init)))
  }

  @Test(arguments: [
    "frobnicate eax", "vfrobnicate ymm0,ymm1", "kfrob k1", "setfrob al", "jfrob 12",
  ])
  func `an unknown instruction is not taken for a harmless one`(line: String) {
    #expect(Instruction(line).features == nil)
  }
}
