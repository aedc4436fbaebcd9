/// The name of some bytes by their hash, as the OCI writes it: `sha256:` and 64 hexadecimal digits.
///
/// Only what the grammar allows becomes a value, so a digest can stand in a path or a URL.
/// Source: OCI image-spec, descriptor.md, "Digests"; upper-case digits are none.
package struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  package enum Algorithm: String, CaseIterable, Sendable {
    case sha256, sha512

    /// The length of the hash in bytes.
    package var byteCount: Int { self == .sha256 ? 32 : 64 }
  }

  package let algorithm: Algorithm
  /// The hash in lower-case hexadecimal digits.
  package let hex: String

  /// nil where the digits are not those of such a hash.
  package init?(_ algorithm: Algorithm, hex: some StringProtocol) {
    guard hex.utf8.count == algorithm.byteCount * 2,
      hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    self.algorithm = algorithm
    self.hex = String(hex)
  }

  /// Reads `ALGORITHM:HEX`; nil for another algorithm or another form.
  package init?(_ text: some StringProtocol) {
    guard let colon = text.firstIndex(of: ":"),
      let algorithm = Algorithm(rawValue: String(text[..<colon]))
    else { return nil }
    self.init(algorithm, hex: text[text.index(after: colon)...])
  }

  /// The name of a hash that was computed; its length must be the algorithm's.
  package init(_ algorithm: Algorithm, bytes: some Collection<UInt8>) {
    precondition(bytes.count == algorithm.byteCount)
    self.algorithm = algorithm
    let digits = Array("0123456789abcdef".utf8)
    hex = String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  package var description: String { "\(algorithm.rawValue):\(hex)" }

  package static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}
