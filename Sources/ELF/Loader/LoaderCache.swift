/// The file that `ldconfig` writes: where the libraries of the system's directories are.
///
/// Every offset is the file's claim and is checked. Sources: glibc's sysdeps/generic/dl-cache.h for
/// the format, elf/dl-cache.c for the search.
package struct LoaderCache: Sendable {
  /// One library of a cache.
  package struct Entry: Hashable, Sendable {
    /// The name that programs ask for.
    package var name: String
    package var path: String
    /// The kind of library: class, machine and C library in one number.
    package var flags: Int32
    /// What the library demands of the processor; bit 62 says that it is a subdirectory's number.
    package var hwcap: UInt64
  }

  /// How many libraries it lists.
  package let count: Int
  /// The subdirectories of `glibc-hwcaps` that its entries lie in, by their numbers.
  package let subdirectories: [String]

  private let table: ByteTable
  /// Where the entries start, and the strings' offsets.
  private let entriesAt: Int
  private let stringsAt: Int
  private let entrySize: Int

  private static let oldMagic = Array("ld.so-1.7.0".utf8)
  private static let magic = Array("glibc-ld.so.cache1.1".utf8)

  /// Reads a cache; nil where the linker would take it for none.
  package init?(_ bytes: [UInt8], order: ByteOrder) {
    let table = ByteTable(bytes: bytes, order: order)
    func isNew(at offset: Int) -> Bool {
      offset + 48 <= bytes.count && bytes[offset...].starts(with: Self.magic)
    }
    var start = 0
    if !isNew(at: 0) || bytes.count <= 48 {
      let libraries = Int(table.u32(12))
      guard bytes.count > 16, bytes.starts(with: Self.oldMagic),
        libraries <= (bytes.count - 16) / 12
      else { return nil }
      start = (16 + libraries * 12 + 7) / 8 * 8
      guard isNew(at: start) else {
        (count, subdirectories, self.table) = (libraries, [], table)
        (entriesAt, stringsAt, entrySize) = (16, 16 + libraries * 12, 12)
        return
      }
    }
    // Whose numbers are stored the other way round is no cache of this machine.
    let flags = bytes[start + 28]
    guard flags == 0 || flags & 3 == (order == .little ? 2 : 3) else { return nil }
    // The linker checks the number only where there is no old part.
    let fitting = (bytes.count - start - 48) / 24
    let libraries = Int(table.u32(start + 20))
    guard start > 0 || libraries <= fitting else { return nil }
    count = min(libraries, fitting)
    self.table = table
    (entriesAt, stringsAt, entrySize) = (start + 48, start, 24)
    subdirectories = Self.subdirectories(of: table, start: start)
  }

  /// The extension with tag 1: offsets of the names.
  private static func subdirectories(of table: ByteTable, start: Int) -> [String] {
    let at = Int(table.u32(start + 32))
    guard at > 0, at % 4 == 0, at + 8 <= table.count, table.u32(at) == 0xeaa4_2174 else {
      return []
    }
    let sections = Int(table.u32(at + 4))
    guard sections <= (table.count - at - 8) / 16 else { return [] }
    var found: (offset: Int, size: Int)?
    for index in 0..<sections {
      let section = at + 8 + index * 16
      let (offset, size) = (Int(table.u32(section + 8)), Int(table.u32(section + 12)))
      guard offset + size <= table.count else { return [] }
      if table.u32(section) == 1 { found = (offset, size) }
    }
    guard let found, found.size % 4 == 0, found.offset % 4 == 0 else { return [] }
    return (0..<(found.size / 4)).map { index in
      let name = Int(table.u32(found.offset + index * 4))
      return name < table.count ? table.ended(name) : ""
    }
  }

  /// The libraries in the order of the file.
  package var entries: [Entry] { (0..<count).compactMap(entry) }

  private func entry(_ index: Int) -> Entry? {
    let at = entriesAt + index * entrySize
    guard let name = text(table.u32(at + 4)), let path = text(table.u32(at + 8)) else { return nil }
    return Entry(
      name: String(decoding: name, as: UTF8.self), path: String(decoding: path, as: UTF8.self),
      flags: Int32(bitPattern: table.u32(at)), hwcap: entrySize == 24 ? table.u64(at + 16) : 0)
  }

  private func text(_ offset: UInt32) -> ArraySlice<UInt8>? {
    let at = stringsAt + Int(offset)
    guard at < table.count else { return nil }
    let end = table.bytes[at...].firstIndex(of: 0) ?? table.count
    return table.bytes[at..<end]
  }

  /// What a linker can use of a cache.
  package struct Demand: Sendable {
    /// The kinds of libraries that fit, the best one first.
    package var flags: [Int32]
    /// The subdirectories of `glibc-hwcaps` that the processor can use, best first.
    package var subdirectories: [String]
    /// The processor's level: 1 to 4 on x86-64.
    package var level: Int
    /// The old bits of what the processor has; nil where the linker knows of no such bits any more.
    package var capabilities: UInt64?
    /// The bit of the platform, such as haswell.
    package var platform: UInt64

    package init(
      flags: [Int32], subdirectories: [String], level: Int, capabilities: UInt64?, platform: UInt64
    ) {
      self.flags = flags
      self.subdirectories = subdirectories
      self.level = level
      self.capabilities = capabilities
      self.platform = platform
    }
  }

  /// The path that the linker takes for a name.
  package func path(of name: String, for demand: Demand) -> String? {
    let name = Array(name.utf8)
    var (left, right) = (0, count - 1)
    while left <= right {
      var middle = (left + right) / 2
      guard let key = text(table.u32(entriesAt + middle * entrySize + 4)) else { return nil }
      let order = Self.compare(name[...], key)
      if order < 0 {
        left = middle + 1
      } else if order > 0 {
        right = middle - 1
      } else {
        while middle > 0, isNamed(middle - 1, name) { middle -= 1 }
        return best(from: middle, to: right, name, demand)
      }
    }
    return nil
  }

  private func isNamed(_ index: Int, _ name: [UInt8]) -> Bool {
    text(table.u32(entriesAt + index * entrySize + 4)).map { Self.compare(name[...], $0) == 0 }
      ?? false
  }

  private func best(from first: Int, to last: Int, _ name: [UInt8], _ demand: Demand) -> String? {
    var best: ArraySlice<UInt8>?
    var rank = Int.max
    for index in first...last {
      guard isNamed(index, name) else { break }
      let at = entriesAt + index * entrySize
      let flags = Int32(bitPattern: table.u32(at))
      guard demand.flags.contains(flags), let path = text(table.u32(at + 8)) else { continue }
      if entrySize == 24 {
        let hwcap = table.u64(at + 16)
        // DL_CACHE_HWCAP_EXTENSION: bit 62 alone above the ten bits of the level.
        if (hwcap >> 32) & ~0x3ff == 1 << 30 {
          let number = Int(hwcap & 0xffff_ffff)
          guard (hwcap >> 32) & 0x3ff < demand.level, number < subdirectories.count,
            let own = demand.subdirectories.firstIndex(of: subdirectories[number]), own < rank
          else { continue }
          (best, rank) = (path, own)
          continue
        }
        // Those of subdirectories come first.
        if best != nil { break }
        guard let capabilities = demand.capabilities else {
          guard hwcap == 0 else { continue }
          return String(decoding: path, as: UTF8.self)
        }
        // _DL_HWCAP_PLATFORM and _DL_HWCAP_TLS_MASK.
        let platforms: UInt64 = 0xf << 48
        guard hwcap & ~(capabilities | platforms | 1 << 63) == 0 else { continue }
        guard hwcap & platforms == 0 || hwcap & platforms == demand.platform else { continue }
      }
      best = path
      if flags == demand.flags[0] { break }
    }
    return best.map { String(decoding: $0, as: UTF8.self) }
  }

  /// The order of names, in which numbers count as such: `_dl_cache_libcmp`.
  static func compare(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
    var (i, j) = (a.startIndex, b.startIndex)
    func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    func number(_ bytes: ArraySlice<UInt8>, _ at: inout Int) -> Int32 {
      var value: Int32 = 0
      while at < bytes.endIndex, isDigit(bytes[at]) {
        value = value &* 10 &+ Int32(bytes[at] - 0x30)
        at += 1
      }
      return value
    }
    while i < a.endIndex {
      let (x, y) = (a[i], j < b.endIndex ? b[j] : 0)
      switch (isDigit(x), isDigit(y)) {
      case (true, true):
        let difference = number(a, &i) &- number(b, &j)
        if difference != 0 { return Int(difference) }
      case (true, false): return 1
      case (false, true): return -1
      case (false, false):
        // Characters are signed on x86, and nowhere does it matter to a name in ASCII.
        if x != y { return Int(Int8(bitPattern: x)) - Int(Int8(bitPattern: y)) }
        i += 1
        j += 1
      }
    }
    return j < b.endIndex ? -Int(Int8(bitPattern: b[j])) : 0
  }
}
