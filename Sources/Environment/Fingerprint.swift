/// FNV-1a in its 64-bit form, twice with different beginnings.
///
/// For names of files and as a guard against broken bytes. No protection against forgery: for a capsule that is the owner and the mode of the
/// file.
package enum Fingerprint {
  package static func hex(of bytes: some Sequence<UInt8>) -> String {
    // Other rooms get no copy of a generic function that is made for their type of bytes.
    bytes.withContiguousStorageIfAvailable(digest) ?? Array(bytes).withUnsafeBufferPointer(digest)
  }

  private static func digest(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    // Offset basis and prime of FNV-1a, 64 bits (RFC 9923).
    var (a, b): (UInt64, UInt64) = (0xcbf2_9ce4_8422_2325, 0x6c62_272e_07bb_0142)
    for byte in bytes {
      a = (a ^ UInt64(byte)) &* 0x100_0000_01b3
      b = (b ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return [a, b].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
