/// What a value must be, in words, and what is made of it.
package struct TOMLForm<Value> {
  let read: (TOMLValue) throws(TOMLMismatch) -> Value

  init(read: @escaping (TOMLValue) throws(TOMLMismatch) -> Value) { self.read = read }

  /// `expected` stands behind "must be"; nil refuses a value.
  package init(_ expected: String, _ convert: @escaping (TOMLValue) -> Value?) {
    read = { value throws(TOMLMismatch) in
      guard let value = convert(value) else { throw TOMLMismatch(expected: expected) }
      return value
    }
  }

  /// One that asks for more.
  package func then<New>(
    _ expected: String, _ convert: @escaping (Value) -> New?
  ) -> TOMLForm<New> {
    TOMLForm<New> { [read] value throws(TOMLMismatch) in
      guard let new = convert(try read(value)) else { throw TOMLMismatch(expected: expected) }
      return new
    }
  }

  /// One that takes a single other value, for nil, as well.
  package func or(_ other: TOMLValue) -> TOMLForm<Value?> {
    TOMLForm<Value?> { [read] value throws(TOMLMismatch) in
      value == other ? nil : try read(value)
    }
  }

  /// A list of such values.
  package func list(_ expected: String) -> TOMLForm<[Value]> {
    TOMLForm<[Value]> { [read] value throws(TOMLMismatch) in
      guard case .array(let array) = value else { throw TOMLMismatch(expected: expected) }
      var list: [Value] = []
      for element in array { list.append(try read(element)) }
      return list
    }
  }
}

/// A value is not what it should be.
struct TOMLMismatch: Error { let expected: String }

extension TOMLForm where Value == String {
  /// Any but one with a NUL, which the system's calls would take for its end.
  package static var text: Self {
    Self("a text") { value in
      guard case .string(let text) = value, !text.utf8.contains(0) else { return nil }
      return text
    }
  }

  package static var nonEmptyText: Self {
    text.then("a text that is not empty") { $0.isEmpty ? nil : $0 }
  }
}

extension TOMLForm where Value == [String] {
  package static var texts: Self { TOMLForm<String>.nonEmptyText.list("a list of texts") }
}

extension TOMLForm where Value == Int {
  package static var integer: Self {
    Self("an integer") { if case .integer(let integer) = $0 { integer } else { nil } }
  }
}

extension TOMLForm where Value == Bool {
  package static var flag: Self {
    Self("true or false") { if case .boolean(let flag) = $0 { flag } else { nil } }
  }
}

extension TOMLForm where Value: RawRepresentable<String> & CaseIterable {
  /// One of the cases.
  package static var word: Self {
    TOMLForm<String>.text.then(
      "one of: \(Value.allCases.map(\.rawValue).joined(separator: " "))", Value.init(rawValue:))
  }
}
