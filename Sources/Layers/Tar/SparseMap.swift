/// Where the data of a sparse file lies in it, in the formats that GNU tar writes.
///
/// Source: GNU tar manual, "Storing Sparse Files": the old format (type `S`) and pax 0.0, 0.1, 1.0.
struct SparseMap {
  struct Piece: Equatable {
    var offset: Int64
    var count: Int64
  }

  /// More pieces than any real file has in an archive.
  static let limit = 1 << 20

  private(set) var pieces: [Piece] = []

  mutating func add(_ offset: Int64, _ count: Int64, entry: [UInt8]) throws(LayerError) {
    // GNU tar ends the map of a file with a hole at its end by an empty piece.
    guard pieces.count < Self.limit else {
      throw LayerError(.limit("a sparse file of more than \(Self.limit) pieces"), entry: entry)
    }
    pieces.append(Piece(offset: offset, count: count))
  }

  mutating func add(numbers: [Int64], entry: [UInt8]) throws(LayerError) {
    guard numbers.count % 2 == 0 else { throw Self.bad(entry) }
    for index in stride(from: 0, to: numbers.count, by: 2) {
      try add(numbers[index], numbers[index + 1], entry: entry)
    }
  }

  /// Sees that the pieces follow one another inside the file and make up what is stored.
  func check(size: Int64, stored: Int64, entry: [UInt8]) throws(LayerError) {
    var (end, sum) = (Int64(0), Int64(0))
    for piece in pieces {
      let (next, overflow) = piece.offset.addingReportingOverflow(piece.count)
      guard piece.offset >= end, piece.count >= 0, !overflow, next <= size else {
        throw Self.bad(entry)
      }
      end = next
      sum += piece.count  // at most `end`
    }
    guard sum == stored else { throw Self.bad(entry) }
  }

  static func bad(_ entry: [UInt8]) -> LayerError {
    LayerError(.damaged("the map of a sparse file is wrong"), entry: entry)
  }
}

/// Reads the map of a pax 1.0 sparse file: decimal numbers, a line each, the count of pieces first.
struct NewSparseMap {
  private var digits: [UInt8] = []
  private var count: Int64?
  private var offset: Int64?
  private var done: Int64 = 0

  /// Says whether the map is complete; what is left of its last block is filling.
  mutating func take(
    _ block: UnsafeRawBufferPointer, into map: inout SparseMap, entry: [UInt8]
  ) throws(LayerError) -> Bool {
    for byte in block {
      guard byte == UInt8(ascii: "\n") else {
        digits.append(byte)
        guard digits.count <= 20 else { throw SparseMap.bad(entry) }
        continue
      }
      guard let number = PaxRecords.decimal(digits) else { throw SparseMap.bad(entry) }
      digits.removeAll()
      if count == nil {
        count = number
      } else if let start = offset {
        try map.add(start, number, entry: entry)
        offset = nil
        done += 1
      } else {
        offset = number
      }
      if done == count { return true }
    }
    return false
  }
}
