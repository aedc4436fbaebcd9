import Digests
import Files
import Glibc
import Hashing
import Images
import Layers
import Store
import Transfer

extension ImageStore {
  /// Fetches what a manifest names, builds the root file system and makes it visible; gives warnings.
  ///
  /// The caller holds the lock of the image.
  func build(
    _ resolved: ResolvedImage, from origin: some ImageOrigin, holding locks: [StoreLock]
  ) throws(ImageError) -> [String] {
    let files: [Descriptor]
    do throws(ImageFormatError) {
      files = try resolved.manifest.files()
    } catch {
      throw damaged(resolved, error.problem)
    }
    // In one order for all, so that no two processes wait for each other.
    var held = locks
    for file in files.sorted(by: { $0.digest < $1.digest }) {
      held.append(try lock(.blob(file.digest), purpose: "pull", holding: held))
    }
    let fetched = try fetch(files, from: origin, holding: held)
    let configuration = try configuration(of: resolved)
    let warnings = try publish(resolved, configuration, holding: held)
    if !settings.keepsLayers {
      // Who waits for a lock keeps what it needs: removal takes the lock itself, or lets it be.
      // What was there before is another image's, who keeps its layers.
      for lock in held.dropFirst(locks.count) { lock.release() }
      for file in fetched { try remove(.blob(file.digest)) }
    }
    return warnings
  }

  /// Removes something unless it is in use; says whether it is gone.
  @discardableResult
  func remove(_ key: StoreKey) throws(ImageError) -> Bool {
    try ImageError.storing { () throws(StoreError) in try store.remove(key) }
  }

  private func damaged(_ resolved: ResolvedImage, _ cause: String) -> ImageError {
    ImageError(
      .badData, "image \(resolved.digest)", cause: cause,
      remedy: "nothing was kept of it: build or push the image anew")
  }

  /// Brings what is not in the store yet, and says what that was.
  private func fetch(
    _ files: [Descriptor], from origin: some ImageOrigin, holding locks: [StoreLock]
  ) throws(ImageError) -> [Descriptor] {
    var missing: [(Descriptor, BlobWriter)] = []
    var fetched: [Descriptor] = []
    for file in files {
      let size = try ImageError.storing { () throws(StoreError) in
        try store.open(file.digest)?.size
      }
      if let size {
        guard size == file.size else {
          throw ImageError(
            .badData, "\(file.digest)",
            cause: "it has \(size) bytes, and the manifest says \(file.size)",
            remedy: "build or push the image anew")
        }
        continue
      }
      fetched.append(file)
      if let data = file.data {
        guard Digest(of: data, file.digest.algorithm) == file.digest else {
          throw ImageError(
            .badData, "\(file.digest)", cause: "the bytes in the manifest have another digest",
            remedy: "build or push the image anew")
        }
        try ImageError.storing { () throws(StoreError) in try store.put(data, as: file.digest) }
      } else {
        missing.append(
          (
            file,
            try ImageError.storing { () throws(StoreError) in
              try store.writer(for: file.digest, size: file.size)
            }
          ))
      }
    }
    guard !missing.isEmpty else { return fetched }
    let keep = try namedKeys().union(files.map { StoreKey.blob($0.digest) })
    // The squashfs file is seldom larger than the packed layers that it is made of.
    let bytes = missing.reduce(Int64(0)) { $0.addingReportingOverflow($1.0.size).partialValue }
    try ImageError.storing { () throws(StoreError) in
      try store.reserve(bytes.addingReportingOverflow(bytes).partialValue, keep: keep)
    }
    let beat = Heartbeat(locks)
    try origin.fetch(missing) { report in
      beat.beat()
      progress(report)
    }
    return fetched
  }

  /// The configuration's bytes, and that what they say fits the manifest.
  private func configuration(of resolved: ResolvedImage) throws(ImageError) -> (
    bytes: [UInt8], layers: [Digest]
  ) {
    let digest = resolved.manifest.configuration.digest
    let bytes = try ImageError.storing { () throws(StoreError) in
      try store.contents(of: digest, limit: ImageConfiguration.sizeLimit)
    }
    guard let bytes, Int64(bytes.count) == resolved.manifest.configuration.size else {
      throw damaged(resolved, "its configuration is not of the size that the manifest says")
    }
    let configuration: ImageConfiguration
    do throws(ImageFormatError) {
      configuration = try ImageConfiguration(bytes)
    } catch {
      throw damaged(resolved, error.problem)
    }
    let layers = configuration.layerTexts.compactMap { Digest($0) }
    guard layers.count == configuration.layerTexts.count,
      layers.count == resolved.manifest.layers.count
    else {
      throw damaged(
        resolved,
        "it has \(resolved.manifest.layers.count) layers and \(layers.count) proper diff_ids")
    }
    try check(configuration, of: resolved.digest)
    return (bytes, layers)
  }

  /// Sees that an image is for the platform that it is wanted for.
  func check(
    _ configuration: ImageConfiguration, of digest: Digest
  ) throws(ImageError) {
    guard let platform = configuration.platform, settings.platform.rank(of: platform) == nil else {
      return
    }
    throw ImageError(
      .unavailable, "image \(digest)",
      cause: "it is built for \(platform), and wanted for \(settings.platform)",
      remedy: "name another tag, or choose with --platform")
  }

  /// Builds beside, and lets appear by one rename.
  private func publish(
    _ resolved: ResolvedImage, _ configuration: (bytes: [UInt8], layers: [Digest]),
    holding locks: [StoreLock]
  ) throws(ImageError) -> [String] {
    let temporary = try ImageError.storing { () throws(StoreError) in
      try store.temporaryDirectory(for: "image")
    }
    var layers: [Layer] = []
    for (layer, diffID) in zip(resolved.manifest.layers, configuration.layers) {
      let path = try ImageError.storing { () throws(StoreError) in
        try store.path(of: .blob(layer.digest))
      }
      guard let path else { throw damaged(resolved, "the layer \(layer.digest) is gone again") }
      layers.append(
        Layer(
          path: path, mediaType: layer.mediaType, digest: layer.digest, size: layer.size,
          diffID: diffID))
    }
    var builder = ImageBuilder()
    let beat = Heartbeat(locks)
    let cancellation = cancellation
    builder.isCancelled = {
      beat.beat()
      return cancellation.isCancelled
    }
    let report: BuildReport
    do throws(LayerError) {
      report =
        settings.asDirectory
        ? try builder.unpack(layers, into: "\(temporary.path)/\(ImageCatalog.directoryName)")
        : try builder.buildSquashfs(layers, at: "\(temporary.path)/\(ImageCatalog.squashfsName)")
    } catch {
      throw ImageError(error)
    }
    var sums = [
      ImageCatalog.configurationName: resolved.manifest.configuration.digest,
      ImageCatalog.manifestName: resolved.digest,
    ]
    if !settings.asDirectory {
      sums[ImageCatalog.squashfsName] = try digest(
        ofFile: "\(temporary.path)/\(ImageCatalog.squashfsName)", beat)
    }
    try write(configuration.bytes, "\(temporary.path)/\(ImageCatalog.configurationName)")
    try write(resolved.manifestBytes, "\(temporary.path)/\(ImageCatalog.manifestName)")
    try ImageError.storing { () throws(StoreError) in
      _ = try store.publish(temporary, as: Self.key(resolved.digest), sums: sums)
    }
    return report.warnings
  }

  private func digest(
    ofFile path: String, _ beat: Heartbeat
  ) throws(ImageError) -> Digest {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    defer { if file >= 0 { close(file) } }
    let hasher = StreamHasher(.sha256)
    try Descriptors.read(file, name: path) { (part) throws(ImageError) in
      beat.beat()
      hasher.update(part)
    }
    return hasher.finish()
  }

  private func write(_ bytes: [UInt8], _ path: String) throws(ImageError) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, Files.write(bytes, to: file),
      fchmod(file, settings.isShared ? 0o644 : 0o600) == 0,
      fsync(file) == 0
    else {
      throw ImageError(
        .failed, "\(path) cannot be written", cause: String(cString: strerror(errno)),
        remedy: "free space (slipway store gc), then try again")
    }
  }
}
