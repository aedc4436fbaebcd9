/// Reads a document byte by byte; sources are the parts of TOML 1.0.0 that are named.
struct TOMLParser {
  /// Tables and arrays in each other; a file of slipway's has four.
  static let depthLimit = 12

  let bytes: [UInt8]
  var offset = 0
  private var line = 1
  private var lineStart = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(TOMLError) -> TOMLTable {
    try checkEncoding()
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { offset = 3 }
    var tree = TOMLTree(at: place)
    while true {
      skipBlanks()
      switch next {
      case nil: return tree.document
      case "#", "\n", "\r": break
      case "[": try header(&tree)
      default: try pair(&tree, depth: tree.depth)
      }
      try endLine()
    }
  }

  /// "Spec": a document is UTF-8.
  private mutating func checkEncoding() throws(TOMLError) {
    guard String(validating: bytes, as: UTF8.self) == nil else { return }
    var decoder = UTF8()
    var rest = bytes.makeIterator()
    while case .scalarValue(let scalar) = decoder.decode(&rest) {
      if scalar == "\n" { endLine(at: offset) }
      offset += UTF8.width(scalar)
    }
    throw error("a byte that is not UTF-8")
  }

  /// "Table", "Array of Tables".
  private mutating func header(_ tree: inout TOMLTree) throws(TOMLError) {
    let start = place
    let isElement = take("[[")
    if !isElement { offset += 1 }
    let path = try names()
    guard take(isElement ? "]]" : "]") else {
      throw error(isElement ? "]] is missing behind a name" : "] is missing behind a name")
    }
    guard path.count <= Self.depthLimit else { throw tooDeep(start) }
    try tree.begin(path, isElement: isElement)
    guard tree.depth <= Self.depthLimit else { throw tooDeep(start) }
  }

  /// "Key/Value Pair".
  private mutating func pair(_ tree: inout TOMLTree, depth: Int) throws(TOMLError) {
    let start = place
    let path = try names()
    guard take("=") else { throw error("= is missing behind a key") }
    skipBlanks()
    guard depth + path.count <= Self.depthLimit else { throw tooDeep(start) }
    try tree.set(path, try value(depth: depth + path.count))
  }

  // MARK: keys

  /// "Keys": one name or several with dots between them, and blanks around each.
  private mutating func names() throws(TOMLError) -> [TOMLKey] {
    var names: [TOMLKey] = []
    repeat {
      skipBlanks()
      names.append(try key())
      skipBlanks()
    } while take(".")
    return names
  }

  private mutating func key() throws(TOMLError) -> TOMLKey {
    let start = place
    switch next {
    case "\"", "'": return TOMLKey(name: try lineText(), place: start)
    case let byte? where byte.isBare: return TOMLKey(name: word(\.isBare), place: start)
    case nil, "\n", "\r", "#", "=", ".", "]", "}", ",": throw error("a key is missing")
    default: throw error("a key with \(shown) must stand in quotes")
    }
  }

  // MARK: values

  mutating func value(depth: Int) throws(TOMLError) -> TOMLValue {
    switch next {
    case "\"": return .string(try take("\"\"\"") ? linesText(quote: "\"") : lineText())
    case "'": return .string(try take("'''") ? linesText(quote: "'") : lineText())
    case "[": return try array(depth: depth + 1)
    case "{": return try inlineTable(depth: depth)
    case nil, "\n", "\r", "#", ",", "]", "}": throw error("a value is missing")
    default: return try scalar()
    }
  }

  /// "Array".
  private mutating func array(depth: Int) throws(TOMLError) -> TOMLValue {
    guard depth <= Self.depthLimit else { throw tooDeep(place) }
    offset += 1
    var array: [TOMLValue] = []
    while true {
      try skipLines()
      if take("]") { return .array(array) }
      array.append(try value(depth: depth))
      try skipLines()
      guard take(",") || next == UInt8(ascii: "]") else {
        throw error(", or ] is missing in a list")
      }
    }
  }

  /// "Inline Table": on one line, and complete.
  private mutating func inlineTable(depth: Int) throws(TOMLError) -> TOMLValue {
    var tree = TOMLTree(at: place)
    offset += 1
    skipBlanks()
    if take("}") { return .table(tree.document) }
    repeat {
      try pair(&tree, depth: depth)
      skipBlanks()
    } while take(",")
    guard take("}") else { throw error(", or } is missing in a table on one line") }
    return .table(tree.document)
  }

  /// "Boolean", "Integer", "Float" and the dates and times.
  private mutating func scalar() throws(TOMLError) -> TOMLValue {
    let (start, from) = (place, offset)
    func isPart(_ byte: UInt8) -> Bool {
      switch byte {
      case "+", ".", ":": true
      default: byte.isBare
      }
    }
    var text = word(isPart)
    // A date and a time may have a blank between them.
    if next == 0x20, TOMLScalar.isDate(text), (bytes[offset...].dropFirst().first ?? 0).isDigit {
      offset += 1
      text += " \(word(isPart))"
    }
    guard offset > from else { throw error("\(shown) begins no value") }
    do throws(TOMLScalar.Fault) {
      return try TOMLScalar.value(text)
    } catch {
      throw self.error("\(TOMLKey.shown([text])) is \(error.problem)", at: start)
    }
  }

  // MARK: bytes

  var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  var place: TOMLPlace { TOMLPlace(line: line, column: offset - lineStart + 1) }

  func error(_ problem: String, at place: TOMLPlace? = nil) -> TOMLError {
    TOMLError(place: place ?? self.place, problem: "not TOML: \(problem)")
  }

  private func tooDeep(_ place: TOMLPlace) -> TOMLError {
    error("more than \(Self.depthLimit) tables and lists in each other", at: place)
  }

  /// The next character, for errors.
  var shown: String {
    let text = String(decoding: bytes[offset...].prefix(4), as: UTF8.self)
    guard let scalar = text.unicodeScalars.first else { return "the end of the file" }
    if scalar.properties.generalCategory != .control { return String(Character(scalar)) }
    return "the control character U+\(String(scalar.value, radix: 16, uppercase: true))"
  }

  mutating func take(_ text: StaticString) -> Bool {
    let isNext = text.withUTF8Buffer { bytes[offset...].starts(with: $0) }
    if isNext { offset += text.utf8CodeUnitCount }
    return isNext
  }

  /// Takes the end of a line.
  mutating func takeNewline() -> Bool {
    guard take("\n") || take("\r\n") else { return false }
    endLine(at: offset - 1)
    return true
  }

  private mutating func endLine(at offset: Int) {
    line += 1
    lineStart = offset + 1
  }

  /// ASCII bytes.
  private mutating func word(_ isPart: (UInt8) -> Bool) -> String {
    let word = bytes[offset...].prefix(while: isPart)
    offset = word.endIndex
    return String(decoding: word, as: UTF8.self)
  }

  mutating func skipBlanks() { while next == 0x20 || next == 0x09 { offset += 1 } }

  /// Goes over blanks, ends of lines and comments.
  private mutating func skipLines() throws(TOMLError) {
    repeat {
      skipBlanks()
      try skipComment()
    } while takeNewline()
  }

  /// "Comment".
  private mutating func skipComment() throws(TOMLError) {
    guard take("#") else { return }
    while let byte = next, byte != 0x0a {
      if byte == 0x0d, bytes[offset...].starts(with: [0x0d, 0x0a]) { return }
      guard !byte.isControl else { throw error("\(shown) in a comment") }
      offset += 1
    }
  }

  private mutating func endLine() throws(TOMLError) {
    skipBlanks()
    try skipComment()
    guard takeNewline() || next == nil else {
      throw error("\(shown) where the line should end")
    }
  }
}

extension UInt8 {
  /// Whether it may stand nowhere but in escapes; the ends of lines are among them.
  var isControl: Bool { (self < 0x20 && self != 0x09) || self == 0x7f }
  var isDigit: Bool { (0x30...0x39).contains(self) }
}
