import ELF
import Host
import Injection
import TestSupport
import Testing

/// When NVIDIA's forward compatibility libraries may stand in front of the driver's.
@Suite(.tags(.small))
struct ForwardCompatibilityTests {
  /// Driver of the library, CUDA and branches of its note, driver and CUDA of the kernel's.
  struct Case: Sendable, CustomTestStringConvertible {
    var library: String
    var note: (cuda: String?, branches: [Int])?
    var driver: String?
    var served: String?
    var isUsable: Bool

    var testDescription: String {
      "\(library), note \(note.map { "\($0.cuda ?? "-") \($0.branches)" } ?? "none"), driver "
        + "\(driver ?? "?"), CUDA \(served ?? "?")"
    }
  }

  static let note575 = (cuda: "12.9" as String?, branches: [535, 550, 560, 565, 570, 575])
  static let note590 = (cuda: "13.1" as String?, branches: [535, 550, 570, 575, 580, 590])

  static let cases: [Case] = [
    // With a note: a branch of its list, and older than the library.
    Case(library: "575.57.08", note: note575, driver: "535.261.03", isUsable: true),
    Case(library: "575.57.08", note: note575, driver: "550.163.01", isUsable: true),
    Case(library: "575.57.08", note: note575, driver: "575.51.03", isUsable: true),
    Case(library: "575.57.08", note: note575, driver: "575.57.08", isUsable: false),
    Case(library: "575.57.08", note: note575, driver: "575.64.03", isUsable: false),
    Case(library: "575.57.08", note: note575, driver: "580.65.06", isUsable: false),
    Case(library: "575.57.08", note: note575, driver: "525.147.05", isUsable: false),
    Case(library: "575.57.08", note: note575, driver: "470.256.02", isUsable: false),
    Case(library: "590.44.01", note: note590, driver: "580.95.05", isUsable: true),
    Case(library: "590.44.01", note: note590, driver: "560.35.05", isUsable: false),
    Case(library: "590.44.01", note: note590, driver: "590.48.01", isUsable: false),
    Case(library: "590.44.01", note: ("13.1", []), driver: "580.95.05", isUsable: false),
    // Without one: a newer branch.
    Case(library: "550.54.15", driver: "535.261.03", isUsable: true),
    Case(library: "550.54.15", driver: "450.80.02", isUsable: true),
    Case(library: "550.54.15", driver: "550.40.07", isUsable: false),
    Case(library: "550.54.15", driver: "550.163.01", isUsable: false),
    Case(library: "550.54.15", driver: "555.42.02", isUsable: false),
    Case(library: "1000.10", driver: "999.10", isUsable: true),
    // The kernel's driver is not known.
    Case(library: "550.54.15", isUsable: false),
    Case(library: "550.54.15", served: "12.2", isUsable: false),
    Case(library: "575.57.08", note: note575, isUsable: false),
    Case(library: "575.57.08", note: note575, served: "12.2", isUsable: true),
    Case(library: "575.57.08", note: note575, served: "12.9", isUsable: false),
    Case(library: "575.57.08", note: note575, served: "13.0", isUsable: false),
    Case(library: "575.57.08", note: (nil, [535]), served: "12.2", isUsable: false),
  ]

  @Test(arguments: cases)
  func `the decision`(entry: Case) throws {
    let compatibility = ForwardCompatibility(
      library: "/usr/local/cuda/compat/libcuda.so.\(entry.library)",
      version: try #require(DriverVersion(entry.library)),
      note: entry.note.map {
        .init(cuda: $0.cuda.flatMap { CUDAVersion($0) }, branches: $0.branches)
      })
    let decision = compatibility.decide(
      driver: entry.driver.flatMap { DriverVersion($0) },
      served: entry.served.flatMap { CUDAVersion($0) })
    #expect(decision.isUsable == entry.isUsable, "\(decision.reason)")
    if let driver = entry.driver { #expect(decision.reason.contains(driver)) }
  }

  // MARK: Notes

  static func note(
    owner: String = "NVIDIA Corporation", _ text: String, order: ByteOrder = .little
  ) -> [UInt8] {
    func word(_ number: Int) -> [UInt8] {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
      return order == .little ? bytes : bytes.reversed()
    }
    func padded(_ bytes: [UInt8]) -> [UInt8] {
      bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }
    let (name, descriptor) = (Array(owner.utf8) + [0], Array(text.utf8))
    return word(name.count) + word(descriptor.count) + word(1) + padded(name) + padded(descriptor)
  }

  static let json =
    #"{"Format": 1, "CUDA Version": "12.9", "Driver": [535, 550, 575], "Device": [7, 8, 9]}"#

  @Test(arguments: [ByteOrder.little, .big])
  func `a note is read in either byte order`(order: ByteOrder) {
    #expect(
      ForwardCompatibility.Note(section: Self.note(Self.json, order: order), order: order)
        == .init(cuda: CUDAVersion(12, 9), branches: [535, 550, 575]))
  }

  @Test func `names of members are compared without case`() {
    let text = #"{"format":1,"cuda version":"13.1","driver":[580]}"#
    #expect(
      ForwardCompatibility.Note(section: Self.note(text), order: .little)
        == .init(cuda: CUDAVersion(13, 1), branches: [580]))
  }

  @Test(arguments: [
    #"{"CUDA Version": 5, "Driver": "535"}"#, #"{"CUDA Version": [], "Driver": {"a": 1}}"#, "{}",
  ])
  func `members of another type are as good as absent`(text: String) {
    #expect(
      ForwardCompatibility.Note(section: Self.note(text), order: .little)
        == .init(cuda: nil, branches: []))
  }

  @Test func `what is no such note is none`() {
    let sections: [[UInt8]] = [
      [], [0], Array(Self.note(Self.json).dropLast(30)), Self.note(owner: "NVIDIA", Self.json),
      Self.note(owner: "nobody at all, really", Self.json), Self.note("not JSON: ["),
      Self.note("[1, 2]"), Self.note("a: &a [*a]"), Self.note(String(repeating: "[", count: 5000)),
      Self.note(""), [UInt8](repeating: 0xff, count: 64), [UInt8](repeating: 0, count: 64),
    ]
    for (index, section) in sections.enumerated() {
      #expect(ForwardCompatibility.Note(section: section, order: .little) == nil, "number \(index)")
    }
  }

  @Test func `no bytes make the reader of notes fail`() {
    var random = SeededGenerator(seed: 11)
    let whole = Self.note(Self.json)
    for _ in 0..<2000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
      _ = ForwardCompatibility.Note(section: bytes, order: .random(using: &random))
    }
  }
}

extension ByteOrder {
  fileprivate static func random(using random: inout SeededGenerator) -> ByteOrder {
    Bool.random(using: &random) ? .little : .big
  }
}

/// Forward compatibility libraries that a compiler made.
@Suite(.tags(.large), .enabled(if: DriverTree.isX86, DriverTree.needsX86))
struct CompatLibraryTests {
  /// A library with a section of this text.
  static func library(note text: String?) throws -> [UInt8] {
    guard let text else { return try DriverTree.Target.host.library(soname: "libcuda.so.1") }
    return try TemporaryDirectory.with { directory in
      let bytes = ForwardCompatibilityTests.note(text).map { "0x" + String($0, radix: 16) }
      let source = try directory.write(
        "note.s",
        """
        .section .note.cuda.fwd_compatibility, "a", @note
        .balign 4
        .byte \(bytes.joined(separator: ", "))
        .section .note.GNU-stack, "", @progbits

        """)
      let output = directory("libcuda.so")
      let result = try run([
        "gcc", "-nostdlib", "-shared", "-Wl,-soname,libcuda.so.1", "-o", output, source,
      ])
      try #require(result.status == 0, "\(result.stderr)")
      return Array(try #require(MachineRoot().contents(of: output)))
    }
  }

  private static let directory = "/usr/local/cuda/compat"

  @Test func `the note of a library is read`() throws {
    try DriverTree.with { tree in
      try tree.directory.write(
        "usr/local/cuda-12.9/compat/libcuda.so.575.57.08",
        try Self.library(note: ForwardCompatibilityTests.json))
      try tree.directory.link("usr/local/cuda-12.9/compat/libcuda.so.1", to: "libcuda.so.575.57.08")
      try tree.directory.link("usr/local/cuda", to: "/usr/local/cuda-12.9")
      let found = try #require(ForwardCompatibility.find(in: Self.directory, of: tree.files))
      #expect(found.library == "/usr/local/cuda/compat/libcuda.so.575.57.08")
      #expect(found.version.description == "575.57.08")
      #expect(found.note == .init(cuda: CUDAVersion(12, 9), branches: [535, 550, 575]))
      #expect(found.decide(driver: DriverVersion("535.261.03")).isUsable)
    }
  }

  @Test func `a library without a note, and none`() throws {
    try DriverTree.with { tree in
      #expect(ForwardCompatibility.find(in: Self.directory, of: tree.files) == nil)
      try tree.directory.write(
        "usr/local/cuda/compat/libcuda.so.550.54.15", try Self.library(note: nil))
      let found = try #require(ForwardCompatibility.find(in: Self.directory, of: tree.files))
      #expect(found.note == nil)
      #expect(found.decide(driver: DriverVersion("535.261.03")).isUsable)
    }
  }

  @Test func `of two nothing tells which counts`() throws {
    try DriverTree.with { tree in
      for version in ["550.54.15", "560.35.05"] {
        try tree.directory.write(
          "usr/local/cuda/compat/libcuda.so.\(version)", try Self.library(note: nil))
      }
      #expect(ForwardCompatibility.find(in: Self.directory, of: tree.files) == nil)
    }
  }

  @Test(arguments: ["", "text", "\u{7f}ELF"])
  func `what is no library is none`(text: String) throws {
    try DriverTree.with { tree in
      try tree.directory.write("usr/local/cuda/compat/libcuda.so.550.54.15", text)
      #expect(ForwardCompatibility.find(in: Self.directory, of: tree.files) == nil)
    }
  }
}
