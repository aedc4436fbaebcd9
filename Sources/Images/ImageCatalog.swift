package import Digests
package import Glibc

/// The images on this machine: the user's own store and the site's, in the order of the roots.
///
/// A reader: it changes nothing and asks no registry.
package struct ImageCatalog: Sendable {
  /// A store's root: `images/ALGORITHM/HEX/` holds what belongs to a manifest, `names/` the names.
  package struct Root: Equatable, Sendable {
    package var path: String
    /// Whether it is the site's, for everyone to read.
    package var isShared: Bool

    package init(_ path: String, isShared: Bool = false) {
      self.path = path
      self.isShared = isShared
    }
  }

  package let roots: [Root]
  package let host: Platform
  private let user: uid_t

  package init(roots: [Root], host: Platform, user: uid_t = geteuid()) {
    self.roots = roots
    self.host = host
    self.user = user
  }

  package static let imagesFolder = "images"
  package static let squashfsName = "root.squashfs"
  package static let directoryName = "root"
  package static let configurationName = "config.json"
  package static let manifestName = "manifest.json"

  // MARK: looking up

  /// The image that a user named, ready to be started on this machine.
  ///
  /// - Parameter pin: what `slipway image pull --quiet` printed, which wins over what a tag means by
  ///   now; the digest of a manifest or of an index.
  package func resolve(
    _ source: ImageSource, pin: Digest? = nil
  ) throws(ImageError) -> Image {
    if case .path(let path) = source, pin == nil { return try image(path: path) }
    var image: Image?
    if let pin {
      image = try self.image(pin)
    } else if case .registry(let reference) = source {
      image = try self.image(named: reference)
    }
    guard let image else {
      throw ImageError(
        .unavailable, "image \(source)\(pin.map { " (\($0))" } ?? "")",
        cause: "it is in no store (\(roots.map(\.path).joined(separator: ", "))) for \(host)",
        remedy: "fetch it with slipway image pull \(source)")
    }
    if let platform = image.configuration.platform, host.rank(of: platform) == nil {
      throw ImageError(
        .unavailable, "image \(source)",
        cause: "it is built for \(platform), and this node is \(host)",
        remedy: "pin the digest of an index that holds \(host) too, or run on other nodes")
    }
    return image
  }

  /// The image of a manifest, or the one that was chosen from an index for this machine; nil where
  /// no store has it.
  package func image(_ digest: Digest) throws(ImageError) -> Image? {
    for root in roots {
      if let image = try image(digest, in: root) { return image }
    }
    for root in roots {
      if let manifest = try name(ImageName.file(of: digest), in: root)?.manifests[host.description],
        let image = try image(ofManifest: manifest)
      {
        return image
      }
    }
    return nil
  }

  /// The image of a manifest in the first root that has it; nil where none does.
  private func image(ofManifest digest: Digest) throws(ImageError) -> Image? {
    for root in roots { if let image = try image(digest, in: root) { return image } }
    return nil
  }

  /// The image that a reference stands for, by the first root that knows it; nil where none does.
  package func image(named reference: ImageReference) throws(ImageError) -> Image? {
    guard reference.tag != nil else {
      guard let digest = reference.digest else { return nil }
      return try image(digest)
    }
    for root in roots {
      guard let name = try name(ImageName.file(of: reference), in: root) else { continue }
      if let digest = reference.digest, digest != name.digest,
        !name.manifests.values.contains(digest)
      {
        continue
      }
      if let manifest = name.manifests[host.description],
        let image = try image(ofManifest: manifest)
      {
        return image
      }
    }
    // The tag may have moved on since; what the digest names has not.
    return if let digest = reference.digest { try image(digest) } else { nil }
  }

  /// All names of a root, in the order of their files; what is not believed is left out.
  package func names(in root: Root) throws(ImageError) -> [ImageName] {
    guard let folder = try folder(ImageName.folder, in: root) else { return [] }
    var names: [ImageName] = []
    for file in try folder.names() where file.hasSuffix(".json") {
      if let name = try? self.name(file, of: folder) { names.append(name) }
    }
    return names
  }

  /// The digests of all images in a root.
  package func digests(in root: Root) throws(ImageError) -> [Digest] {
    guard let images = try folder(Self.imagesFolder, in: root) else { return [] }
    var digests: [Digest] = []
    for algorithm in Digest.Algorithm.allCases {
      guard let folder = try images.folder(algorithm.rawValue) else { continue }
      digests += try folder.names().compactMap { Digest(algorithm, hex: $0) }
    }
    return digests
  }

  /// The image of a manifest in one root; nil where it is not there.
  package func image(_ digest: Digest, in root: Root) throws(ImageError) -> Image? {
    guard let images = try folder(Self.imagesFolder, in: root),
      let folder = try images.folder(digest.algorithm.rawValue)?.folder(digest.hex)
    else { return nil }
    guard
      let bytes = try folder.contents(
        Self.configurationName, limit: ImageConfiguration.sizeLimit)
    else { throw Self.damaged(folder.path, "it has no \(Self.configurationName)") }
    let configuration: ImageConfiguration
    do throws(ImageFormatError) {
      configuration = try ImageConfiguration(bytes)
    } catch {
      throw Self.damaged("\(folder.path)/\(Self.configurationName)", error.problem)
    }
    let place: Image.Root
    if try folder.holds(Self.squashfsName, S_IFREG) {
      place = .squashfs("\(folder.path)/\(Self.squashfsName)")
    } else if try folder.holds(Self.directoryName, S_IFDIR, ofImage: !root.isShared) {
      place = .directory("\(folder.path)/\(Self.directoryName)")
    } else {
      throw Self.damaged(folder.path, "it has no root file system")
    }
    return Image(
      digest: digest, root: place, configuration: configuration, isShared: root.isShared)
  }

  /// The bytes of the manifest of an image; nil where it is not there.
  package func manifest(_ digest: Digest, in root: Root) throws(ImageError) -> [UInt8]? {
    try folder(Self.imagesFolder, in: root)?.folder(digest.algorithm.rawValue)?.folder(digest.hex)?
      .contents(Self.manifestName, limit: ImageConfiguration.sizeLimit)
  }

  /// The record of a name's file in a root; nil where there is none.
  package func name(_ file: String, in root: Root) throws(ImageError) -> ImageName? {
    guard let folder = try folder(ImageName.folder, in: root) else { return nil }
    return try name(file, of: folder)
  }

  private func name(_ file: String, of folder: TrustedFolder) throws(ImageError) -> ImageName? {
    guard let bytes = try folder.contents(file, limit: ImageName.sizeLimit) else { return nil }
    guard let name = ImageName(bytes, file: file) else {
      throw ImageError(
        .badData, "\(folder.path)/\(file)", cause: "it is not what slipway writes there",
        remedy: "remove it, then pull the image again")
    }
    return name
  }

  private func folder(_ name: String, in root: Root) throws(ImageError) -> TrustedFolder? {
    try TrustedFolder(root: root.path, isShared: root.isShared, user: user)?.folder(name)
  }

  private static func damaged(_ path: String, _ cause: String) -> ImageError {
    ImageError(
      .badData, path, cause: cause,
      remedy: "run slipway store repair, then pull the image again")
  }

  // MARK: use

  /// Marks an image of the user's own store as in use, so that no node collects it meanwhile.
  ///
  /// The mark is that of the room Store: `uses/images-ALGORITHM-HEX/NAME` with the seconds since 1970
  /// at which it expires, a space, and who. What cannot be marked can be started all the same. One of a
  /// store that is only read is its owner's to keep.
  ///
  /// - Parameter who: `job 12 step 0 on n1`; a mark of the same words takes the former one's place.
  package func markUse(of image: Image, by who: String, until end: Int) {
    guard let digest = image.digest, !image.isShared,
      let root = roots.first(where: { !$0.isShared && image.root.path.hasPrefix("\($0.path)/") })
    else { return }
    let name = String(who.map { $0.isLetter || $0.isNumber ? $0 : "-" }.prefix(200))
    _ = try? TrustedFolder(root: root.path, isShared: false, user: user)?.put(
      "\(end) \(who)\n", in: ("uses", "images-\(digest.algorithm.rawValue)-\(digest.hex)"), as: name
    )
  }

  // MARK: paths

  /// A squashfs file or a root directory that the user named.
  private func image(path: String) throws(ImageError) -> Image {
    guard let resolved = realpath(path, nil) else {
      throw ImageError(
        .unavailable, "image \(path)", cause: String(cString: strerror(errno)),
        remedy: "name a squashfs file or a root directory; an image of a registry begins with no "
          + "slash or dot")
    }
    defer { free(resolved) }
    let real = String(cString: resolved)
    let file = open(real, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      throw ImageError(
        .notPermitted, "image \(path)", cause: String(cString: strerror(errno)),
        remedy: "make it readable for you")
    }
    defer { close(file) }
    var status = stat()
    var magic: [UInt8] = [0, 0, 0, 0]
    _ = fstat(file, &status)
    let root: Image.Root
    switch status.st_mode & S_IFMT {
    case S_IFDIR: root = .directory(real)
    // Source of the magic number: linux/Documentation/filesystems/squashfs.rst, magic.h.
    case S_IFREG where Glibc.read(file, &magic, 4) == 4 && magic == Array("hsqs".utf8):
      root = .squashfs(real)
    default:
      throw ImageError(
        .badData, "image \(path)", cause: "neither a directory nor a squashfs file",
        remedy: "an archive is named oci-archive:FILE or docker-archive:FILE")
    }
    return Image(digest: nil, root: root, configuration: ImageConfiguration(), isShared: false)
  }
}
