import ELF

/// Writes ELF objects that a dynamic linker can map, with what a test wants in them.
///
/// One segment holds everything, at the addresses that are the offsets in the file. Sources: System
/// V ABI, chapters 4 and 5; Linux Standard Base, chapter 10.7 "Symbol Versioning".
struct ELFWriter {
  var is64Bit = true
  var order = ByteOrder.little
  var machine: UInt16 = 62
  var flags: UInt32 = 0
  /// `ET_DYN` 3, `ET_EXEC` 2.
  var kind: UInt16 = 3
  var interpreter: String?
  var soname: String?
  /// Tag and name: `DT_NEEDED` 1, `DT_AUXILIARY` 0x7ffffffd, `DT_FILTER` 0x7fffffff.
  var dependencies: [(tag: UInt64, name: String)] = []
  var rpath: String?
  var runpath: String?
  var flags1: UInt64 = 0
  /// Entries of the dynamic section as they are.
  var entries: [(tag: UInt64, value: UInt64)] = []
  var symbols: [Symbol] = []
  var requirements: [(file: String, versions: [(name: String, isWeak: Bool)])] = []
  /// The versions that it defines; the base, which is its own name, is added.
  var definitions: [String] = []
  var hashes: Set<Hash> = [.gnu, .sysv]
  /// Kind and contents of notes, and the alignment of their segment.
  var notes: [(kind: UInt32, owner: String, contents: [UInt8])] = []
  var relocations: [(symbol: String, kind: UInt32, isLazy: Bool)] = []
  var sections: [(name: String, contents: [UInt8])] = []

  enum Hash { case gnu, sysv }

  struct Symbol {
    var name: String
    /// One of the definitions for what is defined, one of the requirements else.
    var version: String?
    var isHidden = false
    var isDefined = true
    /// `STB_GLOBAL` 1, `STB_WEAK` 2, `STB_GNU_UNIQUE` 10.
    var binding: UInt8 = 1
    var kind: UInt8 = 2
    var visibility: UInt8 = 0
    var size: UInt64 = 8
    var value: UInt64 = 0x10
  }

  init(soname: String? = nil, needed: [String] = []) {
    self.soname = soname
    dependencies = needed.map { (1, $0) }
  }

  var bytes: [UInt8] {
    var out = Output(is64Bit: is64Bit, order: order)
    let word = is64Bit ? 8 : 4

    // Strings first: everything else names them.
    var strings: [UInt8] = [0]
    var offsets: [String: Int] = [:]
    func string(_ text: String) -> UInt64 {
      if let known = offsets[text] { return UInt64(known) }
      offsets[text] = strings.count
      defer { strings += Array(text.utf8) + [0] }
      return UInt64(strings.count)
    }

    // Symbols: those that are not defined first, the others sorted by their bucket.
    let undefined = symbols.filter { !$0.isDefined }
    let buckets = max(1, symbols.count / 3)
    let defined = symbols.filter(\.isDefined)
      .sorted { Int(Self.gnuHash($0.name)) % buckets < Int(Self.gnuHash($1.name)) % buckets }
    let sorted = undefined + defined
    var versionNumbers: [String: UInt16] = [:]
    var next: UInt16 = 2
    for name in definitions {
      versionNumbers["own " + name] = next
      next += 1
    }
    for requirement in requirements {
      for version in requirement.versions where versionNumbers["of " + version.name] == nil {
        versionNumbers["of " + version.name] = next
        next += 1
      }
    }
    let hasVersions = !versionNumbers.isEmpty

    // Header and program headers are written at the end.
    let segmentCount = 2 + (interpreter == nil ? 0 : 1) + (notes.isEmpty ? 0 : 1)
    out.bytes = [UInt8](
      repeating: 0, count: (is64Bit ? 64 : 52) + segmentCount * (is64Bit ? 56 : 32))

    var interpreterRange = 0..<0
    if let interpreter {
      interpreterRange = out.append(Array(interpreter.utf8) + [0])
    }
    var noteRange = 0..<0
    if !notes.isEmpty {
      var table = Output(is64Bit: is64Bit, order: order)
      for note in notes {
        let owner = Array(note.owner.utf8) + [0]
        table.u32(UInt32(owner.count))
        table.u32(UInt32(note.contents.count))
        table.u32(note.kind)
        table.bytes += owner
        table.align(4)
        table.bytes += note.contents
        table.align(note.kind == 5 && is64Bit ? 8 : 4)
      }
      noteRange = out.append(table.bytes)
    }

    var dynamic: [(UInt64, UInt64)] = dependencies.map { ($0.tag, string($0.name)) }
    if let soname { dynamic.append((14, string(soname))) }
    if let rpath { dynamic.append((15, string(rpath))) }
    if let runpath { dynamic.append((29, string(runpath))) }
    if flags1 != 0 { dynamic.append((0x6fff_fffb, flags1)) }
    dynamic += entries.map { ($0.tag, $0.value) }

    // The symbol table.
    var table = Output(is64Bit: is64Bit, order: order)
    table.bytes = [UInt8](repeating: 0, count: is64Bit ? 24 : 16)
    for symbol in sorted {
      table.u32(UInt32(string(symbol.name)))
      let info = symbol.binding << 4 | symbol.kind
      let value = symbol.isDefined ? symbol.value : 0
      if is64Bit {
        table.bytes += [info, symbol.visibility]
        table.u16(symbol.isDefined ? 1 : 0)
        table.word(value)
        table.word(symbol.size)
      } else {
        table.word(value)
        table.word(symbol.size)
        table.bytes += [info, symbol.visibility]
        table.u16(symbol.isDefined ? 1 : 0)
      }
    }
    dynamic.append((6, UInt64(out.append(table.bytes).lowerBound)))
    dynamic.append((11, is64Bit ? 24 : 16))

    if hashes.contains(.sysv) {
      dynamic.append((4, UInt64(out.append(sysvHash(sorted)).lowerBound)))
    }
    if hashes.contains(.gnu) {
      let hash = gnuHash(defined, first: undefined.count + 1, buckets: buckets)
      dynamic.append((0x6fff_fef5, UInt64(out.append(hash).lowerBound)))
    }

    if hasVersions {
      var table = Output(is64Bit: is64Bit, order: order)
      table.u16(0)
      for symbol in sorted {
        let number =
          symbol.version.flatMap { versionNumbers[(symbol.isDefined ? "own " : "of ") + $0] }
          ?? (symbol.isDefined ? 1 : 0)
        table.u16(number | (symbol.isHidden ? 0x8000 : 0))
      }
      dynamic.append((0x6fff_fff0, UInt64(out.append(table.bytes).lowerBound)))
    }
    if !definitions.isEmpty {
      var table = Output(is64Bit: is64Bit, order: order)
      for (index, name) in ([soname ?? ""] + definitions).enumerated() {
        table.u16(1)
        table.u16(index == 0 ? 1 : 0)
        table.u16(index == 0 ? 1 : versionNumbers["own " + name]!)
        table.u16(1)
        table.u32(Self.sysvHash(name))
        table.u32(20)
        table.u32(index == definitions.count ? 0 : 28)
        table.u32(UInt32(string(name)))
        table.u32(0)
      }
      dynamic.append((0x6fff_fffc, UInt64(out.append(table.bytes).lowerBound)))
      dynamic.append((0x6fff_fffd, UInt64(definitions.count + 1)))
    }
    if !requirements.isEmpty {
      var table = Output(is64Bit: is64Bit, order: order)
      for (index, requirement) in requirements.enumerated() {
        table.u16(1)
        table.u16(UInt16(requirement.versions.count))
        table.u32(UInt32(string(requirement.file)))
        table.u32(16)
        let isLast = index == requirements.count - 1
        table.u32(isLast ? 0 : UInt32(16 + 16 * requirement.versions.count))
        for (number, version) in requirement.versions.enumerated() {
          table.u32(Self.sysvHash(version.name))
          table.u16(version.isWeak ? 2 : 0)
          table.u16(versionNumbers["of " + version.name]!)
          table.u32(UInt32(string(version.name)))
          table.u32(number == requirement.versions.count - 1 ? 0 : 16)
        }
      }
      dynamic.append((0x6fff_fffe, UInt64(out.append(table.bytes).lowerBound)))
      dynamic.append((0x6fff_ffff, UInt64(requirements.count)))
    }

    for isLazy in [false, true] {
      let chosen = relocations.filter { $0.isLazy == isLazy }
      if chosen.isEmpty { continue }
      var table = Output(is64Bit: is64Bit, order: order)
      for relocation in chosen {
        let symbol = UInt64(sorted.firstIndex { $0.name == relocation.symbol }! + 1)
        table.word(0)
        table.word(symbol << (is64Bit ? 32 : 8) | UInt64(relocation.kind))
        if is64Bit { table.word(0) }
      }
      let range = out.append(table.bytes)
      let (place, size): (UInt64, UInt64) =
        isLazy ? (23, 2) : is64Bit ? (7, 8) : (17, 18)
      dynamic.append((place, UInt64(range.lowerBound)))
      dynamic.append((size, UInt64(range.count)))
      if isLazy {
        dynamic.append((20, is64Bit ? 7 : 17))
      } else {
        dynamic.append((is64Bit ? 9 : 19, UInt64(word * (is64Bit ? 3 : 2))))
      }
    }

    let stringRange = out.append(strings)
    dynamic.append((5, UInt64(stringRange.lowerBound)))
    dynamic.append((10, UInt64(stringRange.count)))
    dynamic.append((0, 0))
    var section = Output(is64Bit: is64Bit, order: order)
    for (tag, value) in dynamic {
      section.word(tag)
      section.word(value)
    }
    let dynamicRange = out.append(section.bytes)
    let loaded = out.bytes.count
    let sectionsAt = sections.isEmpty ? 0 : out.appendSections(sections)

    // The headers.
    var header = Output(is64Bit: is64Bit, order: order)
    header.bytes = [0x7f, 0x45, 0x4c, 0x46, is64Bit ? 2 : 1, order == .little ? 1 : 2, 1]
    header.bytes += [UInt8](repeating: 0, count: 9)
    header.u16(kind)
    header.u16(machine)
    header.u32(1)
    header.word(0)
    header.word(is64Bit ? 64 : 52)
    header.word(UInt64(sectionsAt))
    header.u32(flags)
    header.u16(is64Bit ? 64 : 52)
    header.u16(is64Bit ? 56 : 32)
    header.u16(UInt16(segmentCount))
    header.u16(is64Bit ? 64 : 40)
    header.u16(sections.isEmpty ? 0 : UInt16(sections.count + 2))
    header.u16(sections.isEmpty ? 0 : 1)
    header.segment(1, 0..<loaded, flags: 7, alignment: 0x1000)
    header.segment(2, dynamicRange, flags: 6, alignment: UInt64(word))
    if interpreter != nil { header.segment(3, interpreterRange, flags: 4, alignment: 1) }
    if !notes.isEmpty {
      let alignment: UInt64 = notes.contains { $0.kind == 5 } && is64Bit ? 8 : 4
      header.segment(4, noteRange, flags: 4, alignment: alignment)
    }
    out.bytes.replaceSubrange(0..<header.bytes.count, with: header.bytes)
    return out.bytes
  }

  private func sysvHash(_ sorted: [Symbol]) -> [UInt8] {
    let buckets = 3
    var heads = [Int](repeating: 0, count: buckets)
    var chains = [Int](repeating: 0, count: sorted.count + 1)
    for (index, symbol) in sorted.enumerated() {
      let bucket = Int(Self.sysvHash(symbol.name)) % buckets
      chains[index + 1] = heads[bucket]
      heads[bucket] = index + 1
    }
    var table = Output(is64Bit: is64Bit, order: order)
    for number in [buckets, chains.count] + heads + chains { table.u32(UInt32(number)) }
    return table.bytes
  }

  private func gnuHash(_ defined: [Symbol], first: Int, buckets: Int) -> [UInt8] {
    var table = Output(is64Bit: is64Bit, order: order)
    for number in [buckets, first, 1, 5] { table.u32(UInt32(number)) }
    let bits: UInt32 = is64Bit ? 64 : 32
    var bloom: UInt64 = 0
    for symbol in defined {
      let hash = Self.gnuHash(symbol.name)
      bloom |= 1 << UInt64(hash % bits) | 1 << UInt64((hash >> 5) % bits)
    }
    table.word(bloom)
    let bucket = defined.map { Int(Self.gnuHash($0.name)) % buckets }
    for number in 0..<buckets {
      table.u32(UInt32(bucket.firstIndex(of: number).map { $0 + first } ?? 0))
    }
    for (index, symbol) in defined.enumerated() {
      let isLast = index + 1 == defined.count || bucket[index + 1] != bucket[index]
      table.u32(Self.gnuHash(symbol.name) & ~1 | (isLast ? 1 : 0))
    }
    return table.bytes
  }

  static func gnuHash(_ name: String) -> UInt32 {
    name.utf8.reduce(5381) { $0 &* 33 &+ UInt32($1) }
  }

  static func sysvHash(_ name: String) -> UInt32 {
    name.utf8.reduce(0) { hash, byte in
      let sum = hash << 4 &+ UInt32(byte)
      let high = sum & 0xf000_0000
      return (sum ^ (high >> 24)) & ~high
    }
  }

  /// Bytes with numbers of a class and order.
  struct Output {
    let is64Bit: Bool
    let order: ByteOrder
    var bytes: [UInt8] = []

    init(is64Bit: Bool, order: ByteOrder) {
      self.is64Bit = is64Bit
      self.order = order
    }

    mutating func number(_ value: UInt64, size: Int) {
      let little = (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
      bytes += order == .little ? little : little.reversed()
    }
    mutating func u16(_ value: UInt16) { number(UInt64(value), size: 2) }
    mutating func u32(_ value: UInt32) { number(UInt64(value), size: 4) }
    mutating func word(_ value: UInt64) { number(value, size: is64Bit ? 8 : 4) }

    mutating func align(_ unit: Int) {
      while bytes.count % unit != 0 { bytes.append(0) }
    }

    mutating func append(_ contents: [UInt8]) -> Range<Int> {
      align(8)
      bytes += contents
      return (bytes.count - contents.count)..<bytes.count
    }

    mutating func segment(_ kind: UInt32, _ range: Range<Int>, flags: UInt32, alignment: UInt64) {
      u32(kind)
      if is64Bit { u32(flags) }
      for value in [range.lowerBound, range.lowerBound, range.lowerBound, range.count, range.count]
      {
        word(UInt64(value))
      }
      if !is64Bit { u32(flags) }
      word(alignment)
    }

    /// Sections with their names, and the headers; returns where those are.
    mutating func appendSections(_ sections: [(name: String, contents: [UInt8])]) -> Int {
      var names: [UInt8] = [0]
      var headers: [(name: Int, range: Range<Int>)] = []
      let all = [(name: ".shstrtab", contents: [UInt8]())] + sections
      for section in all {
        headers.append((names.count, append(section.contents)))
        names += Array(section.name.utf8) + [0]
      }
      headers[0].range = append(names)
      align(8)
      let start = bytes.count
      bytes += [UInt8](repeating: 0, count: is64Bit ? 64 : 40)
      for header in headers {
        u32(UInt32(header.name))
        u32(header.name == 1 ? 3 : 7)
        word(0)
        word(0)
        word(UInt64(header.range.lowerBound))
        word(UInt64(header.range.count))
        u32(0)
        u32(0)
        word(1)
        word(0)
      }
      return start
    }
  }
}
