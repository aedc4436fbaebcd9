/// A family of shells that reads the same assignments.
package enum Shell: String, CaseIterable, Sendable {
  /// POSIX shells: sh, dash, bash, ksh, zsh.
  case sh
  /// csh and tcsh.
  case csh
  case fish

  /// The family of a shell's name, such as `bash`.
  package init?(named name: String) {
    switch name {
    case "sh", "bash", "dash", "ksh", "zsh": self = .sh
    case "csh", "tcsh": self = .csh
    case "fish": self = .fish
    default: return nil
    }
  }

  /// The command that makes one change, one line without its end.
  ///
  /// Names that a shell cannot assign (exported functions, `a.b`) give nil.
  package func command(for change: EnvironmentChange) -> String? {
    guard Self.isAssignable(change.name) else { return nil }
    // A backslash keeps out an alias of that name; in csh it would keep out the builtin too.
    switch (self, change.value) {
    case (.sh, let value?): return "\\export \(change.name)=\(quoted(value))"
    case (.sh, nil): return "\\unset \(change.name)"
    case (.csh, let value?): return "setenv \(change.name) \(quoted(value))"
    case (.csh, nil): return "unsetenv \(change.name)"
    case (.fish, let value?):
      // fish keeps PATH, MANPATH and CDPATH as lists and joins them itself.
      return "set -gx \(change.name) \(quoted(value))"
    case (.fish, nil): return "set -e \(change.name)"
    }
  }

  /// The value as one word that the shell takes literally.
  package func quoted(_ value: String) -> String {
    switch self {
    case .sh: return "'" + value.escaping("'", as: "'\\''") + "'"
    case .csh:
      // csh expands history in single quotes and cannot hold a bare newline there.
      return "'"
        + value.escaping("'", as: "'\\''").escaping("!", as: "\\!")
        .escaping("\n", as: "\\\n") + "'"
    case .fish:
      return "'" + value.escaping("\\", as: "\\\\").escaping("'", as: "\\'") + "'"
    }
  }

  /// Variables that a shell keeps by itself, or that nobody can assign in one of them.
  package static let ownVariables: Set<String> = [
    "_", "PWD", "OLDPWD", "SHLVL", "PPID", "UID", "EUID", "GID", "EGID", "IFS", "SHELLOPTS",
    "BASHOPTS", "status", "argv",
  ]

  package static func isAssignable(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
    else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}

extension String {
  /// Replaces every occurrence of an ASCII character.
  ///
  /// Of its byte, not of a `Character`: a quote with a combining accent behind it is one, and would
  /// stay. In UTF-8 such a byte is never part of another character.
  fileprivate func escaping(_ scalar: Unicode.Scalar, as replacement: String) -> String {
    let byte = UInt8(ascii: scalar)
    guard holds(byte) else { return self }
    var result: [UInt8] = []
    result.reserveCapacity(utf8.count + 16)
    for next in utf8 {
      if next == byte { result += replacement.utf8 } else { result.append(next) }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
