import Environment
import Host
import TestSupport
import Testing

@testable import Modules

@Suite(.tags(.small))
struct CapsuleTests {
  private let capsule = Capsule(
    key: "a key\nof two lines",
    conditions: ["UNSET": nil, "SET": "a\0b:c", "EMPTY": ""],
    marks: [
      "/absent": nil, "/a file": FileMark(isDirectory: false, size: 7, mtime: -1),
      "/dir": FileMark(isDirectory: true, size: 0, mtime: .max),
    ],
    outcome: .operations([
      .set("NAME", "é \n 12:3"), .unset("GONE"),
      .list(
        "PATH", inFront: [.init(path: "/a", count: 2), .init(path: " ", count: 1)],
        behind: [.init(path: "/z", count: 1)]),
    ]),
    messages: "Hello\n",
    definitions: ShellDefinitions(
      aliases: [.init(name: "ll", value: "ls -l")],
      functions: [.init(name: "f", sh: "echo '$1';", csh: "echo \\!:1")]))

  @Test func aCapsuleComesBack() {
    #expect(Capsule(bytes: capsule.bytes) == capsule)
    for outcome in [Capsule.Outcome.refused, .impure(["a", ""]), .operations([])] {
      var other = capsule
      other.outcome = outcome
      #expect(Capsule(bytes: other.bytes) == other)
    }
  }

  @Test func aShortenedCapsuleIsNone() {
    let bytes = capsule.bytes
    for length in 0..<bytes.count { #expect(Capsule(bytes: Array(bytes.prefix(length))) == nil) }
    #expect(Capsule(bytes: bytes + [10]) == nil)
    #expect(Capsule(bytes: bytes + bytes) == nil)
  }

  @Test func aChangedByteMakesItNone() {
    for place in capsule.bytes.indices {
      for bit in [UInt8(1), 0x20, 0x80] {
        var bytes = capsule.bytes
        bytes[place] ^= bit
        #expect(Capsule(bytes: bytes) == nil, "byte \(place)")
      }
    }
  }

  @Test(arguments: 0..<200)
  func noiseIsNone(_ seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let alphabet = Array("CKVMOSULTAFZ0123456789 :\n\0\u{80}".utf8)
    let noise = (0..<Int.random(in: 0..<400, using: &random)).map { _ in
      alphabet.randomElement(using: &random)!
    }
    #expect(Capsule(bytes: noise) == nil)
    #expect(Capsule(bytes: capsule.bytes.dropLast(40) + noise) == nil)
  }

  @Test func conditionsTellUnsetFromEmpty() {
    let holds = Environment(["SET": "a\0b:c", "EMPTY": ""])
    #expect(capsule.holds(in: holds))
    for (name, value) in [("UNSET", ""), ("SET", "x"), ("EMPTY", nil), ("EMPTY", "x")] {
      var other = holds
      other[name] = value
      #expect(!capsule.holds(in: other), "\(name)")
    }
  }

  @Test(arguments: [
    ("/u:/v", "/a:/u:/v:/z"), ("/z:/u:/a", "/a:/u:/z"), ("", "/a:/z"),
    ("/u//x/:/u/x", "/a:/u/x:/z"),
    ("/u::/v", "/a:/u::/v:/z"),
  ])
  func listsAreAddedTo(_ incoming: String, _ expected: String) throws {
    var list = capsule
    list.outcome = .operations([
      .list("L", inFront: [.init(path: "/a", count: 1)], behind: [.init(path: "/z", count: 1)])
    ])
    #expect(list.applied(to: Environment(["L": incoming]))?["L"] == expected)
  }

  /// What only Lmod can resolve is left to it.
  @Test(arguments: ["~/bin", ".:/bin", "/a/../b", "/a/./b", " ~/x"])
  func oddElementsAreNotGuessed(_ incoming: String) {
    var list = capsule
    list.outcome = .operations([.list("L", inFront: [.init(path: "/a", count: 1)], behind: [])])
    #expect(list.applied(to: Environment(["L": incoming])) == nil)
  }

  @Test(arguments: [
    ("GROMACS", ["GROMACS"]), ("GCC/13.2.0,R/4.4.1-foss", ["GCC/13.2.0", "R/4.4.1-foss"]), ("", []),
    ("a/b/1.0+x", ["a/b/1.0+x"]),
  ])
  func namesAreTaken(_ list: String, _ names: [String]) throws {
    #expect(try ModuleTree.names(list, source: "--load") == names)
  }

  @Test(arguments: [
    ",", "a,", ",a", "a b", "-q", "--force", "a;id", "$(id)", "a/../b", "../a", "a//b", "a/", "/a",
    "a\nb", "é", String(repeating: "x", count: 257),
  ])
  func otherWordsAreRefused(_ list: String) {
    #expect(throws: ModuleError.self) { try ModuleTree.names(list, source: "--load") }
  }
}
