/// A shell by its program's name: shells of one family differ in what they tell of a function.
package enum ShellProgram: String, CaseIterable, Sendable {
  case sh, dash, bash, ksh, zsh, csh, tcsh, fish

  /// The program of a name or path, such as `/usr/bin/zsh`.
  package init?(named name: String) {
    guard let last = name.split(separator: "/").last else { return nil }
    self.init(rawValue: last == "mksh" || last == "ksh93" ? "ksh" : String(last))
  }

  package var family: Shell { Shell(named: rawValue)! }

  /// All names, for a message.
  package static var names: String {
    allCases.dropLast().map(\.rawValue).joined(separator: ", ") + " or \(allCases.last!.rawValue)"
  }

  /// The name that Lmod has for it.
  package var lmodName: String { self == .dash ? "sh" : rawValue }
}
