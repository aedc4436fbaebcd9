import CLinux
import Glibc

/// Questions about paths that may lie on a mount that never answers, asked of a child process.
///
/// One deadline holds for all questions together. The child is started at the first one.
package final class GuardedFiles {
  private let seconds: Double
  private var end: ContinuousClock.Instant
  private var prober: (descriptor: Int32, child: pid_t)?
  /// What is known: a path is asked about once.
  private var known: [String: Int32] = [:]

  /// Begins the time that all questions may take.
  package init(seconds: Double) {
    self.seconds = seconds
    end = ContinuousClock.now + .seconds(seconds)
  }

  deinit { stop() }

  /// Begins the time anew, after something else took its own.
  package func renew() { end = .now + .seconds(seconds) }

  /// Ends the child; needed before the process replaces itself.
  package func stop() {
    if let prober { sw_prober_stop(prober.descriptor, prober.child) }
    prober = nil
  }

  /// Asks for paths that will be looked at, all in one go: each question alone is two switches
  /// between processes.
  package func prefetch(_ paths: [String]) throws(FileError) {
    let prober = try started()
    for batch in stride(from: 0, to: paths.count, by: 16) {
      let paths = paths[batch..<min(batch + 16, paths.count)]
      for path in paths {
        let failure = sw_prober_ask_kind(prober, path)
        guard failure == 0 else { throw error(path, -failure) }
      }
      for path in paths {
        let answer = sw_prober_answer(prober, remaining)
        if answer == -ETIMEDOUT || answer == -EPIPE { throw error(path, -answer) }
        known[path] = answer
      }
    }
  }

  /// Whether a path leads to a directory; nil when to nothing.
  package func isDirectory(_ path: String) throws(FileError) -> Bool? {
    if known[path] == nil { try prefetch([path]) }
    let answer = known[path]!
    switch answer {
    case Int32(SW_ABSENT): return nil
    case Int32(SW_DIRECTORY): return true
    case Int32(SW_FILE): return false
    default: throw error(path, -answer)
    }
  }

  /// The names in a directory, in no order.
  package func names(in directory: String) throws(FileError) -> [String] {
    try text(of: directory, capacity: 1 << 16, asking: sw_prober_names)
      .split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// What files and directories are seen to have changed by; nil for those that are not there.
  package func marks(of paths: [String]) throws(FileError) -> [FileMark?] {
    let prober = try started()
    var marks: [FileMark?] = []
    marks.reserveCapacity(paths.count)
    let pointers = paths.map { UnsafePointer(strdup($0)) }
    defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
    while marks.count < paths.count {
      let start = marks.count
      let asked = pointers.withUnsafeBufferPointer {
        sw_prober_ask_marks(prober, $0.baseAddress! + start, Int32(paths.count - start))
      }
      guard asked > 0 else { throw error(paths[start], -asked) }
      for path in paths[start..<(start + Int(asked))] {
        var mark = sw_mark()
        let answer = sw_prober_answer_mark(prober, remaining, &mark)
        switch answer {
        case Int32(SW_ABSENT): marks.append(nil)
        case Int32(SW_DIRECTORY), Int32(SW_FILE):
          marks.append(
            FileMark(
              isDirectory: answer == Int32(SW_DIRECTORY), size: mark.size, mtime: mark.mtime_ns))
        case -ETIMEDOUT, -EPIPE: throw error(path, -answer)
        // A path that may not be looked at is one that is not there, to a module too.
        default: marks.append(nil)
        }
      }
    }
    return marks
  }

  /// The revision of the CVMFS repository that a path lies in; nil for a plain directory.
  package func revision(of path: String) throws(FileError) -> String? {
    let text = try text(of: path, capacity: 256, asking: sw_prober_revision)
    return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
  }

  /// What is in directories; nil for those that cannot be looked into.
  package func lists(of directories: [String]) throws(FileError) -> [DirectoryList?] {
    try parts(of: directories, asking: sw_prober_ask_list).map { answer in
      answer.map { DirectoryList(look: $0.look, bytes: $0.bytes) }
    }
  }

  /// The first 64 KiB of files; nil for those that cannot be read.
  package func beginnings(of files: [String]) throws(FileError) -> [FileBeginning?] {
    try parts(of: files, asking: sw_prober_ask_beginning).map { answer in
      answer.map {
        FileBeginning(
          mark: FileMark(isDirectory: false, size: $0.look.mark.size, mtime: $0.look.mark.mtime_ns),
          bytes: $0.bytes)
      }
    }
  }

  /// Up to 64 KiB of a file from an offset on; nil where it cannot be read.
  package func piece(of file: String, at offset: Int) throws(FileError) -> [UInt8]? {
    try parts(of: [file]) { sw_prober_ask_piece($0, $1, Int64(offset)) }[0]?.bytes
  }

  /// The answers in parts; nil where the path is not there or may not be looked at.
  private func parts(
    of paths: [String], asking ask: (Int32, UnsafePointer<CChar>?) -> Int32
  ) throws(FileError) -> [(look: sw_look, bytes: [UInt8])?] {
    let prober = try started()
    var answers: [(look: sw_look, bytes: [UInt8])?] = []
    var failed: FileError?
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(SW_PART), alignment: 8)
    defer { part.deallocate() }
    for batch in stride(from: 0, to: paths.count, by: 16) {
      let paths = paths[batch..<min(batch + 16, paths.count)]
      var isAsked: [Bool] = []
      for path in paths {
        let failure = ask(prober, path)
        // Too long for any file; the questions before it are answered all the same.
        guard failure == 0 || failure == -ENAMETOOLONG else { throw error(path, -failure) }
        isAsked.append(failure == 0)
      }
      for (path, isAsked) in zip(paths, isAsked) {
        var answer: (look: sw_look, bytes: [UInt8])?
        while isAsked {
          let length = sw_prober_answer_part(prober, remaining, part.baseAddress)
          if length > 0, answer == nil {
            answer = (part.load(as: sw_look.self), [])
          } else if length > 0 {
            answer!.bytes += part[..<length]
          } else {
            let code = Int32(-length)
            if code == ETIMEDOUT || code == EPIPE { throw error(path, code) }
            if code != 0 { answer = nil }
            // What is open in the socket is read first: the next question has its own answer.
            if code != 0, !Self.isUnseen(code), failed == nil { failed = error(path, code) }
            break
          }
        }
        answers.append(answer)
      }
    }
    if let failed { throw failed }
    return answers
  }

  /// Whether an errno means that a path is none for this user, rather than that its mount is ill.
  private static func isUnseen(_ code: Int32) -> Bool {
    [ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, ELOOP, ENAMETOOLONG].contains(code)
  }

  private func text(
    of path: String, capacity: Int,
    asking ask: (Int32, UnsafePointer<CChar>?, Int32, UnsafeMutablePointer<CChar>?, Int) -> Int
  ) throws(FileError) -> [UInt8] {
    let prober = try started()
    let remaining = remaining
    var length = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      length = path.withCString { path in
        buffer.withMemoryRebound(to: CChar.self) {
          ask(prober, path, remaining, $0.baseAddress, $0.count)
        }
      }
      count = max(0, length)
    }
    guard length >= 0 else { throw error(path, Int32(-length)) }
    return bytes
  }

  private var remaining: Int32 {
    let left = (end - ContinuousClock.now).components
    return Int32(clamping: max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000))
  }

  private func started() throws(FileError) -> Int32 {
    if let prober { return prober.descriptor }
    var child: pid_t = 0
    let descriptor = sw_prober_start(&child)
    guard descriptor >= 0 else {
      throw FileError(path: "fork", code: -descriptor, seconds: seconds)
    }
    prober = (descriptor, child)
    return descriptor
  }

  private func error(_ path: String, _ code: Int32) -> FileError {
    // Whatever the child is stuck in, it will not answer the next question either.
    if code == ETIMEDOUT { stop() }
    return FileError(path: path, code: code, seconds: seconds)
  }
}

/// What a file or directory is seen to have changed by: size in bytes (0 for a directory) and the
/// time of its last change in nanoseconds since 1970.
package struct FileMark: Hashable, Sendable {
  package var isDirectory: Bool
  package var size: Int64
  package var mtime: Int64

  package init(isDirectory: Bool, size: Int64, mtime: Int64) {
    self.isDirectory = isDirectory
    self.size = size
    self.mtime = mtime
  }
}

/// What is in a directory.
package struct DirectoryList {
  /// Tells the directory from every other, by whichever path it was reached.
  package var identity: [UInt64]
  package var mark: FileMark
  package var entries: [Entry]

  package struct Entry {
    package var name: String
    package var kind: Kind
    /// The text of a symbolic link.
    package var link: String?
  }

  /// What an entry leads to.
  package enum Kind { case directory, file, neither }

  /// Names that are no UTF-8 are left out: nobody can ask for them.
  init(look: sw_look, bytes: [UInt8]) {
    identity = [look.device, look.inode]
    mark = FileMark(isDirectory: true, size: 0, mtime: look.mark.mtime_ns)
    entries = []
    var at = 0
    func text() -> String? {
      let end = bytes[at...].firstIndex(of: 0) ?? bytes.endIndex
      defer { at = end + 1 }
      return String(validating: bytes[at..<end], as: UTF8.self)
    }
    while at < bytes.count {
      let letter = bytes[at]
      at += 1
      let name = text()
      let isLink = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(letter)
      let link = isLink ? text() : nil
      guard let name else { continue }
      let kind: Kind =
        switch letter | 0x20 {
        case UInt8(ascii: "d"): .directory
        case UInt8(ascii: "f"): .file
        default: .neither
        }
      entries.append(Entry(name: name, kind: kind, link: link))
    }
  }
}

/// The beginning of a file, and its mark when it was read.
package struct FileBeginning {
  package var mark: FileMark
  package var bytes: [UInt8]
}

/// A path that could not be looked at.
package struct FileError: Error, Equatable, CustomStringConvertible {
  package var path: String
  /// The errno; `ETIMEDOUT` when the file system did not answer.
  package var code: Int32
  package var seconds: Double

  package init(path: String, code: Int32, seconds: Double) {
    self.path = path
    self.code = code
    self.seconds = seconds
  }

  package var isTimeout: Bool { code == ETIMEDOUT }

  /// What failed, on what, the cause and the remedy.
  package var description: String {
    switch code {
    case ETIMEDOUT:
      "\(path): the file system did not answer within \(Int(seconds)) s; remedy: check the CVMFS "
        + "mount on this node (cvmfs_config probe), or have it remounted"
    case ENOTCONN:
      "\(path): the FUSE daemon behind this mount is gone (\(text)); remedy: have it remounted "
        + "(cvmfs_config umount, then access it again)"
    default: "\(path): \(text); remedy: check the mount and its permissions on this node"
    }
  }

  private var text: String { String(cString: strerror(code)) }
}
