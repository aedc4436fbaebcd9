package import Digests
import Glibc

/// One layer of an image: where its blob is and what the image says of it.
package struct Layer: Sendable {
  /// The digest of the blob as it is stored; it names the layer in errors.
  package var digest: Digest
  /// Decides how the blob is decompressed; its bytes are never asked.
  package var mediaType: String
  /// The length of the blob in bytes; checked when it is not nil.
  package var size: Int64?
  /// The digest of the uncompressed archive; checked when it is not nil.
  package var diffID: Digest?
  /// Whether the blob's digest is checked, for blobs that nobody has verified.
  package var checksBlob: Bool
  /// Gives a fresh descriptor at the blob's beginning, or an errno, negated.
  package var open: @Sendable () -> Int32

  package init(
    mediaType: String, digest: Digest, size: Int64? = nil, diffID: Digest? = nil,
    checksBlob: Bool = false, open: @escaping @Sendable () -> Int32
  ) {
    (self.mediaType, self.digest, self.size, self.diffID) = (mediaType, digest, size, diffID)
    (self.checksBlob, self.open) = (checksBlob, open)
  }

  package init(
    path: String, mediaType: String, digest: Digest, size: Int64? = nil, diffID: Digest? = nil,
    checksBlob: Bool = false
  ) {
    self.init(
      mediaType: mediaType, digest: digest, size: size, diffID: diffID, checksBlob: checksBlob
    ) {
      let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      return descriptor < 0 ? -errno : descriptor
    }
  }

  /// Whether layers of a media type can be read.
  package static func isSupported(mediaType: String) -> Bool { Compression(mediaType) != nil }
}

/// What an image may be at most; whatever goes beyond is an error and no image.
package struct LayerLimits: Sendable {
  /// Entries of all layers, and as many names in the image.
  package var entries = 4_000_000
  /// The length of a path, in the archive and in the image (PATH_MAX less its NUL).
  package var pathBytes = 4095
  /// Directories above one another.
  package var depth = 256
  /// Names in one directory: sqfstar looks through all of them for each (some 150 s at the limit).
  package var directoryEntries = 250_000
  /// Bytes of names, link texts and extended attributes together, which stand in memory.
  package var metadataBytes = 1 << 30
  /// Bytes of one header with pax records or a long name, as Go's archive/tar.
  package var headerBytes = 1 << 20
  /// Bytes of all uncompressed layers, holes of sparse files counted.
  package var bytes: Int64 = 1 << 38
  /// How much longer than its blob a layer may be, from ``ratioBytes`` on.
  package var ratio: Int64 = 200
  package var ratioBytes: Int64 = 4 << 30
  /// Names that are looked at on the way through links and whiteouts, so that none takes for ever.
  package var steps = 500_000_000

  package init() {}
}

/// What became of the layers.
package struct BuildReport: Sendable, Equatable {
  /// What was left out, one line each.
  package var warnings: [String] = []
  package var files = 0
  package var directories = 0
  /// Symbolic links, and further names of files.
  package var links = 0
  package var others = 0
  /// Bytes in regular files, those of hard links once.
  package var contentBytes: Int64 = 0
  /// Bytes of the squashfs file; 0 for a directory.
  package var outputBytes: Int64 = 0
}
