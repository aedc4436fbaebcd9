import Digests
import Hashing
import TestSupport
import Testing

@Suite(.tags(.small))
struct DigestTests {
  /// Of nothing, as sha256sum(1) and sha512sum(1) print it.
  static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  @Test func `the hashes are those of FIPS 180-4`() {
    #expect(Digest(of: []).description == "sha256:\(Self.empty)")
    #expect(
      Digest(of: Array("abc".utf8)).hex
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Digest(of: Array("abc".utf8), .sha512).hex
        == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")
  }

  @Test func `pieces make the same hash as the whole`() {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let hasher = StreamHasher(.sha256)
    for start in stride(from: 0, to: bytes.count, by: 4097) {
      bytes[start..<min(start + 4097, bytes.count)].withUnsafeBytes { hasher.update($0) }
    }
    #expect(hasher.finish() == Digest(of: bytes))
  }

  @Test func `what the grammar allows is read back as it was`() throws {
    let text = "sha256:\(Self.empty)"
    #expect(try #require(Digest(text)).description == text)
    #expect(Digest("sha512:\(Self.empty)\(Self.empty)") != nil)
  }

  @Test(arguments: [
    "", ":", "sha256", "sha256:", "sha256:../../etc/passwd", "sha256:\(empty.uppercased())",
    "SHA256:\(empty)", "sha256:\(empty)0", "sha256:\(empty.dropLast())", "sha512:\(empty)",
    "md5:d41d8cd98f00b204e9800998ecf8427e", " sha256:\(empty)", "sha256:\(empty)\n",
    "sha256:\(empty.dropLast(2))\u{e9}",
  ])
  func `what the grammar does not allow is no digest`(_ text: String) {
    #expect(Digest(text) == nil)
  }
}
