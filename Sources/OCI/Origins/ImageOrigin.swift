import Digests
import Hashing
import Images
import Store
import Transfer

/// Where an image comes from: a registry, a layout or an archive.
protocol ImageOrigin: AnyObject {
  /// The manifest or index that the user named.
  func top(for platform: Platform) throws(ImageError) -> Announced
  /// The bytes of a manifest that an index lists, not yet checked.
  func manifest(_ descriptor: Descriptor) throws(ImageError) -> [UInt8]
  /// Brings files to their writers in a store, which check them.
  func fetch(
    _ files: [(Descriptor, BlobWriter)], progress: (TransferProgress) -> Void
  ) throws(ImageError)
}

/// A manifest or an index and what is said of it.
struct Announced {
  var bytes: [UInt8]
  /// nil where nobody says.
  var mediaType: String?
  /// The digest that it was asked for by; nil for a tag.
  var digest: Digest?
  /// For messages.
  var name: String
}

/// An image whose manifest is found and checked.
struct ResolvedImage {
  /// What the name stands for: the digest of the manifest, or of the index that it was chosen from.
  var top: Digest
  var digest: Digest
  var manifest: Manifest
  var manifestBytes: [UInt8]

  /// The most indexes in each other.
  static let depthLimit = 4

  /// Follows indexes to the manifest for a platform.
  init(
    _ origin: some ImageOrigin, for platform: Platform
  ) throws(ImageError) {
    var announced = try origin.top(for: platform)
    let top = Digest(of: announced.bytes, announced.digest?.algorithm ?? .sha256)
    var seen: Set<Digest> = []
    while true {
      let name = announced.name
      func wrong(_ cause: String) -> ImageError { Self.damaged(name, cause) }
      let digest = Digest(of: announced.bytes, announced.digest?.algorithm ?? .sha256)
      guard announced.digest == nil || announced.digest == digest else {
        throw wrong("its bytes have the digest \(digest)")
      }
      let document: ManifestDocument
      do throws(ImageFormatError) {
        document = try ManifestDocument(announced.bytes, announced: announced.mediaType)
      } catch {
        throw wrong(error.problem)
      }
      switch document {
      case .manifest(let manifest):
        self.top = top
        self.digest = digest
        self.manifest = manifest
        manifestBytes = announced.bytes
        return
      case .index(let index):
        guard seen.insert(digest).inserted, seen.count <= Self.depthLimit else {
          throw wrong("it is an index in more than \(Self.depthLimit) others, or in itself")
        }
        guard let entry = index.choice(for: platform) else {
          let offered = index.entries.compactMap(\.platform?.description)
          throw ImageError(
            .unavailable, name,
            cause: "it has nothing for \(platform), only "
              + (offered.isEmpty ? "nothing" : ImageError.shown(offered.joined(separator: ", "))),
            remedy: "name another tag, or choose one of these with --platform")
        }
        let bytes = if let data = entry.data { data } else { try origin.manifest(entry) }
        guard bytes.count == entry.size else {
          throw Self.damaged(
            "\(entry.digest)", "it has \(bytes.count) bytes, and the index says \(entry.size)")
        }
        announced = Announced(
          bytes: bytes, mediaType: entry.mediaType, digest: entry.digest, name: "\(entry.digest)")
      }
    }
  }

  private static func damaged(_ name: String, _ cause: String) -> ImageError {
    ImageError(
      .badData, "manifest \(name)", cause: cause,
      remedy: "nothing was kept of it: build or push the image anew")
  }
}
