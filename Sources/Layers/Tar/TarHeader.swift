/// The fields of one header block: v7, ustar, GNU and star.
///
/// Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
struct TarHeader {
  static let size = 512

  var path: [UInt8]
  var link: [UInt8]
  var mode: UInt16
  var size: Int64
  var seconds: Int64
  var type: UInt8

  /// nil for a block of zeros, which ends an archive.
  init?(_ block: UnsafeRawBufferPointer) throws(LayerError) {
    guard block.contains(where: { $0 != 0 }) else { return nil }
    path = Self.text(block, 0, 100)
    guard try Self.isSumRight(block) else {
      throw LayerError(.damaged("a header of the archive has a wrong checksum"), entry: path)
    }
    // The path is given to the errors of the other fields.
    let name = path
    func number(_ offset: Int, _ count: Int) throws(LayerError) -> Int64 {
      try Self.number(block, offset, count, entry: name)
    }
    mode = UInt16(truncatingIfNeeded: try number(100, 8) & 0o7777)
    size = try number(124, 12)
    seconds = try number(136, 12)
    type = block[156]
    link = Self.text(block, 157, 100)
    if block[257..<263].elementsEqual("ustar\0".utf8) {
      // star keeps times behind a shorter prefix and signs with `tar` at the end of the block.
      let isStar = block[508..<512].elementsEqual("tar\0".utf8)
      let prefix = Self.text(block, 345, isStar ? 131 : 155)
      if !prefix.isEmpty { path = prefix + [UInt8(ascii: "/")] + path }
    }
  }

  /// The bytes of a field up to its NUL.
  static func text(_ block: UnsafeRawBufferPointer, _ offset: Int, _ count: Int) -> [UInt8] {
    Array(block[offset..<offset + count].prefix { $0 != 0 })
  }

  /// The sum of all bytes, the field itself taken for blanks; old writers added signed ones.
  private static func isSumRight(_ block: UnsafeRawBufferPointer) throws(LayerError) -> Bool {
    var (unsigned, signed) = (Int64(0), Int64(0))
    for index in 0..<size {
      let byte = (148..<156).contains(index) ? UInt8(ascii: " ") : block[index]
      unsigned += Int64(byte)
      signed += Int64(Int8(bitPattern: byte))
    }
    let sum = try number(block, 148, 8, entry: text(block, 0, 100))
    return sum == unsigned || sum == signed
  }

  /// Octal digits between blanks and NULs, or a big-endian number whose first bit is set.
  static func number(
    _ block: UnsafeRawBufferPointer, _ offset: Int, _ count: Int, entry: [UInt8]?
  ) throws(LayerError) -> Int64 {
    let field = block[offset..<offset + count]
    let bad = LayerError(.damaged("a number in a header of the archive is none"), entry: entry)
    if block[offset] & 0x80 != 0 {
      // The second bit is the sign; the rest is in two's complement.
      var value: Int64 = block[offset] & 0x40 != 0 ? -1 : 0
      value = value << 6 | Int64(block[offset] & 0x3f)
      for byte in field.dropFirst() {
        guard value >> 55 == 0 || value >> 55 == -1 else { throw bad }
        value = value << 8 | Int64(byte)
      }
      return value
    }
    var value: Int64 = 0
    var hasDigits = false
    var isOver = false
    for byte in field {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "7") where !isOver:
        // At most 12 digits: no overflow.
        value = value << 3 | Int64(byte & 7)
        hasDigits = true
      case 0, UInt8(ascii: " "): isOver = hasDigits
      default: throw bad
      }
    }
    return value
  }
}
