/// The media types of images, those of the OCI and those of Docker.
///
/// Source: image-spec, media-types.md; distribution's image manifest v2 schema 2.
enum MediaType {
  static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
  static let ociIndex = "application/vnd.oci.image.index.v1+json"
  static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
  static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
  static let ociConfiguration = "application/vnd.oci.image.config.v1+json"
  static let dockerConfiguration = "application/vnd.docker.container.image.v1+json"

  static let manifests: Set = [ociManifest, dockerManifest]
  static let indexes: Set = [ociIndex, dockerList]
  static let configurations: Set = [ociConfiguration, dockerConfiguration]

  /// How a layer's tar stream is packed.
  enum Compression: Sendable {
    case none, gzip, zstd
  }

  /// What a layer's media type says; nil for one that is not known: nothing is guessed from bytes.
  static func compression(ofLayer type: String) -> Compression? {
    switch type {
    case "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.docker.image.rootfs.diff.tar":
      Compression.none
    case "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
      .gzip
    case "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar.zstd":
      .zstd
    default: nil
    }
  }

  static let plainLayer = "application/vnd.docker.image.rootfs.diff.tar"

  /// The type of a `Content-Type` without its parameters.
  static func withoutParameters(_ value: String) -> String {
    let type = value.prefix { $0 != ";" }
    return type.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined().lowercased()
  }
}
