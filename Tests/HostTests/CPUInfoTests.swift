import Foundation
import Host
import Microarchitecture
import TestSupport
import Testing

/// The reading of `/proc/cpuinfo` and of what resembles it.
@Suite(.tags(.small))
struct CPUInfoTests {
  static func read(_ text: String, _ architecture: Architecture? = nil) -> Processor? {
    CPUInfo.processor(in: Array(text.utf8), architecture: architecture)
  }

  static let zen2 = """
    processor\t: 0
    vendor_id\t: AuthenticAMD
    cpu family\t: 23
    model\t\t: 49
    model name\t: AMD EPYC 7742 64-Core Processor
    stepping\t: 0
    flags\t\t: fpu sse2 avx2 fma

    """

  @Test func `identity and flags are read`() throws {
    let processor = try #require(Self.read(Self.zen2))
    #expect(
      processor
        == Processor(
          architecture: .x86_64, vendor: "AuthenticAMD", family: 23, model: 49, stepping: 0,
          name: "AMD EPYC 7742 64-Core Processor", features: ["fpu", "sse2", "avx2", "fma"]))
  }

  @Test func `lscpu names the same things`() throws {
    let text = """
      Architecture:        x86_64
      CPU op-mode(s):      32-bit, 64-bit
      CPU(s):              128
      Vendor ID:           AuthenticAMD
      CPU family:          23
      Model:               49
      Model name:          AMD EPYC 7742 64-Core Processor
      Stepping:            0
      CPU MHz:             2245.738
      NUMA node0 CPU(s):   0-63
      Flags:               fpu sse2 avx2 fma
      """
    #expect(Self.read(text) == Self.read(Self.zen2))
  }

  @Test(arguments: [
    ("line ends of Windows", zen2.replacing("\n", with: "\r\n")),
    ("no line end at the end", String(zen2.trimmingSuffix { $0 == "\n" })),
    ("no tabs", zen2.replacing("\t", with: "")),
    (
      "many spaces",
      zen2.replacing(" ", with: "   ").replacing(
        "AMD   EPYC   7742   64-Core   Processor", with: "AMD EPYC 7742 64-Core Processor"
      ).replacing("cpu   family", with: "cpu family").replacing("model   name", with: "model name")
    ),
    (
      "upper case", zen2.replacing("vendor_id", with: "VENDOR_ID").replacing("flags", with: "Flags")
    ),
    ("a first line of something else", "# a comment: with a colon\n\n:\n" + zen2),
    ("lines without a colon", "garbage\n\n" + zen2 + "more garbage"),
  ])
  func `the form of the lines does not matter`(what: String, text: String) {
    #expect(Self.read(text) == Self.read(Self.zen2), "\(what)")
  }

  @Test func `256 processors are one`() {
    #expect(Self.read(String(repeating: Self.zen2, count: 256)) == Self.read(Self.zen2))
  }

  @Test func `of processors that differ, only what all have counts`() throws {
    let flags = ["a b c", "a b", "b c a", "a b c"]
    let text = flags.map { "vendor_id: GenuineIntel\nflags: \($0)\n" }.joined()
    #expect(try #require(Self.read(text)).features == ["a", "b"])
    #expect(
      try #require(Self.read("vendor_id: X\nflags: a\nvendor_id: X\nflags: b\n")).features == [])
  }

  @Test func `one processor with an empty list takes all away`() throws {
    #expect(try #require(Self.read("vendor_id: X\nflags: a\nflags:\n")).features == [])
  }

  @Test func `words like flags are no flags`() throws {
    let text = "vendor_id: GenuineIntel\nvmx flags: ept vpid\nbugs: spectre_v1\nflags: sse2\n"
    #expect(try #require(Self.read(text)).features == ["sse2"])
  }

  @Test(arguments: ["", "\n", "\n\n\n", ":", "garbage", "processor : 0\n", "\0\0\0", "flags: sse2"])
  func `a text that describes no processor is none`(text: String) {
    #expect(Self.read(text) == nil)
  }

  @Test(arguments: Architecture.allCases)
  func `an empty text of a known architecture is a processor without features`(
    architecture: Architecture
  ) {
    #expect(Self.read("", architecture) == Processor(architecture: architecture))
  }

  @Test func `a kernel's release goes with the processor`() {
    let processor = CPUInfo.processor(
      in: Array(Self.zen2.utf8), kernel: KernelRelease(parsing: "3.10.0-1160.el7.x86_64"))
    #expect(processor?.kernel == KernelRelease(3, 10))
  }

  @Test func `bytes that are no UTF-8 harm their own line only`() throws {
    let name = Array("model name: ".utf8) + [0xFF, 0xC3, 0x28, 0x80] + Array("\n".utf8)
    let processor = try #require(CPUInfo.processor(in: name + Array(Self.zen2.utf8)))
    #expect(processor.features == ["fpu", "sse2", "avx2", "fma"])
    let flags = Array("flags: sse2 ".utf8) + [0xFF] + Array(" avx2\nvendor_id: X\n".utf8)
    #expect(try #require(CPUInfo.processor(in: flags)).features.isSuperset(of: ["sse2", "avx2"]))
  }

  @Test(arguments: [
    ("0x41", "0xd0c", 0xd0c), ("0x41", "3340", 3340), ("0x41", "0xzz", nil), ("0x41", "0x", nil),
    ("0x41", "", nil), ("0x41", "-1", -1), ("0x41", "0xffffffffffffffffff", nil),
  ])
  func `an Arm part number is read where it is one`(vendor: String, part: String, number: Int?) {
    let text = "CPU implementer: \(vendor)\nCPU part: \(part)\nFeatures: fp\n"
    #expect(Self.read(text)?.part == number)
    #expect(Self.read(text)?.vendor == "0x41")
    #expect(Self.read(text)?.architecture == .aarch64)
  }

  @Test(arguments: [
    ("POWER8", ["power8"]), ("POWER9 (raw), altivec supported", ["power8", "power9"]),
    ("POWER10 (architected)", ["power8", "power9", "power10"]), ("POWER7", []), ("POWER", []),
    ("POWER8NVL", ["power8"]), ("PPC970MP", []), ("POWER99999999999999999999", []), ("", []),
    ("POWER100", []), ("POWER-9", []),
  ])
  func `POWER levels include those before`(cpu: String, levels: [String]) throws {
    let processor = try #require(Self.read("cpu: \(cpu)\n", .ppc64le))
    #expect(processor.features == Set(levels))
    #expect(processor.vendor == "")
  }

  @Test func `a RISC-V list is the one of its isa line, over all harts`() throws {
    let text = "isa: rv64imac_zba_zbb\nmvendorid: 0x489\nisa: rv64imac_zba\nisa: rv64imac_zba_zbb\n"
    let processor = try #require(Self.read(text))
    #expect(processor.architecture == .riscv64)
    #expect(processor.vendor == "0x489")
    #expect(processor.features == ["i", "m", "a", "c", "zba"])
  }

  @Test func `a megabyte of garbage gives no processor`() {
    var random = SeededGenerator(seed: 1)
    let garbage = (0..<(1 << 20)).map { _ in UInt8.random(in: 0...255, using: &random) }
    #expect(CPUInfo.processor(in: garbage)?.features.contains("avx2") != true)
    #expect(CPUInfo.processor(in: [UInt8](repeating: 0x3A, count: 1 << 20)) == nil)
    #expect(CPUInfo.processor(in: [UInt8](repeating: 0x0A, count: 1 << 20)) == nil)
    #expect(CPUInfo.processor(in: [UInt8](repeating: 0x20, count: 1 << 20)) == nil)
  }

  /// A changed text must never trap, and must never find a feature that no line holds.
  @Test func `500 damaged machines are read without harm`() throws {
    var random = SeededGenerator(seed: 0xC0FFEE)
    let machines = try MachineTests.machines.map {
      Array(try String(contentsOfMachine: $0).utf8)
    }
    for _ in 0..<500 {
      var bytes = machines.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 1...20, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: [0x0A, 0x3A, 0x00, 0xFF].shuffled(using: &random), at: at)
        default: bytes.removeLast(min(bytes.count, 50))
        }
      }
      let architecture = (Architecture.allCases + [nil, nil]).randomElement(using: &random)!
      guard let processor = CPUInfo.processor(in: bytes, architecture: architecture) else {
        continue
      }
      #expect(Selection(for: processor).suitable.last?.isGeneric == true)
      if processor.architecture == .x86_64 || processor.architecture == .aarch64 {
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(processor.features.allSatisfy { text.contains($0) })
      }
    }
  }
}

extension String {
  /// The text of a machine of the fixtures.
  init(contentsOfMachine machine: String) throws {
    self = try String(contentsOfFile: "\(MachineTests.directory)/\(machine)", encoding: .utf8)
  }

  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
    var result = Substring(self)
    while let last = result.last, predicate(last) { result.removeLast() }
    return String(result)
  }
}
