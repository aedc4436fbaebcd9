/// A URL of HTTP or HTTPS in the narrow form in which all readers of URLs agree about the host.
struct WebAddress: Equatable, Sendable {
  enum Scheme: String {
    case http, https
  }

  let text: String
  let scheme: Scheme
  /// In lower case; an IPv6 address in its brackets.
  let host: String
  let port: Int
  /// Without query and fragment, which may hold signatures.
  private let path: Substring

  /// nil for other schemes, for a user name or password, for what must be percent-encoded, and for
  /// another form.
  init?(_ text: String) {
    guard text.utf8.allSatisfy({ (33...126).contains($0) && $0 != UInt8(ascii: "\\") }),
      let colon = text.firstRange(of: "://"),
      let scheme = Scheme(rawValue: text[..<colon.lowerBound].lowercased())
    else { return nil }
    let rest = text[colon.upperBound...]
    let authority = rest.prefix { !"/?#".contains($0) }
    var (host, port) = (authority[...], Substring())
    if authority.first == "[" {
      guard let end = authority.firstIndex(of: "]") else { return nil }
      host = authority[...end]
      guard host.dropFirst().dropLast().allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." })
      else { return nil }
      port = authority[authority.index(after: end)...]
    } else if let colon = authority.firstIndex(of: ":") {
      (host, port) = (authority[..<colon], authority[colon...])
    }
    guard !host.isEmpty,
      host.first == "["
        || host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" || $0 == "_" })
    else { return nil }
    if port.isEmpty {
      self.port = scheme == .https ? 443 : 80
    } else {
      guard port.first == ":", let number = UInt16(port.dropFirst()), number > 0,
        !port.contains("+")
      else { return nil }
      self.port = Int(number)
    }
    self.text = text
    self.scheme = scheme
    self.host = host.lowercased()
    path = rest[authority.endIndex...].prefix { $0 != "?" && $0 != "#" }
  }

  private var isUsualPort: Bool { port == (scheme == .https ? 443 : 80) }

  /// `host` or `host:port`, as people write it.
  var site: String { isUsualPort ? host : "\(host):\(port)" }

  /// What may be shown: without query.
  var shown: String { "\(scheme.rawValue)://\(site)\(path)" }

  /// Whether credentials for the one are for the other too: same scheme, host and port.
  func isSameOrigin(as other: Self) -> Bool {
    (scheme, host, port) == (other.scheme, other.host, other.port)
  }

  func isAmong(_ hosts: Set<String>) -> Bool {
    hosts.contains(host) || hosts.contains("\(host):\(port)")
  }
}

/// Where a request goes, and what goes along, through its redirects.
struct Route: Sendable {
  private(set) var address: WebAddress
  private(set) var fields: [HTTPField]
  private var redirects = 0
  private static let redirectLimit = 5

  init(_ url: String, _ fields: [HTTPField]) throws(TransferError) {
    guard let address = WebAddress(url) else { throw .address(url) }
    guard fields.allSatisfy(\.isSound) else {
      throw TransferError(
        .address, "the request to \(address.shown)",
        "one of its header fields holds a line break "
          + "or another control character", "correct the credentials or the reference")
    }
    self.address = address
    self.fields = fields
  }

  /// Asks for the bytes from an offset on only (RFC 9110, section 14.2).
  mutating func resume(from offset: Int64) {
    fields.append(HTTPField("Range", "bytes=\(offset)-"))
  }

  /// Goes where an answer sends; what could be a credential goes to no other origin.
  mutating func follow(_ location: String?, status: Int) throws(TransferError) {
    func refused(_ cause: String) -> TransferError {
      TransferError(
        .redirect, "\(address.shown)", "its redirect (\(status)) \(cause)",
        "ask the operator of \(address.site), or name another registry or mirror")
    }
    guard redirects < Self.redirectLimit else {
      throw refused("is one of more than \(Self.redirectLimit) in a row")
    }
    guard let location else { throw refused("says not where to") }
    guard let next = WebAddress(location) else {
      throw refused("leads to no plain http or https address")
    }
    guard address.scheme == .http || next.scheme == .https else {
      throw refused("leads from https to http, to \(next.site)")
    }
    if !next.isSameOrigin(as: address) { fields = fields.filter(\.isHarmless) }
    address = next
    redirects += 1
  }
}
