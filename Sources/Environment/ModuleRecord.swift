/// A line of the answer to a module file, which carries it out in its module system.
///
/// A line is a verb and its arguments, separated by one space; the last argument is the rest of the
/// line. In it, `%` and what is no printable text stand as `%` and two hexadecimal digits for each
/// byte. An answer without ``end`` is no answer: a module file cannot see how the program ended.
package enum ModuleRecord: Equatable, Sendable {
  /// Sets a variable, which an unload unsets.
  case set(String, String)
  /// Sets a variable, whose old value an unload brings back.
  case push(String, String)
  case unset(String)
  /// Puts an element in front of a colon-separated list.
  case prepend(String, String)
  /// Puts an element behind a colon-separated list.
  case append(String, String)
  /// Takes an element out of a colon-separated list; an unload does not bring it back.
  case remove(String, String)
  /// What a person is told who loads the module.
  case message(String)
  /// Nothing can be done, and why.
  case error(String)
  case end

  /// The line, without its end.
  package var line: String {
    switch self {
    case .set(let name, let value): "setenv \(name) \(Self.encoded(value))"
    case .push(let name, let value): "pushenv \(name) \(Self.encoded(value))"
    case .unset(let name): "unsetenv \(name)"
    case .prepend(let name, let element): "prepend-path \(name) \(Self.encoded(element))"
    case .append(let name, let element): "append-path \(name) \(Self.encoded(element))"
    case .remove(let name, let element): "remove-path \(name) \(Self.encoded(element))"
    case .message(let text): "message \(Self.encoded(text))"
    case .error(let text): "error \(Self.encoded(text))"
    case .end: "end"
    }
  }

  /// The name and the value that a shell is to be given.
  package var assignment: (name: String, value: String)? {
    switch self {
    case .set(let name, let value), .push(let name, let value), .prepend(let name, let value),
      .append(let name, let value), .remove(let name, let value):
      (name, value)
    case .unset, .message, .error, .end: nil
    }
  }

  private static func encoded(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      // A byte that is not UTF-8 is a scalar of the last private plane (see ``Environment``).
      if scalar.value >= 0x20, scalar.value != 0x7F, scalar.value < 0x10FF00, scalar != "%" {
        result.append(scalar)
      } else {
        for byte in Environment.bytes(String(scalar)) {
          let digits = String(byte, radix: 16, uppercase: true)
          result += "%\(byte < 0x10 ? "0" : "")\(digits)".unicodeScalars
        }
      }
    }
    return String(result)
  }
}
