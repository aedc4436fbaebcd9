/// A process environment as a value: names and their values, each name once.
///
/// Values are text. Bytes that are not UTF-8 (a directory name in Latin-1) are carried as the
/// scalars U+10FF80…U+10FFFF, one for a byte, and come back as the same bytes.
package struct Environment: Equatable, Sendable {
  private var values: [String: String] = [:]

  package init() {}

  package init(_ values: [String: String]) { self.values = values }

  /// Reads `NAME=VALUE` strings, such as `environ`; the first of two equal names counts, as for
  /// `getenv(3)`. A string without `=` is no variable and is left out.
  package init(entries: some Sequence<some Collection<UInt8>>) {
    for entry in entries {
      guard let separator = entry.firstIndex(of: UInt8(ascii: "=")), separator != entry.startIndex
      else { continue }
      let name = Self.text(entry[..<separator])
      guard values[name] == nil else { continue }
      values[name] = Self.text(entry[entry.index(after: separator)...])
    }
  }

  package subscript(name: String) -> String? {
    get { values[name] }
    set { values[name] = newValue }
  }

  /// The value of a variable that is set and not empty.
  package func nonEmpty(_ name: String) -> String? {
    values[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  package var names: [String] { values.keys.sorted() }

  /// The `NAME=VALUE` byte strings for `execve(2)`, sorted by name, without a final NUL.
  package var entries: [[UInt8]] {
    names.map { Self.bytes($0) + [UInt8(ascii: "=")] + Self.bytes(values[$0]!) }
  }

  /// What leads from this environment to another.
  package func changes(to other: Environment) -> [EnvironmentChange] {
    var changes: [EnvironmentChange] = []
    for (name, value) in other.values where values[name] != value {
      changes.append(EnvironmentChange(name: name, value: value))
    }
    for name in values.keys where other.values[name] == nil {
      changes.append(EnvironmentChange(name: name, value: nil))
    }
    return changes.sorted { $0.name < $1.name }
  }

  // MARK: Bytes

  private static let escapes: UInt32 = 0x10FF00

  package static func text(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = String.UnicodeScalarView()
    for byte in bytes {
      text.append(byte < 0x80 ? Unicode.Scalar(byte) : Unicode.Scalar(escapes + UInt32(byte))!)
    }
    return String(text)
  }

  package static func bytes(_ text: String) -> [UInt8] {
    guard text.utf8.contains(0xF4) else { return Array(text.utf8) }
    return text.unicodeScalars.flatMap { scalar in
      scalar.value >= escapes + 0x80
        ? [UInt8(scalar.value - escapes)] : Array(String(scalar).utf8)
    }
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
