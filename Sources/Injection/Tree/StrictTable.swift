/// A table of a TOML file of slipway's own, of which every key must be known and of its type.
///
/// Only the part of TOML 1.0.0 that ``TOMLText`` writes is read: lines of basic strings, integers,
/// booleans, and lists of strings; arrays of tables. A file that others could have written must not
/// end the process, and every job reads one: toml++, which TOMLKit calls, ends the process with an
/// assertion at a header like `[.a]`, and takes ten times as long.
struct StrictTable {
  private let file: String
  private var values: [String: TOMLLine.Value] = [:]
  private var tables: [String: [StrictTable]] = [:]

  private init(file: String) { self.file = file }

  init(toml bytes: [UInt8], file: String, limit: Int) throws(InjectionTreeError) {
    self.init(file: file)
    guard bytes.count <= limit else {
      throw .damaged(file, problem: "larger than \(limit) bytes")
    }
    guard let line = bytes.withUnsafeBufferPointer({ read($0) }) else { return }
    throw .damaged(file, problem: "line \(line) is none that slipway wrote, or not there")
  }

  /// Reads all lines; says which one could not be.
  private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var header: [String] = []
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      var line = TOMLLine(bytes: line)
      switch line.read() {
      case nil: return number
      case .nothing: break
      case .header(let names):
        header = names
        guard add(names[...]) else { return number }
      case .pair(let key, let value):
        guard set(key, value, in: header[...]) else { return number }
      }
    }
    return nil
  }

  /// Begins a table of an array of tables; says whether there is one above it to hold it.
  private mutating func add(_ names: ArraySlice<String>) -> Bool {
    guard let first = names.first else { return false }
    if names.count == 1 {
      tables[first, default: []].append(StrictTable(file: file))
      return values[first] == nil
    }
    guard let last = tables[first]?.indices.last else { return false }
    return tables[first]![last].add(names.dropFirst())
  }

  /// Sets a key of the table that a header began; says whether it is new.
  private mutating func set(
    _ key: String, _ value: TOMLLine.Value, in names: ArraySlice<String>
  ) -> Bool {
    if let first = names.first {
      guard let last = tables[first]?.indices.last else { return false }
      return tables[first]![last].set(key, value, in: names.dropFirst())
    }
    return values.updateValue(value, forKey: key) == nil && tables[key] == nil
  }

  func wrong(_ key: String, _ expected: String) -> InjectionTreeError {
    .damaged(file, problem: "\(key) must be \(expected)")
  }

  mutating func optionalText(_ key: String) throws(InjectionTreeError) -> String? {
    switch values.removeValue(forKey: key) {
    case nil: return nil
    case .text(let text) where text.utf8.count <= 4096: return text
    default: throw wrong(key, "a text")
    }
  }

  mutating func text(_ key: String) throws(InjectionTreeError) -> String {
    guard let text = try optionalText(key) else { throw wrong(key, "a text") }
    return text
  }

  mutating func optionalWord<Word: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ type: Word.Type
  ) throws(InjectionTreeError) -> Word? {
    guard let text = try optionalText(key) else { return nil }
    return try word(text, key, type)
  }

  mutating func word<Word: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ type: Word.Type
  ) throws(InjectionTreeError) -> Word {
    try word(try text(key), key, type)
  }

  mutating func words<Word: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ type: Word.Type
  ) throws(InjectionTreeError) -> [Word] {
    var words: [Word] = []
    for text in try texts(key, limit: 16) { words.append(try word(text, key, type)) }
    return words
  }

  private func word<Word: RawRepresentable<String> & CaseIterable>(
    _ text: String, _ key: String, _: Word.Type
  ) throws(InjectionTreeError) -> Word {
    guard let word = Word(rawValue: text) else {
      throw wrong(key, "one of: \(Word.allCases.map(\.rawValue).joined(separator: " "))")
    }
    return word
  }

  /// A path that stays below where it starts; empty only where that is allowed.
  mutating func path(_ key: String, canBeEmpty: Bool = false) throws(InjectionTreeError) -> String {
    let path = try text(key)
    guard InjectionLayout.isBeneath(path) || (canBeEmpty && path.isEmpty) else {
      throw wrong(key, "a path below the target")
    }
    return path
  }

  mutating func integer(_ key: String) throws(InjectionTreeError) -> Int {
    guard case .integer(let integer) = values.removeValue(forKey: key) else {
      throw wrong(key, "an integer")
    }
    return integer
  }

  mutating func flag(_ key: String) throws(InjectionTreeError) -> Bool {
    guard case .flag(let flag) = values.removeValue(forKey: key) else {
      throw wrong(key, "true or false")
    }
    return flag
  }

  private mutating func texts(_ key: String, limit: Int) throws(InjectionTreeError) -> [String] {
    switch values.removeValue(forKey: key) {
    case nil: return []
    case .texts(let texts) where texts.count <= limit: return texts
    default: throw wrong(key, "a list of texts")
    }
  }

  mutating func tables(_ key: String, limit: Int) throws(InjectionTreeError) -> [StrictTable] {
    let tables = tables.removeValue(forKey: key) ?? []
    guard tables.count <= limit else { throw wrong(key, "at most \(limit) tables") }
    return tables
  }

  /// Says which key was not read.
  func end() throws(InjectionTreeError) {
    if let key = values.keys.min() ?? tables.keys.min() {
      throw .damaged(file, problem: "unknown key \(key)")
    }
  }
}

/// One line of such a file.
struct TOMLLine {
  enum Content {
    case nothing
    case header([String])
    case pair(String, Value)
  }

  enum Value {
    case text(String), integer(Int), flag(Bool), texts([String])
  }

  private var rest: Slice<UnsafeBufferPointer<UInt8>>

  init(bytes: Slice<UnsafeBufferPointer<UInt8>>) { rest = bytes }

  /// nil: it is no such line.
  mutating func read() -> Content? {
    skipSpace()
    if isOver { return .nothing }
    if take("[[") {
      var names: [String] = []
      repeat {
        guard let name = key() else { return nil }
        names.append(name)
      } while take(".")
      return names.count <= 4 && take("]]") && isAtEnd() ? .header(names) : nil
    }
    guard let key = key(), isNextAfterSpace("="), let value = value(), isAtEnd() else { return nil }
    return .pair(key, value)
  }

  private mutating func value() -> Value? {
    skipSpace()
    switch rest.first {
    case UInt8(ascii: "\""): return text().map(Value.text)
    case UInt8(ascii: "["):
      rest.removeFirst()
      var texts: [String] = []
      skipSpace()
      if take("]") { return .texts(texts) }
      repeat {
        skipSpace()
        guard let text = text() else { return nil }
        texts.append(text)
      } while isNextAfterSpace(",")
      return take("]") ? .texts(texts) : nil
    default:
      let word = rest.prefix { $0 > 0x20 && $0 != UInt8(ascii: "#") }
      rest = rest[word.endIndex...]
      switch String(decoding: word, as: UTF8.self) {
      case "true": return .flag(true)
      case "false": return .flag(false)
      case let digits: return Int(digits).map(Value.integer)
      }
    }
  }

  /// A bare key.
  private mutating func key() -> String? {
    let key = rest.prefix {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"): true
      default: false
      }
    }
    rest = rest[key.endIndex...]
    return key.isEmpty ? nil : String(decoding: key, as: UTF8.self)
  }

  /// A basic string.
  private mutating func text() -> String? {
    guard take("\"") else { return nil }
    var bytes: [UInt8] = []
    while true {
      let plain = rest.prefix { $0 >= 0x20 && $0 != 0x7f && $0 != 0x22 && $0 != 0x5c }
      bytes += plain
      rest = rest[plain.endIndex...]
      if take("\"") { return String(validating: bytes, as: UTF8.self) }
      guard take("\\"), let letter = rest.popFirst() else { return nil }
      switch letter {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(letter)
      case UInt8(ascii: "n"): bytes.append(0x0a)
      case UInt8(ascii: "u"):
        let digits = String(decoding: rest.prefix(4), as: UTF8.self)
        guard digits.utf8.count == 4, let number = UInt32(digits, radix: 16), number != 0,
          let scalar = Unicode.Scalar(number)
        else { return nil }
        rest = rest.dropFirst(4)
        bytes += Array(String(scalar).utf8)
      default: return nil
      }
    }
  }

  private var isOver: Bool { rest.isEmpty || rest.first == UInt8(ascii: "#") }

  private mutating func isAtEnd() -> Bool {
    skipSpace()
    return isOver
  }

  private mutating func skipSpace() { rest = rest.drop { $0 == 0x20 } }

  private mutating func isNextAfterSpace(_ text: StaticString) -> Bool {
    skipSpace()
    return take(text)
  }

  private mutating func take(_ text: StaticString) -> Bool {
    let isNext = text.withUTF8Buffer { rest.starts(with: $0) }
    if isNext { rest = rest.dropFirst(text.utf8CodeUnitCount) }
    return isNext
  }
}

/// TOML as it is written: keys in the order in which a person reads them.
struct TOMLText {
  private(set) var text: String

  init(comment: String) { text = "# \(comment)\n" }

  mutating func header(_ name: String) { text += "\n[[\(name)]]\n" }
  mutating func set(_ key: String, _ value: String?) {
    if let value { text += "\(key) = \(Self.quoted(value))\n" }
  }
  mutating func set(_ key: String, _ value: Int) { text += "\(key) = \(value)\n" }
  mutating func set(_ key: String, _ value: Bool) { text += "\(key) = \(value)\n" }
  mutating func set(_ key: String, _ values: [String]) {
    guard !values.isEmpty else { return }
    text += "\(key) = [\(values.map(Self.quoted).joined(separator: ", "))]\n"
  }

  /// A basic string (TOML 1.0.0, "String").
  private static func quoted(_ value: String) -> String {
    var quoted = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
