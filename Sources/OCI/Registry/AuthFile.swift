import Images

/// What one auth file says.
///
/// Source: containers-auth.json(5); docker's config.json. `~/.dockercfg` is the `auths` object alone.
struct AuthFile: Equatable, Sendable {
  private(set) var credentials: [String: Credential] = [:]
  /// Programs `docker-credential-NAME`, by registry.
  private(set) var helpers: [String: String] = [:]
  private(set) var store: String?

  static let sizeLimit = 1 << 20

  init(_ bytes: [UInt8], isOldForm: Bool = false) throws(ImageFormatError) {
    guard bytes.count <= Self.sizeLimit, let json = JSON(bytes), let members = json.object else {
      throw ImageFormatError("it is no JSON object of at most 1 MiB")
    }
    let entries = isOldForm ? members : json["auths"]?.object ?? [:]
    for (key, entry) in entries {
      if let token = entry["identitytoken"]?.text, !token.isEmpty {
        credentials[key] = .identityToken(token)
      } else if let auth = entry["auth"]?.text, !auth.isEmpty {
        // The text is not shown: a damaged password is one still.
        guard let text = Base64.bytes(of: auth).flatMap({ String(validating: $0, as: UTF8.self) }),
          let colon = text.firstIndex(of: ":"), !text.utf8.contains(0)
        else {
          throw ImageFormatError("auths: the auth of one entry is not USER:PASSWORD in base64")
        }
        credentials[key] = .password(
          user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
      }
    }
    guard !isOldForm else { return }
    helpers = (json["credHelpers"]?.textMembers ?? [:]).filter { Self.isHelperName($0.value) }
    store = (json["credsStore"]?.text).flatMap { Self.isHelperName($0) ? $0 : nil }
  }

  /// Whether it can stand in the name of a program: no path.
  private static func isHelperName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 64
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
          || "._-".utf8.contains($0)
      }
  }

  /// What the file has for a registry, without asking helpers.
  func credential(for key: CredentialKey) -> Credential? {
    for name in key.keys { if let found = credentials[name] { return found } }
    return nil
  }

  /// The helper to ask for a registry; nil where there is none.
  func helper(for key: CredentialKey) -> String? {
    for name in key.keys { if let helper = helpers[name] { return helper } }
    return store
  }
}

/// Passwords of a netrc file, as curl(1) and ftp(1) read it.
enum Netrc {
  /// The password of a host; nil where the file has none.
  ///
  /// `default` is not used: it would send a password to every registry.
  static func credential(for host: String, in text: String) -> Credential? {
    var words = text.split(separator: "\n", omittingEmptySubsequences: true)
      .filter { !$0.drop(while: { $0 == " " || $0 == "\t" }).hasPrefix("#") }
      .flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }) }[...]
    var (user, password): (String?, String?)
    var isHere = false
    while let word = words.popFirst() {
      switch word {
      case "machine":
        if isHere, let user, let password { return .password(user: user, password: password) }
        isHere = words.popFirst().map { $0 == host } ?? false
        (user, password) = (nil, nil)
      case "default", "macdef":
        if isHere, let user, let password { return .password(user: user, password: password) }
        isHere = false
      case "login": user = words.popFirst().map(String.init)
      case "password": password = words.popFirst().map(String.init)
      case "account": _ = words.popFirst()
      default: break
      }
    }
    guard isHere, let user, let password else { return nil }
    return .password(user: user, password: password)
  }
}
