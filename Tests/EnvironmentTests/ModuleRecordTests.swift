import Environment
import TestSupport
import Testing

@Suite(.tags(.small))
struct ModuleRecordTests {
  @Test(arguments: [
    (ModuleRecord.set("A", "b c"), "setenv A b c"), (.set("A", ""), "setenv A "),
    (.push("A", "it's"), "pushenv A it's"), (.unset("A"), "unsetenv A"),
    (.prepend("PATH", "/ö"), "prepend-path PATH /ö"),
    (.append("PATH", "/a"), "append-path PATH /a"),
    (.remove("MODULEPATH", "/a"), "remove-path MODULEPATH /a"),
    (.message("50 %"), "message 50 %25"), (.error("a\nb\u{7F}"), "error a%0Ab%7F"), (.end, "end"),
  ])
  func aRecordIsALine(_ record: ModuleRecord, _ line: String) {
    #expect(record.line == line)
  }

  @Test func bytesThatAreNotTextAreCounted() {
    let name = Environment.text([0x2F, 0xE9, 0x2F, 0xC3, 0xB6])
    // One byte that is not UTF-8 makes all of them bytes.
    #expect(ModuleRecord.set("A", name).line == "setenv A /%E9/%C3%B6")
  }

  @Test func aRecordIsOneLineWhateverItHolds() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<1000 {
      let bytes = (0..<8).map { _ in UInt8.random(in: 1...255, using: &generator) }
      let line = ModuleRecord.message(Environment.text(bytes)).line
      #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
    }
  }
}
