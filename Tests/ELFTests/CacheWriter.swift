import ELF

/// Writes files of the form of ld.so.cache; sysdeps/generic/dl-cache.h of glibc.
struct CacheWriter {
  var entries: [(name: String, path: String, flags: Int32, hwcap: UInt64)] = []
  /// The names of subdirectories of glibc-hwcaps, sorted as ldconfig does.
  var subdirectories: [String] = []
  /// Whether there is the old part before, and the new one.
  var hasOld = false
  var hasNew = true
  /// 2 little, 3 big, 0 not said.
  var endian: UInt8 = 2
  var isSorted = true

  init(_ entries: [(name: String, path: String)] = []) {
    self.entries = entries.map { ($0.name, $0.path, 0x0303, 0) }
  }

  /// Bit 62 with the number of a subdirectory and the level that it demands.
  static func extended(_ number: Int, level: Int = 0) -> UInt64 {
    1 << 62 | UInt64(level) << 32 | UInt64(number)
  }

  var bytes: [UInt8] {
    var entries = entries
    if isSorted {
      // The highest name first; of one name those with the most demands first.
      entries.sort { a, b in
        let order = Self.compare(Array(a.name.utf8), Array(b.name.utf8))
        return order != 0 ? order > 0 : a.hwcap > b.hwcap
      }
    }
    var strings: [UInt8] = []
    func string(_ text: String) -> Int {
      defer { strings += Array(text.utf8) + [0] }
      return strings.count
    }
    let places = entries.map { (name: string($0.name), path: string($0.path)) }
    let names = subdirectories.map(string)

    var out = ELFWriter.Output(is64Bit: true, order: .little)
    if hasOld {
      out.bytes = Array("ld.so-1.7.0".utf8) + [0]
      out.u32(UInt32(entries.count))
      // Offsets of the old part start behind it.
      let base =
        hasNew
        ? (16 + entries.count * 12 + 7) / 8 * 8 - 16 - entries.count * 12 + 48 + entries.count * 24
        : 0
      for (entry, place) in zip(entries, places) {
        out.u32(UInt32(bitPattern: entry.flags))
        out.u32(UInt32(base + place.name))
        out.u32(UInt32(base + place.path))
      }
      if !hasNew { return out.bytes + strings }
      out.align(8)
    }
    let start = out.bytes.count
    let base = 48 + entries.count * 24
    out.bytes += Array("glibc-ld.so.cache1.1".utf8)
    out.u32(UInt32(entries.count))
    out.u32(UInt32(strings.count))
    out.bytes += [endian, 0, 0, 0]
    let extensionAt = (start + base + strings.count + 3) / 4 * 4
    out.u32(names.isEmpty ? 0 : UInt32(extensionAt))
    for _ in 0..<3 { out.u32(0) }
    for (entry, place) in zip(entries, places) {
      out.u32(UInt32(bitPattern: entry.flags))
      out.u32(UInt32(base + place.name))
      out.u32(UInt32(base + place.path))
      out.u32(0)
      out.number(entry.hwcap, size: 8)
    }
    out.bytes += strings
    if !names.isEmpty {
      out.align(4)
      out.u32(0xeaa4_2174)
      out.u32(1)
      out.u32(1)
      out.u32(0)
      out.u32(UInt32(out.bytes.count + 8))
      out.u32(UInt32(names.count * 4))
      for name in names { out.u32(UInt32(start + base + name)) }
    }
    return out.bytes
  }

  /// The order of ldconfig: digits count as numbers, and come after everything else.
  static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
    func parts(_ bytes: [UInt8]) -> [(isNumber: Bool, value: Int)] {
      var parts: [(Bool, Int)] = []
      for byte in bytes {
        let isDigit = (0x30...0x39).contains(byte)
        if isDigit, let last = parts.last, last.0 {
          parts[parts.count - 1].1 = last.1 * 10 + Int(byte) - 0x30
        } else {
          parts.append((isDigit, isDigit ? Int(byte) - 0x30 : Int(byte)))
        }
      }
      return parts
    }
    let (left, right) = (parts(a), parts(b))
    for (x, y) in zip(left, right) {
      if x.isNumber != y.isNumber { return x.isNumber ? 1 : -1 }
      if x.value != y.value { return x.value - y.value }
    }
    if left.count == right.count { return 0 }
    // A number behind the end is more than the end, and so is any character.
    return left.count - right.count
  }
}
