import Images

/// A TOML text as the values of `Images.JSON`, as far as registries.conf files use TOML.
///
/// TOMLKit is not used: toml++ ends the process at some malformed files. Dates, floats, multi-line
/// texts and dotted keys are refused. Source: TOML 1.0.0.
struct RegistriesText {
  private let bytes: [UInt8]
  private var place = 0

  /// The table of a whole text.
  ///
  /// Errors name the line.
  static func table(_ bytes: [UInt8]) throws(ImageFormatError) -> [String: JSON] {
    var text = RegistriesText(bytes: bytes)
    guard String(validating: bytes, as: UTF8.self) != nil, let table = text.whole() else {
      let line = 1 + bytes.prefix(text.place).count { $0 == UInt8(ascii: "\n") }
      throw ImageFormatError("line \(line) is not understood")
    }
    return table
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func whole() -> [String: JSON]? {
    var root: [String: JSON] = [:]
    var path: [String] = []
    while true {
      skip(lines: true)
      guard place < bytes.count else { return root }
      if take("[[") {
        guard let names = names(), take("]]") else { return nil }
        path = names
        guard Self.change(&root, path[...], { Self.append(&$0) }) else { return nil }
      } else if take("[") {
        guard let names = names(), take("]") else { return nil }
        path = names
        guard Self.change(&root, path[...], { Self.open(&$0) }) else { return nil }
      } else {
        guard let key = key(), let value = assigned(),
          Self.set(&root, path[...], key, value)
        else { return nil }
      }
      skip(lines: false)
      guard place == bytes.count || take("\n") || take("\r\n") else { return nil }
    }
  }

  // MARK: tables

  /// Changes what stands at a path of tables; the last of a list of tables is meant.
  private static func change(
    _ table: inout [String: JSON], _ path: ArraySlice<String>, _ body: (inout JSON?) -> Bool
  ) -> Bool {
    guard let name = path.first else { return false }
    if path.count == 1 { return body(&table[name]) }
    return change(&table[name]) { change(&$0, path.dropFirst(), body) }
  }

  private static func change(_ value: inout JSON?, _ body: (inout [String: JSON]) -> Bool) -> Bool {
    switch value {
    case nil:
      var table: [String: JSON] = [:]
      defer { value = .object(table) }
      return body(&table)
    case .object(var table):
      defer { value = .object(table) }
      return body(&table)
    case .list(var list):
      guard case .object(var table) = list.last else { return false }
      defer {
        list[list.count - 1] = .object(table)
        value = .list(list)
      }
      return body(&table)
    default: return false
    }
  }

  private static func append(_ value: inout JSON?) -> Bool {
    guard case .list(let list) = value ?? .list([]), list.allSatisfy({ $0.object != nil }) else {
      return false
    }
    value = .list(list + [.object([:])])
    return true
  }

  private static func open(_ value: inout JSON?) -> Bool {
    if value == nil { value = .object([:]) }
    return value?.object != nil
  }

  private static func set(
    _ root: inout [String: JSON], _ path: ArraySlice<String>, _ key: String, _ value: JSON
  ) -> Bool {
    func add(_ table: inout [String: JSON]) -> Bool {
      table.updateValue(value, forKey: key) == nil
    }
    return path.isEmpty ? add(&root) : change(&root, path) { change(&$0, add) }
  }

  // MARK: values

  private mutating func assigned() -> JSON? {
    skip(lines: false)
    guard take("=") else { return nil }
    return value(depth: 0)
  }

  private mutating func value(depth: Int) -> JSON? {
    skip(lines: false)
    guard place < bytes.count, depth < 8 else { return nil }
    switch bytes[place] {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return text().map(JSON.text)
    case UInt8(ascii: "["): return list(depth: depth)
    case UInt8(ascii: "{"): return inline(depth: depth)
    default:
      let start = place
      while place < bytes.count, Self.isBare(bytes[place]) || bytes[place] == UInt8(ascii: "+") {
        place += 1
      }
      switch String(decoding: bytes[start..<place], as: UTF8.self) {
      case "true": return .flag(true)
      case "false": return .flag(false)
      case let digits: return Int(digits).map(JSON.integer)
      }
    }
  }

  private mutating func list(depth: Int) -> JSON? {
    place += 1
    var list: [JSON] = []
    while true {
      skip(lines: true)
      if take("]") { return .list(list) }
      guard let value = value(depth: depth + 1) else { return nil }
      list.append(value)
      skip(lines: true)
      guard take(",") || (place < bytes.count && bytes[place] == UInt8(ascii: "]")) else {
        return nil
      }
    }
  }

  private mutating func inline(depth: Int) -> JSON? {
    place += 1
    var table: [String: JSON] = [:]
    skip(lines: false)
    if take("}") { return .object(table) }
    repeat {
      skip(lines: false)
      guard let key = key() else { return nil }
      skip(lines: false)
      guard take("="), let value = value(depth: depth + 1),
        table.updateValue(value, forKey: key) == nil
      else { return nil }
      skip(lines: false)
    } while take(",")
    return take("}") ? .object(table) : nil
  }

  // MARK: words

  private mutating func names() -> [String]? {
    var names: [String] = []
    repeat {
      skip(lines: false)
      guard let name = key() else { return nil }
      names.append(name)
      skip(lines: false)
    } while take(".")
    return names.count <= 4 ? names : nil
  }

  private mutating func key() -> String? {
    guard place < bytes.count else { return nil }
    if bytes[place] == UInt8(ascii: "\"") || bytes[place] == UInt8(ascii: "'") { return text() }
    let start = place
    while place < bytes.count, Self.isBare(bytes[place]) { place += 1 }
    return place > start ? String(decoding: bytes[start..<place], as: UTF8.self) : nil
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }

  /// A basic or literal text on one line.
  private mutating func text() -> String? {
    let quote = bytes[place]
    place += 1
    var text: [UInt8] = []
    while place < bytes.count, bytes[place] >= 0x20 || bytes[place] == 0x09 {
      let byte = bytes[place]
      place += 1
      if byte == quote { return String(validating: text, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") else {
        text.append(byte)
        continue
      }
      guard place < bytes.count else { return nil }
      switch bytes[place] {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(bytes[place])
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "n"): text.append(0x0a)
      default: return nil
      }
      place += 1
    }
    return nil
  }

  /// Goes over blanks and a comment; over the ends of lines too.
  private mutating func skip(lines: Bool) {
    while place < bytes.count {
      switch bytes[place] {
      case 0x20, 0x09: place += 1
      case 0x0a where lines, 0x0d where lines: place += 1
      case UInt8(ascii: "#"):
        while place < bytes.count, bytes[place] != 0x0a { place += 1 }
      default: return
      }
    }
  }

  private mutating func take(_ text: StaticString) -> Bool {
    let isNext = text.withUTF8Buffer { bytes[place...].starts(with: $0) }
    if isNext { place += text.utf8CodeUnitCount }
    return isNext
  }
}
