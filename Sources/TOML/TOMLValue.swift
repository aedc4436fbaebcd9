/// A value of a TOML document.
package enum TOMLValue: Equatable, Sendable {
  case string(String)
  case integer(Int)
  case float(Double)
  case boolean(Bool)
  /// A date, a time of day or both, with or without an offset, as it is written.
  case dateTime(String)
  case array([TOMLValue])
  case table(TOMLTable)
}

/// The keys of a table and their values, in the order in which they stand.
package struct TOMLTable: Sendable {
  package struct Entry: Sendable {
    package let key: String
    /// Where the key stands for the first time.
    package let place: TOMLPlace
    package let value: TOMLValue
  }

  /// Where it is defined; for the document, its beginning.
  package let place: TOMLPlace
  package let entries: [Entry]

  /// The table of a whole document.
  ///
  /// Errors are those of syntax and of definitions that contradict each other; nothing traps, and the
  /// time is linear. Source: TOML 1.0.0, <https://toml.io/en/v1.0.0>; a byte order mark, of which it
  /// says nothing, is skipped at the beginning.
  package init(_ bytes: [UInt8]) throws(TOMLError) {
    var parser = TOMLParser(bytes)
    self = try parser.document()
  }

  init(place: TOMLPlace, entries: [Entry]) {
    self.place = place
    self.entries = entries
  }
}

extension TOMLTable: Equatable {
  /// Whether two tables say the same, wherever it stands.
  package static func == (one: TOMLTable, other: TOMLTable) -> Bool {
    one.entries.elementsEqual(other.entries) { $0.key == $1.key && $0.value == $1.value }
  }
}

/// A place in a document.
package struct TOMLPlace: Equatable, Sendable {
  /// From 1.
  package var line = 1
  /// In bytes, from 1.
  package var column = 1
}

/// Why a document is not TOML, or not what it should be.
package struct TOMLError: Error, Equatable, CustomStringConvertible {
  package let place: TOMLPlace
  /// On one line, with no word of the document that is longer than 64 characters.
  package let problem: String

  package var description: String { "line \(place.line), column \(place.column): \(problem)" }
}
