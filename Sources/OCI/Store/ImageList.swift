package import Digests
import Glibc
package import Images
import Layers
package import Store

/// An image of a store, with what people call it.
package struct ListedImage: Equatable, Sendable {
  /// Of the manifest.
  package var digest: Digest
  package var names: [ImageReference]
  package var image: Image
  /// Bytes of the squashfs file; nil for a directory.
  package var size: Int64?
  /// Seconds since 1970: when its youngest name was given; nil without one.
  package var time: Int?
}

extension ImageStore {
  /// All images of the store and of the site's, each with its names; those that are damaged are
  /// left out.
  package static func list(_ catalog: ImageCatalog) throws(ImageError) -> [ListedImage] {
    var images: [ListedImage] = []
    for root in catalog.roots {
      let names = try catalog.names(in: root)
      for digest in try catalog.digests(in: root) {
        guard let image = try? catalog.image(digest, in: root) else { continue }
        let own = names.filter { $0.reference != nil && $0.manifests.values.contains(digest) }
        var status = stat()
        let isFile = stat(image.root.path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        images.append(
          ListedImage(
            digest: digest, names: own.compactMap(\.reference), image: image,
            size: isFile ? Int64(status.st_size) : nil, time: own.map(\.time).max()))
      }
    }
    return images
  }

  // MARK: changing names

  /// Gives an image that is in a store another name.
  package func tag(_ text: String, as name: ImageReference) throws(ImageError) -> Image {
    guard name.tag != nil, name.digest == nil else {
      throw ImageError(
        .usage, "name \(name)", cause: "a name has a tag and no digest",
        remedy: "write NAME:TAG, such as site/app:1.0")
    }
    let (image, top) = try Self.find(text, in: catalog)
    guard let digest = image.digest else { throw Self.missing(text) }
    let lock = try lock(name: ImageName.file(of: name))
    defer { lock.release() }
    try write(name, top: top, manifest: digest)
    return image
  }

  /// The image that a text names, by reference or digest, and what it was resolved to.
  package static func find(
    _ text: String, in catalog: ImageCatalog
  ) throws(ImageError) -> (image: Image, top: Digest) {
    if let digest = Digest(text) {
      guard let image = try catalog.image(digest) else { throw missing(text) }
      return (image, digest)
    }
    let reference = try ImageReference(parsing: text)
    guard let image = try catalog.image(named: reference), let digest = image.digest else {
      throw missing(text)
    }
    for root in catalog.roots {
      if let name = try catalog.name(ImageName.file(of: reference), in: root),
        name.manifests.values.contains(digest)
      {
        return (image, name.digest)
      }
    }
    return (image, digest)
  }

  private static func missing(_ text: String) -> ImageError {
    ImageError(
      .unavailable, "image \(ImageError.shown(text))", cause: "it is in no store",
      remedy: "slipway image list shows what is; slipway image pull fetches")
  }

  // MARK: removing

  /// What a removal came to.
  package struct Removed: Equatable, Sendable {
    package var names: [ImageReference] = []
    package var images: [Digest] = []
    /// What lost its name and is still used by a task.
    package var inUse: [Digest] = []
  }

  /// Takes a name away and, with its last name, the image; or an image by its digest, with all names.
  package func remove(_ text: String) throws(ImageError) -> Removed {
    let root = catalog.roots[0]
    var removed = Removed()
    var digests: Set<Digest> = []
    let names = try catalog.names(in: root)
    if let digest = Digest(text) {
      digests = Set(names.filter { $0.digest == digest }.flatMap(\.manifests.values))
      if try catalog.image(digest, in: root) != nil { digests.insert(digest) }
    } else {
      let reference = try ImageReference(parsing: text)
      let file = ImageName.file(of: reference)
      let lock = try lock(name: file)
      defer { lock.release() }
      // A damaged one goes too.
      let name = try? catalog.name(file, in: root)
      guard name != nil || access("\(root.path)/\(ImageName.folder)/\(file)", F_OK) == 0 else {
        throw Self.missing(text)
      }
      digests = Set(name?.manifests.values.map(\.self) ?? [])
      try NameFolder(settings).remove(file)
      removed.names.append(reference)
      let others = names.filter { $0.reference != nil && $0.reference != reference }
      digests.subtract(others.flatMap(\.manifests.values))
    }
    guard !digests.isEmpty || !removed.names.isEmpty else { throw Self.missing(text) }
    for digest in digests.sorted() {
      if try remove(Self.key(digest)) {
        removed.images.append(digest)
      } else {
        removed.inUse.append(digest)
      }
    }
    removed.names += try pruneNames()
    return removed
  }

  /// Removes the names that stand for nothing any more.
  @discardableResult
  package func pruneNames() throws(ImageError) -> [ImageReference] {
    let catalog = catalog
    var removed: [ImageReference] = []
    for name in try catalog.names(in: catalog.roots[0]) {
      var isAlive = false
      for digest in name.manifests.values where !isAlive {
        for root in catalog.roots where !isAlive {
          isAlive = try catalog.image(digest, in: root) != nil
        }
      }
      guard !isAlive else { continue }
      let lock = try lock(name: name.file)
      defer { lock.release() }
      // It may have been given anew since.
      guard try catalog.name(name.file, in: catalog.roots[0]) == name else { continue }
      try NameFolder(settings).remove(name.file)
      if let reference = name.reference { removed.append(reference) }
    }
    return removed
  }

  // MARK: upkeep

  /// All that the store holds.
  package func list() throws(ImageError) -> [StoredItem] {
    try ImageError.storing { () throws(StoreError) in try store.list() }
  }

  /// Computes every digest anew and puts aside what is corrupt.
  package func verify() throws(ImageError) -> Store.Verification {
    try ImageError.storing { () throws(StoreError) in try store.verify() }
  }

  /// Removes what processes that died have left, and names that stand for nothing.
  package func repair(quarantine: Bool) throws(ImageError) -> Store.Repair {
    let repair = try ImageError.storing { () throws(StoreError) in
      try store.repair(quarantine: quarantine)
    }
    try NameFolder(settings).removeDamaged(catalog)
    try pruneNames()
    return repair
  }

  /// What is not removed unless it is asked for: images that have a name.
  package func namedKeys() throws(ImageError) -> Set<StoreKey> {
    let names = try catalog.names(in: catalog.roots[0]).filter { $0.reference != nil }
    return Set(names.flatMap(\.manifests.values).map(Self.key))
  }

  /// Removes layers and images without a name, and with `age` all that was not used for so long.
  ///
  /// - Parameter age: in seconds.
  package func collect(
    olderThan age: Double?, isDry: Bool
  ) throws(ImageError) -> Store.Collected {
    let keep = age == nil ? try namedKeys() : []
    let collected = try ImageError.storing { () throws(StoreError) in
      try store.collect(limit: age == nil ? 0 : nil, olderThan: age, keep: keep, isDry: isDry)
    }
    if !isDry { try pruneNames() }
    return collected
  }
}
