import Images
import Microarchitecture
import TestSupport
import Testing

@Suite(.tags(.small))
struct PlatformTests {
  private static let haswell: Set = [
    "cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3", "avx", "avx2", "bmi1", "bmi2",
    "f16c", "fma", "abm", "movbe", "xsave",
  ]
  private static let armv81: Set = ["asimdrdm", "atomics", "crc32"]
  private static let armv84: Set = armv81.union([
    "dcpop", "fcma", "jscvt", "lrcpc", "paca", "pacg", "asimddp", "dit", "flagm", "ilrcpc", "uscat",
  ])
  private static let armv85: Set = armv84.union(["dcpodp", "flagm2", "frint", "sb"])

  @Test(
    arguments: [
      (Architecture.x86_64, [], "linux/amd64/v1"),
      (.x86_64, haswell, "linux/amd64/v3"),
      (
        .x86_64, haswell.union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]),
        "linux/amd64/v4"
      ),
      (.aarch64, [], "linux/arm64/v8"),
      (.aarch64, armv81, "linux/arm64/v8.1"),
      (.aarch64, armv84, "linux/arm64/v8.4"),
      (.aarch64, armv84.union(["sve2"]), "linux/arm64/v8.4"),
      (.aarch64, armv85.union(["sve2"]), "linux/arm64/v9.0"),
      (.aarch64, armv85.union(["bf16", "i8mm"]), "linux/arm64/v8.6"),
      (.aarch64, armv85.union(["bf16", "i8mm", "sve2"]), "linux/arm64/v9.1"),
      (.ppc64le, ["power8"], "linux/ppc64le/power8"),
      (.ppc64le, ["power8", "power9"], "linux/ppc64le/power9"),
      (.ppc64le, ["power8", "power9", "power10"], "linux/ppc64le/power10"),
      (.riscv64, ["i", "m", "a", "f", "d", "c"], "linux/riscv64/rva20u64"),
      (
        .riscv64, ["zba", "zbb", "zbs", "zfhmin", "zicbom", "zicboz", "zihintpause", "zkt"],
        "linux/riscv64/rva22u64"
      ),
    ] as [(Architecture, Set<String>, String)])
  func `a processor has the highest variant whose features it has`(
    architecture: Architecture, features: Set<String>, platform: String
  ) {
    #expect(
      Platform(Processor(architecture: architecture, features: features)).description == platform)
  }

  /// The index's entries, the machine and which entry it takes.
  @Test(
    arguments: [
      (["linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/amd64/v4"], "linux/amd64/v3", 2),
      (["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v3", 1),
      (["linux/amd64/v4", "linux/amd64"], "linux/amd64/v3", 1),
      (["linux/amd64/v4"], "linux/amd64/v3", nil),
      (["linux/amd64/v1", "linux/amd64"], "linux/amd64/v4", 0),
      (["linux/arm64/v8", "linux/amd64"], "linux/amd64/v1", 1),
      (["linux/arm64", "linux/arm64/v8"], "linux/arm64/v8.2", 1),
      (["linux/arm64/v9.0", "linux/arm64/v8.5"], "linux/arm64/v8.6", 1),
      (["linux/arm64/v9", "linux/arm64/v8.6"], "linux/arm64/v9.1", 1),
      (["linux/arm64/v9", "linux/arm64/v8.6"], "linux/arm64/v9.0", 0),
      (["linux/ppc64le/power10", "linux/ppc64le"], "linux/ppc64le/power9", 1),
      (["linux/riscv64/rva22u64", "linux/riscv64"], "linux/riscv64/rva20u64", 1),
      (["windows/amd64", "unknown/unknown"], "linux/amd64/v3", nil),
      (["linux/amd64/v9", "linux/amd64/fast"], "linux/amd64/v4", nil),
      (["unknown/unknown", nil], "linux/amd64/v4", 1),
      ([nil, "linux/amd64"], "linux/amd64/v4", 1),
      ([], "linux/amd64/v4", nil),
    ] as [([String?], String, Int?)])
  func `the highest variant that a machine has is chosen, then what is for all`(
    entries: [String?], machine: String, choice: Int?
  ) throws {
    let machine = try #require(Platform(parsing: machine))
    #expect(machine.choice(among: entries.map { $0.flatMap { Platform(parsing: $0) } }) == choice)
  }

  @Test(arguments: ["", "linux", "linux/", "a/b/c/d", "linux/AMD64", "linux/amd64/../x"])
  func `what is no platform is none`(text: String) {
    #expect(Platform(parsing: text) == nil)
  }
}
