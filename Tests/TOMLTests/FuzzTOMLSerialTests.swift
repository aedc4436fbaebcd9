import TOML
import TestSupport
import Testing

/// Hostile documents against the reader; serial, for its time is measured.
@Suite(.tags(.medium), .serialized)
struct FuzzTOMLSerialTests {
  @Test func `documents that lie trap nowhere, and what is read can be written and read again`() {
    let fuzzing = Fuzzing()
    let report = fuzzing.run("toml") { number in
      var random = SeededGenerator(seed: fuzzing.seed &+ number &* 0x9E37_79B9_7F4A_7C15)
      var bytes = Array(Self.seeds.randomElement(using: &random)?.utf8 ?? "".utf8)
      for _ in 0..<Int.random(in: 0...6, using: &random) { Self.mutate(&bytes, &random) }
      return Self.holds(bytes) ? 1 : 0
    }
    #expect(report.count > 1000)
    #expect(report.slowest < .seconds(5), "\(report.again)")
  }

  /// Whether a document is taken; traps where one that is taken is not the same when it is written
  /// and read again, or where an error is no short line with a place in the document.
  private static func holds(_ bytes: [UInt8]) -> Bool {
    do throws(TOMLError) {
      let text = written(try TOMLTable(bytes))
      guard let again = try? TOMLTable(Array(text.utf8)), written(again) == text else {
        fatalError("written, it is not the same: \(text)")
      }
      return true
    } catch {
      let lines = 1 + bytes.count { $0 == 0x0a }
      precondition((1...lines).contains(error.place.line), "\(error)")
      precondition((1...bytes.count + 1).contains(error.place.column), "\(error)")
      precondition(error.problem.utf8.count < 4096 && !error.problem.contains("\n"), "\(error)")
      return false
    }
  }

  // MARK: writing

  private static func written(_ table: TOMLTable) -> String {
    table.entries.map { "\(TOMLText.quoted($0.key)) = \(written($0.value))\n" }.joined()
  }

  private static func written(_ value: TOMLValue) -> String {
    switch value {
    case .string(let text): return TOMLText.quoted(text)
    case .integer(let integer): return "\(integer)"
    case .float(let float):
      // Swift writes whole numbers and large ones as TOML does.
      return "\(float)"
    case .boolean(let flag): return "\(flag)"
    case .dateTime(let text): return text
    case .array(let array): return "[\(array.map(written).joined(separator: ", "))]"
    case .table(let table):
      let pairs = table.entries.map { "\(TOMLText.quoted($0.key)) = \(written($0.value))" }
      return "{\(pairs.joined(separator: ", "))}"
    }
  }

  // MARK: documents

  private static let seeds = [
    """
    # é
    title = "TOML \\u00e9\\t" # x
    "quoted key" = 'lit\\n'
    a.b.c = 1
    a.b.d = [1, [3, "x"], {k = 1, l.m = 2}]
    numbers = [+99, -17, 1_000, 0xDEAD_beef, 0o755, 0b1101, 3.14, 5e+22, -2E-2, -inf, nan]
    dates = [1979-05-27T07:32:00Z, 1979-05-27 00:32:00.99-07:00, 1979-05-27, 07:32:00]
    flags = [ # x
      true,
      false,
    ]
    """,
    """
    [x.y.z]
    k = 1
    [x]
    y.q = 2
    [[fruits]]
    name = "apple"
    [fruits.physical]
    color = "red"
    [[fruits.varieties]]
    [[fruits.varieties]]
    name = "x"
    [[fruits]]
    """,
    "s = \"\"\"\nRoses \\\r\n   are \"red\" \"\"\\n x\"\"\"\nt = '''\r\nraw \\ 'x' ''\n'''\n[u]\nv.w = 1\n[u.v.x]",
  ]

  private static let words: [[UInt8]] =
    [
      "\"", "'", "\"\"\"", "'''", "{", "}", "[", "]", "[[", "]]", ",", ".", "=", "\\", "\\u0000",
      "\\ud800", "\\U0010ffff", "#", "\n", "\r\n", "\r", "\0", "\t", " ", "-", "_", "0x", "1e",
      "inf",
      "99999999999999999999", "1979-02-30", "07:32:60", "é", "e\u{301}", "\u{feff}", "a",
      "a.b = 1\n",
      "[a]\n", "[a.b]\n", "[[a]]\n", "[fruits]\n", "a = {}\n", "x.y = [{}]\n",
    ].map { Array($0.utf8) } + [[0xff], [0x80, 0xff], [0xed, 0xa0, 0x80]]

  private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty, let word = words.randomElement(using: &random) else { return }
    let place = Int.random(in: 0..<bytes.count, using: &random)
    let end = min(bytes.count, place + Int.random(in: 1...24, using: &random))
    switch Int.random(in: 0..<7, using: &random) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes.removeSubrange(place..<end)
    case 2: bytes.replaceSubrange(place..<end, with: word)
    case 3: bytes.removeSubrange(place...)
    case 4:
      let part = bytes[place..<end]
      let times = Int.random(in: 1...200, using: &random)
      bytes.insert(contentsOf: (0..<times).flatMap { _ in part }, at: place)
    default: bytes.insert(contentsOf: word, at: place)
    }
  }
}
