/// The dynamic symbols of an object, looked up as the dynamic linker does.
///
/// Sources: System V ABI, chapter 5 "Symbol table" and "Hash table"; for DT_GNU_HASH the
/// description in binutils' elflink.c; for versions glibc's elf/dl-lookup.c.
package struct SymbolTable: Sendable {
  private let entries: ByteTable
  private let strings: ByteTable
  private let versions: ByteTable
  private let is64Bit: Bool
  private let gnu: GNUHash?
  private let hash: ByteTable?
  /// Names of versions by their index; empty where the index means none.
  private let needed: [UInt16: String]
  private let defined: [UInt16: String]
  /// The number of symbols, the empty first one too.
  package let count: Int

  private struct GNUHash: Sendable {
    var table: ByteTable
    var buckets: Int
    var first: Int
    var bloomWords: Int
    var shift: UInt32
    var is64Bit: Bool
    var bucketsAt: Int { 16 + bloomWords * (is64Bit ? 8 : 4) }
    var chainsAt: Int { bucketsAt + buckets * 4 }
  }

  /// A name with its version, as an object asks for it.
  package struct Reference: Hashable, Sendable {
    package var name: String
    /// nil where any version will do.
    package var version: String?
    package var isWeak: Bool
    package var kind: UInt8
    /// Its number in the table.
    package var index: Int

    /// `name@version`.
    package var description: String { version.map { "\(name)@\($0)" } ?? name }
  }

  /// A symbol that an object defines.
  package struct Definition: Hashable, Sendable {
    package var index: Int
    /// The size in bytes of the object, or of the function.
    package var size: UInt64
    /// `STT_*`: 1 is data, 2 a function, 6 thread-local data.
    package var kind: UInt8
    package var version: String?
  }

  /// Symbol types; elf.h, `STT_*`.
  package enum Kind {
    package static let object: UInt8 = 1
    package static let function: UInt8 = 2
    package static let threadLocal: UInt8 = 6
  }

  init(
    at address: UInt64?, gnuHash: UInt64?, hash: UInt64?, versions: UInt64?, strings: ByteTable,
    memory: Memory, is64Bit: Bool, requirements: [VersionRequirement],
    definitions: [VersionDefinition]
  ) {
    self.strings = strings
    self.is64Bit = is64Bit
    let size = is64Bit ? 24 : 16
    var count = 0
    var sysv: ByteTable?
    if let hash, let header = memory.table(at: hash, count: 8) {
      let words = 2 + UInt64(header.u32(0)) + UInt64(header.u32(4))
      sysv = memory.table(at: hash, count: words * 4)
      if sysv != nil { count = Int(header.u32(4)) }
    }
    var gnu: GNUHash?
    if let gnuHash, let header = memory.table(at: gnuHash, count: 16) {
      let buckets = Int(header.u32(0))
      let bloomWords = Int(header.u32(8))
      var hash = GNUHash(
        table: ByteTable(order: memory.order), buckets: buckets, first: Int(header.u32(4)),
        bloomWords: bloomWords, shift: header.u32(12) & 63, is64Bit: is64Bit)
      if buckets > 0, bloomWords > 0, bloomWords & (bloomWords - 1) == 0,
        let table = memory.table(at: gnuHash, count: UInt64(hash.chainsAt))
      {
        // Where the chains end is said only by the last one's own end.
        var last = 0
        for bucket in 0..<buckets { last = max(last, Int(table.u32(hash.bucketsAt + bucket * 4))) }
        if last < hash.first {
          hash.table = table
          gnu = hash
          count = max(count, hash.first)
        } else {
          var step = 1 << 10
          while true {
            let wanted = hash.chainsAt + (last - hash.first + step) * 4
            guard let table = memory.beginning(at: gnuHash, count: UInt64(wanted)) else { break }
            var end = last
            while table.u32(hash.chainsAt + (end - hash.first) * 4) & 1 == 0,
              hash.chainsAt + (end - hash.first + 1) * 4 < table.count
            {
              end += 1
            }
            let isEnded =
              hash.chainsAt + (end - hash.first) * 4 + 4 <= table.count
              && table.u32(hash.chainsAt + (end - hash.first) * 4) & 1 == 1
            if isEnded {
              hash.table = table
              gnu = hash
              count = max(count, end + 1)
              break
            }
            if table.count < wanted { break }
            step *= 16
          }
        }
      }
    }
    let table = address.flatMap { memory.table(at: $0, count: UInt64(count * size)) }
    entries = table ?? ByteTable(order: memory.order)
    self.count = table == nil ? 0 : count
    self.gnu = table == nil ? nil : gnu
    self.hash = table == nil ? nil : sysv
    self.versions =
      versions.flatMap { memory.table(at: $0, count: UInt64(count) * 2) }
      ?? ByteTable(order: memory.order)
    needed = Dictionary(
      requirements.flatMap { $0.versions.map { ($0.index, $0.name) } },
      uniquingKeysWith: { a, _ in a })
    defined = Dictionary(
      definitions.filter { !$0.isBase }.map { ($0.index, $0.name) }, uniquingKeysWith: { a, _ in a }
    )
  }

  /// Whether its symbols have versions.
  package var hasVersions: Bool { versions.count > 0 }

  // MARK: entries

  private var entrySize: Int { is64Bit ? 24 : 16 }
  private func nameOffset(_ index: Int) -> Int { Int(entries.u32(index * entrySize)) }
  private func info(_ index: Int) -> UInt8 { entries.u8(index * entrySize + (is64Bit ? 4 : 12)) }
  private func visibility(_ index: Int) -> UInt8 {
    entries.u8(index * entrySize + (is64Bit ? 5 : 13)) & 3
  }
  private func section(_ index: Int) -> UInt16 {
    entries.u16(index * entrySize + (is64Bit ? 6 : 14))
  }
  private func value(_ index: Int) -> UInt64 {
    is64Bit ? entries.u64(index * 24 + 8) : UInt64(entries.u32(index * 16 + 4))
  }
  private func size(_ index: Int) -> UInt64 {
    is64Bit ? entries.u64(index * 24 + 16) : UInt64(entries.u32(index * 16 + 8))
  }

  /// Global, weak or unique (`STB_GNU_UNIQUE`).
  private func isGlobal(_ index: Int) -> Bool {
    let binding = info(index) >> 4
    return binding == 1 || binding == 2 || binding == 10
  }

  /// Whether the linker would take it for a definition: elf/dl-lookup.c, `check_match`.
  private func isDefinition(_ index: Int) -> Bool {
    let kind = info(index) & 0xf
    // NOTYPE, OBJECT, FUNC, COMMON, TLS, GNU_IFUNC.
    guard section(index) != 0, kind <= 2 || kind == 5 || kind == 6 || kind == 10, isGlobal(index)
    else { return false }
    // Without a value it is none, but for SHN_ABS and thread-local ones.
    guard value(index) != 0 || section(index) == 0xfff1 || kind == 6 else { return false }
    let visibility = visibility(index)
    return visibility == 0 || visibility == 3
  }

  package func name(_ index: Int) -> String? {
    index < count ? strings.string(nameOffset(index), limit: 1 << 16) : nil
  }

  /// What the object asks others for.
  package var references: [Reference] {
    // All are looked at: DT_GNU_HASH holds some of others too, whose addresses a program compares.
    var names = Names(strings)
    var references: [Reference] = []
    for index in 1..<max(1, count) where section(index) == 0 && isGlobal(index) {
      guard let name = names.next(nameOffset(index)), !name.isEmpty else { continue }
      references.append(
        Reference(
          name: name, version: needed[versions.u16(index * 2) & 0x7fff],
          isWeak: info(index) >> 4 == 2, kind: info(index) & 0xf, index: index))
    }
    return references
  }

  /// Every symbol that the object defines for others, with the versions that are no default too.
  package var exports: [String] {
    var names = Names(strings)
    return (1..<max(1, count)).compactMap {
      isDefinition($0) ? names.next(nameOffset($0)) : nil
    }
  }

  /// Names one after the other, until they are longer together than those of an honest file.
  private struct Names {
    private let strings: ByteTable
    private var left: Int
    /// C++ has names of many thousand bytes.
    private static let longest = 1 << 16

    init(_ strings: ByteTable) {
      self.strings = strings
      // The ends of names are names too, so that some bytes are counted more than once.
      left = 16 * strings.count + 1 << 20
    }

    mutating func next(_ offset: Int) -> String? {
      guard left > 0 else { return nil }
      let name = strings.text(offset, limit: Self.longest)
      left -= 1 + (name?.count ?? Self.longest)
      return name.map { String(decoding: $0, as: UTF8.self) }
    }
  }

  // MARK: lookup

  /// The symbol that a name without a version finds.
  package func definition(of name: String) -> Definition? {
    definition(of: SymbolName(name), version: nil)
  }

  /// The definition that the linker would take for a name in a version, or in any.
  package func definition(of name: SymbolName, version: String?) -> Definition? {
    var found = Search()
    if let gnu {
      search(gnu, for: name, version: version, &found)
    } else if let hash, hash.u32(0) > 0 {
      let buckets = Int(hash.u32(0))
      var index = Int(hash.u32(8 + Int(name.sysvHash) % buckets * 4))
      for _ in 0..<count where index != 0 && index < count {
        if consider(index, name, version, &found) { break }
        index = Int(hash.u32(8 + (buckets + index) * 4))
      }
    }
    return found.taken ?? (found.defaults == 1 ? found.candidate : nil)
  }

  /// What a search has come to; elf/dl-lookup.c, `check_match`.
  private struct Search {
    var taken: Definition?
    /// The default of a symbol that came to have versions, and how many such there are: who asks
    /// for no version gets it where there is no older one.
    var candidate: Definition?
    var defaults = 0
  }

  private func search(
    _ gnu: GNUHash, for name: SymbolName, version: String?, _ found: inout Search
  ) {
    let hash = name.gnuHash
    let bits: UInt32 = is64Bit ? 64 : 32
    let word = Int(hash / bits) & (gnu.bloomWords - 1)
    let bloom =
      is64Bit ? gnu.table.u64(16 + word * 8) : UInt64(gnu.table.u32(16 + word * 4))
    guard bloom >> UInt64(hash % bits) & bloom >> UInt64((hash >> gnu.shift) % bits) & 1 == 1 else {
      return
    }
    var index = Int(gnu.table.u32(gnu.bucketsAt + Int(hash % UInt32(gnu.buckets)) * 4))
    guard index >= gnu.first else { return }
    while index < count {
      let chained = gnu.table.u32(gnu.chainsAt + (index - gnu.first) * 4)
      if (chained ^ hash) >> 1 == 0, consider(index, name, version, &found) { return }
      if chained & 1 == 1 { return }
      index += 1
    }
  }

  /// Whether the search ends with this symbol.
  private func consider(
    _ index: Int, _ name: SymbolName, _ version: String?, _ found: inout Search
  ) -> Bool {
    guard isDefinition(index), isNamed(index, name) else { return false }
    let number = versions.u16(index * 2)
    let isHidden = number & 0x8000 != 0
    let own = defined[number & 0x7fff]
    let definition = Definition(
      index: index, size: size(index), kind: info(index) & 0xf, version: own)
    if hasVersions {
      if let version {
        // The version itself, or a symbol without one that is no hidden alternative.
        guard own == version || (own == nil && !isHidden) else { return false }
      } else if number & 0x7fff >= 3 {
        // Numbers 0 to 2 are none, the object's own name, and its oldest version.
        if !isHidden {
          found.defaults += 1
          if found.candidate == nil { found.candidate = definition }
        }
        return false
      }
    }
    found.taken = definition
    return true
  }

  private func isNamed(_ index: Int, _ name: SymbolName) -> Bool {
    let at = nameOffset(index)
    guard at >= 0, at + name.bytes.count < strings.count else { return false }
    return strings.bytes.withUnsafeBytes { strings in
      name.bytes.withUnsafeBytes { name in
        for offset in 0..<name.count where strings[at + offset] != name[offset] { return false }
        return strings[at + name.count] == 0
      }
    }
  }
}

/// A symbol's name with its hashes, which many objects are asked with.
package struct SymbolName: Sendable {
  package let bytes: [UInt8]
  let gnuHash: UInt32

  package init(_ name: String) {
    bytes = Array(name.utf8)
    var hash: UInt32 = 5381
    for byte in bytes { hash = hash &* 33 &+ UInt32(byte) }
    gnuHash = hash
  }

  /// The hash of DT_HASH; System V ABI, figure 5-13.
  var sysvHash: UInt32 {
    var hash: UInt32 = 0
    for byte in bytes {
      hash = (hash << 4) &+ UInt32(byte)
      let high = hash & 0xf000_0000
      if high != 0 { hash ^= high >> 24 }
      hash &= ~high
    }
    return hash
  }
}
