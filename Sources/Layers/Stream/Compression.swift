/// How a layer's blob is compressed, which its media type alone says.
///
/// Source: OCI image-spec, media-types.md and layer.md; Docker image manifest v2 schema 2.
enum Compression {
  case none, gzip, zstd

  /// nil for a media type that is no layer's.
  init?(_ mediaType: String) {
    switch mediaType {
    case "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.docker.image.rootfs.diff.tar":
      self = .none
    case "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
      self = .gzip
    case "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar.zstd":
      self = .zstd
    default: return nil
    }
  }
}
