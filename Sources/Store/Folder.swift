internal import Files
internal import Glibc

/// A directory of a store that is held open; what is below is reached name by name, through no link.
///
/// Each one belongs to an owner that is trusted and can be written by nobody else.
final class Folder {
  /// Whom to trust, and for whom to write.
  struct Trust {
    var owners: Set<uid_t>
    /// Whether everybody may read.
    var isShared: Bool

    var directoryMode: mode_t { isShared ? 0o755 : 0o700 }
    var fileMode: mode_t { isShared ? 0o644 : 0o600 }

    func covers(_ status: stat) -> Bool {
      owners.contains(status.st_uid) && status.st_mode & 0o022 == 0
    }
  }

  let path: String
  let trust: Trust
  let descriptor: Int32

  private init(_ descriptor: Int32, _ path: String, _ trust: Trust) {
    (self.descriptor, self.path, self.trust) = (descriptor, path, trust)
  }

  deinit { close(descriptor) }

  private static let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC

  /// Opens the root, the only path whose links are followed; makes it if it is not there.
  static func root(_ path: String, _ trust: Trust, makes: Bool) throws(StoreError) -> Folder {
    let isMade = makes ? try make(path, mode: trust.directoryMode) : false
    let descriptor = Glibc.open(path, flags)
    guard descriptor >= 0 else { throw .call("opened", path) }
    let folder = Folder(descriptor, path, trust)
    try folder.check()
    // Whatever the umask; the mode of one that others made is theirs.
    if isMade, fchmod(descriptor, trust.directoryMode) != 0 { throw .call("made", path) }
    return folder
  }

  /// Makes a directory and those above it; says whether it was not there.
  private static func make(_ path: String, mode: mode_t) throws(StoreError) -> Bool {
    if mkdir(path, mode) == 0 { return true }
    if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      _ = try make(String(path[..<slash]), mode: mode)
      if mkdir(path, mode) == 0 { return true }
    }
    guard errno == EEXIST else { throw .call("made", path) }
    return false
  }

  private func check() throws(StoreError) {
    let status = try status()
    guard trust.covers(status) else {
      throw StoreError(
        .untrusted, path,
        status.st_mode & 0o022 != 0
          ? "others can write there (mode \(String(status.st_mode & 0o7777, radix: 8)))"
          : "it belongs to user \(status.st_uid)",
        "use a directory of your own that only you can write (chmod go-w), or name another store")
    }
  }

  func full(_ name: String) -> String { "\(path)/\(name)" }

  // MARK: Looking

  func status() throws(StoreError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .call("read", path) }
    return status
  }

  /// What stands at a name, links not followed; nil for nothing.
  func status(_ name: String) throws(StoreError) -> stat? {
    var status = stat()
    guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      guard errno == ENOENT else { throw .call("read", full(name)) }
      return nil
    }
    return status
  }

  func names() throws(StoreError) -> [String] {
    guard let names = Files.names(in: descriptor) else { throw .call("read", path) }
    return names
  }

  /// The names as they are, each ended by NUL: they need not be UTF-8.
  func rawNames() throws(StoreError) -> [[CChar]] {
    guard let names = Files.rawNames(in: descriptor) else { throw .call("read", path) }
    return names
  }

  /// Opens a regular file that can be trusted; nil where there is none, but perhaps something else.
  func file(_ name: String, _ flags: Int32 = O_RDONLY) throws(StoreError) -> (Int32, stat)? {
    let file = openat(descriptor, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      switch errno {
      case ENOENT, ELOOP, EISDIR, ENXIO: return nil
      case let code: throw .call("opened", full(name), code: code)
      }
    }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, trust.covers(status) else {
      close(file)
      return nil
    }
    return (file, status)
  }

  /// The bytes of a small file; nil where there is none of at most that size.
  func contents(_ name: String, limit: Int) throws(StoreError) -> [UInt8]? {
    guard let (file, status) = try file(name) else { return nil }
    defer { close(file) }
    guard status.st_size <= limit else { return nil }
    // One more than it has: it must not grow.
    guard let bytes = Files.contents(of: file, limit: Int(status.st_size) + 1) else {
      throw .call("read", full(name))
    }
    return bytes.count <= status.st_size ? bytes : nil
  }

  /// A folder below; nil where there is none.
  func folder(_ path: String, makes: Bool = false) throws(StoreError) -> Folder? {
    var folder = self
    for name in path.split(separator: "/") {
      guard let next = try folder.step(String(name), makes: makes) else { return nil }
      folder = next
    }
    return folder
  }

  /// A folder below, made where it is not there.
  func making(_ path: String) throws(StoreError) -> Folder {
    guard let folder = try folder(path, makes: true) else { throw .call("made", full(path)) }
    return folder
  }

  private func step(_ name: String, makes: Bool) throws(StoreError) -> Folder? {
    var next = openat(descriptor, name, Self.flags | O_NOFOLLOW)
    if next < 0, errno == ENOENT, makes {
      guard mkdirat(descriptor, name, 0o700) == 0 || errno == EEXIST else {
        throw .call("made", full(name))
      }
      next = openat(descriptor, name, Self.flags | O_NOFOLLOW)
      if next >= 0 { fchmod(next, trust.directoryMode) }
    }
    guard next >= 0 else {
      if errno == ENOENT { return nil }
      throw .call("opened", full(name))
    }
    let folder = Folder(next, full(name), trust)
    try folder.check()
    return folder
  }

  // MARK: Changing

  /// Makes a file that was not there, open for reading and writing.
  func create(_ name: String, mode: mode_t = 0o600) throws(StoreError) -> Int32 {
    let file = openat(
      descriptor, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard file >= 0 else { throw .call("written", full(name)) }
    return file
  }

  func rename(_ name: String, to other: String, in folder: Folder) throws(StoreError) {
    guard renameat(descriptor, name, folder.descriptor, other) == 0 else {
      throw .call("written", folder.full(other))
    }
  }

  func unlink(_ name: String) throws(StoreError) {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw .call("removed", full(name))
    }
  }

  /// Sees that its names outlast a power cut, where the file system can.
  func sync() throws(StoreError) {
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
      throw .call("written", path)
    }
  }

  /// Removes whatever stands at a name, however deep and whatever its modes; no link is followed.
  func removeAll(_ name: String) throws(StoreError) {
    let raw = Array(name.utf8CString)
    guard unlinkat(descriptor, raw, 0) != 0, errno != ENOENT else { return }
    guard let top = try opened(raw) else { return }
    var names = try top.rawNames()
    while !names.isEmpty {
      for name in names { try top.removeOneLevel(name) }
      names = try top.rawNames()
    }
    guard unlinkat(descriptor, raw, AT_REMOVEDIR) == 0 || errno == ENOENT else {
      throw .call("removed", full(name))
    }
  }

  /// Removes what stands at a name, but moves the directories that are in it here: however deep a
  /// tree is, neither descriptors nor the stack run out.
  private func removeOneLevel(_ name: [CChar]) throws(StoreError) {
    guard unlinkat(descriptor, name, 0) != 0, errno != ENOENT else { return }
    guard let child = try opened(name) else { return }
    for inner in try child.rawNames() {
      guard unlinkat(child.descriptor, inner, 0) != 0, errno != ENOENT else { continue }
      // Moving a directory changes its `..`.
      fchmodat(child.descriptor, inner, 0o700, 0)
      let moved = ".moved-\(UInt64.random(in: 0...(.max)))"
      guard
        unlinkat(child.descriptor, inner, AT_REMOVEDIR) == 0
          || renameat(child.descriptor, inner, descriptor, moved) == 0
      else { throw .call("removed", child.path) }
    }
    guard unlinkat(descriptor, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
      throw .call("removed", child.path)
    }
  }

  /// A directory with all rights for its owner, for removing what is in it.
  private func opened(_ name: [CChar]) throws(StoreError) -> Folder? {
    var next = openat(descriptor, name, Self.flags | O_NOFOLLOW)
    if next < 0, errno == EACCES {
      fchmodat(descriptor, name, 0o700, 0)
      next = openat(descriptor, name, Self.flags | O_NOFOLLOW)
    }
    let words = full(
      String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    guard next >= 0 else {
      if errno == ENOENT { return nil }
      throw .call("removed", words)
    }
    fchmod(next, 0o700)
    return Folder(next, words, trust)
  }

  /// The bytes that a tree takes on the disk, as far as it can be read.
  func measure(depth: Int = 0) -> Int64 {
    var sum: Int64 = 0
    for name in (try? rawNames()) ?? [] {
      var status = stat()
      guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      sum &+= Int64(status.st_blocks) &* 512
      if status.st_mode & S_IFMT == S_IFDIR, depth < 200 {
        let next = openat(descriptor, name, Self.flags | O_NOFOLLOW)
        if next >= 0 { sum &+= Folder(next, path, trust).measure(depth: depth + 1) }
      }
    }
    return sum
  }
}
