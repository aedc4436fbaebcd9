import Digests
import Hashing
import Images
import Store
import Transfer

/// An image of a tar file that `docker save` or skopeo's `docker-archive:` wrote.
///
/// Such a file names its layers by path and not by digest. What they must be stands in the
/// configuration: the digests of their tar streams, which are not packed here. So a manifest is made
/// that names them by these, and all checks are those of any image.
///
/// Source: docker's image specification 1.2, "Combined Image JSON + Filesystem Changeset Format".
final class DockerArchiveOrigin: ImageOrigin {
  private let files: TarFiles
  private let tag: String?
  private var paths: [Digest: String] = [:]

  init(_ files: TarFiles, tag: String?) {
    self.files = files
    self.tag = tag
  }

  private func wrong(_ cause: String, _ remedy: String = "save the image anew") -> ImageError {
    ImageError(.badData, files.name, cause: cause, remedy: remedy)
  }

  func top(for platform: Platform) throws(ImageError) -> Announced {
    guard let bytes = try files.contents("manifest.json", limit: ManifestDocument.sizeLimit) else {
      throw wrong("it has no manifest.json", "an OCI archive is named oci-archive:FILE")
    }
    guard let entries = JSON(bytes)?.list, entries.count <= ManifestDocument.entryLimit else {
      throw wrong("manifest.json is no JSON list")
    }
    let entry = try entry(of: entries)
    guard let path = entry["Config"]?.text,
      let bytes = try files.contents(path, limit: ImageConfiguration.sizeLimit)
    else { throw wrong("it has no configuration") }
    let configuration: ImageConfiguration
    do throws(ImageFormatError) {
      configuration = try ImageConfiguration(bytes)
    } catch {
      throw wrong("\(ImageError.shown(path)): \(error.problem)")
    }
    let layers = entry["Layers"]?.texts ?? []
    guard layers.count == configuration.layerTexts.count else {
      throw wrong("it has \(layers.count) layers and \(configuration.layerTexts.count) diff_ids")
    }
    let digest = Digest(of: bytes)
    paths[digest] = path
    var descriptors: [JSON] = []
    for (path, text) in zip(layers, configuration.layerTexts) {
      guard let size = files.size(of: path), let digest = Digest(text) else {
        throw wrong("the layer \(ImageError.shown(path)) is missing, or its diff_id is no digest")
      }
      paths[digest] = path
      descriptors.append(
        Descriptor(mediaType: MediaType.plainLayer, digest: digest, size: size).json)
    }
    let manifest: JSON = [
      "schemaVersion": 2, "mediaType": .text(MediaType.dockerManifest),
      "config": Descriptor(
        mediaType: MediaType.dockerConfiguration, digest: digest, size: Int64(bytes.count)
      ).json,
      "layers": .list(descriptors),
    ]
    return Announced(
      bytes: manifest.bytes, mediaType: MediaType.dockerManifest, digest: nil, name: files.name)
  }

  private func entry(of entries: [JSON]) throws(ImageError) -> JSON {
    let found =
      tag.map { tag in
        entries.filter { entry in
          (entry["RepoTags"]?.texts ?? []).contains { name in
            name == tag
              || (try? ImageReference(parsing: name)) == (try? ImageReference(parsing: tag))
          }
        }
      } ?? entries
    guard found.count == 1 else {
      let names = entries.flatMap { $0["RepoTags"]?.texts ?? [] }
      throw wrong(
        found.isEmpty ? "it holds no image of that name" : "it holds several images",
        "name one of them: \(ImageError.shown(names.joined(separator: ", ")))")
    }
    return found[0]
  }

  func manifest(_ descriptor: Descriptor) throws(ImageError) -> [UInt8] {
    throw wrong("it has no index")
  }

  func fetch(
    _ blobs: [(Descriptor, BlobWriter)], progress: (TransferProgress) -> Void
  ) throws(ImageError) {
    try files.copy(blobs.map { ($0, $1, paths[$0.digest] ?? "") }, progress: progress)
  }
}
