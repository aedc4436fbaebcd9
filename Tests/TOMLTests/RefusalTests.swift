import TestSupport
import Testing

@testable import TOML

/// What is no document, by the parts of TOML 1.0.0; each with its line, its column and the cause.
@Suite(.tags(.small))
struct RefusalTests {
  @Test(
    arguments: [
      // Lines and keys.
      ("a", 1, 2, "= is missing"), ("a = ", 1, 5, "a value is missing"),
      ("= 1", 1, 1, "a key is missing"),
      ("a.. = 1", 1, 3, "a key is missing"), ("a\n= 1", 1, 2, "= is missing"),
      ("a = 1 b = 2", 1, 7, "b where the line should end"),
      ("é = 1", 1, 1, "a key with é must stand in quotes"),
      ("a = 1\rb = 2", 1, 6, "U+D where the line"), ("\"\"\"a\"\"\" = 1", 1, 3, "= is missing"),
      ("a = # x", 1, 5, "a value is missing"), ("a\0 = 1", 1, 2, "= is missing"),
      ("\u{feff}\u{feff}a = 1", 1, 4, "must stand in quotes"),
      // Comments and encoding.
      ("# \u{1}", 1, 3, "U+1 in a comment"), ("#\0", 1, 2, "U+0 in a comment"),
      ("\n# \u{7f}", 2, 3, "U+7F in a comment"), ("# \r x", 1, 3, "U+D in a comment"),
      // Headers.
      ("[a", 1, 3, "] is missing"), ("[a]]", 1, 4, "] where the line"),
      ("[[a]", 1, 4, "]] is missing"),
      ("[]", 1, 2, "a key is missing"), ("[.a]", 1, 2, "a key is missing"),
      ("[a.]", 1, 4, "a key is missing"),
      ("[[é]]", 1, 3, "must stand in quotes"), ("[a] b = 1", 1, 5, "b where the line"),
      ("[ [a]]", 1, 3, "must stand in quotes"),
      // Strings.
      ("a = \"b\nc\"", 1, 5, "a text has no end on its line"),
      ("a = 'b", 1, 5, "a text has no end on its line"),
      ("a = \"\"\"b\nc\"\"", 1, 8, "a text has no end"), ("a = '''b''", 1, 8, "a text has no end"),
      ("a = \"\u{0}\"", 1, 6, "U+0 in a text"), ("a = '\u{1f}'", 1, 6, "U+1F in a text"),
      ("\n a = \"\"\"\n\u{8}", 3, 1, "U+8 in a text"), ("a = '''\r'''", 1, 8, "U+D in a text"),
      ("a = \"\\x41\"", 1, 6, "an escape that TOML does not know"),
      ("a = \"\\e\"", 1, 6, "does not know"),
      ("a = \"\\u12\"", 1, 6, "an escape that is no character"),
      ("a = \"\\u+123\"", 1, 6, "no character"),
      ("a = \"\\ud800\"", 1, 6, "no character"), ("a = \"\\U00110000\"", 1, 6, "no character"),
      ("a = \"\"\"\\ x\"\"\"", 1, 8, "does not know"),
      ("a = \"\"\"x\"\"\"\"\"\"", 1, 14, "\" where the line"),
      ("a = \"\\", 1, 6, "does not know"),
      // Words.
      ("a = b", 1, 5, "b is no value (a text needs quotes)"),
      ("a = True", 1, 5, "True is no value"),
      ("a = 01", 1, 5, "no value"), ("a = +-1", 1, 5, "no value"), ("a = 1__0", 1, 5, "no value"),
      ("a = _1", 1, 5, "no value"), ("a = 1_", 1, 5, "no value"), ("a = 0x", 1, 5, "no value"),
      ("a = -0x1", 1, 5, "no value"), ("a = 0b2", 1, 5, "no value"), ("a = 1.", 1, 5, "no value"),
      ("a = .5", 1, 5, "no value"), ("a = 1.e5", 1, 5, "no value"), ("a = 1e", 1, 5, "no value"),
      ("a = 01.5", 1, 5, "no value"), ("a = 1_.5", 1, 5, "no value"), ("a = Inf", 1, 5, "no value"),
      ("a = 9223372036854775808", 1, 5, "too large"), ("a = 0xffffffffffffffff", 1, 5, "too large"),
      ("a = -9223372036854775809", 1, 5, "too large"),
      ("a = 1979-13-01", 1, 5, "no value"), ("a = 1979-02-29", 1, 5, "no value"),
      ("a = 1900-02-29", 1, 5, "no value"), ("a = 1979-5-27", 1, 5, "no value"),
      ("a = 24:00:00", 1, 5, "no value"), ("a = 07:32", 1, 5, "no value"),
      ("a = 07:32:61", 1, 5, "no value"),
      ("a = 07:32:00.", 1, 5, "no value"), ("a = 07:32:00Z", 1, 5, "no value"),
      ("a = 1979-05-27T07:32:00+24:00", 1, 5, "no value"), ("a = 1979-05-27T", 1, 5, "no value"),
      ("a = 1979-05-27  07:32:00", 1, 17, "0 where the line"),
      ("a = 197907:32:00", 1, 5, "no value"),
      ("a = 1979-05-27 07:32", 1, 5, "no value"), ("a = *", 1, 5, "* begins no value"),
      // Lists and tables on one line.
      ("a = [1 2]", 1, 8, ", or ] is missing"), ("a = [", 1, 6, "a value is missing"),
      ("a = [1,,2]", 1, 8, "a value is missing"), ("a = [,]", 1, 6, "a value is missing"),
      ("a = {b = 1,}", 1, 12, "a key is missing"), ("a = {b = 1\n}", 1, 11, ", or } is missing"),
      ("a = {b = 1 c = 2}", 1, 12, ", or } is missing"), ("a = {", 1, 6, "a key is missing"),
      ("a = [\n# \u{2}\n]", 2, 3, "in a comment"),
      ("a = \(String(repeating: "[", count: 12))", 1, 16, "more than 12"),
      ("a = \(String(repeating: "{a=", count: 12))", 1, 39, "more than 12"),
      ("[\(String(repeating: "a.", count: 12))a]", 1, 1, "more than 12"),
      ("[[a]]\n[[a.b]]\n[[a.b.c]]\n[[a.b.c.d.e.f.g.h.i.j]]", 4, 1, "more than 12"),
      (String(repeating: "a.", count: 12) + "a=1", 1, 1, "more than 12"),
      // What is defined twice.
      ("a = 1\na = 2", 2, 1, "a is defined twice; the first time on line 1"),
      ("a = 1\n\"a\" = 2", 2, 1, "twice"), ("a.b = 1\na.b = 2", 2, 3, "a.b is defined twice"),
      ("a = 1\na.b = 2", 2, 1, "a has a value, on line 1"),
      ("a = 1\n[a.b]", 2, 2, "a has a value, on line 1"),
      ("a = 1\n[a]", 2, 2, "twice"),
      ("[a]\n\n[a]", 3, 2, "a is defined twice; the first time on line 1"),
      ("[a]\nb = 1\n[a.b]", 3, 4, "a.b is defined twice; the first time on line 2"),
      ("a.b = 1\n[a]", 2, 2, "twice"), ("[a]\nb.c = 1\n[a.b]", 3, 4, "twice"),
      ("[a]\nb.c.d = 1\n[a.b.c]", 3, 6, "twice"), ("[a]\nb.c = 1\n[x]\n[a.b]", 4, 4, "twice"),
      ("[a.b]\n[a]\nb.c = 1", 3, 1, "b is defined twice; the first time on line 1"),
      ("[a.b.c]\n[a]\nb.c.d = 1", 3, 3, "twice"), ("[a.b.c]\n[a]\nb.d = 1\n[a.b]", 4, 4, "twice"),
      ("[a.b.c]\n[a]\n[a.b]\n[a]", 4, 2, "twice"),
      ("a = {}\n[a]", 2, 2, "twice"), ("a = {}\n[a.b]", 2, 2, "has a value"),
      ("a = {b = {}}\na.c = 1", 2, 1, "has a value"), ("a = {b = 1, b = 2}", 1, 13, "twice"),
      ("a = {b = {}, b.c = 1}", 1, 14, "has a value"), ("a = {b.c = 1, b = 2}", 1, 15, "twice"),
      ("a = []\n[[a]]", 2, 3, "twice"), ("a = [{}]\n[a.b]", 2, 2, "has a value"),
      ("[[a]]\n[a]", 2, 2, "twice"), ("[a]\n[[a]]", 2, 3, "twice"), ("[a.b]\n[[a]]", 2, 3, "twice"),
      ("[[a.b]]\n[a]\nb.c = 1", 3, 1, "twice"), ("[[a]]\n[a.b]\n[[a.b]]", 3, 5, "twice"),
      ("[[a]]\nb = 1\nb = 2", 3, 1, "twice"),
    ] as [(String, Int, Int, String)])
  func `a mistake has a place and a cause`(
    _ text: String, _ line: Int, _ column: Int, _ cause: String
  ) {
    let error = #expect(throws: TOMLError.self) { try TOMLTable(Array(text.utf8)) }
    #expect(error?.place == TOMLPlace(line: line, column: column), "\(String(describing: error))")
    #expect(error?.problem.contains(cause) == true, "\(String(describing: error))")
  }

  @Test(
    arguments: [
      [0x61, 0x20, 0x3d, 0x0a, 0x23, 0xff], [0x61, 0x20, 0x3d, 0x0a, 0x23, 0xc0, 0x80],
      [0x61, 0x20, 0x3d, 0x0a, 0x23, 0xed, 0xa0, 0x80], [0x61, 0x20, 0x3d, 0x0a, 0x23, 0xc3],
    ] as [[UInt8]])
  func `what is not UTF-8 is refused before all`(_ bytes: [UInt8]) {
    let error = #expect(throws: TOMLError.self) { try TOMLTable(bytes) }
    #expect(error?.description == "line 2, column 2: not TOML: a byte that is not UTF-8")
  }

  @Test func `an error is one short line whatever the names are`() {
    let name = String(repeating: "\u{1}\n", count: 5000)
    let key = TOMLText.quoted(name)
    let error = #expect(throws: TOMLError.self) { try TOMLTable(Array("\(key)=1\n\(key)=2".utf8)) }
    #expect(error.map { $0.problem.utf8.count < 1000 && !$0.problem.contains("\n") } == true)
  }

  @Test(arguments: ["[", "{a=", "a.", "[[a", "\"", "'''", "a=1\n[a", "\\", "#", "1_"])
  func `what has no end is refused soon`(_ part: String) {
    for start in ["", "a = ", "a = \""] {
      let text = start + String(repeating: part, count: 100_000) + "\0"
      let time = ContinuousClock().measure {
        #expect(throws: TOMLError.self) { try TOMLTable(Array(text.utf8)) }
      }
      #expect(time < .seconds(10))
    }
  }
}
