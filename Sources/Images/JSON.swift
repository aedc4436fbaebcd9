/// A JSON text as a value, read strictly: what two readers could take differently is an error.
///
/// Names that stand twice in an object, texts that are not UTF-8, lone surrogates and anything after
/// the value are refused: a manifest must mean the same to everyone who checks it. Source: RFC 8259.
package enum JSON: Equatable, Sendable {
  case null
  case flag(Bool)
  case integer(Int)
  /// A number with a fraction or exponent, or too large for `Int`, as it is written.
  case number(String)
  case text(String)
  case list([JSON])
  case object([String: JSON])

  /// The most levels of lists and objects in each other.
  package static let depthLimit = 64

  /// nil where the bytes are no JSON text, or a text with more than one meaning.
  package init?(_ bytes: some Collection<UInt8>) {
    let value = Array(bytes).withUnsafeBufferPointer { bytes -> JSON? in
      var reader = JSONReader(bytes)
      return reader.whole()
    }
    guard let value else { return nil }
    self = value
  }

  /// The member of an object; nil where there is none, and where it is null.
  package subscript(name: String) -> JSON? {
    guard case .object(let members) = self, let value = members[name], value != .null else {
      return nil
    }
    return value
  }

  package var text: String? { if case .text(let text) = self { text } else { nil } }
  package var integer: Int? { if case .integer(let number) = self { number } else { nil } }
  package var list: [JSON]? { if case .list(let list) = self { list } else { nil } }
  package var object: [String: JSON]? {
    if case .object(let members) = self { members } else { nil }
  }
  /// A list of nothing but texts.
  package var texts: [String]? {
    guard let list else { return nil }
    let texts = list.compactMap(\.text)
    return texts.count == list.count ? texts : nil
  }
  /// An object of nothing but texts.
  package var textMembers: [String: String]? {
    guard let object else { return nil }
    let texts = object.compactMapValues(\.text)
    return texts.count == object.count ? texts : nil
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral text: String) { self = .text(text) }
  package init(integerLiteral number: Int) { self = .integer(number) }
  package init(arrayLiteral elements: JSON...) { self = .list(elements) }
  package init(dictionaryLiteral members: (String, JSON)...) {
    self = .object(Dictionary(members, uniquingKeysWith: { $1 }))
  }

  package init(_ texts: [String: String]) { self = .object(texts.mapValues(JSON.text)) }

  /// The value on one line, the names of objects in order.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += "null".utf8
    case .flag(let flag): bytes += (flag ? "true" : "false").utf8
    case .integer(let number): bytes += String(number).utf8
    case .number(let text): bytes += text.utf8
    case .text(let text): Self.write(text, to: &bytes)
    case .list(let list):
      bytes.append(UInt8(ascii: "["))
      for (place, element) in list.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (place, name) in members.keys.sorted().enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        members[name]!.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        bytes += "\\u00\(byte < 16 ? "0" : "")\(digits)".utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

/// Reads one JSON text.
private struct JSONReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var place = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  mutating func whole() -> JSON? {
    guard let value = value(depth: 0) else { return nil }
    skipSpace()
    return place == bytes.count ? value : nil
  }

  private mutating func value(depth: Int) -> JSON? {
    skipSpace()
    guard depth <= JSON.depthLimit, place < bytes.count else { return nil }
    switch bytes[place] {
    case UInt8(ascii: "{"): return object(depth: depth)
    case UInt8(ascii: "["): return list(depth: depth)
    case UInt8(ascii: "\""): return text().map(JSON.text)
    case UInt8(ascii: "t"): return take("true") ? .flag(true) : nil
    case UInt8(ascii: "f"): return take("false") ? .flag(false) : nil
    case UInt8(ascii: "n"): return take("null") ? .null : nil
    default: return number()
    }
  }

  private mutating func object(depth: Int) -> JSON? {
    place += 1
    var members: [String: JSON] = [:]
    skipSpace()
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard let name = text() else { return nil }
      skipSpace()
      guard take(":"), let value = value(depth: depth + 1),
        members.updateValue(value, forKey: name) == nil
      else { return nil }
      skipSpace()
    } while take(",")
    return take("}") ? .object(members) : nil
  }

  private mutating func list(depth: Int) -> JSON? {
    place += 1
    var list: [JSON] = []
    skipSpace()
    if take("]") { return .list(list) }
    repeat {
      guard let value = value(depth: depth + 1) else { return nil }
      list.append(value)
      skipSpace()
    } while take(",")
    return take("]") ? .list(list) : nil
  }

  private mutating func number() -> JSON? {
    let start = place
    _ = take("-")
    let whole = digits()
    // No leading zero, RFC 8259 section 6.
    guard whole == 1 || (whole > 1 && bytes[place - whole] != UInt8(ascii: "0")) else { return nil }
    var isInteger = true
    if take(".") {
      isInteger = false
      guard digits() > 0 else { return nil }
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      guard digits() > 0 else { return nil }
    }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    guard isInteger, let integer = Int(text) else { return .number(text) }
    return .integer(integer)
  }

  private mutating func digits() -> Int {
    let start = place
    while place < bytes.count, (0x30...0x39).contains(bytes[place]) { place += 1 }
    return place - start
  }

  private mutating func text() -> String? {
    guard take("\"") else { return nil }
    var text: [UInt8] = []
    while place < bytes.count {
      let start = place
      while place < bytes.count, bytes[place] >= 0x20, bytes[place] != 0x22, bytes[place] != 0x5c {
        place += 1
      }
      text += bytes[start..<place]
      if take("\"") { return String(validating: text, as: UTF8.self) }
      guard take("\\"), place < bytes.count else { return nil }
      let letter = bytes[place]
      place += 1
      switch letter {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0c)
      case UInt8(ascii: "n"): text.append(0x0a)
      case UInt8(ascii: "r"): text.append(0x0d)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "u"):
        guard let scalar = scalar() else { return nil }
        text += String(scalar).utf8
      default: return nil
      }
    }
    return nil
  }

  private mutating func scalar() -> Unicode.Scalar? {
    guard let first = fourDigits() else { return nil }
    guard (0xd800...0xdbff).contains(first) else { return Unicode.Scalar(first) }
    guard take("\\u"), let second = fourDigits(), (0xdc00...0xdfff).contains(second) else {
      return nil
    }
    return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
  }

  private mutating func fourDigits() -> UInt32? {
    guard bytes.count - place >= 4 else { return nil }
    var number: UInt32 = 0
    for _ in 0..<4 {
      switch bytes[place] {
      case let digit where (0x30...0x39).contains(digit):
        number = number << 4 | UInt32(digit - 0x30)
      case let digit where (0x41...0x46).contains(digit):
        number = number << 4 | UInt32(digit - 0x37)
      case let digit where (0x61...0x66).contains(digit):
        number = number << 4 | UInt32(digit - 0x57)
      default: return nil
      }
      place += 1
    }
    return number
  }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[place]) { place += 1 }
  }

  private mutating func take(_ text: StaticString) -> Bool {
    let isNext = text.withUTF8Buffer { text in
      bytes.count - place >= text.count && bytes[place..<place + text.count].elementsEqual(text)
    }
    if isNext { place += text.utf8CodeUnitCount }
    return isNext
  }
}
