internal import Glibc

/// The loops that read(2), write(2) and readdir(3) ask of everyone.
///
/// Whom to believe, what to open and what to say of a failure is the caller's: where a result is nil
/// or false, errno says why. Nothing here has a deadline; what a mount may never answer is asked
/// through `GuardedFiles`.
package enum Files {
  // MARK: Directories

  /// The names in a directory but for `.` and `..`, sorted; what is not UTF-8 is repaired.
  package static func names(at path: String) -> [String]? {
    list(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)).map(text)
  }

  /// The names in an open directory but for `.` and `..`, sorted; what is not UTF-8 is repaired.
  package static func names(in directory: Int32) -> [String]? {
    rawNames(in: directory).map(text)
  }

  /// The names in an open directory as they are, each ended by NUL, in no order.
  package static func rawNames(in directory: Int32) -> [[CChar]]? {
    // readdir(3) moves the position of its descriptor: it gets one of its own.
    list(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
  }

  private static func text(_ names: [[CChar]]) -> [String] {
    names.map { name in
      String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }.sorted()
  }

  /// Closes what it reads.
  private static func list(_ directory: Int32) -> [[CChar]]? {
    guard directory >= 0 else { return nil }
    guard let handle = fdopendir(directory) else {
      close(directory)
      return nil
    }
    defer { closedir(handle) }
    var names: [[CChar]] = []
    while true {
      // readdir(3): nil is the end, or an error where errno has changed.
      errno = 0
      guard let entry = readdir(handle) else { return errno == 0 ? names : nil }
      // d_name is a NUL-ended string that the next call overwrites.
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
      }
      if name != [46, 0] && name != [46, 46, 0] { names.append(name) }
    }
  }

  /// The text of a symbolic link; a relative path starts at the directory.
  package static func link(_ path: String, in directory: Int32 = AT_FDCWD) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlinkat(directory, path, &bytes, bytes.count)
    guard count >= 0 else { return nil }
    return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  // MARK: Reading

  /// The bytes of a file, at most `limit`, links followed.
  package static func contents(at path: String, limit: Int) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return contents(of: file, limit: limit)
  }

  /// The bytes of an open file from where it stands, at most `limit`.
  package static func contents(of file: Int32, limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    let isWhole = read(file, chunk: 1 << 16, limit: Int64(limit)) { bytes += $0 }
    return isWhole ? bytes : nil
  }

  /// Hands out an open file from where it stands, in pieces of at most `chunk` bytes.
  ///
  /// False where it cannot be read to its end, or to `limit` bytes.
  package static func read<Failure: Error>(
    _ file: Int32, chunk size: Int, limit: Int64 = .max,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    var left = limit
    let chunk = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(min(Int64(size), max(1, limit))), alignment: 16)
    defer { chunk.deallocate() }
    while left > 0 {
      let count = Glibc.read(file, chunk.baseAddress, Int(min(Int64(chunk.count), left)))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return false }
      if count == 0 { break }
      left -= Int64(count)
      try body(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
    return true
  }

  // MARK: Writing

  /// Writes all bytes where an open file stands.
  package static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) -> Bool {
    var done = 0
    while let base = bytes.baseAddress, done < bytes.count {
      let count = Glibc.write(file, base + done, bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      if count == 0 { errno = EIO }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  package static func write(_ bytes: [UInt8], to file: Int32) -> Bool {
    bytes.withUnsafeBytes { write($0, to: file) }
  }
}
