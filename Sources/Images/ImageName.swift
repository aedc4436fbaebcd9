package import Digests

/// What a reference stands for in a store: one small file, so that names change by rename.
package struct ImageName: Equatable, Sendable {
  /// nil for the digest of an index, which has no name.
  package var reference: ImageReference?
  /// What the reference was resolved to: the digest of a manifest or of an index.
  package var digest: Digest
  /// Seconds since 1970.
  package var time: Int
  /// The manifests that were chosen, by the platform (``Platform/description``) that asked.
  package var manifests: [String: Digest]

  package init(reference: ImageReference?, digest: Digest, time: Int, manifests: [String: Digest]) {
    self.reference = reference
    self.digest = digest
    self.time = time
    self.manifests = manifests
  }

  /// The folder of a store that holds them.
  package static let folder = "names"
  static let sizeLimit = 1 << 16

  /// The name of the file for a reference; `+` stands in no reference, so that no two names are one.
  package static func file(of reference: ImageReference) -> String {
    String(reference.withoutDigest.description.map { $0 == "/" ? "+" : $0 }) + ".json"
  }

  /// The name of the file for the digest of an index.
  package static func file(of digest: Digest) -> String { "@\(digest).json" }

  package var file: String { reference.map { Self.file(of: $0) } ?? Self.file(of: digest) }

  package var bytes: [UInt8] {
    var json: [String: JSON] = [
      "schema": 1, "digest": .text(digest.description), "time": .integer(time),
      "manifests": JSON(manifests.mapValues(\.description)),
    ]
    if let reference { json["reference"] = .text(reference.description) }
    return JSON.object(json).bytes + [UInt8(ascii: "\n")]
  }

  /// nil where the bytes are not what slipway writes for the file of that name.
  package init?(_ bytes: [UInt8], file: String) {
    guard bytes.count <= Self.sizeLimit, let json = JSON(bytes), json["schema"]?.integer == 1,
      let digest = (json["digest"]?.text).flatMap({ Digest($0) }),
      let time = json["time"]?.integer, let texts = json["manifests"]?.textMembers
    else { return nil }
    var manifests: [String: Digest] = [:]
    for (platform, text) in texts {
      guard Platform(parsing: platform) != nil, let manifest = Digest(text) else { return nil }
      manifests[platform] = manifest
    }
    var reference: ImageReference?
    if let text = json["reference"]?.text {
      reference = try? ImageReference(parsing: text)
      guard reference?.tag != nil, reference?.digest == nil else { return nil }
    }
    self.init(reference: reference, digest: digest, time: time, manifests: manifests)
    guard self.file == file else { return nil }
  }
}
