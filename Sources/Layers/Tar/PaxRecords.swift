/// The records of a pax header that matter here, by keyword; later ones win.
///
/// Source: POSIX.1-2017 pax, "pax Extended Header".
struct PaxRecords {
  /// Values as the archive has them; an empty one takes away what an earlier header said.
  var values: [[UInt8]: [UInt8]] = [:]
  /// Offsets and lengths of the data of a sparse file in the GNU format 0.0, in turn.
  var sparse: [Int64] = []

  /// Reads the records `LENGTH KEYWORD=VALUE\n`.
  init(_ bytes: [UInt8], entry: [UInt8]?) throws(LayerError) {
    let bad = LayerError(.damaged("a pax header is none"), entry: entry)
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let blank = rest.prefix(9).firstIndex(of: UInt8(ascii: " ")),
        let length = Self.decimal(rest[..<blank]), length <= rest.count,
        let end = rest.index(rest.startIndex, offsetBy: Int(length), limitedBy: rest.endIndex),
        end > blank + 1, rest[end - 1] == UInt8(ascii: "\n"),
        let equals = rest[blank..<end].firstIndex(of: UInt8(ascii: "=")), equals > blank + 1
      else { throw bad }
      let (key, value) = (rest[(blank + 1)..<equals], rest[(equals + 1)..<(end - 1)])
      if key.elementsEqual("GNU.sparse.offset".utf8)
        || key.elementsEqual("GNU.sparse.numbytes".utf8)
      {
        guard let number = Self.decimal(value) else { throw bad }
        sparse.append(number)
      } else if Self.matters(key) {
        values[Array(key)] = Array(value)
      }
      rest = rest[end...]
    }
  }

  init() {}

  private static let names: Set<[UInt8]> = [
    Array("path".utf8), Array("linkpath".utf8), Array("size".utf8), Array("mtime".utf8),
  ]

  private static func matters(_ key: ArraySlice<UInt8>) -> Bool {
    key.starts(with: "SCHILY.xattr.".utf8) || key.starts(with: "GNU.sparse.".utf8)
      || names.contains(Array(key))
  }

  /// These records over others, as those of one entry over the global ones.
  func over(_ global: Self) -> Self {
    guard !global.values.isEmpty else { return self }
    var result = self
    result.values.merge(global.values) { own, _ in own }
    return result
  }

  subscript(_ key: String) -> [UInt8]? {
    guard !values.isEmpty, let value = values[Array(key.utf8)], !value.isEmpty else { return nil }
    return value
  }

  /// A number that is not negative; nil where there is none.
  func number(_ key: String, entry: [UInt8]?) throws(LayerError) -> Int64? {
    guard let value = self[key] else { return nil }
    guard let number = Self.decimal(value[...]) else {
      throw LayerError(.damaged("the pax record \(key) is no number"), entry: entry)
    }
    return number
  }

  /// Digits only; nil for anything else and beyond 64 bits.
  static func decimal(_ digits: some Collection<UInt8>) -> Int64? {
    guard !digits.isEmpty else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard (48...57).contains(digit) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int64(digit - 48))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }

  /// Seconds since 1970 with a fraction, perhaps negative; a fraction beyond nanoseconds is cut.
  func time(entry: [UInt8]?) throws(LayerError) -> (seconds: Int64, nanoseconds: Int32)? {
    guard let text = self["mtime"] else { return nil }
    let isNegative = text[0] == UInt8(ascii: "-")
    let parts = text.dropFirst(isNegative ? 1 : 0).split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count > 1 ? parts[1] : []
    guard let seconds = Self.decimal(parts[0]), fraction.allSatisfy({ (48...57).contains($0) })
    else { throw LayerError(.damaged("the pax record mtime is no time"), entry: entry) }
    var nanoseconds: Int32 = 0
    for place in 0..<9 {
      nanoseconds *= 10
      if place < fraction.count { nanoseconds += Int32(fraction[fraction.startIndex + place] - 48) }
    }
    guard isNegative else { return (seconds, nanoseconds) }
    return nanoseconds == 0 ? (-seconds, 0) : (-seconds - 1, 1_000_000_000 - nanoseconds)
  }

  /// `SCHILY.xattr.NAME`, sorted by name.
  var attributes: [TarEntry.Attribute] {
    let prefix = "SCHILY.xattr.".utf8
    var found: [TarEntry.Attribute] = []
    for (key, value) in values where key.count > prefix.count && key.starts(with: prefix) {
      found.append(.init(name: Array(key.dropFirst(prefix.count)), value: value))
    }
    return found.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}
