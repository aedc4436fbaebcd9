import TestSupport
import Testing

@testable import TOML

/// What documents mean, by the parts of TOML 1.0.0.
@Suite(.tags(.small))
struct ValueTests {
  @Test(
    arguments: [
      // Strings.
      (#""a \"b\" \\ \t\u00e9\U0001F600""#, .string("a \"b\" \\ \té😀")),
      (#""\b\n\f\r""#, .string("\u{8}\n\u{c}\r")), (#"'C:\x\'"#, .string(#"C:\x\"#)),
      (#""""#, .string("")), ("''", .string("")), (##""# no comment""##, .string("# no comment")),
      ("\"\"\"\nroses\r\n\"red\" \"\"\n\"\"\"", .string("roses\n\"red\" \"\"\n")),
      ("\"\"\"a \\  \n\n  \t b\"\"\"", .string("a b")),
      ("\"\"\"\"\"x\"\"\"\"\"", .string("\"\"x\"\"")),
      ("\"\"\"\"\"\"", .string("")), ("'''\n'x' \\n ''\n'''", .string("'x' \\n ''\n")),
      (#""\u0000""#, .string("\0")),
      ("\"\u{85}\u{2028}\u{feff}\"", .string("\u{85}\u{2028}\u{feff}")),
      // Numbers.
      ("+99", .integer(99)), ("0", .integer(0)), ("-0", .integer(0)), ("1_2_3", .integer(123)),
      ("0xDEAD_beef", .integer(0xdead_beef)), ("0o0755", .integer(493)), ("0b1101", .integer(13)),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      ("+1.0", .float(1)), ("-0.01", .float(-0.01)), ("5e+22", .float(5e22)), ("1e06", .float(1e6)),
      ("6.626E-34", .float(6.626e-34)), ("9_224.445_991", .float(9224.445991)),
      ("inf", .float(.infinity)), ("-inf", .float(-.infinity)), ("1e999", .float(.infinity)),
      ("true", .boolean(true)), ("false", .boolean(false)),
      // Dates and times.
      ("1979-05-27T07:32:00Z", .dateTime("1979-05-27T07:32:00Z")),
      ("1979-05-27 07:32:00.5-07:00", .dateTime("1979-05-27 07:32:00.5-07:00")),
      ("1979-05-27t00:32:00.999999", .dateTime("1979-05-27t00:32:00.999999")),
      ("2000-02-29", .dateTime("2000-02-29")), ("07:32:60", .dateTime("07:32:60")),
      ("1979-05-27 # a day", .dateTime("1979-05-27")),
      // Lists and tables on one line.
      ("[]", .array([])),
      ("[1, \"a\", [2.5],]", .array([.integer(1), .string("a"), .array([.float(2.5)])])),
      ("[ # one\n 1 # two\n , 2 #\r\n ]", .array([.integer(1), .integer(2)])),
      ("[{}, { }]", .array([table(), table()])),
      (
        "{ a.b = 1, a.'c d' = 2, e = {} }",
        table(("a", table(("b", .integer(1)), ("c d", .integer(2)))), ("e", table()))
      ),
    ] as [(String, TOMLValue)])
  func `a value is what it says`(_ text: String, _ value: TOMLValue) throws {
    #expect(try TOMLTable(Array("k = \(text)".utf8)).entries.first?.value == value)
    #expect(try TOMLTable(Array("\t'k'=\(text) # x\r\n".utf8)).entries.first?.value == value)
  }

  @Test(arguments: ["nan", "+nan", "-nan"])
  func `no number is one`(_ text: String) throws {
    guard case .float(let float) = try TOMLTable(Array("k = \(text)".utf8)).entries.first?.value
    else {
      Issue.record("no float")
      return
    }
    #expect(float.isNaN)
  }

  @Test(
    arguments: [
      ("", table()), ("\u{feff}# x\n\n \t", table()),
      ("1.2 = 3", table(("1", table(("2", .integer(3)))))), ("\"\" = 1", table(("", .integer(1)))),
      (
        "b = 1\na . \"c.d\" = 2\na.e=3",
        table(
          ("b", .integer(1)), ("a", table(("c.d", .integer(2)), ("e", .integer(3)))))
      ),
      // A table above another may be defined after it, and added to by dotted keys.
      ("[x.y]\n[x]\nz=1", table(("x", table(("y", table()), ("z", .integer(1)))))),
      (
        "[x.y.z]\n[x]\ny.a=1\ny.b=2",
        table(("x", table(("y", table(("z", table()), ("a", .integer(1)), ("b", .integer(2)))))))
      ),
      (
        "[f]\na.b.c = 1\n[f.a.d]\n[[f.a.e]]",
        table(
          (
            "f",
            table(
              (
                "a",
                table(("b", table(("c", .integer(1)))), ("d", table()), ("e", .array([table()])))
              ))
          ))
      ),
      (
        "[[f]]\nn = 1\n[f.p]\nc = 2\n[[f.v]]\n[[f.v]]\nn = 3\n[[f]]\n[[f.v]]",
        table(
          (
            "f",
            .array([
              table(
                ("n", .integer(1)), ("p", table(("c", .integer(2)))),
                ("v", .array([table(), table(("n", .integer(3)))]))),
              table(("v", .array([table()]))),
            ])
          ))
      ),
      // Names are the same when their bytes are.
      ("\"\u{e9}\"=1\n\"e\u{301}\"=2", table(("\u{e9}", .integer(1)), ("e\u{301}", .integer(2)))),
    ] as [(String, TOMLValue)])
  func `tables are what their headers and dots say`(_ text: String, _ value: TOMLValue) throws {
    #expect(.table(try TOMLTable(Array(text.utf8))) == value)
  }

  @Test func `keys and tables know their places`() throws {
    let document = try TOMLTable(
      Array("# é\r\n[a]\r\nb = \"\"\"\n\n\"\"\"\r\n c.d = [\n1]\n[a.c.e]".utf8))
    #expect(document.place == TOMLPlace(line: 1, column: 1))
    guard case .table(let a) = document.entries.first?.value,
      case .table(let c) = a.entries.last?.value
    else {
      Issue.record("no tables")
      return
    }
    #expect(a.place == TOMLPlace(line: 2, column: 2))
    #expect(
      a.entries.map(\.place) == [TOMLPlace(line: 3, column: 1), TOMLPlace(line: 6, column: 2)])
    #expect(
      c.entries.map(\.place) == [TOMLPlace(line: 6, column: 4), TOMLPlace(line: 8, column: 6)])
  }
}

/// A table as a value.
func table(_ entries: (String, TOMLValue)...) -> TOMLValue {
  .table(
    TOMLTable(
      place: TOMLPlace(), entries: entries.map { .init(key: $0, place: TOMLPlace(), value: $1) }))
}
