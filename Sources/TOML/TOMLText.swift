/// TOML as it is written: keys in the order in which a person reads them.
package struct TOMLText {
  package private(set) var text: String

  package init(comment: String) { text = "# \(comment)\n" }

  package mutating func header(_ name: String) { text += "\n[[\(name)]]\n" }
  package mutating func set(_ key: String, _ value: String?) {
    if let value { text += "\(key) = \(Self.quoted(value))\n" }
  }
  package mutating func set(_ key: String, _ value: Int) { text += "\(key) = \(value)\n" }
  package mutating func set(_ key: String, _ value: Bool) { text += "\(key) = \(value)\n" }
  package mutating func set(_ key: String, _ values: [String]) {
    guard !values.isEmpty else { return }
    text += "\(key) = [\(values.map(Self.quoted).joined(separator: ", "))]\n"
  }

  /// A basic string (TOML 1.0.0, "String").
  package static func quoted(_ value: String) -> String {
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
