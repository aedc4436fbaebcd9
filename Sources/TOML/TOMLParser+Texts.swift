/// "String".
extension TOMLParser {
  /// Reads a text on one line, from its quote; only `"` knows escapes.
  mutating func lineText() throws(TOMLError) -> String {
    let start = place
    let quote = next
    offset += 1
    var text: [UInt8] = []
    while let byte = next {
      if byte == quote {
        offset += 1
        return String(decoding: text, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        try escape(&text)
      } else {
        if byte == 0x0a || byte == 0x0d { break }
        try plain(byte, &text)
      }
    }
    throw error("a text has no end on its line", at: start)
  }

  /// Reads a text of several lines, from behind its three quotes.
  mutating func linesText(quote: Unicode.Scalar) throws(TOMLError) -> String {
    let start = place
    let quote = UInt8(ascii: quote)
    var text: [UInt8] = []
    _ = takeNewline()
    while let byte = next {
      if byte == quote {
        // Up to two quotes may stand before the three that end it.
        let count = bytes[offset...].prefix(5).prefix { $0 == quote }.count
        offset += count
        guard count >= 3 else {
          text += repeatElement(quote, count: count)
          continue
        }
        text += repeatElement(quote, count: count - 3)
        return String(decoding: text, as: UTF8.self)
      }
      if takeNewline() {
        text.append(0x0a)
      } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        if try !skipEndOfLine() { try escape(&text) }
      } else {
        try plain(byte, &text)
      }
    }
    throw error("a text has no end", at: start)
  }

  private mutating func plain(_ byte: UInt8, _ text: inout [UInt8]) throws(TOMLError) {
    guard !byte.isControl else { throw error("\(shown) in a text must be written as an escape") }
    text.append(byte)
    offset += 1
  }

  /// Goes over a backslash at the end of a line, and all blanks and empty lines behind it.
  private mutating func skipEndOfLine() throws(TOMLError) -> Bool {
    let start = offset
    offset += 1
    skipBlanks()
    guard takeNewline() else {
      offset = start
      return false
    }
    repeat { skipBlanks() } while takeNewline()
    return true
  }

  private mutating func escape(_ text: inout [UInt8]) throws(TOMLError) {
    let start = place
    offset += 1
    let letter = next
    offset += letter == nil ? 0 : 1
    switch letter {
    case "b": text.append(0x08)
    case "t": text.append(0x09)
    case "n": text.append(0x0a)
    case "f": text.append(0x0c)
    case "r": text.append(0x0d)
    case let byte? where byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\"): text.append(byte)
    case "u", "U":
      let digits = bytes[offset...].prefix(letter == UInt8(ascii: "u") ? 4 : 8)
      // Checked apart: the initialiser would take a sign.
      guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        digits.count == (letter == UInt8(ascii: "u") ? 4 : 8),
        let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(number)
      else { throw error("an escape that is no character", at: start) }
      text += String(scalar).utf8
      offset = digits.endIndex
    default: throw error("an escape that TOML does not know", at: start)
    }
  }
}
