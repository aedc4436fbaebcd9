import Images
import Transfer

/// Speaks with one registry about one repository, with the credentials of that registry alone.
///
/// Source: distribution-spec; distribution's "Token Authentication Specification".
final class RegistryClient {
  let endpoint: Endpoint
  private let transfer: Transfer
  private let settings: TransferSettings
  private let credentials: CredentialSource
  private let tokens: TokenCache
  private var base: String?
  /// What the last challenge led to.
  private var authorization: Authorization?

  private enum Authorization {
    case basic(String)
    case bearer(TokenCache.Key)
  }

  init(
    _ endpoint: Endpoint, transfer: Transfer, settings: TransferSettings,
    credentials: CredentialSource, tokens: TokenCache
  ) {
    self.endpoint = endpoint
    self.transfer = transfer
    self.settings = settings
    self.credentials = credentials
    self.tokens = tokens
  }

  // MARK: asking

  /// The manifest of a tag or digest.
  func manifest(_ name: String) throws(ImageError) -> HTTPResponse {
    let types = [
      MediaType.ociIndex, MediaType.ociManifest, MediaType.dockerList, MediaType.dockerManifest,
    ]
    return try get(
      "manifests/\(name)", fields: [HTTPField("Accept", types.joined(separator: ", "))],
      limit: ManifestDocument.sizeLimit, subject: name)
  }

  /// Where a blob is downloaded from.
  func source(of blob: Descriptor) throws(ImageError) -> Download.Source {
    let url = try address("blobs/\(blob.digest)")
    let sent = fields
    return Download.Source(url, fields: sent) { [self] response throws(TransferError) in
      do throws(ImageError) {
        return try authorize(response, to: sent)
      } catch {
        throw TransferError(.status(401), error.what, error.cause, error.remedy)
      }
    }
  }

  private func get(
    _ path: String, fields more: [HTTPField], limit: Int, subject: String
  ) throws(ImageError) -> HTTPResponse {
    let url = try address(path)
    func ask(_ proof: [HTTPField]) throws(ImageError) -> HTTPResponse {
      do throws(TransferError) {
        return try transfer.fetch(HTTPRequest(.get, url, fields: more + proof), limit: limit)
      } catch {
        throw ImageError(error)
      }
    }
    let sent = fields
    var response = try ask(sent)
    if response.status == 401, let proof = try authorize(response, to: sent) {
      response = try ask(proof)
    }
    guard response.status == 200 else { throw refusal(response, subject) }
    return response
  }

  private func refusal(_ response: HTTPResponse, _ subject: String) -> ImageError {
    let what = "\(endpoint.registry)/\(endpoint.repository) (\(subject))"
    let code = JSON(response.body)?["errors"]?.list?.first?["code"]?.text
      .map { " \(ImageError.shown($0))" }
    let cause = "\(endpoint.host) answered with status \(response.status)\(code ?? "")"
    return switch response.status {
    case 401, 403:
      ImageError(
        .notPermitted, what, cause: cause,
        remedy: "check the name; for a private image log in with podman login \(endpoint.registry) "
          + "or docker login \(endpoint.registry)")
    case 404:
      ImageError(
        .unavailable, what, cause: cause, remedy: "check the name and the tag at the registry")
    default:
      ImageError(
        .unavailable, what, cause: cause,
        remedy: "ask the registry's administrator, or try a mirror")
    }
  }

  // MARK: addresses

  private func address(_ path: String) throws(ImageError) -> String {
    "\(try baseAddress())/v2/\(endpoint.repository)/\(path)"
  }

  /// The scheme and host; of a registry whose certificate nobody checks, http where there is no https.
  private func baseAddress() throws(ImageError) -> String {
    if let base { return base }
    var found = "https://\(endpoint.host)"
    if endpoint.isInsecure {
      do throws(TransferError) {
        // Once: another try of what has no TLS takes as long and ends alike.
        var settings = settings
        settings.tries = 1
        _ = try Transfer(settings).fetch(HTTPRequest(.get, "\(found)/v2/"), limit: 1 << 16)
      } catch {
        switch error.kind {
        // A registry without TLS answers a handshake with what is none.
        case .connection, .certificate: found = "http://\(endpoint.host)"
        default: throw ImageError(error)
        }
      }
    }
    base = found
    return found
  }

  // MARK: authentication

  private var fields: [HTTPField] {
    switch authorization {
    case nil: []
    case .basic(let text): [HTTPField("Authorization", text)]
    case .bearer(let key):
      tokens.token(for: key).map { [HTTPField("Authorization", "Bearer \($0)")] } ?? []
    }
  }

  /// The fields to answer a challenge with; nil where there is nothing better than what was sent.
  private func authorize(
    _ response: HTTPResponse, to sent: [HTTPField]
  ) throws(ImageError) -> [HTTPField]? {
    // Behind a redirect another host asks, which nothing is told.
    guard response.url.hasPrefix("\(try baseAddress())/") else { return nil }
    let challenges = Challenge.all(in: response.values(of: "WWW-Authenticate"))
    if let challenge = challenges.first(where: {
      $0.scheme == "bearer" && $0.parameters["realm"] != nil
    }) {
      let key = TokenCache.Key(
        realm: challenge.parameters["realm"] ?? "", service: challenge.parameters["service"],
        scope: challenge.parameters["scope"] ?? "repository:\(endpoint.repository):pull")
      // Another layer of the queue may have got a new one since.
      if case .bearer(key) = authorization, fields == sent { tokens.forget(key) }
      if tokens.token(for: key) == nil { try fetchToken(key) }
      authorization = .bearer(key)
      return fields
    }
    guard challenges.contains(where: { $0.scheme == "basic" }) else {
      throw ImageError(
        .notPermitted, "registry \(endpoint.registry)",
        cause: "it asks for a proof that slipway does not know "
          + "(\(challenges.map { ImageError.shown($0.scheme) }.joined(separator: ", ")))",
        remedy: "fetch the image with another client and import it")
    }
    if case .basic = authorization { return nil }
    guard let basic = try credential()?.basic else { return nil }
    authorization = .basic(basic)
    return fields
  }

  private func credential() throws(ImageError) -> Credential? {
    try credentials.credential(
      for: CredentialKey(registry: endpoint.registry, repository: endpoint.repository))
  }

  /// Fetches a token and keeps it.
  private func fetchToken(_ key: TokenCache.Key) throws(ImageError) {
    func wrong(_ kind: ImageError.Kind, _ cause: String, _ remedy: String) -> ImageError {
      ImageError(
        kind, "token of registry \(endpoint.registry)", cause: cause, remedy: remedy)
    }
    let scheme = key.realm.prefix { $0 != ":" }.lowercased()
    guard scheme == "https" || (scheme == "http" && (base ?? "").hasPrefix("http:")) else {
      throw wrong(
        .notPermitted, "it names a token service without https",
        "ask the registry's administrator: credentials do not go over http")
    }
    let credential = try credential()
    var query: [(String, String)] = []
    if let service = key.service { query.append(("service", service)) }
    query.append(("scope", key.scope))
    let request: HTTPRequest
    if case .identityToken(let token) = credential {
      query += [
        ("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "slipway"),
      ]
      request = HTTPRequest(
        .post, key.realm,
        fields: [HTTPField("Content-Type", "application/x-www-form-urlencoded")],
        body: Array(Self.form(query).utf8))
    } else {
      if let user = credential?.user { query.append(("account", user)) }
      request = HTTPRequest(
        .get, key.realm + (key.realm.contains("?") ? "&" : "?") + Self.form(query),
        fields: credential?.basic.map { [HTTPField("Authorization", $0)] } ?? [])
    }
    let response: HTTPResponse
    do throws(TransferError) {
      response = try transfer.fetch(request, limit: 1 << 20)
    } catch {
      throw ImageError(error)
    }
    guard response.status == 200 else {
      throw wrong(
        .notPermitted,
        "the token service answered with status \(response.status)"
          + (credential == nil ? "" : " to the credentials that it was sent"),
        "check the name; for a private image log in anew with podman login \(endpoint.registry) or "
          + "docker login \(endpoint.registry)")
    }
    let json = JSON(response.body)
    // What could end a field early is no token.
    guard let token = json?["token"]?.text ?? json?["access_token"]?.text, !token.isEmpty,
      token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else {
      throw wrong(
        .badData, "the answer of the token service holds none", "ask the registry's administrator")
    }
    tokens.keep(token, for: key, seconds: json?["expires_in"]?.integer ?? 60)
  }

  /// A form's text (application/x-www-form-urlencoded).
  static func form(_ pairs: [(String, String)]) -> String {
    pairs.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
  }

  /// Percent-encoding of all but the unreserved characters (RFC 3986, section 2).
  private static func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Tokens that are still good, by whom they are from and what they allow.
final class TokenCache {
  struct Key: Hashable {
    var realm: String
    var service: String?
    var scope: String
  }

  private var tokens: [Key: (token: String, end: ContinuousClock.Instant)] = [:]

  func token(for key: Key) -> String? {
    guard let (token, end) = tokens[key], ContinuousClock.now < end else { return nil }
    return token
  }

  func keep(_ token: String, for key: Key, seconds: Int) {
    // A token that says it is over already is good for the request that it was fetched for.
    tokens[key] = (token, .now + .seconds(min(max(seconds, 5), 3600)))
  }

  func forget(_ key: Key) { tokens[key] = nil }
}
