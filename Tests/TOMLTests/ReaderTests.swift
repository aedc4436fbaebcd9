import TOML
import TestSupport
import Testing

@Suite(.tags(.small))
struct ReaderTests {
  private enum Colour: String, CaseIterable { case red, green }

  private func reader(_ text: String) throws -> TOMLReader { try TOMLReader(Array(text.utf8)) }

  @Test func `every form is read`() throws {
    var reader = try reader(
      """
      text = ""
      integer = 3
      flag = true
      texts = ["a", "b"]
      word = "green"
      even = 4
      [table]
      key = 1
      [names]
      "a.b" = "x"
      c = ""
      [[tables]]
      [[tables]]
      key = 2
      """)
    #expect(try reader.required("text", .text) == "")
    #expect(try reader.required("integer", .integer) == 3)
    #expect(try reader.required("flag", .flag))
    #expect(try reader.value("texts", .texts) == ["a", "b"])
    #expect(try reader.required("word", .word) == Colour.green)
    #expect(try reader.value("absent", .integer) == nil)
    #expect(try reader.members("names", .text) == ["a.b": "x", "c": ""])
    let even = TOMLForm<Int>.integer.then("even") { $0 % 2 == 0 ? $0 : nil }
    #expect(try reader.required("even", even.or(.boolean(false))) == 4)
    var table = try #require(try reader.table("table"))
    #expect(try table.value("key", .integer) == 1)
    try table.end()
    #expect(try reader.tables("tables", limit: 2).count == 2)
    #expect(try reader.table("absent") == nil)
    #expect(try reader.tables("absent").isEmpty)
    #expect(try reader.members("absent", .text).isEmpty)
    try reader.end()
  }

  /// A document is read as `key`, below the table `t`.
  private static let cases: [(String, String, @Sendable (inout TOMLReader) throws -> Void)] = [
    ("key = 1", "2:1 t.key must be a text", { _ = try $0.value("key", .text) }),
    ("key = \"a\\u0000\"", "2:1 t.key must be a text", { _ = try $0.value("key", .text) }),
    (
      "key = \"\"", "2:1 t.key must be a text that is not empty",
      { _ = try $0.value("key", .nonEmptyText) }
    ),
    ("key = 1.0", "2:1 t.key must be an integer", { _ = try $0.value("key", .integer) }),
    ("key = 1", "2:1 t.key must be true or false", { _ = try $0.value("key", .flag) }),
    ("key = \"a\"", "2:1 t.key must be a list of texts", { _ = try $0.value("key", .texts) }),
    ("\nkey = [1]", "3:1 t.key must be a text", { _ = try $0.value("key", .texts) }),
    (
      "key = \"blue\"", "2:1 t.key must be one of: red green",
      { _ = try $0.value("key", .word) as Colour? }
    ),
    ("", "1:2 t.key is missing", { _ = try $0.required("key", .text) }),
    ("key = 1", "2:1 t.key must be a table", { _ = try $0.table("key") }),
    ("key = {}", "2:1 t.key must be a list of tables", { _ = try $0.tables("key") }),
    ("key = [{}, 1]", "2:1 t.key must be a table", { _ = try $0.tables("key") }),
    (
      "key = [{}, {}]", "2:1 t.key must be at most 1 tables", { _ = try $0.tables("key", limit: 1) }
    ),
    ("key = {a.b = 1}", "2:8 t.key.a must be a text", { _ = try $0.members("key", .text) }),
    ("key.'a b' = 1", "2:5 t.key.\"a b\" must be a text", { _ = try $0.members("key", .text) }),
    (
      "key = {\"é\" = \"\", \"e\u{301}\" = \"\"}",
      "2:19 t.key.\"e\u{301}\" is no name, or stands twice",
      { _ = try $0.members("key", .text) }
    ),
    (
      "key = {\"a\\u0000\" = \"\"}", "2:8 t.key.\"a\\u0000\" is no name, or stands twice",
      { _ = try $0.members("key", .text) }
    ),
    (
      "ekey = 1\nother = 2", "2:1 unknown key t.ekey (did you mean key?)",
      {
        _ = try $0.value("word", .text)
        _ = try $0.value("key", .text)
        try $0.end()
      }
    ),
    ("quite_other = 2", "2:1 unknown key t.quite_other", { try $0.end() }),
  ]

  @Test(arguments: cases)
  func `what is not as it must be is named`(
    _ text: String, _ description: String,
    _ read: @Sendable (inout TOMLReader) throws -> Void
  ) throws {
    var document = try reader("[t]\n\(text)")
    var reader = try #require(try document.table("t"))
    let error = #expect(throws: TOMLError.self) { try read(&reader) }
    #expect(error.map { "\($0.place.line):\($0.place.column) \($0.problem)" } == description)
  }
}
