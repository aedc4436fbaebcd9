import Files
import Glibc
import Images

/// Small work on open files.
enum Descriptors {
  /// What can be read of an open file, up to a limit; from where it stands, or from an offset.
  static func contents(of descriptor: Int32, limit: Int, from start: Int? = nil) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      let wanted = min(chunk.count, limit - bytes.count)
      let count =
        start.map { pread(descriptor, &chunk, wanted, $0 + bytes.count) }
        ?? Glibc.read(descriptor, &chunk, wanted)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// Hands out an open file piece by piece, from where it stands.
  ///
  /// - Parameter count: the most bytes; nil reads to the end.
  static func read(
    _ descriptor: Int32, name: String, count: Int64? = nil,
    _ body: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) {
    guard try Files.read(descriptor, chunk: 1 << 18, limit: count ?? .max, body) else {
      throw ImageError(
        .failed, name, cause: String(cString: strerror(errno)),
        remedy: "check the file system, then try again")
    }
  }

  /// Lends a NULL-ended array of C strings.
  static func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let pointers = strings.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    return body(pointers)
  }
}
