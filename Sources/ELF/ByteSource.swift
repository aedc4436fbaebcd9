/// The bytes of a file, read in pieces: a library's tables are a small part of it.
package struct ByteSource {
  /// The file's size in bytes.
  package let count: Int
  /// Reads `count` bytes from `offset` on; nil when there are not so many.
  package let read: (_ offset: Int, _ count: Int) -> [UInt8]?

  package init(count: Int, read: @escaping (_ offset: Int, _ count: Int) -> [UInt8]?) {
    self.count = count
    self.read = read
  }

  /// Bytes that are in memory.
  package init(_ bytes: [UInt8]) {
    self.init(count: bytes.count) { offset, count in
      guard offset >= 0, count >= 0, count <= bytes.count, offset <= bytes.count - count else {
        return nil
      }
      return Array(bytes[offset..<(offset + count)])
    }
  }

  /// Reads what a file says it has, so with every number doubted.
  func table(at offset: UInt64, count: UInt64, order: ByteOrder) -> ByteTable? {
    guard offset <= UInt64(self.count), count <= UInt64(self.count) - offset,
      let bytes = read(Int(offset), Int(count)), bytes.count == Int(count)
    else { return nil }
    return ByteTable(bytes: bytes, order: order)
  }
}

package enum ByteOrder: Sendable {
  case little, big

  #if _endian(little)
    static let native = little
  #else
    static let native = big
  #endif
}

/// Bytes of a file with the numbers in them; what lies outside reads as 0 and never traps.
struct ByteTable: Sendable {
  let bytes: [UInt8]
  /// Whether numbers are stored the other way round than this machine does.
  private let isSwapped: Bool

  init(bytes: [UInt8] = [], order: ByteOrder = .native) {
    self.bytes = bytes
    isSwapped = order != .native
  }

  var count: Int { bytes.count }

  @inline(__always)
  private func number<Number: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as: Number.Type
  ) -> Number {
    guard offset >= 0, offset <= bytes.count - MemoryLayout<Number>.size else { return 0 }
    let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    return isSwapped ? value.byteSwapped : value
  }

  @inline(__always) func u8(_ offset: Int) -> UInt8 {
    offset >= 0 && offset < bytes.count ? bytes[offset] : 0
  }
  @inline(__always) func u16(_ offset: Int) -> UInt16 { number(at: offset, as: UInt16.self) }
  @inline(__always) func u32(_ offset: Int) -> UInt32 { number(at: offset, as: UInt32.self) }
  @inline(__always) func u64(_ offset: Int) -> UInt64 { number(at: offset, as: UInt64.self) }
  /// A word of the file's class.
  @inline(__always) func word(_ offset: Int, is64Bit: Bool) -> UInt64 {
    is64Bit ? u64(offset) : UInt64(u32(offset))
  }

  /// The text up to a NUL; nil when there is none so near.
  ///
  /// The limit is for files that lie: every one of a million names could be the whole table.
  func text(_ offset: Int, limit: Int = 1 << 20) -> ArraySlice<UInt8>? {
    guard offset >= 0, offset < bytes.count else { return nil }
    let text = bytes[offset...].prefix(limit)
    return text.firstIndex(of: 0).map { bytes[offset..<$0] }
  }

  /// The text up to a NUL, or to the end of the table.
  func ended(_ offset: Int) -> String {
    guard offset >= 0, offset < bytes.count else { return "" }
    return String(
      decoding: bytes[offset..<(bytes[offset...].firstIndex(of: 0) ?? count)], as: UTF8.self)
  }

  func string(_ offset: Int, limit: Int = 1 << 20) -> String? {
    text(offset, limit: limit).map { String(decoding: $0, as: UTF8.self) }
  }
}
