package import Digests

/// The name of an image in a registry, with all that may be left out filled in.
///
/// Source of the grammar: distribution-spec, "Pulling manifests" (`<name>`, tags); the defaults
/// docker.io, `library/` and `latest` are those of Docker and Podman.
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
  /// The host, with a port where one was given: `docker.io`, `localhost:5000`, `[::1]:5000`.
  package let registry: String
  /// The path of the repository: `library/ubuntu`.
  package let repository: String
  /// nil where only a digest was given.
  package let tag: String?
  /// Of a manifest or of an index.
  package let digest: Digest?

  package init(registry: String, repository: String, tag: String?, digest: Digest?) {
    self.registry = registry
    self.repository = repository
    self.tag = tag
    self.digest = digest
  }

  /// The most bytes of the name and tag: with them a file can be named.
  package static let lengthLimit = 240

  package var name: String { "\(registry)/\(repository)" }

  /// The canonical text.
  package var description: String {
    name + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
  }

  /// The same without the digest that must be met.
  package var withoutDigest: ImageReference {
    ImageReference(registry: registry, repository: repository, tag: tag, digest: nil)
  }

  package init(parsing text: some StringProtocol) throws(ImageError) {
    let whole = String(text)
    func wrong(_ part: some StringProtocol, _ cause: String) -> ImageError {
      let offset =
        whole.utf8.distance(from: whole.utf8.startIndex, to: part.startIndex) + 1
      return ImageError(
        .usage, "image \(ImageError.shown(whole))", cause: "at character \(offset): \(cause)",
        remedy: "write [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST], such as ubuntu:24.04")
    }
    var rest = whole[...]
    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      let text = rest[rest.index(after: at)...]
      digest = Digest(text)
      guard digest != nil else {
        throw wrong(
          text, "the digest is not sha256: and 64, or sha512: and 128, of the digits 0-9 and a-f")
      }
      rest = rest[..<at]
    }
    var tag: String?
    // A colon before the last slash is that of a port.
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
      let text = rest[rest.index(after: colon)...]
      guard Self.isTag(text) else {
        throw wrong(
          text,
          "a tag is 1 to 128 of the letters A-Z a-z, 0-9 and _ . - and begins with none of . -")
      }
      tag = String(text)
      rest = rest[..<colon]
    }
    var registry = "docker.io"
    var path = rest
    if let slash = rest.firstIndex(of: "/"), Self.looksLikeHost(rest[..<slash]) {
      guard let host = Self.host(rest[..<slash]) else {
        throw wrong(rest, "\(ImageError.shown(rest[..<slash])) is no host name with a port")
      }
      registry = host
      path = rest[rest.index(after: slash)...]
    }
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      guard Self.isComponent(part) else {
        throw wrong(
          part,
          "each part of a name is of the letters a-z and 0-9, with single . or _, __ or - between "
            + "them")
      }
    }
    var repository = String(path)
    if registry == "index.docker.io" || registry == "registry-1.docker.io" {
      registry = "docker.io"
    }
    if registry == "docker.io" && !repository.contains("/") { repository = "library/\(repository)" }
    self.init(
      registry: registry, repository: repository,
      tag: tag ?? (digest == nil ? "latest" : nil), digest: digest)
    guard withoutDigest.description.utf8.count <= Self.lengthLimit else {
      throw wrong(whole, "it is longer than \(Self.lengthLimit) bytes")
    }
  }

  // MARK: the grammar

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
  }

  /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
  private static func isComponent(_ text: some StringProtocol) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, let last = bytes.last, isLetter(first), isLetter(last) else {
      return false
    }
    let separators = bytes.split(omittingEmptySubsequences: true, whereSeparator: isLetter)
    return separators.allSatisfy { separator in
      separator.elementsEqual(".".utf8) || separator.elementsEqual("_".utf8)
        || separator.elementsEqual("__".utf8) || separator.allSatisfy { $0 == UInt8(ascii: "-") }
    }
  }

  /// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
  package static func isTag(_ text: some StringProtocol) -> Bool {
    func isWord(_ byte: UInt8) -> Bool {
      isLetter(byte) || (0x41...0x5a).contains(byte) || byte == UInt8(ascii: "_")
    }
    guard let first = text.utf8.first, isWord(first), text.utf8.count <= 128 else { return false }
    return text.utf8.allSatisfy {
      isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
    }
  }

  /// Whether the first part of a name is a host: it has a dot or a port, or is localhost.
  private static func looksLikeHost(_ text: Substring) -> Bool {
    text.contains(".") || text.contains(":") || text == "localhost"
  }

  /// The host in lower case; nil where it is none.
  private static func host(_ text: Substring) -> String? {
    // Letters beyond ASCII can turn into others.
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    let lower = text.lowercased()
    var name = lower[...]
    if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") {
      guard let port = UInt16(name[name.index(after: colon)...]), port > 0,
        name[name.index(after: colon)...].utf8.allSatisfy({ (0x30...0x39).contains($0) })
      else { return nil }
      name = name[..<colon]
    }
    if name.hasPrefix("[") && name.hasSuffix("]") {
      let address = name.dropFirst().dropLast()
      let isAddress = address.utf8.allSatisfy {
        (0x30...0x3a).contains($0) || (0x61...0x66).contains($0) || $0 == UInt8(ascii: ".")
      }
      return isAddress && address.contains(":") ? lower : nil
    }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    let isName = labels.allSatisfy { label in
      guard let first = label.utf8.first, let last = label.utf8.last else { return false }
      return isLetter(first) && isLetter(last)
        && label.utf8.allSatisfy { isLetter($0) || $0 == UInt8(ascii: "-") }
    }
    return isName ? lower : nil
  }
}
