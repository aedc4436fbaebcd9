/// One way to prove who one is that a server offers with status 401.
struct Challenge: Equatable, Sendable {
  /// In lower case: `bearer`, `basic`.
  var scheme: String
  /// By name in lower case.
  var parameters: [String: String]

  /// The most bytes of a header that are read.
  static let sizeLimit = 1 << 14

  /// Reads all challenges of all `WWW-Authenticate` fields of an answer.
  ///
  /// A field may hold several, and commas stand between challenges, between parameters and in quoted
  /// texts. What does not fit the grammar ends the reading of its field. Source: RFC 7235, sections
  /// 2.1 and 4.1.
  static func all(in fields: [String]) -> [Challenge] {
    fields.flatMap { field in
      var reader = ChallengeReader(Array(field.utf8.prefix(sizeLimit)))
      return reader.all()
    }
  }
}

/// Reads one field.
private struct ChallengeReader {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func all() -> [Challenge] {
    var challenges: [Challenge] = []
    while true {
      _ = skip(commas: true)
      guard let scheme = token() else { return challenges }
      challenges.append(Challenge(scheme: scheme.lowercased(), parameters: parameters()))
    }
  }

  /// The parameters of a challenge, up to the scheme of the next one.
  private mutating func parameters() -> [String: String] {
    var parameters: [String: String] = [:]
    var isFirst = true
    while true {
      let start = place
      let hasComma = skip(commas: true)
      guard let name = token() else { return parameters }
      _ = skip(commas: false)
      if take("=") {
        _ = skip(commas: false)
        guard let value = take("\"") ? quoted() : token() else {
          // The padding of a token68, which no scheme known here has.
          while take("=") {}
          continue
        }
        // Who says a thing twice is believed once.
        parameters[name.lowercased()] = parameters[name.lowercased()] ?? value
      } else if hasComma || !isFirst {
        place = start
        return parameters
      }
      isFirst = false
    }
  }

  /// A token, or what of a token68 is in front of its padding.
  private mutating func token() -> String? {
    let start = place
    while place < bytes.count, Self.isTokenByte(bytes[place]) { place += 1 }
    return place > start ? String(decoding: bytes[start..<place], as: UTF8.self) : nil
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "!#$%&'*+-.^_`|~/".utf8.contains(byte)
    }
  }

  /// The rest of a quoted text; nil where it has no end.
  private mutating func quoted() -> String? {
    var text: [UInt8] = []
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard place < bytes.count else { return nil }
        text.append(bytes[place])
        place += 1
      default: text.append(byte)
      }
    }
    return nil
  }

  /// Says whether a comma was among what was skipped.
  private mutating func skip(commas: Bool) -> Bool {
    var hasComma = false
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"): place += 1
      case UInt8(ascii: ",") where commas:
        hasComma = true
        place += 1
      default: return hasComma
      }
    }
    return hasComma
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }
}
