package import Digests

/// The name of something in a store: what kind it is, and the digest that it stands for.
package struct StoreKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// `blobs` for files of that digest; any other kind is a directory that was made from it.
  package let kind: String
  package let digest: Digest

  /// Names that the store has for itself.
  private static let own: Set<String> = ["locks", "partial", "quarantine", "tmp", "uses"]

  /// nil where the kind is no word of 1 to 32 lower-case letters, digits and hyphens.
  package init?(kind: String, digest: Digest) {
    guard (1...32).contains(kind.utf8.count), !Self.own.contains(kind),
      kind.utf8.allSatisfy({
        (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-")
      })
    else { return nil }
    (self.kind, self.digest) = (kind, digest)
  }

  private init(blob: Digest) { (kind, digest) = ("blobs", blob) }

  package static func blob(_ digest: Digest) -> Self { Self(blob: digest) }

  package var isBlob: Bool { kind == "blobs" }

  package var description: String { isBlob ? "\(digest)" : "\(kind) \(digest)" }

  /// The name of what belongs to it, such as its lock.
  var fileName: String { "\(kind)-\(digest.algorithm.rawValue)-\(digest.hex)" }

  /// Where it is kept, below the root.
  var directory: String { "\(kind)/\(digest.algorithm.rawValue)" }

  package static func < (a: Self, b: Self) -> Bool {
    a.kind == b.kind ? a.digest < b.digest : a.kind < b.kind
  }
}
