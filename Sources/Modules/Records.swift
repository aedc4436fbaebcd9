/// Records of texts in a byte string that no text can break: what the tracer writes, and a capsule.
///
/// A record is a letter, the number of its fields, and each field as its length in bytes, a colon
/// and the bytes; a newline ends it: `S2 4:PATH5:/a:/b` without the space.
package struct Record: Equatable, Sendable {
  package var letter: Character
  package var fields: [String]

  package init(_ letter: Character, _ fields: [String]) {
    self.letter = letter
    self.fields = fields
  }
}

package enum Records {
  package static func encode(_ records: [Record]) -> [UInt8] {
    var bytes: [UInt8] = []
    for record in records {
      bytes += Array("\(record.letter)\(record.fields.count) ".utf8)
      for field in record.fields { bytes += Array("\(field.utf8.count):".utf8) + Array(field.utf8) }
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  /// The records; nil when the bytes are not exactly some.
  package static func decode(_ bytes: [UInt8]) -> [Record]? {
    var records: [Record] = []
    var at = 0
    func number(until end: UInt8) -> Int? {
      var value = 0
      let start = at
      while at < bytes.count, at - start < 9, (0x30...0x39).contains(bytes[at]) {
        value = value * 10 + Int(bytes[at] - 0x30)
        at += 1
      }
      guard at > start, at < bytes.count, bytes[at] == end else { return nil }
      at += 1
      return value
    }
    while at < bytes.count {
      let letter = Character(Unicode.Scalar(bytes[at]))
      at += 1
      guard letter.isASCII, let count = number(until: 0x20) else { return nil }
      var fields: [String] = []
      for _ in 0..<count {
        guard let length = number(until: UInt8(ascii: ":")), length <= bytes.count - at else {
          return nil
        }
        // Not Environment.text: what was text is decoded as the same text.
        fields.append(String(decoding: bytes[at..<(at + length)], as: UTF8.self))
        at += length
      }
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\n") else { return nil }
      at += 1
      records.append(Record(letter, fields))
    }
    return records
  }
}
