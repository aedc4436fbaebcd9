/// Takes the keys of a table one after the other, each of which must have the form that is asked for.
package struct TOMLReader {
  private let table: TOMLTable
  /// What stands before its keys in errors: `stack.`.
  private let prefix: String
  private var known: [String] = []

  /// The table of a whole document.
  package init(_ bytes: [UInt8]) throws(TOMLError) {
    self.init(try TOMLTable(bytes), prefix: "")
  }

  private init(_ table: TOMLTable, prefix: String) {
    self.table = table
    self.prefix = prefix
  }

  /// nil where the table has no such key.
  package mutating func value<Value>(
    _ key: String, _ form: TOMLForm<Value>
  ) throws(TOMLError) -> Value? {
    known.append(key)
    guard let entry = entry(key) else { return nil }
    return try read(entry, form)
  }

  package mutating func required<Value>(
    _ key: String, _ form: TOMLForm<Value>
  ) throws(TOMLError) -> Value {
    guard let value = try value(key, form) else {
      throw TOMLError(place: table.place, problem: "\(name(key)) is missing")
    }
    return value
  }

  /// The table that is the value of a key.
  package mutating func table(_ key: String) throws(TOMLError) -> TOMLReader? {
    try value(key, .table).map { TOMLReader($0, prefix: "\(name(key)).") }
  }

  /// The list of tables that is the value of a key; empty where there is none.
  package mutating func tables(
    _ key: String, limit: Int = .max
  ) throws(TOMLError) -> [TOMLReader] {
    let form = TOMLForm.table.list("a list of tables").then("at most \(limit) tables") {
      $0.count <= limit ? $0 : nil
    }
    return (try value(key, form) ?? []).map { TOMLReader($0, prefix: "\(name(key)).") }
  }

  /// The values of a table whose keys are names of any kind; empty where there is none.
  package mutating func members<Value>(
    _ key: String, _ form: TOMLForm<Value>
  ) throws(TOMLError) -> [String: Value] {
    guard let reader = try table(key) else { return [:] }
    var members: [String: Value] = [:]
    for entry in reader.table.entries {
      let value = try reader.read(entry, form)
      // TOML takes names for different that String takes for the same.
      guard !entry.key.utf8.contains(0), members.updateValue(value, forKey: entry.key) == nil else {
        throw TOMLError(
          place: entry.place, problem: "\(reader.name(entry.key)) is no name, or stands twice")
      }
    }
    return members
  }

  /// That a key which is there has another value than it must have.
  package func wrong(_ key: String, _ expected: String) -> TOMLError {
    TOMLError(
      place: entry(key)?.place ?? table.place, problem: "\(name(key)) must be \(expected)")
  }

  /// Refuses keys that nobody asked for: a misspelt one would silently change nothing.
  package func end() throws(TOMLError) {
    guard let entry = table.entries.first(where: { !known.contains($0.key) }) else { return }
    let hint = Spelling.nearest(to: entry.key, of: known).map { " (did you mean \($0)?)" } ?? ""
    throw TOMLError(place: entry.place, problem: "unknown key \(name(entry.key))\(hint)")
  }

  private func entry(_ key: String) -> TOMLTable.Entry? { table.entries.first { $0.key == key } }

  private func name(_ key: String) -> String { prefix + TOMLKey.shown([key]) }

  private func read<Value>(
    _ entry: TOMLTable.Entry, _ form: TOMLForm<Value>
  ) throws(TOMLError) -> Value {
    do throws(TOMLMismatch) {
      return try form.read(entry.value)
    } catch {
      throw wrong(entry.key, error.expected)
    }
  }
}

extension TOMLForm where Value == TOMLTable {
  fileprivate static var table: Self {
    Self("a table") { if case .table(let table) = $0 { table } else { nil } }
  }
}

enum Spelling {
  /// The word that two changes of a letter at most make of another.
  static func nearest(to word: String, of words: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let near = words.map { (word: $0, changes: changes(from: word, to: $0)) }
      .min { $0.changes < $1.changes }
    return near.flatMap { $0.changes <= 2 ? $0.word : nil }
  }

  /// Letters that are put in, taken out or replaced (Levenshtein's distance).
  private static func changes(from one: String, to other: String) -> Int {
    let other = Array(other.utf8)
    var row = Array(0...other.count)
    for letter in one.utf8 {
      var before = row[0]
      row[0] += 1
      for (index, letterThere) in other.enumerated() {
        let replaced = before + (letter == letterThere ? 0 : 1)
        before = row[index + 1]
        row[index + 1] = min(replaced, before + 1, row[index] + 1)
      }
    }
    return row[other.count]
  }
}
