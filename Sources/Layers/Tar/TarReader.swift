/// Reads a tar archive that comes in pieces; touches nothing but its own memory.
///
/// v7, ustar, GNU long names, pax and the four sparse formats. Source: POSIX.1-2017 pax; GNU tar
/// manual, "Tar Internals". What follows the end mark of the archive is ignored, as by all readers.
struct TarReader {
  private enum State {
    case header
    /// Collects the contents of a header that tells of the next one.
    case extra(UInt8)
    /// A further block of the map of an old GNU sparse file.
    case oldSparse
    /// The map of a pax 1.0 sparse file, which stands before its data.
    case newSparse
    case data
    case over
  }

  private let limits: LayerLimits
  private var state = State.header
  /// A block of which not all has come.
  private var block: [UInt8] = []
  private var zeroBlocks = 0
  /// Bytes to come of what ``state`` reads, and those that fill its last block.
  private var left: Int64 = 0
  private var padding: Int64 = 0

  private var extra: [UInt8] = []
  private var longPath: [UInt8]?
  private var longLink: [UInt8]?
  private var records = PaxRecords()
  private var global = PaxRecords()
  /// Whether what an extra header tells of is still to come.
  private var isAwaited = false

  private var entry = TarEntry()
  private var isSparse = false
  private var map = SparseMap()
  private var piece = 0
  /// How much of the file has been given out, and of ``piece``.
  private var position: Int64 = 0
  private var newMap = NewSparseMap()

  init(_ limits: LayerLimits) { self.limits = limits }

  /// Reads on; all bytes are taken.
  mutating func push(
    _ bytes: UnsafeRawBufferPointer, to handler: some TarHandler
  ) throws(LayerError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if case .over = state { return }
      if isInBlocks {
        guard block.isEmpty && rest.count >= TarHeader.size else {
          let part = rest.prefix(TarHeader.size - block.count)
          block += part
          rest = rest.dropFirst(part.count)
          if block.count == TarHeader.size {
            let whole = block
            block.removeAll(keepingCapacity: true)
            let result = whole.withUnsafeBytes { whole -> Result<Void, LayerError> in
              do throws(LayerError) {
                return .success(try take(whole, handler))
              } catch {
                return .failure(error)
              }
            }
            try result.get()
          }
          continue
        }
        try take(UnsafeRawBufferPointer(rebasing: rest.prefix(TarHeader.size)), handler)
        rest = rest.dropFirst(TarHeader.size)
      } else if left > 0 {
        let part = rest.prefix(Int(min(left, Int64(rest.count))))
        rest = rest.dropFirst(part.count)
        left -= Int64(part.count)
        if case .extra = state {
          extra += part
        } else {
          try give(UnsafeRawBufferPointer(rebasing: part), handler)
        }
        if left == 0 { try contentsAreOver(handler) }
      } else {
        let part = Int(min(padding, Int64(rest.count)))
        rest = rest.dropFirst(part)
        padding -= Int64(part)
        if padding == 0 { state = .header }
      }
    }
  }

  /// Says that no more comes.
  func finish() throws(LayerError) {
    switch state {
    case .over: return
    case .header where block.isEmpty && !isAwaited: return
    // Only what fills the last block is missing: nothing is lost.
    case .data where left == 0: return
    default:
      throw LayerError(
        .truncated("the archive ends in the middle of an entry"),
        entry: entry.path.isEmpty ? nil : entry.path)
    }
  }

  private var isInBlocks: Bool {
    switch state {
    case .header, .oldSparse, .newSparse: true
    default: false
    }
  }

  private mutating func take(
    _ block: UnsafeRawBufferPointer, _ handler: some TarHandler
  ) throws(LayerError) {
    switch state {
    case .oldSparse:
      try addOldSparse(block, from: 0, count: 21)
      if block[504] == 0 { try begin(handler) }
    case .newSparse:
      left -= Int64(TarHeader.size)
      guard left >= 0 else { throw SparseMap.bad(entry.path) }
      if try newMap.take(block, into: &map, entry: entry.path) { try begin(handler) }
    default:
      guard let header = try TarHeader(block) else {
        zeroBlocks += 1
        if zeroBlocks == 2 {
          guard !isAwaited else {
            throw LayerError(.truncated("the archive ends after a header that tells of the next"))
          }
          state = .over
        }
        return
      }
      guard zeroBlocks == 0 else {
        throw LayerError(.damaged("a block of zeros stands in the archive"), entry: header.path)
      }
      try take(header, block, handler)
    }
  }

  private mutating func take(
    _ header: TarHeader, _ block: UnsafeRawBufferPointer, _ handler: some TarHandler
  ) throws(LayerError) {
    switch header.type {
    case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "g"), UInt8(ascii: "L"),
      UInt8(ascii: "K"):
      guard header.size >= 0, header.size <= Int64(limits.headerBytes) else {
        throw LayerError(
          .limit("a header of more than \(limits.headerBytes) bytes"), entry: header.path)
      }
      extra = []
      setContents(header.size)
      state = .extra(header.type)
      isAwaited = header.type != UInt8(ascii: "g")
      if header.size == 0 { try contentsAreOver(handler) }
    default:
      isAwaited = false
      try describe(header, block)
      if case .oldSparse = state { return }
      if case .newSparse = state { return }
      try begin(handler)
    }
  }

  private mutating func setContents(_ size: Int64) {
    left = size
    padding = (512 - size % 512) % 512
  }

  /// Puts together what the headers say of an entry.
  private mutating func describe(
    _ header: TarHeader, _ block: UnsafeRawBufferPointer
  ) throws(LayerError) {
    let own = records.over(global)
    entry = TarEntry()
    entry.path = own["path"] ?? longPath ?? header.path
    entry.link = own["linkpath"] ?? longLink ?? header.link
    if own["GNU.sparse.name"] != nil { entry.path = own["GNU.sparse.name"]! }
    guard !entry.path.contains(0), !entry.link.contains(0) else {
      throw LayerError(.damaged("a name in the archive holds a NUL"), entry: entry.path)
    }
    guard entry.path.count <= limits.pathBytes, entry.link.count <= limits.pathBytes else {
      throw LayerError(.limit("a path of more than \(limits.pathBytes) bytes"), entry: entry.path)
    }
    entry.mode = header.mode
    (entry.seconds, entry.nanoseconds) = try own.time(entry: entry.path) ?? (header.seconds, 0)
    entry.attributes = own.attributes
    let size = try own.number("size", entry: entry.path) ?? header.size
    (records, longPath, longLink) = (PaxRecords(), nil, nil)
    guard size >= 0 else {
      throw LayerError(.damaged("a file of negative size"), entry: entry.path)
    }
    entry.kind = try kind(of: header.type)
    (isSparse, map, piece, position) = (false, SparseMap(), 0, 0)
    // Of no other kind does anything follow, whatever the size says (Go's archive/tar, GNU tar).
    guard entry.kind == .file else { return setContents(0) }
    setContents(size)
    entry.size = size
    if header.type == UInt8(ascii: "S") {
      isSparse = true
      entry.size = try TarHeader.number(block, 483, 12, entry: entry.path)
      try addOldSparse(block, from: 386, count: 4)
      if block[482] != 0 { state = .oldSparse }
    } else if own["GNU.sparse.major"] != nil {
      guard own["GNU.sparse.major"] == Array("1".utf8), own["GNU.sparse.minor"] == Array("0".utf8),
        let real = try own.number("GNU.sparse.realsize", entry: entry.path)
      else {
        throw LayerError(.unsupported("a sparse format that is not known"), entry: entry.path)
      }
      (isSparse, entry.size) = (true, real)
      newMap = NewSparseMap()
      state = .newSparse
    } else if let real = try own.number("GNU.sparse.size", entry: entry.path) {
      (isSparse, entry.size) = (true, real)
      try map.add(numbers: own.sparse, entry: entry.path)
      if let list = own["GNU.sparse.map"] {
        var numbers: [Int64] = []
        for part in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
          guard let number = PaxRecords.decimal(part) else { throw SparseMap.bad(entry.path) }
          numbers.append(number)
        }
        try map.add(numbers: numbers, entry: entry.path)
      }
    }
  }

  private func kind(of type: UInt8) throws(LayerError) -> TarEntry.Kind {
    switch type {
    // v7 knew directories by their names only.
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"):
      entry.path.last == UInt8(ascii: "/") && type == 0 ? .directory : .file
    case UInt8(ascii: "1"): .hardLink
    case UInt8(ascii: "2"): .symbolicLink
    case UInt8(ascii: "3"): .characterDevice
    case UInt8(ascii: "4"): .blockDevice
    case UInt8(ascii: "5"): .directory
    case UInt8(ascii: "6"): .fifo
    default:
      throw LayerError(
        .unsupported("an entry of type \(LayerError.escape([type]))"), entry: entry.path)
    }
  }

  private mutating func addOldSparse(
    _ block: UnsafeRawBufferPointer, from start: Int, count: Int
  ) throws(LayerError) {
    for index in 0..<count {
      let offset = start + index * 24
      guard block[offset] != 0 || block[offset + 12] != 0 else { continue }
      try map.add(
        try TarHeader.number(block, offset, 12, entry: entry.path),
        try TarHeader.number(block, offset + 12, 12, entry: entry.path), entry: entry.path)
    }
  }

  /// Gives out an entry whose headers are complete.
  private mutating func begin(_ handler: some TarHandler) throws(LayerError) {
    if isSparse { try map.check(size: entry.size, stored: left, entry: entry.path) }
    state = .data
    try handler.entry(entry)
    if left == 0 { try contentsAreOver(handler) }
  }

  private mutating func give(
    _ bytes: UnsafeRawBufferPointer, _ handler: some TarHandler
  ) throws(LayerError) {
    guard isSparse else { return try handler.data(bytes) }
    var rest = bytes[...]
    while !rest.isEmpty, piece < map.pieces.count {
      let current = map.pieces[piece]
      if position < current.offset {
        try handler.hole(current.offset - position)
        position = current.offset
      }
      let end = current.offset + current.count
      let part = rest.prefix(Int(min(end - position, Int64(rest.count))))
      if !part.isEmpty { try handler.data(UnsafeRawBufferPointer(rebasing: part)) }
      position += Int64(part.count)
      rest = rest.dropFirst(part.count)
      if position == end { piece += 1 }
    }
  }

  private mutating func contentsAreOver(_ handler: some TarHandler) throws(LayerError) {
    if case .extra(let type) = state {
      switch type {
      case UInt8(ascii: "L"): longPath = Array(extra.prefix { $0 != 0 })
      case UInt8(ascii: "K"): longLink = Array(extra.prefix { $0 != 0 })
      case UInt8(ascii: "g"): global = try PaxRecords(extra, entry: nil).over(global)
      default: records = try PaxRecords(extra, entry: nil)
      }
      extra = []
    } else if entry.size > 0 {
      if isSparse, position < entry.size { try handler.hole(entry.size - position) }
      try handler.endFile()
    }
    if padding == 0 { state = .header }
  }
}
