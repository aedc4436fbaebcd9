import Environment
import TestSupport
import Testing

@Suite(.tags(.small))
struct EnvironmentUndoTests {
  private let variable = EnvironmentUndo.variable

  private func initialised(_ before: Environment, _ after: Environment) -> Environment {
    var result = after
    result[variable] = EnvironmentUndo(from: before, to: after, hadModuleTable: false).text
    return result
  }

  private func undone(_ environment: Environment) throws -> Environment {
    try #require(try EnvironmentUndo(of: environment)).undone(environment)
  }

  static let changes: [(String?, String?)] = [
    (nil, "x"), ("", "x"), ("x", ""), ("x", nil), ("", nil), ("a:b", "new:a:b"), ("a:b", "a:b:new"),
    ("a:b", "a:n:b"), ("a:a", "a"), ("a", "a:a"), ("a:a:a", "a:a"), ("", ":"), (":", ""),
    ("::a", "n:::a"), ("a:b:c", "c:b:a"), ("a b\t\n", "'\"$!%,=+-"), ("ä", "a\u{308}"),
    (":\u{301}", "x:\u{301}"), ("1", "2"),
  ]

  @Test(arguments: changes)
  func `what was changed comes back`(before: String?, after: String?) throws {
    var (old, new) = (Environment(["KEPT": "1"]), Environment(["KEPT": "1"]))
    (old["A"], new["A"]) = (before, after)
    #expect(try undone(initialised(old, new)) == old)
  }

  @Test func `random environments come back`() throws {
    var random = SeededGenerator(seed: 20)
    let words = ["", "a", "b", "/c d", "ü", "%41", "+", "-", ","]
    func environment() -> Environment {
      var result = Environment()
      for name in ["A", "B", "C"] where Bool.random(using: &random) {
        result[name] = (0..<Int.random(in: 0...4, using: &random)).map { _ in
          words.randomElement(using: &random)!
        }.joined(separator: ":")
      }
      return result
    }
    for _ in 0..<2000 {
      let (before, after) = (environment(), environment())
      #expect(try undone(initialised(before, after)) == before)
    }
  }

  @Test func `bytes that are no UTF-8 come back`() throws {
    let value = Environment.text([0x2F, 0xFC, 0x3A, 0xFF])
    let before = Environment(["P": value])
    let after = Environment(["P": "/new:" + value])
    #expect(try undone(initialised(before, after)) == before)
  }

  @Test func `a list that was changed since loses what was added, and no more`() throws {
    var environment = initialised(
      Environment(["PATH": "/bin", "L": "/old:/x"]),
      Environment(["PATH": "/s1:/s2:/bin", "L": "/moved:/x", "M": "/m"]))
    environment["PATH"] = "/mine:/s2:/s1:/bin:/more"
    environment["L"] = "/moved:/x:/y"
    environment["M"] = "/u:/m"
    let result = try undone(environment)
    #expect(result == Environment(["PATH": "/mine:/bin:/more", "L": "/old:/x:/y", "M": "/u"]))
  }

  @Test func `what was replaced, unset or set since stays so`() throws {
    var environment = initialised(
      Environment(["A": "1", "B": "1", "C": "1"]), Environment(["A": "2", "B": "2"]))
    environment["A"] = "3"
    environment["B"] = nil
    environment["C"] = "4"
    #expect(try undone(environment) == Environment(["A": "3", "C": "4"]))
  }

  @Test func `a further change is undone together with the first`() throws {
    let before = Environment(["PATH": "/bin", "X": "old"])
    let first = initialised(before, Environment(["PATH": "/zen2:/bin", "X": "zen2", "N": "zen2"]))
    var moved = first
    for (name, value) in [("PATH", "/haswell:/bin"), ("X", "haswell"), ("N", "haswell")] {
      moved[name] = value
    }
    let undo = try #require(try EnvironmentUndo(of: first))
    let second = undo.following(first, with: moved)
    #expect(second["X"] == "haswell")
    #expect(try undone(second) == before)
  }

  @Test func `more than a variable holds is remembered by digests`() throws {
    var (before, after) = (Environment(["PATH": "/bin"]), Environment(["PATH": "/new:/bin"]))
    for number in 0..<400 {
      after["EBROOT\(number)"] = String(repeating: "/x:é", count: 200)
      if number % 20 == 0 { before["EBROOT\(number)"] = "mine" }
    }
    var environment = initialised(before, after)
    #expect(environment[variable]!.utf8.count < EnvironmentUndo.limit)
    #expect(try undone(environment) == before)
    // What was changed since stays as a whole.
    environment["EBROOT1"] = "/other"
    environment["EBROOT2"] = nil
    before["EBROOT1"] = "/other"
    #expect(try undone(environment) == before)
  }

  @Test func `what was moved to another node stays moved`() throws {
    let first = initialised(
      Environment(["PATH": "/bin", "ROOT": "/zen2/x"]),
      Environment(["PATH": "/zen2:/bin", "ROOT": "/zen2/x"]))
    let undo = try #require(try EnvironmentUndo(of: first))
    let after = Environment(["PATH": "/haswell:/bin", "ROOT": "/haswell/x"])
    let second = undo.following(first, with: after) { clean in
      #expect(clean["PATH"] == "/bin")
      return EnvironmentPatch([.set("ROOT", "/haswell/x")])
    }
    #expect(try undone(second) == Environment(["PATH": "/bin", "ROOT": "/haswell/x"]))
  }

  @Test func `the text holds nothing that a shell or a list gives a meaning to`() {
    let text = EnvironmentUndo(
      from: Environment(["A": "it's\n$(id):*;~"]), to: Environment(["A": "/x:y", "B": "!"]),
      hadModuleTable: true
    ).text
    #expect(text.hasPrefix("1t,"))
    let isPlain = text.utf8.allSatisfy { byte in
      Shell.isAssignable("_" + String(Unicode.Scalar(byte)))
        || "/.-+=,%".utf8.contains(byte)
    }
    #expect(isPlain, "\(text)")
  }

  @Test(arguments: [
    "", "0", "2", "1,", "1,A", "1,A=0=0=+a", "1,A=0=0=+a=-=", "1,A=-1=0=+a=-", "1,A=+1=0=+a=-",
    "1,A=01=0=+a=", "1,A=99999999999999999999=0=+a=-", "1,A=4294967295=4294967295=+a=-",
    "1,A=0=0=#00=-", "1,A=0=0=#0123456789abcdef0123456789abcdef=+x",
    "1,A=1=0=#0123456789abcdef0123456789abcdef=-", "1,A=0=0=-=-", "1,A=0=0==", "1,A=0=0=a=-",
    "1,A=0=0=+%0=-", "1,A=0=0=+%00=-", "1,A=0=0=+%2f=-",
    "1,A=0=0=+%41=-", "1,A=0=0=+a;id=-", "1,A=0=0=+a b=-", "1,A B=0=0=+a=-", "1,A$(id)=0=0=+a=-",
    "1,=0=0=+a=-", "1,9=0=0=+a=-", "1,A=0=0=+a=-,A=0=0=+b=-", "1,SLIPWAY_UNDO=0=0=+a=-",
    "1,PWD=0=0=+a=-", "1,IFS=0=0=+a=-", "1,_=0=0=+a=-", "1,A=0=0=+a=-\n", "1;id", "\u{301}1",
    "1," + String(repeating: "A", count: 1 << 20),
  ])
  func `a text that slipway has not written is refused`(text: String) {
    #expect(throws: EnvironmentUndoError.self) { try EnvironmentUndo(text: text) }
  }

  @Test func `random damage is refused or read as another valid text`() throws {
    var random = SeededGenerator(seed: 21)
    let text = Array(
      EnvironmentUndo(
        from: Environment(["PATH": "/bin:/usr/bin"]),
        to: Environment(["PATH": "/s:/bin:/usr/bin", "V": "2023.06"]), hadModuleTable: false
      ).text.utf8)
    for _ in 0..<5000 {
      var bytes = text
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
        in: 1...255, using: &random)
      let damaged = Environment.text(bytes)
      guard let undo = try? EnvironmentUndo(text: damaged) else { continue }
      #expect(undo.text == damaged)
      _ = undo.undone(Environment(["PATH": "/s:/bin:/usr/bin", "V": "2023.06"]))
    }
  }
}

@Suite(.tags(.small))
struct ShellSessionTextTests {
  private let definitions = ShellDefinitions(
    aliases: [.init(name: "a-b", value: "it's"), .init(name: "x;id", value: "y")],
    functions: [.init(name: "f", sh: "echo f", csh: "echo f")])

  @Test(arguments: ShellProgram.allCases)
  func `a name that no shell can define is left out`(shell: ShellProgram) {
    let text = ShellSession(shell, changes: [], module: .defined, definitions: definitions)
      .initialisation
    #expect(!text.contains("x;id"))
    #expect(text.contains("module"))
  }

  @Test(arguments: [
    ("bash", ShellProgram.bash), ("/usr/bin/zsh", .zsh), ("mksh", .ksh), ("/bin/ksh93", .ksh),
  ])
  func `a shell is known by name and path`(name: String, shell: ShellProgram) {
    #expect(ShellProgram(named: name) == shell)
  }

  @Test(arguments: ["", "/", "nu", "bash "])
  func `another program is no shell`(name: String) { #expect(ShellProgram(named: name) == nil) }
}
