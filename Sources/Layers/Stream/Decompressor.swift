private import CZlib
private import CZstd

/// Undoes the compression of a stream that comes in pieces.
final class Decompressor {
  /// The largest window of a zstd frame: 128 MiB, as the zstd program accepts without being asked.
  static let windowLog: Int32 = 27

  private enum Coder {
    case none
    case gzip(OpaquePointer)
    case zstd(OpaquePointer)
  }

  private let coder: Coder
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  /// Whether a member or a frame has begun that is not over.
  private var isInside = false
  /// Members or frames that are over.
  private var isComplete = false

  init(_ compression: Compression) throws(LayerError) {
    switch compression {
    case .none: coder = .none
    case .gzip:
      try Self.check(sw_inflater_load(), "zlib", package: "zlib1g (zlib on Red Hat)")
      guard let inflater = sw_inflater_make() else {
        throw LayerError(.failed("zlib has no memory"))
      }
      coder = .gzip(inflater)
    case .zstd:
      try Self.check(sw_unzstd_load(), "libzstd", package: "libzstd1 (libzstd on Red Hat)")
      guard let reader = sw_unzstd_make(Self.windowLog) else {
        throw LayerError(.failed("libzstd has no memory"))
      }
      coder = .zstd(reader)
    }
  }

  private static func check(
    _ problem: UnsafePointer<CChar>?, _ library: String, package: String
  ) throws(LayerError) {
    guard let problem else { return }
    let text = "\(library) cannot be loaded (\(String(cString: problem)))"
    throw LayerError(.missing(text, package: package))
  }

  deinit {
    switch coder {
    case .none: break
    case .gzip(let inflater): sw_inflater_free(inflater)
    case .zstd(let reader): sw_unzstd_free(reader)
    }
    output.deallocate()
  }

  /// Gives what the bytes stand for to `body`, in pieces that last for its call only.
  func push(
    _ bytes: UnsafeRawBufferPointer,
    to body: (UnsafeRawBufferPointer) throws(LayerError) -> Void
  ) throws(LayerError) {
    if case .none = coder { return try body(bytes) }
    var rest = bytes[...]
    var isFull = false
    // What fills the output may not be all that is ready.
    while !rest.isEmpty || isFull {
      if !isInside, rest.isEmpty { return }
      if !isInside, isComplete, isGarbage(rest) { throw LayerError(.trailingGarbage) }
      isInside = true
      let input = UnsafeRawBufferPointer(rebasing: rest)
      var (taken, given) = (input.count, output.count)
      let isOver = try step(input, &taken, &given)
      rest = rest.dropFirst(taken)
      guard taken > 0 || given > 0 || isOver || rest.isEmpty else { throw damage("compressed") }
      isFull = given == output.count
      if given > 0 { try body(UnsafeRawBufferPointer(rebasing: output[..<given])) }
      if isOver { (isInside, isComplete, isFull) = (false, true, false) }
    }
  }

  /// Says that no more comes.
  func finish() throws(LayerError) {
    if case .none = coder { return }
    guard isComplete, !isInside else {
      throw LayerError(.truncated("the compressed stream ends too early"))
    }
  }

  /// Whether what follows the end of a member cannot be another one.
  private func isGarbage(_ rest: Slice<UnsafeRawBufferPointer>) -> Bool {
    // RFC 1952: the first byte of a member; a wrong second one is found when it is read. RFC 8878:
    // the last bytes of the magic numbers of frames, and the first of skippable ones, 0x50 to 0x5f.
    if case .gzip = coder { return rest[rest.startIndex] != 0x1f }
    let byte = rest[rest.startIndex]
    return byte != 0x28 && !(0x50...0x5f).contains(byte)
  }

  /// Says whether a member or a frame is over.
  private func step(
    _ input: UnsafeRawBufferPointer, _ taken: inout Int, _ given: inout Int
  ) throws(LayerError) -> Bool {
    switch coder {
    case .none: return true
    case .gzip(let inflater):
      let result = sw_inflater_run(inflater, input.baseAddress, &taken, output.baseAddress, &given)
      switch Int(result) {
      case SW_INFLATE_MORE: return false
      case SW_INFLATE_END: return true
      case SW_INFLATE_MEMORY: throw LayerError(.failed("zlib has no memory"))
      default: throw damage("gzip")
      }
    case .zstd(let reader):
      let result = sw_unzstd_run(reader, input.baseAddress, &taken, output.baseAddress, &given)
      switch Int(result) {
      case SW_UNZSTD_MORE: return false
      case SW_UNZSTD_END: return true
      case SW_UNZSTD_WINDOW:
        throw LayerError(.limit("a zstd window of more than 2^\(Self.windowLog) bytes"))
      default: throw damage("zstd")
      }
    }
  }

  private func damage(_ format: String) -> LayerError {
    LayerError(.damaged("the \(format) stream is damaged"))
  }
}
