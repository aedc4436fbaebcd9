import ELF
import TestSupport
import Testing

/// Objects written by the tests, in both classes and orders.
@Suite(.tags(.small))
struct ELFObjectTests {
  struct Form: CustomTestStringConvertible, Sendable {
    var is64Bit: Bool
    var order: ByteOrder
    var testDescription: String { "\(is64Bit ? 64 : 32)-bit \(order)" }
  }

  static let forms = [true, false].flatMap { is64Bit in
    [ByteOrder.little, .big].map { Form(is64Bit: is64Bit, order: $0) }
  }

  func writer(_ form: Form, soname: String? = nil, needed: [String] = []) -> ELFWriter {
    var writer = ELFWriter(soname: soname, needed: needed)
    (writer.is64Bit, writer.order) = (form.is64Bit, form.order)
    writer.machine = form.is64Bit ? 21 : 40
    return writer
  }

  @Test(arguments: forms)
  func `headers and the dynamic section`(form: Form) throws {
    var writer = writer(form, soname: "libx.so.1", needed: ["liba.so", "libb.so"])
    writer.flags = 0x0500_0402
    writer.interpreter = "/lib/ld.so"
    writer.dependencies.insert((0x7fff_ffff, "libfilter.so"), at: 1)
    writer.dependencies.append((0x7fff_fffd, "libaux.so"))
    writer.rpath = "$ORIGIN/../lib:/opt"
    writer.runpath = "/usr/local"
    writer.flags1 = 0x0800_0801
    writer.entries = [(30, 0x10)]
    let object = try ELFObject(ByteSource(writer.bytes))
    #expect(object.identity.is64Bit == form.is64Bit && object.identity.order == form.order)
    #expect(object.identity.machine == (form.is64Bit ? .ppc64 : .arm))
    #expect(object.identity.flags == 0x0500_0402)
    #expect(object.kind == .shared && object.isDynamic)
    #expect(object.interpreter == "/lib/ld.so")
    #expect(object.soname == "libx.so.1")
    #expect(object.needed == ["liba.so", "libb.so"])
    #expect(object.dependencies.map(\.kind) == [.needed, .filter, .needed, .auxiliary])
    #expect(
      object.dependencies.map(\.name) == ["liba.so", "libfilter.so", "libb.so", "libaux.so"])
    #expect(object.rpath == "$ORIGIN/../lib:/opt" && object.runpath == "/usr/local")
    #expect(
      object.flags == [
        .bindNow, .noDefaultLibraries, .positionIndependentExecutable, .staticTLS,
      ])
    #expect(object.refusalAsLibrary?.contains("position-independent") == true)
    #expect(object.refusalAsProgram == nil)
    let plain = try ELFObject(ByteSource(self.writer(form).bytes))
    #expect(plain.soname == nil && plain.rpath == nil && plain.runpath == nil)
    #expect(plain.flags == [] && plain.needed.isEmpty && plain.refusalAsLibrary == nil)
    for (tag, value) in [(24, 0), (30, 8), (0x6fff_fffb, 1)] as [(UInt64, UInt64)] {
      var writer = self.writer(form)
      writer.entries = [(tag, value)]
      #expect(try ELFObject(ByteSource(writer.bytes)).flags == .bindNow)
    }
  }

  @Test(arguments: forms)
  func `symbols are found by name and version as the linker finds them`(form: Form) throws {
    for hashes in [[.gnu, .sysv], [.gnu], [.sysv]] as [Set<ELFWriter.Hash>] {
      var writer = writer(form, soname: "libx.so.1")
      writer.hashes = hashes
      writer.definitions = ["X_1", "X_2", "X_3"]
      writer.requirements = [
        ("libc.so.6", [("GLIBC_2.2.5", false), ("GLIBC_2.34", true)]),
        ("libm.so.6", [("M_1", false)]),
      ]
      writer.symbols = [
        .init(name: "asked", version: "GLIBC_2.34", isDefined: false),
        .init(name: "weakly", isDefined: false, binding: 2),
        .init(name: "data", version: "M_1", isDefined: false, kind: 1),
        .init(name: "moved", version: "X_1", isHidden: true, size: 1),
        .init(name: "moved", version: "X_2", isHidden: true, size: 2),
        .init(name: "moved", version: "X_3", size: 3), .init(name: "plain", size: 16),
        .init(name: "newer", version: "X_2"), .init(name: "old", version: "X_2", isHidden: true),
        .init(name: "object", kind: 1, size: 512),
        .init(name: "local", binding: 0), .init(name: "hidden", visibility: 2),
        .init(name: "protected", visibility: 3), .init(name: "unique", binding: 10, kind: 1),
        .init(name: "thread", kind: 6, value: 0), .init(name: "nothing", value: 0),
        .init(name: "indirect", kind: 10), .init(name: "section", kind: 3),
      ]
      let symbols = try ELFObject(ByteSource(writer.bytes)).symbols
      #expect(symbols.hasVersions)
      #expect(symbols.count == 19)
      #expect(symbols.references.map(\.description) == ["asked@GLIBC_2.34", "weakly", "data@M_1"])
      #expect(symbols.references.map(\.isWeak) == [false, true, false])
      #expect(symbols.references.map(\.kind) == [2, 2, 1])
      #expect(symbols.references.map(\.index).map(symbols.name) == ["asked", "weakly", "data"])
      #expect(
        symbols.exports.sorted() == [
          "indirect", "moved", "moved", "moved", "newer", "object", "old", "plain", "protected",
          "thread",
          "unique",
        ])
      func size(_ name: String, _ version: String? = nil) -> UInt64? {
        symbols.definition(of: SymbolName(name), version: version)?.size
      }
      #expect(size("moved", "X_1") == 1 && size("moved", "X_2") == 2 && size("moved", "X_3") == 3)
      #expect(size("moved", "X_4") == nil)
      // Who asks for no version was linked before there were any, and gets the oldest.
      #expect(size("moved") == 1)
      // One without a version serves every version that is asked for.
      #expect(size("plain") == 16 && size("plain", "X_1") == 16)
      #expect(size("old") == nil && size("old", "X_2") == 8)
      #expect(size("newer") == 8)
      for name in [
        "local", "hidden", "nothing", "section", "asked", "weakly", "", "plai", "plainn",
      ] {
        #expect(size(name) == nil, "\(name)")
      }
      for name in ["protected", "unique", "thread", "indirect"] {
        #expect(size(name) == 8, "\(name)")
      }
      let object = try #require(symbols.definition(of: "object"))
      #expect(object.kind == SymbolTable.Kind.object && object.size == 512 && object.version == nil)
    }
  }

  @Test(arguments: forms)
  func `versions are those that are asked for and those that are given`(form: Form) throws {
    var writer = writer(form, soname: "libx.so.1")
    writer.definitions = ["X_1", "X_2"]
    writer.requirements = [
      ("libc.so.6", [("GLIBC_2.2.5", false), ("GLIBC_2.34", true)]), ("libm.so.6", [("M", false)]),
    ]
    let object = try ELFObject(ByteSource(writer.bytes))
    #expect(object.requirements.map(\.file) == ["libc.so.6", "libm.so.6"])
    #expect(
      object.requirements.map { $0.versions.map(\.name) } == [
        ["GLIBC_2.2.5", "GLIBC_2.34"], ["M"],
      ])
    #expect(object.requirements[0].versions.map(\.isWeak) == [false, true])
    #expect(object.definitions.map(\.name) == ["libx.so.1", "X_1", "X_2"])
    #expect(object.definitions.map(\.isBase) == [true, false, false])
    // More than fit the first read.
    writer.requirements = [("libc.so.6", (0..<4000).map { ("V_\($0)", false) })]
    let many = try ELFObject(ByteSource(writer.bytes)).requirements
    #expect(many.first?.versions.map(\.name) == (0..<4000).map { "V_\($0)" })
  }

  @Test(arguments: forms)
  func `relocations tell what is resolved at load and what is copied`(form: Form) throws {
    var writer = writer(form)
    writer.machine = form.is64Bit ? 62 : 3
    writer.symbols = ["eager", "lazy", "copied", "unused"].map {
      .init(name: $0, isDefined: $0 == "copied", kind: 1)
    }
    writer.relocations = [("eager", 6, false), ("lazy", 7, true), ("copied", 5, false)]
    let source = ByteSource(writer.bytes)
    let object = try ELFObject(source)
    let use = object.symbolUse(in: source)
    #expect(Set(use.eager.compactMap(object.symbols.name)) == ["eager", "copied"])
    #expect(use.copied.compactMap(object.symbols.name) == ["copied"])
  }

  @Test(arguments: forms)
  func `notes and sections`(form: Form) throws {
    let unit = form.is64Bit ? 8 : 4
    func numbers(_ values: [UInt32]) -> [UInt8] {
      var output = ELFWriter.Output(is64Bit: form.is64Bit, order: form.order)
      for value in values { output.u32(value) }
      return output.bytes
    }
    var writer = writer(form)
    writer.notes = [
      (1, "GNU", numbers([0, 3, 2, 0])), (7, "Other", [1, 2, 3]), (3, "GNU", [0xde, 0xad, 0xbe]),
    ]
    writer.sections = [(".comment", [1, 2]), (".note.cuda.fwd_compatibility", Array("{}".utf8))]
    let source = ByteSource(writer.bytes)
    let object = try ELFObject(source)
    #expect(object.notes.minimumKernel == [3, 2, 0])
    #expect(object.notes.buildID == [0xde, 0xad, 0xbe])
    #expect(object.notes.x86Level == nil)
    #expect(object.section(named: ".note.cuda.fwd_compatibility", in: source) == Array("{}".utf8))
    #expect(object.section(named: ".comment", in: source, limit: 1) == nil)
    #expect(object.section(named: ".none", in: source) == nil)
    #expect(
      try ELFObject(ByteSource(self.writer(form).bytes)).section(named: ".comment", in: source)
        != nil)

    // The x86 level is the highest bit of one property among others.
    for (bits, level) in [(1, 1), (3, 2), (7, 3), (8, 4), (15, 4), (0, nil)] as [(UInt32, Int?)] {
      let padding = [UInt32](repeating: 0, count: unit / 4 - 1)
      writer.notes = [
        (5, "GNU", numbers([0xc000_0002, 4, 3] + padding + [0xc000_8002, 4, bits] + padding))
      ]
      #expect(try ELFObject(ByteSource(writer.bytes)).notes.x86Level == level)
    }
  }

  @Test func `what is no object is refused, what is cut short is what is left of it`() throws {
    #expect(throws: ELFError.tooShort) { try ELFObject(ByteSource([])) }
    #expect(throws: ELFError.noELF) { try ELFObject(ByteSource([UInt8](repeating: 1, count: 100))) }
    var writer = ELFWriter(soname: "libx.so", needed: ["liba.so"])
    writer.symbols = [.init(name: "x"), .init(name: "y", isDefined: false)]
    writer.definitions = ["X"]
    writer.interpreter = "/lib/ld.so"
    let whole = writer.bytes
    var (objects, errors) = (0, 0)
    for length in 0..<whole.count {
      do {
        let object = try ELFObject(ByteSource(Array(whole[..<length])))
        _ = object.symbols.references + object.symbols.references
        _ = object.symbols.exports
        objects += 1
      } catch {
        errors += 1
      }
    }
    #expect(objects > 100 && errors > 200)
  }

  static let x86_64 = ELFIdentity(is64Bit: true, order: .little, machine: .x86_64)

  @Test func `objects can be in one process or not`() {
    func identity(_ machine: ELFIdentity.Machine, _ flags: UInt32, order: ByteOrder = .little)
      -> ELFIdentity
    {
      ELFIdentity(is64Bit: machine != .arm, order: order, machine: machine, flags: flags)
    }
    let table: [(a: ELFIdentity, b: ELFIdentity, isCompatible: Bool)] = [
      (identity(.x86_64, 0), identity(.x86_64, 7), true),
      (identity(.x86_64, 0), identity(.aarch64, 0), false),
      (identity(.ppc64, 2), identity(.ppc64, 2), true),
      (identity(.ppc64, 1), identity(.ppc64, 2), false),
      (identity(.ppc64, 0), identity(.ppc64, 2), true),
      (identity(.ppc64, 2), identity(.ppc64, 2, order: .big), false),
      (identity(.arm, 0x500_0400), identity(.arm, 0x500_0200), false),
      (identity(.arm, 0x500_0400), identity(.arm, 0x500_0000), true),
      (identity(.riscv, 5), identity(.riscv, 4), true),
      (identity(.riscv, 5), identity(.riscv, 1), false),
      (identity(.riscv, 4), identity(.riscv, 0xc), false),
      (ELFIdentity(is64Bit: false, order: .little, machine: .x86_64), Self.x86_64, false),
    ]
    for (a, b, isCompatible) in table {
      #expect(a.isCompatible(with: b) == isCompatible, "\(a) \(b)")
      #expect(b.isCompatible(with: a) == isCompatible, "\(b) \(a)")
    }
    #expect(Self.x86_64.description == "x86_64 64-bit little-endian")
  }

  @Test func `names that lie cost no more than honest ones`() throws {
    // A million bytes without an end, named by every symbol.
    var writer = ELFWriter(soname: String(repeating: "x", count: 1 << 20))
    writer.symbols = (0..<2000).map { .init(name: "s\($0)", isDefined: false) }
    var bytes = writer.bytes
    let names = bytes.firstRange(of: Array("xxxxxxxx".utf8))!.lowerBound
    let object = try ELFObject(ByteSource(bytes))
    #expect(object.symbols.references.count == 2000)
    // The string table's start: every name becomes the long one.
    let size = 24
    let table = bytes.firstRange(of: [0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0])!.lowerBound - 4
    for index in 0..<2000 { for at in 0..<4 { bytes[table + index * size + at] = at == 0 ? 1 : 0 } }
    let lying = try ELFObject(ByteSource(bytes))
    let clock = ContinuousClock()
    let time = clock.measure { _ = lying.symbols.references.count }
    #expect(time < .seconds(5))
    #expect(names > 0)
  }
}
