extension ELFObject {
  /// Calls `body` with every text constant: printable bytes with a NUL at their end.
  ///
  /// They are looked for in segments that are only read, else in those that are executed: older
  /// linkers put constants beside the code. `body` returns false to end the search.
  package func texts(
    in source: ByteSource, longest: Int = 256, _ body: (ArraySlice<UInt8>) -> Bool
  ) {
    let loaded = segments.filter { $0.kind == 1 && $0.flags & 2 == 0 }
    let constants = loaded.filter { $0.flags & 1 == 0 }
    // Where there are constants of their own, the first such segment holds the symbols' names only.
    let searched = constants.count > 1 ? constants : loaded
    // Honest files have a handful.
    for segment in searched.prefix(64) {
      guard
        let table = source.table(
          at: segment.offset, count: min(segment.fileSize, 1 << 28), order: identity.order)
      else { continue }
      var start = 0
      var isEnded = false
      table.bytes.withUnsafeBufferPointer { bytes in
        for at in 0..<bytes.count {
          let byte = bytes[at]
          if byte >= 0x20 && byte < 0x7f || byte == 0x09 || byte == 0x0a { continue }
          if byte == 0, at > start, at - start <= longest, !body(table.bytes[start..<at]) {
            isEnded = true
            return
          }
          start = at + 1
        }
      }
      if isEnded { return }
    }
  }
}
