/// One name of a key; two are the same when they have the same bytes (String's == would take
/// different ones, such as K and the sign for kelvin, for the same).
struct TOMLKey: Hashable {
  let name: String
  let place: TOMLPlace

  static func == (one: TOMLKey, other: TOMLKey) -> Bool {
    one.name.utf8.elementsEqual(other.name.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var name = name
    name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }

  /// Names as a document would have them, on one line and not too long.
  static func shown(_ names: some Sequence<String>) -> String {
    names.map { name in
      let isBare = !name.isEmpty && name.utf8.allSatisfy(\.isBare)
      let start = String(String.UnicodeScalarView(name.unicodeScalars.prefix(64)))
      return (isBare ? start : TOMLText.quoted(start)) + (start == name ? "" : "…")
    }.joined(separator: ".")
  }
}

extension UInt8 {
  /// Whether it may stand in a key without quotes.
  var isBare: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f: true
    default: false
    }
  }
}

/// Lets a switch over bytes name ASCII characters.
func ~= (character: Unicode.Scalar, byte: UInt8?) -> Bool { byte == UInt8(ascii: character) }
