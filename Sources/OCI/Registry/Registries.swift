import Digests
import Glibc
package import Images

/// Where an image may be fetched from.
struct Endpoint: Hashable, Sendable {
  /// As a reference names it; credentials are looked up by it.
  var registry: String
  var repository: String
  /// Whether its certificate is not checked, and http is taken where it has no https.
  var isInsecure = false

  /// The host that answers.
  var host: String { registry == "docker.io" ? "registry-1.docker.io" : registry }

  /// `[::1]:5000` gives `[::1]`.
  static func hostWithoutPort(_ host: String) -> String {
    guard let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") else { return host }
    return String(host[..<colon])
  }
}

/// What a registries.conf file says: other places, and places that are none.
///
/// Source: containers-registries.conf(5), version 2. Short names are not searched for: a name
/// without a host is Docker Hub's.
package struct Registries: Equatable, Sendable {
  struct Registry: Equatable, Sendable {
    var prefix: String
    /// What stands in place of the prefix; nil where the name stays as it is.
    var location: String?
    var isInsecure = false
    var isBlocked = false
    var mirrors: [Mirror] = []
  }

  struct Mirror: Equatable, Sendable {
    enum Use: String, Sendable {
      case all
      case digestOnly = "digest-only"
      case tagOnly = "tag-only"
    }
    var location: String
    var isInsecure = false
    var use = Use.all
  }

  private(set) var registries: [Registry] = []

  package init() {}

  static let sizeLimit = 1 << 20

  init(_ bytes: [UInt8]) throws(ImageFormatError) {
    guard bytes.count <= Self.sizeLimit else { throw ImageFormatError("it is larger than 1 MiB") }
    let root = try RegistriesText.table(bytes)
    guard let list = (root["registry"] ?? .list([])).list else {
      // Version 1 had [registries.search] and so on, which say nothing of mirrors.
      throw ImageFormatError("registry is no list of tables")
    }
    for json in list {
      func text(_ json: JSON, _ key: String) throws(ImageFormatError) -> String? {
        guard let value = json[key] else { return nil }
        guard var text = value.text, !text.isEmpty else {
          throw ImageFormatError("\(key) of a registry is no text")
        }
        while text.hasSuffix("/") { text.removeLast() }
        return text
      }
      func flag(_ json: JSON, _ key: String) throws(ImageFormatError) -> Bool {
        switch json[key] {
        case nil: return false
        case .flag(let flag): return flag
        default: throw ImageFormatError("\(key) of a registry is not true or false")
        }
      }
      let location = try text(json, "location")
      guard let prefix = try text(json, "prefix") ?? location else {
        throw ImageFormatError("a registry has neither prefix nor location")
      }
      var registry = Registry(
        prefix: prefix, location: location, isInsecure: try flag(json, "insecure"),
        isBlocked: try flag(json, "blocked"))
      let isByDigestOnly = try flag(json, "mirror-by-digest-only")
      guard let mirrors = (json["mirror"] ?? .list([])).list else {
        throw ImageFormatError("mirror of \(prefix) is no list of tables")
      }
      for json in mirrors {
        guard let location = try text(json, "location") else {
          throw ImageFormatError("a mirror of \(prefix) has no location")
        }
        var mirror = Mirror(location: location, isInsecure: try flag(json, "insecure"))
        if isByDigestOnly { mirror.use = .digestOnly }
        if let word = try text(json, "pull-from-mirror") {
          guard let use = Mirror.Use(rawValue: word) else {
            throw ImageFormatError(
              "pull-from-mirror of \(location) is not all, digest-only or tag-only")
          }
          mirror.use = use
        }
        registry.mirrors.append(mirror)
      }
      registries.append(registry)
    }
  }

  /// Reads the first of the files that is there.
  package static func load(environment: [String: String]) throws(ImageError) -> Registries {
    let home = environment["HOME"].map { "\($0)/.config" }
    let paths = [
      environment["CONTAINERS_REGISTRIES_CONF"], "/etc/slipway/registries.conf",
      (environment["XDG_CONFIG_HOME"] ?? home).map { "\($0)/containers/registries.conf" },
      "/etc/containers/registries.conf",
    ]
    for path in paths.compactMap(\.self) where !path.isEmpty {
      let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      guard file >= 0 else {
        if errno == ENOENT || errno == ENOTDIR { continue }
        throw ImageError(
          .notPermitted, path, cause: String(cString: strerror(errno)),
          remedy: "make it readable, or name another with CONTAINERS_REGISTRIES_CONF")
      }
      defer { close(file) }
      do throws(ImageFormatError) {
        return try Registries(Descriptors.contents(of: file, limit: sizeLimit + 1))
      } catch {
        throw ImageError(
          .badData, path, cause: error.problem,
          remedy: "correct it (containers-registries.conf(5) explains every key)")
      }
    }
    return Registries()
  }

  // MARK: which

  /// Where to fetch an image, the best place first; mirrors, then the origin.
  ///
  /// What is named by a digest may come from anywhere, for it is checked; what a tag means only from
  /// mirrors that may say so. Errors where the registry is blocked.
  func endpoints(for reference: ImageReference) throws(ImageError) -> [Endpoint] {
    let name = reference.name
    let match =
      registries.filter { Self.matches($0.prefix, name) }
      .max { $0.prefix.utf8.count < $1.prefix.utf8.count }
    guard let match else {
      return [Endpoint(registry: reference.registry, repository: reference.repository)]
    }
    guard !match.isBlocked else {
      throw ImageError(
        .notPermitted, "image \(reference)", cause: "registries.conf blocks \(match.prefix)",
        remedy: "use an image of another registry, or ask the administrator")
    }
    let wanted: Set<Mirror.Use> =
      reference.digest != nil ? [.all, .digestOnly] : [.all, .tagOnly]
    var endpoints: [Endpoint] = []
    for mirror in match.mirrors where wanted.contains(mirror.use) {
      endpoints.append(
        try endpoint(mirror.location, match.prefix, reference, isInsecure: mirror.isInsecure))
    }
    if let location = match.location {
      endpoints.append(
        try endpoint(location, match.prefix, reference, isInsecure: match.isInsecure))
    } else {
      endpoints.append(
        Endpoint(
          registry: reference.registry, repository: reference.repository,
          isInsecure: match.isInsecure))
    }
    return endpoints
  }

  /// Whether a prefix is that of a name: the host, or whole parts of the path; `*.DOMAIN` is any
  /// host below.
  private static func matches(_ prefix: String, _ name: String) -> Bool {
    if prefix.hasPrefix("*.") {
      return name.prefix { $0 != "/" }.hasSuffix(prefix.dropFirst(1))
    }
    return name == prefix || name.hasPrefix(prefix + "/")
      || (!prefix.contains("/") && name.hasPrefix(prefix + ":"))
  }

  private func endpoint(
    _ location: String, _ prefix: String, _ reference: ImageReference, isInsecure: Bool
  ) throws(ImageError) -> Endpoint {
    let name = reference.name
    let rest =
      prefix.hasPrefix("*.") ? name.drop { $0 != "/" } : name.dropFirst(prefix.count)
    let place = "\(location)\(rest)"
    guard let checked = try? ImageReference(parsing: place),
      checked.registry != "docker.io" || place.contains("docker.io/")
    else {
      throw ImageError(
        .badData, "registries.conf",
        cause:
          "the location \(ImageError.shown(location)) gives no image: \(ImageError.shown(place))",
        remedy: "write HOST[:PORT][/PATH]")
    }
    return Endpoint(
      registry: checked.registry, repository: checked.repository, isInsecure: isInsecure)
  }
}
