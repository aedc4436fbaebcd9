/// What proves to a registry who its client is.
///
/// It prints nothing of itself, so that no message can hold it.
enum Credential: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
  case password(user: String, password: String)
  /// What a token service exchanges for tokens (an OAuth2 refresh token).
  case identityToken(String)

  var description: String { "(a credential)" }
  var customMirror: Mirror { Mirror(self, children: []) }

  var user: String? { if case .password(let user, _) = self { user } else { nil } }

  /// The value of an Authorization field (RFC 7617); nil for an identity token.
  var basic: String? {
    guard case .password(let user, let password) = self else { return nil }
    return "Basic \(Base64.text(of: Array("\(user):\(password)".utf8)))"
  }
}

/// Where credentials are looked for.
struct CredentialKey: Equatable, Sendable {
  /// The host as a reference names it: `docker.io`, `localhost:5000`.
  var registry: String
  var repository: String

  /// The keys of an auth file, most specific first.
  ///
  /// Source: containers-auth.json(5).
  var keys: [String] {
    var keys: [String] = []
    var parts = repository.split(separator: "/")
    while !parts.isEmpty {
      keys.append("\(registry)/\(parts.joined(separator: "/"))")
      parts.removeLast()
    }
    keys.append(registry)
    // Docker wrote addresses once, and writes Docker Hub's still.
    if registry == "docker.io" {
      keys += ["https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"]
    }
    return keys + [
      "https://\(registry)", "https://\(registry)/", "https://\(registry)/v1/",
      "https://\(registry)/v2/",
    ]
  }

  /// The key that a credential helper knows the registry by.
  var helperKey: String { registry == "docker.io" ? "https://index.docker.io/v1/" : registry }
}
