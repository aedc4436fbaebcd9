/// One field of a request's or an answer's header.
package struct HTTPField: Equatable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// Whether the field can stand in a header without becoming another (RFC 9110, section 5).
  var isSound: Bool {
    !name.isEmpty && name.utf8.allSatisfy { (33...126).contains($0) && $0 != UInt8(ascii: ":") }
      && value.utf8.allSatisfy { ($0 >= 32 && $0 != 127) || $0 == 9 }
  }

  /// Whether the field may go along to another host: it says what is wanted, and not by whom.
  var isHarmless: Bool {
    let name = name.lowercased()
    return name == "accept" || name == "range"
  }
}

/// A request for a small answer.
package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
  }

  package var method: Method
  package var url: String
  package var fields: [HTTPField]
  /// Sent by POST only.
  package var body: [UInt8]

  package init(
    _ method: Method = .get, _ url: String, fields: [HTTPField] = [], body: [UInt8] = []
  ) {
    self.method = method
    self.url = url
    self.fields = fields
    self.body = body
  }

  /// What a server may not be quoted with: the fields, and the values of a form.
  var secrets: [HTTPField] {
    fields
      + String(decoding: body, as: UTF8.self).split(separator: "&").map { pair in
        HTTPField("form", String(pair.split(separator: "=", maxSplits: 1).last ?? ""))
      }
  }
}

/// An answer, whatever its status.
package struct HTTPResponse: Equatable, Sendable {
  package var status: Int
  /// The address that answered, after redirects; it may hold a signature, so it is not for printing.
  package var url: String
  /// The fields of the final answer in their order, with duplicates.
  package var fields: [HTTPField]
  package var body: [UInt8]

  package init(status: Int, url: String, fields: [HTTPField], body: [UInt8]) {
    self.status = status
    self.url = url
    self.fields = fields
    self.body = body
  }

  /// The values of all fields of a name, whatever the case of its letters.
  package func values(of name: String) -> [String] {
    fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
  }

  /// The value of the first field of a name.
  package subscript(name: String) -> String? { values(of: name).first }

  /// The words of an error page: a registry's first message, or the first line of a plain text.
  ///
  /// What was sent as a secret is made unreadable. Source: OCI distribution-spec, "Error codes".
  func message(hiding secrets: [HTTPField]) -> String? {
    let text = String(decoding: body.prefix(8192), as: UTF8.self)
    let type = self["content-type"]?.lowercased() ?? ""
    var message: String?
    if text.first == "{" {
      message =
        Self.firstString(of: "message", in: text) ?? Self.firstString(of: "details", in: text)
    } else if type.hasPrefix("text/plain") {
      message = text.split(whereSeparator: \.isNewline).first.map(String.init)
    }
    guard var message, !message.isEmpty else { return nil }
    for secret in secrets where !secret.isHarmless {
      for part in [secret.value] + secret.value.split(separator: " ").map(String.init)
      where part.utf8.count >= 8 {
        message = message.replacing(part, with: "…")
      }
    }
    return String(message.prefix(200))
  }

  /// The first string of a name in a JSON text; enough for words that are shown only.
  private static func firstString(of name: String, in text: String) -> String? {
    guard let key = text.firstRange(of: "\"\(name)\"") else { return nil }
    var rest = text[key.upperBound...].drop(while: { " :\t\r\n".contains($0) })
    guard rest.popFirst() == "\"" else { return nil }
    var value = ""
    while let character = rest.popFirst(), character != "\"" {
      if character == "\\" {
        guard let escaped = rest.popFirst() else { break }
        value.append("nrtbfu".contains(escaped) ? " " : escaped)
      } else {
        value.append(character)
      }
    }
    return value
  }
}

/// Which bytes an answer of status 206 holds (RFC 9110, section 14.4).
struct ContentRange: Equatable {
  var first: Int64
  var last: Int64
  /// nil where the answer says `*`.
  var total: Int64?

  /// Reads `bytes 0-9/10`; nil for anything else.
  init?(_ text: String?) {
    guard let text, text.lowercased().hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
      first <= last
    else { return nil }
    if parts[1] != "*" {
      guard let total = Self.number(parts[1]), last < total else { return nil }
      self.total = total
    }
    (self.first, self.last) = (first, last)
  }

  /// Whether these are all bytes from an offset to the end of a file of that size, if it is known.
  func isRest(from offset: Int64, of size: Int64?) -> Bool {
    guard first == offset else { return false }
    guard let size = size ?? total else { return true }
    return last == size - 1 && (total == nil || total == size)
  }

  private static func number(_ text: Substring) -> Int64? {
    text.utf8.allSatisfy { (48...57).contains($0) } ? Int64(text) : nil
  }
}
