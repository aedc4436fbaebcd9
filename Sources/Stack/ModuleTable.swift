import Environment

/// Lmod's own record of what is loaded, which it keeps in variables: `_ModuleTable001_` and on,
/// `_ModuleTable_Sz_` of them, pieces of one base64 text, which is a Lua table.
///
/// Source: Lmod, MT.lua and BaseShell.lua; seen in the environment that it writes.
struct ModuleTable: Equatable {
  /// The Lua text.
  var lua: [UInt8]
  /// How long the pieces were, in characters.
  private var pieceLength: Int
  private var pieceCount: Int

  /// Reads the table of an environment; nil where there is none, or no whole one.
  init?(of environment: Environment) {
    guard let size = environment["_ModuleTable_Sz_"].flatMap(Int.init), (1..<1000).contains(size)
    else { return nil }
    var text: [UInt8] = []
    pieceCount = size
    pieceLength = 0
    for number in 1...size {
      guard let piece = environment[Self.name(number)] else { return nil }
      if number == 1 { pieceLength = max(64, piece.utf8.count) }
      text += Array(piece.utf8)
    }
    guard let lua = Base64.decode(text) else { return nil }
    self.lua = lua
  }

  private static func name(_ number: Int) -> String {
    let digits = String(number)
    return "_ModuleTable\(String(repeating: "0", count: max(0, 3 - digits.count)))\(digits)_"
  }

  /// Replaces every quoted text that begins with one of `places`.
  mutating func replaceTexts(
    beginningWith places: [String], _ replacement: (Substring) -> String?
  ) {
    let quote = UInt8(ascii: "\"")
    var result: [UInt8] = []
    result.reserveCapacity(lua.count)
    var parts = lua.split(separator: quote, omittingEmptySubsequences: false).makeIterator()
    if let first = parts.next() { result += first }
    while let part = parts.next() {
      result.append(quote)
      // Paths of a repository need no escapes, so a text ends at the next quote.
      if places.contains(where: { part.starts(with: $0.utf8) }) {
        let text = String(decoding: part, as: UTF8.self)
        result += replacement(text[...]).map { Array($0.utf8) } ?? Array(part)
      } else {
        result += part
      }
    }
    lua = result
  }

  /// The variables that hold it.
  var patch: EnvironmentPatch {
    var patch = EnvironmentPatch()
    let text = Base64.encode(lua)
    var count = 0
    for start in stride(from: 0, to: text.count, by: pieceLength) {
      count += 1
      patch.set(
        Self.name(count),
        String(decoding: text[start..<min(start + pieceLength, text.count)], as: UTF8.self))
    }
    patch.set("_ModuleTable_Sz_", String(count))
    if count < pieceCount {
      for number in (count + 1)...pieceCount { patch.unset(Self.name(number)) }
    }
    return patch
  }
}

/// RFC 4648, section 4, with padding.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let values: [UInt8: UInt32] = Dictionary(
    uniqueKeysWithValues: alphabet.enumerated().map { ($1, UInt32($0)) })

  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = (0..<3).reduce(UInt32(0)) {
        $0 << 8 | ($1 < group.count ? UInt32(group[start + $1]) : 0)
      }
      for place in 0..<4 {
        text.append(
          place <= group.count
            ? alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
      }
    }
    return text
  }

  /// nil for what is not base64.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    guard text.count.isMultiple(of: 4) else { return nil }
    let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var (bits, count): (UInt32, Int) = (0, 0)
    for character in text.dropLast(padding) {
      guard let value = values[character] else { return nil }
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(bits >> UInt32(count) & 255))
      }
    }
    return bytes
  }
}
