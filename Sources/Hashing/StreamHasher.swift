private import CCrypto
package import Digests

/// Computes the digest of bytes that come in pieces, with libcrypto's fastest code.
///
/// One owner at a time; ``finish()`` ends it. The library is loaded at first use: a program that
/// must not end there asks ``problem`` before. Source: EVP_DigestInit(3).
package final class StreamHasher {
  private let algorithm: Digest.Algorithm
  private let context: OpaquePointer

  /// Why nothing can be hashed on this machine, with the remedy; nil when all is well.
  ///
  /// It is one of the installation and not of the moment, so hashing itself throws nothing.
  package static let problem: (cause: String, remedy: String)? = sw_crypto_load().map {
    (
      "libcrypto cannot be loaded (\(String(cString: $0)))",
      "install OpenSSL's library (Debian: libssl3, Red Hat: openssl-libs)"
    )
  }

  /// Ends the program with ``problem`` as its message where there is one.
  package init(_ algorithm: Digest.Algorithm) {
    if let problem = Self.problem { fatalError("\(problem.cause); remedy: \(problem.remedy)") }
    self.algorithm = algorithm
    guard let context = sw_digest_start(algorithm.rawValue) else {
      fatalError("libcrypto has no \(algorithm) or no memory; remedy: check its configuration")
    }
    self.context = context
  }

  deinit { sw_digest_free(context) }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    precondition(sw_digest_update(context, base, bytes.count) == 1)
  }

  /// The digest of all that came; nothing may come after it.
  package func finish() -> Digest {
    var bytes = [UInt8](repeating: 0, count: algorithm.byteCount)
    precondition(sw_digest_finish(context, &bytes) == 1)
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
