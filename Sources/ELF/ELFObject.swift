/// An ELF program or shared library as the dynamic linker sees it.
///
/// Only program headers and the dynamic section are read, as the linker does: section headers may
/// be stripped. Every offset and count is the file's claim and is checked; a table that does not fit
/// the file is empty. Source: System V ABI, chapter 5; gABI "Symbol versioning" of the Linux
/// Standard Base, chapter 10.7.
package final class ELFObject: Sendable {
  package let header: ELFHeader
  package let identity: ELFIdentity
  package let kind: Kind
  /// `PT_INTERP`.
  package let interpreter: String?
  /// Whether it has a dynamic section; a static program has none.
  package let isDynamic: Bool
  package let soname: String?
  package let needed: [String]
  /// `DT_RPATH` as written; the linker ignores it where there is a ``runpath``.
  package let rpath: String?
  package let runpath: String?
  /// `DT_NEEDED`, `DT_AUXILIARY` and `DT_FILTER` in the order in which the linker comes to them.
  package let dependencies: [Dependency]
  /// Why the linker would not map it as a library; nil where it would.
  package let refusalAsLibrary: String?
  /// The same for a program.
  package let refusalAsProgram: String?
  package let flags: Flags
  package let notes: Notes
  /// The versions that it needs of other objects.
  package let requirements: [VersionRequirement]
  /// The versions that it defines; empty where its symbols have none.
  package let definitions: [VersionDefinition]
  package let symbols: SymbolTable

  let segments: [Segment]
  let relocationTables: [RelocationTable]

  package enum Kind: Hashable, Sendable {
    /// `ET_REL`, `ET_EXEC`, `ET_DYN`.
    case relocatable, executable, shared
    case other(UInt16)
  }

  package struct Flags: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// Every symbol is resolved at load.
    package static let bindNow = Flags(rawValue: 1)
    /// `DF_1_NODEFLIB`: the system's directories are not searched.
    package static let noDefaultLibraries = Flags(rawValue: 2)
    /// `DF_1_PIE`.
    package static let positionIndependentExecutable = Flags(rawValue: 4)
    /// `DF_STATIC_TLS`.
    package static let staticTLS = Flags(rawValue: 8)
  }

  /// An object that another one brings along.
  package struct Dependency: Hashable, Sendable {
    package let kind: Kind
    package let name: String
    /// Whether the name has neither slashes nor tokens: it is looked for as it is.
    let isPlain: Bool

    init(kind: Kind, name: String) {
      self.kind = kind
      self.name = name
      isPlain = !name.utf8.contains { $0 == 0x2f || $0 == 0x24 }
    }

    package enum Kind: Hashable, Sendable {
      case needed
      /// It stands before its object; `auxiliary` may be missing.
      case filter, auxiliary
    }
  }

  struct Segment: Sendable {
    var kind: UInt32
    /// `PF_X` 1, `PF_W` 2, `PF_R` 4.
    var flags: UInt32
    var offset: UInt64
    var address: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
    var alignment: UInt64
  }

  struct RelocationTable: Sendable {
    var address: UInt64
    var size: UInt64
    var hasAddends: Bool
    /// Whether its entries are resolved when they are first called.
    var isLazy: Bool
  }

  private static let maximumDynamicEntries = 1 << 14

  package init(_ source: ByteSource) throws(ELFError) {
    guard source.count >= 52, let start = source.read(0, min(source.count, 4096)) else {
      throw .tooShort
    }
    guard start.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { throw .noELF }
    let fileHeader = ELFHeader(start, fileSize: source.count)
    guard start[4] == 1 || start[4] == 2, start[5] == 1 || start[5] == 2, start[6] == 1 else {
      throw .invalid("an ELF file of an unknown class, byte order or version", fileHeader)
    }
    let is64Bit = start[4] == 2
    let order: ByteOrder = start[5] == 1 ? .little : .big
    let header = ByteTable(bytes: start, order: order)
    guard !is64Bit || source.count >= 64 else { throw .tooShort }
    self.header = fileHeader
    let machine = ELFIdentity.Machine(rawValue: header.u16(18))
    let flags = header.u32(is64Bit ? 48 : 36)
    identity = ELFIdentity(is64Bit: is64Bit, order: order, machine: machine, flags: flags)
    kind =
      switch header.u16(16) {
      case 1: .relocatable
      case 2: .executable
      case 3: .shared
      default: .other(header.u16(16))
      }

    // Program headers.
    let entrySize = Int(header.u16(is64Bit ? 54 : 42))
    let entries = Int(header.u16(is64Bit ? 56 : 44))
    guard entries == 0 || entrySize == (is64Bit ? 56 : 32) else {
      throw .invalid("its program headers have an impossible size", fileHeader)
    }
    let headersAt = header.word(is64Bit ? 32 : 28, is64Bit: is64Bit)
    guard
      let headers = entries == 0
        ? ByteTable(order: order)
        : source.table(at: headersAt, count: UInt64(entries * entrySize), order: order)
    else { throw .invalid("its program headers lie outside the file", fileHeader) }
    var segments: [Segment] = []
    segments.reserveCapacity(entries)
    for index in 0..<entries {
      let at = index * entrySize
      segments.append(
        is64Bit
          ? Segment(
            kind: headers.u32(at), flags: headers.u32(at + 4), offset: headers.u64(at + 8),
            address: headers.u64(at + 16),
            fileSize: headers.u64(at + 32), memorySize: headers.u64(at + 40),
            alignment: headers.u64(at + 48))
          : Segment(
            kind: headers.u32(at), flags: headers.u32(at + 24), offset: UInt64(headers.u32(at + 4)),
            address: UInt64(headers.u32(at + 8)), fileSize: UInt64(headers.u32(at + 16)),
            memorySize: UInt64(headers.u32(at + 20)), alignment: UInt64(headers.u32(at + 28))))
    }
    self.segments = segments
    func contents(of segment: Segment, limit: UInt64) -> ByteTable? {
      guard segment.fileSize <= limit else { return nil }
      // What lies in the beginning of the file is there already.
      if segment.offset < UInt64(start.count),
        segment.fileSize <= UInt64(start.count) - segment.offset
      {
        let range = Int(segment.offset)..<Int(segment.offset + segment.fileSize)
        return ByteTable(bytes: Array(start[range]), order: order)
      }
      return source.table(at: segment.offset, count: segment.fileSize, order: order)
    }
    interpreter = segments.first { $0.kind == 3 }
      .flatMap { contents(of: $0, limit: 1 << 12) }?.string(0)
    var notes = Notes()
    for segment in segments where segment.kind == 4 || segment.kind == Notes.property {
      if let table = contents(of: segment, limit: 1 << 16) {
        notes.read(table, alignment: segment.alignment, is64Bit: is64Bit)
      }
    }
    self.notes = notes

    // The dynamic section: pairs of a tag and a value, found by its address as the linker does.
    let memory = Memory(source: source, segments: segments, order: order)
    let wordSize = is64Bit ? 8 : 4
    let dynamicSegment = segments.last { $0.kind == 2 && $0.fileSize > 0 }
    let dynamic = dynamicSegment.flatMap { segment in
      memory.beginning(
        at: segment.address,
        count: min(segment.memorySize, UInt64(Self.maximumDynamicEntries * 2 * wordSize)))
    }
    isDynamic = dynamic != nil
    var values: [UInt64: UInt64] = [:]
    var named: [(kind: Dependency.Kind, offset: UInt64)] = []
    if let dynamic {
      for index in 0..<min(dynamic.count / (2 * wordSize), Self.maximumDynamicEntries) {
        let at = index * 2 * wordSize
        let tag = dynamic.word(at, is64Bit: is64Bit)
        let value = dynamic.word(at + wordSize, is64Bit: is64Bit)
        if tag == 0 { break }
        switch tag {
        case Tag.needed: named.append((.needed, value))
        case Tag.auxiliary: named.append((.auxiliary, value))
        case Tag.filter: named.append((.filter, value))
        default: values[tag] = value
        }
      }
    }
    let strings =
      values[Tag.stringTable].flatMap {
        memory.beginning(at: $0, count: values[Tag.stringSize] ?? 1 << 20)
      } ?? ByteTable(order: order)
    func string(_ tag: UInt64) -> String? {
      values[tag].flatMap { strings.string(Int(clamping: $0)) }
    }
    dependencies = named.compactMap { entry in
      strings.string(Int(clamping: entry.offset)).map { Dependency(kind: entry.kind, name: $0) }
    }
    needed = dependencies.filter { $0.kind == .needed }.map(\.name)
    soname = string(Tag.soname)
    rpath = string(Tag.rpath)
    runpath = string(Tag.runpath)
    var set: Flags = []
    let flags1 = values[Tag.flags1] ?? 0
    if values[Tag.bindNow] != nil || (values[Tag.flags] ?? 0) & 8 != 0 || flags1 & 1 != 0 {
      set.insert(.bindNow)
    }
    if flags1 & 0x800 != 0 { set.insert(.noDefaultLibraries) }
    if flags1 & 0x0800_0000 != 0 { set.insert(.positionIndependentExecutable) }
    if (values[Tag.flags] ?? 0) & 0x10 != 0 { set.insert(.staticTLS) }
    self.flags = set
    // glibc's elf/dl-load.c, `_dl_map_object_from_fd`, in its order and words.
    refusalAsProgram =
      if segments.contains(where: { $0.kind == 1 && ($0.address &- $0.offset) & 0xfff != 0 }) {
        "ELF load command address/offset not page-aligned"
      } else if !segments.contains(where: { $0.kind == 1 }) {
        "object file has no loadable segments"
      } else if segments.contains(where: { $0.kind == 2 && $0.fileSize == 0 })
        || (kind == .shared && dynamicSegment == nil)
      {
        "object file has no dynamic section"
      } else {
        nil
      }
    refusalAsLibrary =
      if kind == .executable, refusalAsProgram == nil || !refusalAsProgram!.hasPrefix("ELF load"),
        segments.contains(where: { $0.kind == 1 })
      {
        "cannot dynamically load executable"
      } else if refusalAsProgram == nil, set.contains(.positionIndependentExecutable) {
        "cannot dynamically load position-independent executable"
      } else {
        refusalAsProgram
      }

    requirements = VersionRequirement.read(
      at: values[Tag.versionNeed], count: values[Tag.versionNeedCount], strings: strings,
      memory: memory)
    definitions = VersionDefinition.read(
      at: values[Tag.versionDefinition], count: values[Tag.versionDefinitionCount],
      strings: strings, memory: memory)
    symbols = SymbolTable(
      at: values[Tag.symbolTable], gnuHash: values[Tag.gnuHash], hash: values[Tag.hash],
      versions: values[Tag.versionSymbols], strings: strings, memory: memory, is64Bit: is64Bit,
      requirements: requirements, definitions: definitions)

    var tables: [RelocationTable] = []
    if let address = values[Tag.relocationsWithAddends],
      let size = values[Tag.relocationsWithAddendsSize]
    {
      tables.append(.init(address: address, size: size, hasAddends: true, isLazy: false))
    }
    if let address = values[Tag.relocations], let size = values[Tag.relocationsSize] {
      tables.append(.init(address: address, size: size, hasAddends: false, isLazy: false))
    }
    if let address = values[Tag.callRelocations], let size = values[Tag.callRelocationsSize] {
      tables.append(
        .init(
          address: address, size: size,
          hasAddends: values[Tag.callRelocationsKind].map { $0 == Tag.relocationsWithAddends }
            ?? is64Bit,
          isLazy: !set.contains(.bindNow)))
    }
    relocationTables = tables
  }

  /// Dynamic tags; elf.h, `DT_*`.
  private enum Tag {
    static let needed: UInt64 = 1
    static let hash: UInt64 = 4
    static let stringTable: UInt64 = 5
    static let symbolTable: UInt64 = 6
    static let relocationsWithAddends: UInt64 = 7
    static let relocationsWithAddendsSize: UInt64 = 8
    static let stringSize: UInt64 = 10
    static let soname: UInt64 = 14
    static let rpath: UInt64 = 15
    static let relocations: UInt64 = 17
    static let relocationsSize: UInt64 = 18
    static let callRelocationsSize: UInt64 = 2
    static let callRelocationsKind: UInt64 = 20
    static let callRelocations: UInt64 = 23
    static let bindNow: UInt64 = 24
    static let runpath: UInt64 = 29
    static let flags: UInt64 = 30
    static let gnuHash: UInt64 = 0x6fff_fef5
    static let versionSymbols: UInt64 = 0x6fff_fff0
    static let flags1: UInt64 = 0x6fff_fffb
    static let versionDefinition: UInt64 = 0x6fff_fffc
    static let versionDefinitionCount: UInt64 = 0x6fff_fffd
    static let versionNeed: UInt64 = 0x6fff_fffe
    static let versionNeedCount: UInt64 = 0x6fff_ffff
    static let auxiliary: UInt64 = 0x7fff_fffd
    static let filter: UInt64 = 0x7fff_ffff
  }
}

/// A file's bytes by the addresses at which they are mapped.
struct Memory {
  let source: ByteSource
  let segments: [ELFObject.Segment]
  let order: ByteOrder

  /// Where the byte of an address lies in the file, and how many of its segment follow it.
  func place(of address: UInt64) -> (offset: UInt64, left: UInt64)? {
    for segment in segments where segment.kind == 1 {
      guard address >= segment.address, address - segment.address < segment.fileSize else {
        continue
      }
      let within = address - segment.address
      let (offset, overflow) = segment.offset.addingReportingOverflow(within)
      return overflow ? nil : (offset, segment.fileSize - within)
    }
    return nil
  }

  func table(at address: UInt64, count: UInt64) -> ByteTable? {
    guard count > 0, let place = place(of: address), count <= place.left else { return nil }
    return source.table(at: place.offset, count: count, order: order)
  }

  /// Up to `count` bytes: fewer where the segment or the file ends.
  func beginning(at address: UInt64, count: UInt64) -> ByteTable? {
    guard let place = place(of: address), place.offset < UInt64(source.count) else { return nil }
    let most = min(count, place.left, UInt64(source.count) - place.offset)
    return source.table(at: place.offset, count: most, order: order)
  }
}
