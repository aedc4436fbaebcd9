/// Where an image is, as a user names it.
package enum ImageSource: Hashable, Sendable {
  case registry(ImageReference)
  /// `oci:DIRECTORY[:TAG]`, a layout after the image-spec.
  case layout(path: String, tag: String?)
  /// `oci-archive:FILE[:TAG]`, the same in a tar file.
  case ociArchive(path: String, tag: String?)
  /// `docker-archive:FILE[:NAME]`, what `docker save` writes.
  case dockerArchive(path: String, tag: String?)
  /// A squashfs file or an unpacked root directory: what begins with `/`, `./` or `../`.
  case path(String)

  package init(parsing text: some StringProtocol) throws(ImageError) {
    let whole = String(text)
    guard !whole.utf8.contains(0) else {
      throw ImageError(
        .usage, "image \(ImageError.shown(whole))", cause: "it has a NUL byte",
        remedy: "leave it out")
    }
    if whole.hasPrefix("/") || whole.hasPrefix("./") || whole.hasPrefix("../") {
      self = .path(whole)
    } else if let rest = Self.rest(of: whole, after: "oci:") {
      let (path, tag) = try Self.split(rest, whole)
      self = .layout(path: path, tag: tag)
    } else if let rest = Self.rest(of: whole, after: "oci-archive:") {
      let (path, tag) = try Self.split(rest, whole)
      self = .ociArchive(path: path, tag: tag)
    } else if let rest = Self.rest(of: whole, after: "docker-archive:") {
      let (path, tag) = try Self.split(rest, whole)
      self = .dockerArchive(path: path, tag: tag)
    } else {
      var name = whole[...]
      // As skopeo and buildah write it.
      if let rest = Self.rest(of: whole, after: "docker://") { name = rest }
      self = .registry(try ImageReference(parsing: name))
    }
  }

  private static func rest(of text: String, after prefix: String) -> Substring? {
    text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : nil
  }

  /// The path ends at the first colon, as in skopeo's names.
  private static func split(
    _ text: Substring, _ whole: String
  ) throws(ImageError) -> (path: String, tag: String?) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = parts.first, !path.isEmpty, parts.count == 1 || !parts[1].isEmpty else {
      throw ImageError(
        .usage, "image \(ImageError.shown(whole))", cause: "no path, or an empty tag",
        remedy: "write oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:NAME]")
    }
    return (String(path), parts.count == 2 ? String(parts[1]) : nil)
  }
}

extension ImageSource: CustomStringConvertible {
  /// The canonical text.
  package var description: String {
    func local(_ kind: String, _ path: String, _ tag: String?) -> String {
      "\(kind):\(path)" + (tag.map { ":\($0)" } ?? "")
    }
    return switch self {
    case .registry(let reference): reference.description
    case .layout(let path, let tag): local("oci", path, tag)
    case .ociArchive(let path, let tag): local("oci-archive", path, tag)
    case .dockerArchive(let path, let tag): local("docker-archive", path, tag)
    case .path(let path): path
    }
  }
}
