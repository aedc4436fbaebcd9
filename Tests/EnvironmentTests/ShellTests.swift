import Environment
import TestSupport
import Testing

/// A shell as people have it installed, and the family whose commands it reads.
struct InstalledShell: Sendable, CustomTestStringConvertible {
  var name: String
  var family: Shell
  /// What keeps the user's own start-up files out.
  var options: [String]

  var testDescription: String { name }
  var path: String? { Tool.path(of: name) }

  static let all = [
    InstalledShell(name: "sh", family: .sh, options: []),
    InstalledShell(name: "dash", family: .sh, options: []),
    InstalledShell(name: "bash", family: .sh, options: ["--norc"]),
    InstalledShell(name: "ksh", family: .sh, options: []),
    InstalledShell(name: "mksh", family: .sh, options: []),
    InstalledShell(name: "zsh", family: .sh, options: ["-f"]),
    InstalledShell(name: "csh", family: .csh, options: ["-f"]),
    InstalledShell(name: "tcsh", family: .csh, options: ["-f"]),
    InstalledShell(name: "fish", family: .fish, options: ["--no-config"]),
  ]

  /// Runs lines as a user's `eval "$(slipway env)"` would and prints one variable.
  func value(of name: String, after commands: String) throws -> [UInt8] {
    let result = try run(
      [self.name] + options + ["-c", commands + "\n/usr/bin/env printenv -0 \(name)"],
      environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"],
      seconds: 30)
    #expect(result.status == 0, "\(name): \(result.stderr)")
    return result.output
  }
}

/// What a shell does with the commands is asked of the shells themselves.
@Suite(.tags(.large))
struct ShellTests {
  static let values = [
    "plain", "", " ", "two  words ", "\ttab", "it's", "''", "'", "\"double\"",
    "$HOME ${HOME} $(id)",
    "`id`", "back\\slash", "\\", "\\\\", "ends in \\", "\\'", "\\n", "a!b", "!", "!!", "a!",
    "wow! it's",
    "*", "?", "[a-z]", "{a,b}", "~", "~root", "#no comment", "a;b", "a&b", "a|b", "a>b<c", "(a)",
    "line\nline", "\n", "ends in\n", "\nstarts", "a\n\nb", "a\\\nb", "a'\n'b", "a!\nb",
    "Grüße 日本 😀",
    "%s %d %%", "-n", "--", "=", "a=b:c=d", "\u{1}\u{1B}[31m\u{7F}", "a\r\nb", "^a^b", "$'x'",
    "\\u0041",
    // A letter's accent after a character makes both one of Swift's characters.
    "'\u{301}", "a'\u{301}; echo broken #", "!\u{301}", "\\\u{301}", "\n\u{301}", "$\u{301}a",
    "'\u{200D}x", "\r\n'\r\n",
  ]

  @Test(arguments: InstalledShell.all)
  func `a shell takes every value as it is`(shell: InstalledShell) throws {
    guard shell.path != nil else {
      Issue.record("\(shell.name) is not installed: nothing is shown of it", severity: .warning)
      return
    }
    for value in Self.values {
      let change = EnvironmentChange(name: "SLIPWAY_TEST", value: value)
      let command = try #require(shell.family.command(for: change))
      let output = try shell.value(of: "SLIPWAY_TEST", after: command)
      #expect(output == Array(value.utf8) + [0], "\(shell.name): \(command.debugDescription)")
    }
  }

  @Test(arguments: InstalledShell.all.filter { $0.path != nil })
  func `a shell takes many commands in one go`(shell: InstalledShell) throws {
    let changes = Self.values.enumerated().map { EnvironmentChange(name: "V\($0)", value: $1) }
    let commands = changes.compactMap(shell.family.command(for:)).joined(separator: "\n")
    for name in ["V0", "V9", "V\(Self.values.count - 1)"] {
      let index = try #require(Int(name.dropFirst()))
      #expect(
        try shell.value(of: name, after: commands) == Array(Self.values[index].utf8) + [0],
        "\(shell.name) \(name)")
    }
  }

  @Test(arguments: InstalledShell.all.filter { $0.path != nil })
  func `a shell keeps PATH a path`(shell: InstalledShell) throws {
    let change = EnvironmentChange(name: "PATH", value: "/a b:/usr/bin:/it's:/bin")
    let command = try #require(shell.family.command(for: change))
    #expect(
      try shell.value(of: "PATH", after: command) == Array("/a b:/usr/bin:/it's:/bin".utf8) + [0])
  }

  @Test(arguments: InstalledShell.all.filter { $0.path != nil })
  func `a shell unsets a variable, also one that is not set`(shell: InstalledShell) throws {
    let set = try #require(shell.family.command(for: EnvironmentChange(name: "A", value: "1")))
    let unset = try #require(shell.family.command(for: EnvironmentChange(name: "A", value: nil)))
    for commands in [[set, unset], [unset, unset]] {
      let text = commands.joined(separator: "\n")
      let result = try run(
        [shell.name] + shell.options + ["-c", text + "\n/usr/bin/env printenv A; true"],
        environment: ["PATH": "/usr/bin:/bin"], seconds: 30)
      #expect(result.stdout == "", "\(shell.name)")
    }
  }

  @Test(arguments: ["sh", "dash", "bash", "ksh", "zsh"].filter(Tool.isInstalled))
  func `unsetting under set -e and set -u ends nothing`(shell: String) throws {
    let unset = try #require(Shell.sh.command(for: EnvironmentChange(name: "NONE", value: nil)))
    let result = try run([shell, "-c", "set -eu\n\(unset)\necho reached"], seconds: 30)
    #expect(result.stdout == "reached\n", "\(shell): \(result.stderr)")
  }

  @Test(arguments: InstalledShell.all.filter { $0.path != nil })
  func `bytes that are no UTF-8 reach the variable as they are`(shell: InstalledShell) throws {
    let bytes: [UInt8] = [0x47, 0x72, 0xFC, 0xDF, 0x65, 0xFF]
    let change = EnvironmentChange(name: "LATIN", value: Environment.text(bytes))
    let command = Environment.bytes(try #require(shell.family.command(for: change)))
    let result = try run(
      [shell.name] + shell.options + (shell.name == "fish" ? [] : ["-s"]),
      environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"],
      input: command + Array("\n/usr/bin/env printenv -0 LATIN\n".utf8), seconds: 30)
    #expect(result.output == bytes + [0], "\(shell.name): \(result.stderr)")
  }
}

@Suite(.tags(.small))
struct ShellNameTests {
  @Test(arguments: [
    ("sh", Shell.sh), ("bash", .sh), ("dash", .sh), ("ksh", .sh), ("zsh", .sh), ("csh", .csh),
    ("tcsh", .csh), ("fish", .fish),
  ])
  func `a shell's family is known by its name`(name: String, family: Shell) {
    #expect(Shell(named: name) == family)
  }

  @Test(arguments: ["", "nu", "/bin/bash", "BASH", "python"])
  func `another name is no shell`(name: String) { #expect(Shell(named: name) == nil) }

  @Test(
    arguments: Shell.allCases,
    [
      "", "a.b", "1A", "A-B", "BASH_FUNC_ml%%", "A B", "Ä", "A=B", "A\n", "A\0", "A;id", "$A",
      "A[0]",
    ])
  func `a name that a shell cannot assign gives no command`(shell: Shell, name: String) {
    #expect(shell.command(for: EnvironmentChange(name: name, value: "x")) == nil)
    #expect(shell.command(for: EnvironmentChange(name: name, value: nil)) == nil)
  }

  @Test(arguments: Shell.allCases, ["A", "_", "_A1", "a_b_C9"])
  func `a name of letters, digits and underscores gives one`(shell: Shell, name: String) {
    #expect(shell.command(for: EnvironmentChange(name: name, value: "x"))?.contains(name) == true)
  }

  @Test(arguments: Shell.allCases)
  func `a megabyte is quoted in a moment`(shell: Shell) {
    let value = String(repeating: "it's $5\n", count: 1 << 17)
    let quoted = shell.quoted(value)
    let isLonger = quoted.utf8.count > value.utf8.count
    #expect(isLonger)
  }
}
