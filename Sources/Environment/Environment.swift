import Glibc

/// A process environment as a value: names and their values, each name once.
///
/// Values are text. Bytes that are not UTF-8 (a directory name in Latin-1) are carried as the
/// scalars U+10FF80…U+10FFFF, one for a byte, and come back as the same bytes.
package struct Environment: Equatable, Sendable {
  private var values: [Name: String] = [:]

  /// A name by its bytes: to `String`, two spellings of an accented letter are one.
  private struct Name: Hashable {
    var text: String

    static func == (a: Name, b: Name) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }
    func hash(into hasher: inout Hasher) { for byte in text.utf8 { hasher.combine(byte) } }
  }

  package init() {}

  package init(_ values: [String: String]) {
    for (name, value) in values { self[name] = value }
  }

  package static func == (a: Environment, b: Environment) -> Bool {
    a.values.count == b.values.count
      && a.values.allSatisfy { name, value in
        b.values[name].map { $0.utf8.elementsEqual(value.utf8) } == true
      }
  }

  /// Reads `NAME=VALUE` strings, such as `environ`.
  ///
  /// The first of two equal names counts, as for `getenv(3)`. A string without `=` is no variable
  /// and is left out.
  package init(entries: some Sequence<some Collection<UInt8>>) {
    for entry in entries {
      guard let separator = entry.firstIndex(of: UInt8(ascii: "=")), separator != entry.startIndex
      else { continue }
      let name = Name(text: Self.text(entry[..<separator]))
      guard values[name] == nil else { continue }
      values[name] = Self.text(entry[entry.index(after: separator)...])
    }
  }

  package subscript(name: String) -> String? {
    get { values[Name(text: name)] }
    set { values[Name(text: name)] = newValue }
  }

  /// The value of a variable that is set and not empty.
  package func nonEmpty(_ name: String) -> String? {
    self[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  package var names: [String] { values.keys.map(\.text).sorted() }

  /// The `NAME=VALUE` byte strings for `execve(2)`, sorted by name, without a final NUL.
  package var entries: [[UInt8]] {
    names.map { Self.bytes($0) + [UInt8(ascii: "=")] + Self.bytes(self[$0]!) }
  }

  /// What leads from this environment to another.
  package func changes(to other: Environment) -> [EnvironmentChange] {
    var changes: [EnvironmentChange] = []
    for (name, value) in other.values
    where values[name].map({ $0.utf8.elementsEqual(value.utf8) }) != true {
      changes.append(EnvironmentChange(name: name.text, value: value))
    }
    for name in values.keys where other.values[name] == nil {
      changes.append(EnvironmentChange(name: name.text, value: nil))
    }
    return changes.sorted { $0.name < $1.name }
  }

  // MARK: Bytes

  private static let escapes: UInt32 = 0x10FF00

  package static func text(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self), !mayHoldEscapes(text) { return text }
    var text = String.UnicodeScalarView()
    for byte in bytes {
      text.append(byte < 0x80 ? Unicode.Scalar(byte) : Unicode.Scalar(escapes + UInt32(byte))!)
    }
    return String(text)
  }

  /// Whether a text has the first byte of the scalars from U+100000.
  private static func mayHoldEscapes(_ text: String) -> Bool { text.holds(0xF4) }

  package static func bytes(_ text: String) -> [UInt8] {
    guard mayHoldEscapes(text) else { return Array(text.utf8) }
    return text.unicodeScalars.flatMap { scalar in
      scalar.value >= escapes + 0x80
        ? [UInt8(scalar.value - escapes)] : Array(String(scalar).utf8)
    }
  }
}

extension String {
  /// Whether a byte is in the text; environments have hundreds of kilobytes to look through.
  func holds(_ byte: UInt8) -> Bool {
    utf8.withContiguousStorageIfAvailable { bytes in
      bytes.baseAddress.map { memchr($0, Int32(byte), bytes.count) != nil } ?? false
    } ?? utf8.contains(byte)
  }
}

/// A variable's new value; nil unsets it.
package struct EnvironmentChange: Equatable, Sendable {
  package var name: String
  package var value: String?

  package init(name: String, value: String?) {
    self.name = name
    self.value = value
  }
}
