/// The blocks before an entry's contents, in the pax format.
enum TarBlocks {
  enum Kind: UInt8 {
    case file = 0x30
    case hardLink, symbolicLink
    case directory = 0x35
    case fifo
    fileprivate static let extended: UInt8 = 0x78
  }

  /// Adds the header of an entry, after a pax header where it has more to say than fits.
  static func append(
    to output: inout [UInt8], _ kind: Kind, path: [UInt8], link: [UInt8] = [], mode: UInt16 = 0,
    size: Int64 = 0, seconds: Int64 = 0, attributes: [TarEntry.Attribute] = []
  ) {
    var records: [UInt8] = []
    if path.count > 100 { record("path", path, to: &records) }
    if link.count > 100 { record("linkpath", link, to: &records) }
    for attribute in attributes {
      record(Array("SCHILY.xattr.".utf8) + attribute.name, attribute.value, to: &records)
    }
    if !records.isEmpty {
      header(
        to: &output, Kind.extended, path: Array("x".utf8), link: [], mode: 0o644,
        size: Int64(records.count), seconds: 0)
      output += records
      output += [UInt8](repeating: 0, count: (512 - records.count % 512) % 512)
    }
    header(
      to: &output, kind.rawValue, path: path, link: link, mode: mode, size: size, seconds: seconds)
  }

  private static func record(_ key: String, _ value: [UInt8], to records: inout [UInt8]) {
    record(Array(key.utf8), value, to: &records)
  }

  /// `LENGTH KEYWORD=VALUE\n`, where the length counts its own digits.
  private static func record(_ key: [UInt8], _ value: [UInt8], to records: inout [UInt8]) {
    let rest = key.count + value.count + 3
    var length = rest + String(rest).utf8.count
    length = rest + String(length).utf8.count
    records += "\(length) ".utf8
    records += key
    records.append(UInt8(ascii: "="))
    records += value
    records.append(UInt8(ascii: "\n"))
  }

  private static func header(
    to output: inout [UInt8], _ type: UInt8, path: [UInt8], link: [UInt8], mode: UInt16,
    size: Int64, seconds: Int64
  ) {
    let start = output.count
    output += [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Sequence<UInt8>, _ offset: Int) {
      for (index, byte) in bytes.enumerated() { output[start + offset + index] = byte }
    }
    put(path.prefix(100), 0)
    put(octal(Int64(mode), 7), 100)
    put(octal(0, 7), 108)
    put(octal(0, 7), 116)
    if size < 1 << 33 {
      put(octal(size, 11), 124)
    } else {
      put([0x80, 0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * $0)) }, 124)
    }
    // squashfs keeps 32 bits without a sign.
    put(octal(min(max(0, seconds), Int64(UInt32.max)), 11), 136)
    put([UInt8](repeating: UInt8(ascii: " "), count: 8), 148)
    output[start + 156] = type
    put(link.prefix(100), 157)
    put("ustar\u{0}00".utf8, 257)
    let sum = output[start...].reduce(Int64(0)) { $0 + Int64($1) }
    put(octal(sum, 6) + [0, UInt8(ascii: " ")], 148)
  }

  private static func octal(_ number: Int64, _ digits: Int) -> [UInt8] {
    (0..<digits).map { UInt8(ascii: "0") + UInt8(number >> (3 * (digits - 1 - $0)) & 7) }
  }
}
