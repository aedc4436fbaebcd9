import Images
import TestSupport
import Testing

@Suite(.tags(.small))
struct JSONTests {
  @Test func `every kind of value is read`() {
    let text = #" {"a": [1, -2, 1.5e3, true, false, null, "x\n\u00e9\ud83d\ude00\/"], "b": {}} "#
    #expect(
      JSON(Array(text.utf8))
        == .object([
          "a": [
            1, -2, .number("1.5e3"), .flag(true), .flag(false), .null, "x\né😀/",
          ], "b": [:],
        ]))
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "01", "-", "1.", "1e",
    "+1", ".5", "\"\u{1}\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
    "\"\\udc00\"", "nul", "1 2", "{} x", "'a'", "{a:1}", "\"", "\"\\", "[1 2]", "NaN", "\u{FEFF}{}",
  ])
  func `what has no meaning, or two, is refused`(text: String) {
    #expect(JSON(Array(text.utf8)) == nil)
  }

  @Test func `bytes that are no text and depths without end are refused`() {
    #expect(JSON([0x22, 0xff, 0x22]) == nil)
    let deep = { (depth: Int) in
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(JSON(deep(JSON.depthLimit)) != nil)
    #expect(JSON(deep(JSON.depthLimit + 2)) == nil)
    #expect(JSON(Array(String(repeating: "[", count: 1 << 22).utf8)) == nil)
    #expect(JSON(Array(String(repeating: "{\"a\":", count: 1 << 20).utf8)) == nil)
  }

  @Test func `numbers beyond an integer are no integers`() {
    #expect(JSON(Array("9223372036854775807".utf8)) == .integer(.max))
    #expect(JSON(Array("9223372036854775808".utf8)) == .number("9223372036854775808"))
    #expect(JSON(Array("1e999999999999999999".utf8)) == .number("1e999999999999999999"))
  }

  @Test func `what is written is read again`() {
    let value: JSON = [
      "b": ["\u{1}\"\\\n", 3, [:]], "a": "é", "c": .flag(true), "d": .null,
      "e": .number("99999999999999999999"),
    ]
    #expect(JSON(value.bytes) == value)
    #expect(String(decoding: value.bytes.prefix(9), as: UTF8.self) == "{\"a\":\"é\"")
  }
}
