import Digests
import Glibc
import Hashing
import Synchronization

/// What all layers of an image may still hold.
final class LayerQuota: Sendable {
  let limits: LayerLimits
  private let entries = Atomic<Int>(0)
  private let metadata = Atomic<Int>(0)
  private let bytes = Atomic<Int64>(0)

  init(_ limits: LayerLimits) { self.limits = limits }

  func count(_ entry: TarEntry) throws(LayerError) {
    guard entries.add(1, ordering: .relaxed).newValue <= limits.entries else {
      throw LayerError(.limit("more than \(limits.entries) entries"), entry: entry.path)
    }
    let size = entry.metadataBytes
    guard metadata.add(size, ordering: .relaxed).newValue <= limits.metadataBytes else {
      throw LayerError(
        .limit("more than \(limits.metadataBytes) bytes of names and attributes"),
        entry: entry.path)
    }
  }

  func count(bytes count: Int64) throws(LayerError) {
    let (before, _) = bytes.add(0, ordering: .relaxed)
    guard count <= limits.bytes, before <= limits.bytes - count,
      bytes.add(count, ordering: .relaxed).newValue <= limits.bytes
    else { throw LayerError(.limit("more than \(limits.bytes) bytes")) }
  }
}

/// Reads one layer from its blob to the entries of its archive.
struct LayerReader {
  var layer: Layer
  var limits: LayerLimits
  var isCancelled: @Sendable () -> Bool

  /// Reads the whole layer and sees that it is what the image says.
  func verify(_ quota: LayerQuota, to handler: some TarHandler) throws(LayerError) {
    try read(quota, to: handler) { false }
  }

  /// Reads the layer once more, until `isDone`; what has been verified is not verified again.
  func reread(to handler: some TarHandler, until isDone: () -> Bool) throws(LayerError) {
    try read(nil, to: handler, until: isDone)
  }

  private func read(
    _ quota: LayerQuota?, to handler: some TarHandler, until isDone: () -> Bool
  ) throws(LayerError) {
    do throws(LayerError) {
      try readBlob(quota, handler, isDone)
    } catch {
      throw error.inside(layer.digest)
    }
  }

  private func readBlob(
    _ quota: LayerQuota?, _ handler: some TarHandler, _ isDone: () -> Bool
  ) throws(LayerError) {
    guard let compression = Compression(layer.mediaType) else {
      throw LayerError(.unsupported("a layer of type \(layer.mediaType)"))
    }
    let decompressor = try Decompressor(compression)
    var tar = TarReader(limits)
    var blob = try BlobFile(layer)
    // Where the blob is the archive, one hash tells of both.
    let isPlain = compression == .none && layer.diffID?.algorithm == layer.digest.algorithm
    let blobHasher =
      quota != nil && layer.checksBlob ? StreamHasher(layer.digest.algorithm) : nil
    let diffHasher =
      quota == nil || (isPlain && blobHasher != nil)
      ? nil : layer.diffID.map { StreamHasher($0.algorithm) }
    var length: Int64 = 0
    var failure: LayerError?
    while let piece = try blob.next() {
      if isCancelled() { throw LayerError(.cancelled) }
      blobHasher?.update(piece)
      guard failure == nil else { continue }
      do throws(LayerError) {
        try decompressor.push(piece) { bytes throws(LayerError) in
          diffHasher?.update(bytes)
          length += Int64(bytes.count)
          if let quota {
            try quota.count(bytes: Int64(bytes.count))
            try checkRatio(length, blob.position)
          }
          try tar.push(bytes, to: handler)
        }
      } catch {
        // That the blob is another one says more than what is wrong in it.
        guard blobHasher != nil, case .damaged = error.cause else { throw error }
        failure = error
      }
      if isDone() { return }
    }
    if quota != nil, let size = layer.size, blob.position != size {
      throw LayerError(
        .mismatch("size", expected: "\(size) bytes", actual: "\(blob.position) bytes"))
    }
    let digest = blobHasher?.finish()
    try compare("digest", layer.digest, digest)
    if let failure { throw failure }
    try decompressor.finish()
    try tar.finish()
    if let diffID = layer.diffID, quota != nil {
      try compare("digest of the uncompressed layer", diffID, diffHasher?.finish() ?? digest)
    }
  }

  private func checkRatio(_ length: Int64, _ position: Int64) throws(LayerError) {
    guard length > limits.ratioBytes, length / max(1, position) > limits.ratio else { return }
    throw LayerError(.limit("a layer that is more than \(limits.ratio) times its compressed size"))
  }

  private func compare(_ what: String, _ expected: Digest, _ actual: Digest?) throws(LayerError) {
    guard let actual, actual != expected else { return }
    throw LayerError(.mismatch(what, expected: "\(expected)", actual: "\(actual)"))
  }
}

/// A blob, read in pieces.
private struct BlobFile: ~Copyable {
  private let descriptor: Int32
  private let digest: Digest
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
  private(set) var position: Int64 = 0

  init(_ layer: Layer) throws(LayerError) {
    descriptor = layer.open()
    digest = layer.digest
    guard descriptor >= 0 else {
      throw .call("the blob cannot be opened", code: -descriptor, layer: digest)
    }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  /// The next bytes, until the next call; nil at the end.
  mutating func next() throws(LayerError) -> UnsafeRawBufferPointer? {
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .call("the blob cannot be read", layer: digest) }
      guard count > 0 else { return nil }
      position += Int64(count)
      return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }
  }
}
