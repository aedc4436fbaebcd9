/// Why something could not be fetched: what failed and on what, the cause and the remedy.
///
/// It never holds a credential, nor the user name, password or query of a URL.
package struct TransferError: Error, Equatable {
  package enum Kind: Equatable, Sendable {
    /// libcurl cannot be used.
    case library
    /// A URL or header field that is not used as it is.
    case address
    case connection
    case certificate
    case timeout
    /// The server's last word was this status.
    case status(Int)
    case redirect
    case tooLarge
    /// What came is not what was asked for.
    case content
    /// What came could not be kept.
    case sink
    case cancelled
  }

  package var kind: Kind
  package var subject: String
  package var cause: String
  package var remedy: String

  package init(_ kind: Kind, _ subject: String, _ cause: String, _ remedy: String) {
    self.kind = kind
    self.subject = subject
    self.cause = cause
    self.remedy = remedy
  }
}

extension TransferError: CustomStringConvertible {
  /// One line without control characters.
  package var description: String {
    String(
      String.UnicodeScalarView(
        "\(subject): \(cause); remedy: \(remedy)".unicodeScalars.map {
          $0.properties.generalCategory == .control ? "?" : $0
        }))
  }
}

extension TransferError {
  static let cancelled = Self(
    .cancelled, "the transfer", "it was interrupted",
    "run the command again; what has come is kept and not fetched twice")

  /// The start of what is no usable URL is shown, as far as it cannot hold a password.
  static func address(_ url: String) -> Self {
    let shown = url.prefix { !"@?#".contains($0) }.prefix(80)
    return Self(
      .address, "the address \(url.contains("@") ? "with a user name" : "\(shown)")",
      "it is no plain http or https URL",
      "write it as https://host[:port]/path, percent-encoded and without user name or password")
  }

  /// The error of a status that is not what was hoped for.
  static func status(
    _ response: HTTPResponse, of subject: String, hiding secrets: [HTTPField]
  ) -> Self {
    let message = response.message(hiding: secrets).map { " (\($0))" } ?? ""
    let remedy =
      switch response.status {
      case 401: "give credentials for the host, or check those that are configured"
      case 403: "ask the owner for the right to read it, or check the credentials"
      case 404, 410: "check the name and whether it still exists"
      case 407: "give the proxy's user name and password in its address"
      case 429: "wait, or use credentials or a mirror with a higher limit"
      case 500...599: "try again later, or use a mirror"
      default: "check the address, and the proxy if there is one"
      }
    return Self(
      .status(response.status), subject, "the server answers \(response.status)\(message)", remedy)
  }
}
