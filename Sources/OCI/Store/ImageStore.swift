package import Digests
import Glibc
import Hashing
package import Images
import Layers
import Store
package import Transfer

/// A user's images: fetched, built, named and removed.
///
/// Calls block; an owner uses it from one thread.
package final class ImageStore {
  package let settings: ImageStoreSettings
  let store: Store
  let cancellation: Cancellation
  /// Told what a person should know, on one line each.
  let warn: (String) -> Void
  /// Told how far a fetch is.
  let progress: (TransferProgress) -> Void

  package init(
    _ settings: ImageStoreSettings, cancellation: Cancellation = Cancellation(),
    warn: @escaping (String) -> Void = { _ in },
    progress: @escaping (TransferProgress) -> Void = { _ in }
  ) throws(ImageError) {
    guard !(settings.isShared && settings.asDirectory) else {
      throw ImageError(
        .usage, "store \(settings.store)",
        cause: "directories that an image lets everyone write to are not for a shared store",
        remedy: "keep squashfs files there")
    }
    self.settings = settings
    self.cancellation = cancellation
    self.warn = warn
    self.progress = progress
    var own = StoreSettings(root: settings.store)
    own.isShared = settings.isShared
    own.quota = settings.quota
    store = try ImageError.storing { () throws(StoreError) in try Store(own) }
  }

  static func key(_ digest: Digest) -> StoreKey { StoreKey(kind: "images", digest: digest)! }

  package var catalog: ImageCatalog { settings.catalog }

  // MARK: pulling

  /// What a pull came to.
  package struct Pulled: Equatable, Sendable {
    package var image: Image
    /// Of the manifest: what a job is pinned to.
    package var digest: Digest
    /// Of what was named, which may be an index.
    package var top: Digest
    /// Whether it was there already.
    package var wasPresent: Bool
    package var warnings: [String] = []
  }

  /// Fetches an image, builds its root file system and gives it its name.
  ///
  /// Whatever was there is left as it was where anything fails. Of processes that start at once one
  /// asks the registry, fetches and builds; the others wait for it.
  ///
  /// - Parameter name: what it is called; nil calls an image of a registry by its reference, and one
  ///   of an archive by none but its digest.
  package func pull(
    _ source: ImageSource, as name: ImageReference? = nil
  ) throws(ImageError) -> Pulled {
    switch source {
    case .registry(let reference): return try pull(reference, as: name)
    case .layout(let path, let tag):
      return try pull(LayoutOrigin(try DirectoryFiles(path), tag: tag), as: name, lock: nil)
    case .ociArchive(let path, let tag):
      return try pull(LayoutOrigin(try TarFiles(path), tag: tag), as: name, lock: nil)
    case .dockerArchive(let path, let tag):
      let origin = DockerArchiveOrigin(try TarFiles(path), tag: tag)
      return try pull(origin, as: name, lock: nil)
    case .path(let path):
      throw ImageError(
        .usage, "image \(path)", cause: "it is started from where it is",
        remedy: "hand it to slipway run --image; only archives and registries are pulled")
    }
  }

  private func pull(
    _ reference: ImageReference, as name: ImageReference?
  ) throws(ImageError) -> Pulled {
    let catalog = catalog
    let start = Int(time(nil))
    let called = name ?? (reference.tag == nil ? nil : reference.withoutDigest)
    let file = ImageName.file(of: called ?? reference)
    let lock = try lock(name: file)
    if let digest = reference.digest, let image = try catalog.image(digest) {
      let manifest = image.digest ?? digest
      try check(image.configuration, of: manifest)
      if let called { try write(called, top: digest, manifest: manifest) }
      return Pulled(image: image, digest: manifest, top: digest, wasPresent: true)
    }
    // Another process has asked since this one began.
    if let known = try catalog.name(file, in: catalog.roots[0]), known.time >= start,
      let digest = known.manifests[settings.platform.description],
      let image = try catalog.image(digest)
    {
      return Pulled(image: image, digest: digest, top: known.digest, wasPresent: true)
    }
    let origin = try origin(of: reference)
    return try pull(origin, as: called, lock: lock)
  }

  private func origin(of reference: ImageReference) throws(ImageError) -> RegistryOrigin {
    let registries = try Registries.load(environment: settings.environment)
    var endpoints = try registries.endpoints(for: reference)
    for place in endpoints.indices where settings.insecure.contains(endpoints[place].registry) {
      endpoints[place].isInsecure = true
    }
    var transferSettings = TransferSettings()
    transferSettings.parallel = settings.connections
    transferSettings.perHost = settings.connections
    transferSettings.downloadSeconds = settings.deadline
    transferSettings.caFile = settings.caFile
    if let proxy = settings.proxy {
      transferSettings.offer(proxy, except: settings.noProxy, in: settings.environment)
    }
    transferSettings.insecureHosts = Set(endpoints.filter(\.isInsecure).map(\.host))
    let transfer: Transfer
    do throws(TransferError) {
      transfer = try Transfer(transferSettings, cancellation: cancellation)
    } catch {
      throw ImageError(error)
    }
    let credentials = CredentialSource(environment: settings.environment, warn: warn)
    let tokens = TokenCache()
    let clients = endpoints.map {
      RegistryClient(
        $0, transfer: transfer, settings: transferSettings, credentials: credentials,
        tokens: tokens)
    }
    return RegistryOrigin(reference, clients: clients, transfer: transfer)
  }

  private func pull(
    _ origin: some ImageOrigin, as name: ImageReference?, lock: StoreLock?
  ) throws(ImageError) -> Pulled {
    let resolved = try ResolvedImage(origin, for: settings.platform)
    var warnings: [String] = []
    var image = try catalog.image(resolved.digest)
    let wasPresent = image != nil
    if image == nil {
      let names = [lock].compactMap(\.self)
      let own = try self.lock(Self.key(resolved.digest), purpose: "pull", holding: names)
      // Another name may have led another process to the same image.
      image = try catalog.image(resolved.digest)
      if image == nil {
        warnings = try build(resolved, from: origin, holding: names + [own])
        image = try catalog.image(resolved.digest)
      }
    }
    guard let image else {
      throw ImageError(
        .failed, "image \(resolved.digest)", cause: "it is gone again",
        remedy: "do not collect the store while it is filled; pull the image again")
    }
    try check(image.configuration, of: resolved.digest)
    if let name { try write(name, top: resolved.top, manifest: resolved.digest) }
    if resolved.top != resolved.digest {
      try write(nil, top: resolved.top, manifest: resolved.digest)
    }
    return Pulled(
      image: image, digest: resolved.digest, top: resolved.top, wasPresent: wasPresent,
      warnings: warnings)
  }

  /// Waits for a lock, and keeps those that are held already.
  func lock(
    _ key: StoreKey, purpose: String, holding locks: [StoreLock] = []
  ) throws(ImageError) -> StoreLock {
    let beat = Heartbeat(locks)
    return try ImageError.storing { () throws(StoreError) in
      try store.lock(key, purpose: purpose, patience: settings.deadline) {
        beat.beat()
        return cancellation.isCancelled
      }
    }
  }

  // MARK: names

  /// Keeps others from resolving the same name at the same time.
  func lock(name file: String) throws(ImageError) -> StoreLock {
    try lock(StoreKey(kind: "names", digest: Digest(of: Array(file.utf8)))!, purpose: "name")
  }

  /// Gives an image a name, or takes note of what was chosen from an index; the caller holds the lock.
  func write(
    _ reference: ImageReference?, top: Digest, manifest: Digest
  ) throws(ImageError) {
    let file = reference.map { ImageName.file(of: $0) } ?? ImageName.file(of: top)
    // A damaged one is written anew.
    let known = try? catalog.name(file, in: catalog.roots[0])
    var name = ImageName(
      reference: reference, digest: top, time: Int(time(nil)),
      manifests: known?.digest == top ? known?.manifests ?? [:] : [:])
    name.manifests[settings.platform.description] = manifest
    try NameFolder(settings).write(name)
  }
}
