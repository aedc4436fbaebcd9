private import CCrypto
package import Digests

/// Computes the digest of bytes that come in pieces, with libcrypto's fastest code.
///
/// One owner at a time; ``finish()`` ends it. Source: EVP_DigestInit(3).
package final class StreamHasher {
  private let algorithm: Digest.Algorithm
  private let context: OpaquePointer

  package init(_ algorithm: Digest.Algorithm) {
    self.algorithm = algorithm
    context = EVP_MD_CTX_new()!
    let method = algorithm == .sha256 ? EVP_sha256() : EVP_sha512()
    precondition(EVP_DigestInit_ex(context, method, nil) == 1, "libcrypto has no \(algorithm)")
  }

  deinit { EVP_MD_CTX_free(context) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    precondition(EVP_DigestUpdate(context, base, bytes.count) == 1)
  }

  /// The digest of all that came; nothing may come after it.
  package func finish() -> Digest {
    var bytes = [UInt8](repeating: 0, count: algorithm.byteCount)
    precondition(EVP_DigestFinal_ex(context, &bytes, nil) == 1)
    return Digest(algorithm, bytes: bytes)
  }
}

extension Digest {
  /// The digest of some bytes.
  package init(of bytes: [UInt8], _ algorithm: Algorithm = .sha256) {
    let hasher = StreamHasher(algorithm)
    bytes.withUnsafeBytes { hasher.update($0) }
    self = hasher.finish()
  }
}
