import Digests
import Images

/// A manifest or an index, as its bytes say.
enum ManifestDocument: Equatable, Sendable {
  case manifest(Manifest)
  case index(ImageIndex)

  /// The most bytes of either.
  ///
  /// Source: distribution-spec, "Pushing Manifests".
  static let sizeLimit = 4 << 20
  static let entryLimit = 1 << 12

  /// Reads the bytes of one.
  ///
  /// What could be taken for both, or calls itself another type than it was announced as, is
  /// refused (CVE-2021-41190).
  ///
  /// - Parameter announced: the `Content-Type` or the descriptor's media type; nil where nobody
  ///   announced one.
  init(_ bytes: [UInt8], announced: String?) throws(ImageFormatError) {
    guard bytes.count <= Self.sizeLimit else {
      throw ImageFormatError("the manifest is larger than 4 MiB")
    }
    guard let json = JSON(bytes), json.object != nil else {
      throw ImageFormatError("the manifest is no JSON object, or one with a name twice")
    }
    let hasEntries = json.object?["manifests"] != nil
    let hasLayers = json.object?["layers"] != nil || json.object?["config"] != nil
    guard !(hasEntries && hasLayers) else {
      throw ImageFormatError("the manifest is ambiguous: it has manifests and layers")
    }
    guard json["schemaVersion"]?.integer == 2 else {
      throw ImageFormatError(
        "the manifest is not of schema version 2 (Docker's version 1 is not read)")
    }
    let own = json["mediaType"]?.text
    guard own != nil || json["mediaType"] == nil else {
      throw ImageFormatError("the manifest's mediaType is no text")
    }
    if let own, let announced, own != announced {
      throw ImageFormatError(
        "the manifest calls itself \(ImageError.shown(own)) and was announced as "
          + "\(ImageError.shown(announced))")
    }
    let type = own ?? announced ?? (hasEntries ? MediaType.ociIndex : MediaType.ociManifest)
    if MediaType.manifests.contains(type) {
      guard hasLayers else { throw ImageFormatError("the manifest has no layers and config") }
      self = .manifest(try Manifest(json))
    } else if MediaType.indexes.contains(type) {
      guard hasEntries else { throw ImageFormatError("the index has no manifests") }
      self = .index(try ImageIndex(json))
    } else {
      throw ImageFormatError("the media type \(ImageError.shown(type)) is no image's")
    }
  }
}

/// What one image is made of.
///
/// Source: image-spec, manifest.md.
struct Manifest: Equatable, Sendable {
  var configuration: Descriptor
  /// The lowest first.
  var layers: [Descriptor]

  /// The most layers: each has two open files while it is fetched, and Docker makes 127 at most.
  static let layerLimit = 400

  init(_ json: JSON) throws(ImageFormatError) {
    configuration = try Descriptor(json["config"], "config")
    guard MediaType.configurations.contains(configuration.mediaType) else {
      throw ImageFormatError(
        "it is no container image: its config is of type "
          + ImageError.shown(configuration.mediaType))
    }
    guard configuration.size <= ImageConfiguration.sizeLimit else {
      throw ImageFormatError("the configuration is larger than 4 MiB")
    }
    guard let list = json["layers"]?.list, list.count <= Self.layerLimit else {
      throw ImageFormatError("layers is no list of at most \(Self.layerLimit)")
    }
    layers = []
    var sum: Int64 = 0
    for (place, json) in list.enumerated() {
      let layer = try Descriptor(json, "layers[\(place)]")
      guard MediaType.compression(ofLayer: layer.mediaType) != nil else {
        throw ImageFormatError(
          "layers[\(place)] is of the unknown type \(ImageError.shown(layer.mediaType))")
      }
      let (total, overflows) = sum.addingReportingOverflow(layer.size)
      guard !overflows else { throw ImageFormatError("the layers' sizes are beyond all measure") }
      sum = total
      layers.append(layer)
    }
  }

  /// The configuration and the layers, each digest once.
  ///
  /// Errors where two descriptors give one digest different sizes.
  func files() throws(ImageFormatError) -> [Descriptor] {
    var files: [Digest: Descriptor] = [:]
    var order: [Digest] = []
    for file in [configuration] + layers {
      if let other = files[file.digest] {
        guard other.size == file.size else {
          throw ImageFormatError("\(file.digest) has two sizes")
        }
      } else {
        order.append(file.digest)
        files[file.digest] = file
      }
    }
    return order.compactMap { files[$0] }
  }
}

/// A list of manifests, one of which is for this machine.
///
/// Source: image-spec, image-index.md.
struct ImageIndex: Equatable, Sendable {
  /// Those of types that are known, without attestations.
  var entries: [Descriptor]

  init(_ json: JSON) throws(ImageFormatError) {
    guard let list = json["manifests"]?.list, list.count <= ManifestDocument.entryLimit else {
      throw ImageFormatError("manifests is no list of at most \(ManifestDocument.entryLimit)")
    }
    entries = []
    for (place, json) in list.enumerated() {
      // Types to come are no errors.
      guard let type = json["mediaType"]?.text,
        MediaType.manifests.contains(type) || MediaType.indexes.contains(type)
      else { continue }
      let entry = try Descriptor(json, "manifests[\(place)]")
      guard entry.size <= ManifestDocument.sizeLimit else {
        throw ImageFormatError("manifests[\(place)] is larger than 4 MiB")
      }
      // BuildKit marks what it knows of a build so; it is nothing to run.
      let isAttestation =
        entry.annotations["vnd.docker.reference.type"] == "attestation-manifest"
        || entry.platform?.os == "unknown"
      if !isAttestation { entries.append(entry) }
    }
  }

  /// The entry that suits a machine best; nil where none does.
  func choice(for platform: Platform) -> Descriptor? {
    platform.choice(among: entries.map(\.platform)).map { entries[$0] }
  }
}
