import CSpank
import TestSupport
import Testing

/// The helper's answer, as the plugin reads it.
@Suite(.tags(.small))
struct ReplyTests {
  /// An answer that arrives in pieces.
  private final class Answer {
    var reply = slipway_reply()
    deinit { slipway_reply_free(&reply) }

    func add(_ bytes: some Sequence<UInt8>) -> slipway_state {
      let bytes = bytes.map(CChar.init(bitPattern:))
      return slipway_reply_add(&reply, bytes, bytes.count)
    }

    var records: [String] {
      var records: [String] = []
      var at = 0
      var text: UnsafePointer<CChar>?
      while true {
        let letter = slipway_reply_next(&reply, &at, &text)
        if letter == 0 { return records }
        records.append(
          String(UnicodeScalar(UInt8(bitPattern: letter))) + String(cString: text!))
      }
    }
  }

  private let whole = Array("SLIPWAY1Pfirst\0SNAME=value.\0UOLD\0Wtake care\0.\0".utf8)

  @Test func recordsComeInOrder() {
    let answer = Answer()
    #expect(answer.add(whole) == SLIPWAY_COMPLETE)
    #expect(answer.records == ["Pfirst", "SNAME=value.", "UOLD", "Wtake care", "."])
  }

  @Test func itMayArriveInAnyPieces() {
    for size in 1...whole.count {
      let answer = Answer()
      var state = SLIPWAY_INCOMPLETE
      for start in stride(from: 0, to: whole.count, by: size) {
        #expect(state == SLIPWAY_INCOMPLETE)
        state = answer.add(whole[start..<min(start + size, whole.count)])
      }
      #expect(state == SLIPWAY_COMPLETE)
      #expect(answer.records.count == 5)
    }
  }

  @Test func anAnswerWithoutItsEndIsIncomplete() {
    for length in 0..<whole.count {
      #expect(Answer().add(whole[..<length]) == SLIPWAY_INCOMPLETE)
    }
  }

  @Test(arguments: ["garbage", "slipway1.", "\0", "SLIPWAY2"])
  func anotherProgramsAnswerIsGarbage(_ text: String) {
    #expect(Answer().add(text.utf8) == SLIPWAY_GARBAGE)
  }

  @Test func aTextThatEndsInAFullStopIsNotTheEnd() {
    #expect(Answer().add("SLIPWAY1Wdone.\0".utf8) == SLIPWAY_INCOMPLETE)
  }

  @Test func anEmptyAnswerIsComplete() {
    let answer = Answer()
    #expect(answer.add("SLIPWAY1.\0".utf8) == SLIPWAY_COMPLETE)
    #expect(answer.records == ["."])
  }

  @Test func aHundredMegabytesAreRefusedAfterFour() {
    let answer = Answer()
    #expect(answer.add("SLIPWAY1S".utf8) == SLIPWAY_INCOMPLETE)
    let chunk = [UInt8](repeating: 0x61, count: 1 << 20)
    var taken = 0
    while answer.add(chunk) == SLIPWAY_INCOMPLETE { taken += 1 }
    #expect(taken == 3)
    #expect(answer.reply.capacity <= Int(SLIPWAY_REPLY_LIMIT) * 2)
  }

  @Test func theLastPhaseIsFound() {
    let answer = Answer()
    _ = answer.add("SLIPWAY1Pone\0Ptwo\0Pthr".utf8)
    #expect(String(cString: slipway_reply_last(&answer.reply, CChar(UInt8(ascii: "P")))) == "two")
    #expect(slipway_reply_last(&answer.reply, CChar(UInt8(ascii: "E"))) == nil)
  }

  @Test func randomBytesNeverTrap() {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<5000 {
      let answer = Answer()
      var bytes = whole
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 8..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      if answer.add(bytes) != SLIPWAY_GARBAGE { #expect(answer.records.count <= whole.count) }
    }
  }

  @Test func messagesLoseTheirControlCharacters() {
    var clean = [CChar](repeating: 1, count: 16)
    slipway_clean(&clean, clean.count, "a\u{1b}[31m\n\u{7f}b and much more")
    let text = String(
      decoding: clean.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    #expect(text == "a [31m  b and m")
  }
}
