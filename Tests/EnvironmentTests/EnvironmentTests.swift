import Environment
import TestSupport
import Testing

@Suite(.tags(.small))
struct EnvironmentTests {
  static func read(_ entries: [String]) -> Environment {
    Environment(entries: entries.map { Array($0.utf8) })
  }

  @Test func `entries become names and values`() {
    let environment = Self.read(["A=1", "B=two words", "C=", "D=a=b=c", "E==", "ä=ö"])
    #expect(environment.names == ["A", "B", "C", "D", "E", "ä"])
    #expect(environment["B"] == "two words")
    #expect(environment["C"] == "")
    #expect(environment["D"] == "a=b=c")
    #expect(environment["E"] == "=")
    #expect(environment["ä"] == "ö")
    #expect(environment["F"] == nil)
  }

  @Test func `of two equal names the first counts, as for getenv`() {
    #expect(Self.read(["A=first", "A=second"])["A"] == "first")
    #expect(Self.read(["A=", "A=second"])["A"] == "")
  }

  @Test func `a string that is no variable is left out`() {
    #expect(Self.read(["", "=", "=value", "NAME", "A=1"]).names == ["A"])
  }

  @Test func `entries are sorted by name and come back`() {
    let environment = Self.read(["B=2", "A=1", "C="])
    let entries = environment.entries.map { String(decoding: $0, as: UTF8.self) }
    #expect(entries == ["A=1", "B=2", "C="])
    #expect(Environment(entries: environment.entries) == environment)
  }

  @Test(arguments: 1...255)
  func `every byte value comes back`(byte: Int) {
    let value: [UInt8] = [UInt8(byte)]
    for bytes in [value, value + value, [0x61] + value, value + [0x61], [0xC3] + value] {
      let environment = Environment(entries: [Array("A=".utf8) + bytes])
      #expect(environment.entries == [Array("A=".utf8) + bytes])
      #expect(Environment.bytes(Environment.text(bytes)) == bytes)
    }
  }

  @Test func `random bytes come back, as name and as value`() {
    var random = SeededGenerator(seed: 0xE7)
    for _ in 0..<500 {
      let count = Int.random(in: 1...40, using: &random)
      let bytes = (0..<count).map { _ in UInt8.random(in: 1...255, using: &random) }
      let name = bytes.filter { $0 != UInt8(ascii: "=") } + [UInt8(ascii: "N")]
      let entry = name + [UInt8(ascii: "=")] + bytes
      #expect(Environment(entries: [entry]).entries == [entry])
    }
  }

  @Test func `text of the highest plane comes back as the text that it is`() {
    // U+10FFAB is what carries the byte 0xAB; a value may hold the character itself.
    for scalar in ["\u{10FF80}", "\u{10FFAB}", "\u{10FFFF}", "\u{10FF7F}", "\u{F0000}", "😀"] {
      let entry = Array("A=\(scalar)".utf8)
      #expect(Environment(entries: [entry]).entries == [entry], "\(scalar.unicodeScalars.first!)")
    }
  }

  @Test func `two spellings of one letter stay two spellings`() {
    let (composed, decomposed) = (Array("A=\u{E9}".utf8), Array("A=e\u{301}".utf8))
    #expect(Environment(entries: [composed]).entries == [composed])
    #expect(Environment(entries: [decomposed]).entries == [decomposed])
  }

  @Test func `names that Unicode holds for equal stay two variables`() {
    let entries = ["\u{E9}=1", "e\u{301}=2"].map { Array($0.utf8) }
    #expect(Environment(entries: entries).entries.count == 2)
  }

  @Test func `a change from one spelling of a letter to another is a change`() {
    let changes = Self.read(["A=\u{E9}"]).changes(to: Self.read(["A=e\u{301}"]))
    #expect(changes.count == 1)
  }

  @Test func `a line end of Windows is two bytes`() {
    let entry = Array("A=a\r\nb".utf8)
    #expect(Environment(entries: [entry]).entries == [entry])
  }

  @Test func `two megabytes come back`() {
    let value = (0..<(2 << 20)).map { UInt8(truncatingIfNeeded: $0 % 255 + 1) }
    let entry = Array("BIG=".utf8) + value
    let same = Environment(entries: [entry]).entries == [entry]
    #expect(same)
  }

  @Test func `many variables come back`() {
    let entries = (0..<5000).map { Array("NAME_\($0)=value \($0)".utf8) }
    #expect(Environment(entries: entries).entries.count == 5000)
  }

  @Test func `an empty value is not nonempty`() {
    let environment = Self.read(["A=", "B=b"])
    #expect(environment.nonEmpty("A") == nil)
    #expect(environment.nonEmpty("B") == "b")
    #expect(environment.nonEmpty("C") == nil)
  }

  @Test func `changes set what is new or other and unset what is gone, by name`() {
    let changes = Self.read(["A=1", "B=2", "C=3"]).changes(to: Self.read(["D=4", "B=2", "A=0"]))
    #expect(
      changes == [
        EnvironmentChange(name: "A", value: "0"), EnvironmentChange(name: "C", value: nil),
        EnvironmentChange(name: "D", value: "4"),
      ])
  }

  @Test func `an environment does not differ from itself`() {
    let environment = Self.read(["A=1", "B="])
    #expect(environment.changes(to: environment) == [])
  }

  @Test func `changes lead to the other environment`() {
    var random = SeededGenerator(seed: 9)
    func some() -> Environment {
      Environment(
        Dictionary(
          (0..<8).map { _ in
            (
              "V\(Int.random(in: 0..<10, using: &random))",
              "\(Int.random(in: 0..<3, using: &random))"
            )
          }, uniquingKeysWith: { $1 }))
    }
    for _ in 0..<200 {
      let (before, after) = (some(), some())
      var result = before
      for change in before.changes(to: after) { result[change.name] = change.value }
      #expect(result == after)
    }
  }
}

@Suite(.tags(.small))
struct EnvironmentPatchTests {
  func patched(_ value: String?, _ operation: EnvironmentPatch.Operation) -> String? {
    var environment = Environment()
    environment["L"] = value
    return EnvironmentPatch([operation]).applied(to: environment)["L"]
  }

  @Test(arguments: [
    (nil, "/a"), ("", "/a"), ("/b", "/a:/b"), ("/b:/c", "/a:/b:/c"), ("/a", "/a"),
    ("/b:/a", "/b:/a"), (":/b", "/a::/b"), ("/b:", "/a:/b:"), ("/a/b", "/a:/a/b"),
    ("/aa", "/a:/aa"), ("/a/", "/a:/a/"), (":", "/a::"),
  ])
  func `prepend puts an element in front once and keeps the rest as it is`(
    list: String?, result: String
  ) {
    #expect(patched(list, .prepend("L", "/a")) == result)
    #expect(patched(result, .prepend("L", "/a")) == result)
  }

  @Test(arguments: [
    (nil, "/a"), ("", "/a"), ("/b", "/b:/a"), ("/a:/b", "/a:/b"), ("/b:", "/b::/a"),
  ])
  func `append puts an element behind once and keeps the rest as it is`(
    list: String?, result: String
  ) {
    #expect(patched(list, .append("L", "/a")) == result)
    #expect(patched(result, .append("L", "/a")) == result)
  }

  @Test func `set and unset do what they say`() {
    #expect(patched("x", .set("L", "y")) == "y")
    #expect(patched(nil, .set("L", "")) == "")
    #expect(patched("x", .unset("L")) == nil)
    #expect(patched(nil, .unset("L")) == nil)
  }

  @Test func `operations are applied in order`() {
    var patch = EnvironmentPatch()
    patch.prepend("PATH", "/a")
    patch.prepend("PATH", "/b")
    patch.append("PATH", "/z")
    patch.set("A", "1")
    patch.unset("A")
    let result = patch.applied(to: Environment(["PATH": "/usr/bin", "A": "0", "B": "b"]))
    #expect(result == Environment(["PATH": "/b:/a:/usr/bin:/z", "B": "b"]))
  }

  @Test func `a patch appended to another is applied after it`() {
    var patch = EnvironmentPatch([.set("A", "1")])
    patch.append(EnvironmentPatch([.set("A", "2"), .unset("B")]))
    #expect(patch.operations.map(\.name) == ["A", "A", "B"])
    #expect(patch.applied(to: Environment(["B": "x"])) == Environment(["A": "2"]))
  }

  @Test func `a patch of sets, prepends and unsets applied twice is applied once`() {
    let patch = EnvironmentPatch([
      .set("A", "1"), .prepend("P", "/a"), .prepend("P", "/b"), .append("P", "/z"), .unset("U"),
    ])
    for list in ["", "/usr/bin", "/b:/usr/bin", ":/x:", "/z:/a"] {
      let once = patch.applied(to: Environment(["P": list, "U": "u"]))
      #expect(patch.applied(to: once) == once, "\(list)")
    }
  }

  @Test func `the environment that a patch is applied to stays`() {
    let before = Environment(["A": "1"])
    _ = EnvironmentPatch([.set("A", "2")]).applied(to: before)
    #expect(before["A"] == "1")
  }
}
