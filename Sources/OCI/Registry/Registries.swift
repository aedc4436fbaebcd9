import Digests
import Glibc
package import Images
import TOML

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

    fileprivate init(_ table: inout TOMLReader) throws(TOMLError) {
      location = try table.value("location", .place)
      if let prefix = try table.value("prefix", .place) {
        self.prefix = prefix
      } else {
        prefix = try table.required("location", .place)
      }
      isInsecure = try table.value("insecure", .flag) ?? false
      isBlocked = try table.value("blocked", .flag) ?? false
      let isByDigestOnly = try table.value("mirror-by-digest-only", .flag) ?? false
      for var table in try table.tables("mirror") {
        mirrors.append(try Mirror(&table, use: isByDigestOnly ? .digestOnly : .all))
      }
    }
  }

  struct Mirror: Equatable, Sendable {
    enum Use: String, CaseIterable, Sendable {
      case all
      case digestOnly = "digest-only"
      case tagOnly = "tag-only"
    }
    var location: String
    var isInsecure = false
    var use: Use

    fileprivate init(_ table: inout TOMLReader, use: Use) throws(TOMLError) {
      location = try table.required("location", .place)
      isInsecure = try table.value("insecure", .flag) ?? false
      self.use = try table.value("pull-from-mirror", .word) ?? use
    }
  }

  private(set) var registries: [Registry] = []

  package init() {}

  static let sizeLimit = 1 << 20

  init(_ bytes: [UInt8]) throws(ImageFormatError) {
    guard bytes.count <= Self.sizeLimit else { throw ImageFormatError("it is larger than 1 MiB") }
    do throws(TOMLError) {
      // Version 1 had [registries.search] and so on, which say nothing of mirrors. Keys that say how
      // other programs behave are none of slipway's.
      var root = try TOMLReader(bytes)
      for var table in try root.tables("registry") { registries.append(try Registry(&table)) }
    } catch {
      throw ImageFormatError(error.description)
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

extension TOMLForm where Value == String {
  /// `HOST[:PORT][/PATH]`, with or without slashes at its end.
  fileprivate static var place: Self {
    nonEmptyText.then("a text") { place in
      String(place.reversed().drop { $0 == "/" }.reversed())
    }
  }
}
