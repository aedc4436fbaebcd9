import CLinux
import Files
import Glibc

/// A directory that is held open.
///
/// What is below it is reached name by name and through no symbolic link, so that nothing that
/// others put there leads out of it. Paths are relative; errors name them in full.
final class Folder {
  let path: String
  private let descriptor: Int32

  private init(_ descriptor: Int32, _ path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Opens the target itself, the only path whose links are followed.
  convenience init(target path: String) throws(InjectionTreeError) {
    // A link of slipway's leads into a generation of another target.
    if let real = realpath(path, nil) {
      defer { free(real) }
      guard !"\(String(cString: real))/".contains("/\(InjectionLayout.store)/") else {
        throw .invalid("\(path) lies in what slipway keeps of another target: name that one")
      }
    }
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT: throw .missingTarget(path, link: nil)
      case ENOTDIR: throw .notADirectory(path)
      case let code: throw .call("opened", path, code: code)
      }
    }
    self.init(descriptor, path)
  }

  deinit { close(descriptor) }

  private func full(_ path: String) -> String { "\(self.path)/\(path)" }

  // MARK: Looking

  /// What stands at a name.
  enum Place: Equatable {
    case absent, directory, file
    case link(String)
  }

  /// What stands at a path; absent too where a directory on the way is.
  func place(_ path: String) throws(InjectionTreeError) -> Place {
    guard let folder = try folder(InjectionLayout.parent(of: path)) else { return .absent }
    let name = InjectionLayout.name(of: path)
    guard let status = try folder.status(name) else { return .absent }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .directory
    case S_IFLNK: return .link(try folder.link(name))
    default: return .file
    }
  }

  func status(_ name: String) throws(InjectionTreeError) -> stat? {
    var status = stat()
    guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      guard errno == ENOENT else { throw .call("read", full(name)) }
      return nil
    }
    return status
  }

  func status() throws(InjectionTreeError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .call("read", path) }
    return status
  }

  func link(_ name: String) throws(InjectionTreeError) -> String {
    guard let text = Files.link(name, in: descriptor) else { throw .call("read", full(name)) }
    return text
  }

  /// The names in it, sorted.
  func names() throws(InjectionTreeError) -> [String] {
    guard let names = Files.names(in: descriptor) else { throw .call("read", path) }
    return names
  }

  /// The bytes of a regular file; nil when there is none.
  func contents(_ name: String, limit: Int) throws(InjectionTreeError) -> [UInt8]? {
    let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      guard errno == ENOENT else { throw .call("read", full(name)) }
      return nil
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .call("read", full(name)) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
      throw .damaged(full(name), problem: "no file of at most \(limit) bytes")
    }
    guard let bytes = Files.contents(of: file, limit: Int(status.st_size)) else {
      throw .call("read", full(name))
    }
    return bytes
  }

  // MARK: Going down

  /// A folder below this one; nil where there is none.
  func folder(_ path: String) throws(InjectionTreeError) -> Folder? {
    try walk(path, makes: false)
  }

  /// A folder below this one, made where it is not there.
  func making(_ path: String) throws(InjectionTreeError) -> Folder {
    guard let folder = try walk(path, makes: true) else {
      throw .call("made", full(path), code: ENOENT)
    }
    return folder
  }

  private func walk(_ path: String, makes: Bool) throws(InjectionTreeError) -> Folder? {
    var folder = self
    for name in path.split(separator: "/") {
      guard let next = try folder.step(String(name), makes: makes) else { return nil }
      folder = next
    }
    return folder
  }

  private func step(_ name: String, makes: Bool) throws(InjectionTreeError) -> Folder? {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var next = openat(descriptor, name, flags)
    // Another writer may remove what was made before it is opened.
    var tries = 0
    while next < 0, errno == ENOENT, makes, tries < 100 {
      tries += 1
      guard mkdirat(descriptor, name, 0o755) == 0 || errno == EEXIST else {
        throw .call("made", full(name))
      }
      next = openat(descriptor, name, flags)
      // Whatever the umask: every user's jobs read what is below.
      guard next < 0 || fchmod(next, 0o755) == 0 else {
        close(next)
        throw .call("made", full(name))
      }
    }
    guard next >= 0 else {
      switch errno {
      case ENOENT: return nil
      case ENOTDIR, ELOOP:
        if let status = try status(name), status.st_mode & S_IFMT == S_IFLNK {
          throw .linkInTheWay(full(name), text: try link(name))
        }
        throw .notADirectory(full(name))
      case let code: throw .call("opened", full(name), code: code)
      }
    }
    return Folder(next, full(name))
  }

  // MARK: Changing

  func makeLink(_ name: String, text: String) throws(InjectionTreeError) {
    guard symlinkat(text, descriptor, name) == 0 else { throw .call("made", full(name)) }
  }

  func makeFile(_ name: String, _ bytes: some Sequence<UInt8>) throws(InjectionTreeError) {
    let file = try create(name)
    defer { close(file) }
    guard Files.write(Array(bytes), to: file) else { throw .call("written", full(name)) }
    try finish(file, name, mode: 0o644, times: nil)
  }

  /// Copies a host's file for everyone to read, with its times; says what the copy is known by.
  func copy(_ source: String, to name: String) throws(InjectionTreeError) -> SourceMark {
    // Not waiting for the writer of a FIFO.
    let from = Glibc.open(source, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard from >= 0 else { throw .call("read", source) }
    defer { close(from) }
    var (before, after) = (stat(), stat())
    guard fstat(from, &before) == 0 else { throw .call("read", source) }
    guard before.st_mode & S_IFMT == S_IFREG else { throw .invalid("\(source) is no regular file") }
    let file = try create(name)
    defer { close(file) }
    let isWhole = try Files.read(from, chunk: 1 << 18) { piece throws(InjectionTreeError) in
      guard Files.write(piece, to: file) else { throw .call("written", full(name)) }
    }
    guard isWhole else { throw .call("read", source) }
    guard fstat(from, &after) == 0 else { throw .call("read", source) }
    guard SourceMark(source, before) == SourceMark(source, after) else { throw .changed(source) }
    let mode: mode_t = before.st_mode & 0o111 == 0 ? 0o644 : 0o755
    try finish(file, name, mode: mode, times: [before.st_atim, before.st_mtim])
    // Of the copy and not of the source: file systems differ in how finely they keep times.
    guard fstat(file, &after) == 0 else { throw .call("read", full(name)) }
    return SourceMark(source, after)
  }

  private func create(_ name: String) throws(InjectionTreeError) -> Int32 {
    let file = openat(
      descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .call("written", full(name)) }
    return file
  }

  private func finish(
    _ file: Int32, _ name: String, mode: mode_t, times: [timespec]?
  ) throws(InjectionTreeError) {
    guard fchmod(file, mode) == 0, times == nil || futimens(file, times!) == 0, fsync(file) == 0
    else { throw .call("written", full(name)) }
  }

  /// Gives what a name stands for another name, in place of what that stood for.
  func rename(_ name: String, to other: String, in folder: Folder) throws(InjectionTreeError) {
    guard renameat(descriptor, name, folder.descriptor, other) == 0 else {
      throw .call("written", folder.full(other))
    }
  }

  /// Lets two names change places at once; says whether the file system can (NFS and others cannot).
  func exchange(
    _ name: String, with other: String, in folder: Folder
  ) throws(InjectionTreeError) -> Bool {
    let failure = sw_exchange(descriptor, name, folder.descriptor, other)
    guard failure == 0 || failure == -EINVAL || failure == -ENOSYS else {
      throw .call("written", folder.full(other), code: -failure)
    }
    return failure == 0
  }

  func unlink(_ name: String) throws(InjectionTreeError) {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw .call("removed", full(name))
    }
  }

  /// Removes an empty directory; says whether it is gone.
  @discardableResult
  func removeEmpty(_ name: String) -> Bool {
    unlinkat(descriptor, name, AT_REMOVEDIR) == 0 || errno == ENOENT
  }

  /// Removes whatever stands at a name, following nothing.
  func removeAll(_ name: String) throws(InjectionTreeError) {
    guard let status = try status(name) else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else { return try unlink(name) }
    if let folder = try folder(name) {
      for name in try folder.names() { try folder.removeAll(name) }
    }
    guard removeEmpty(name) else { throw .call("removed", full(name)) }
  }

  /// Sees that its names outlast a power cut, where the file system can.
  func sync() throws(InjectionTreeError) {
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
      throw .call("written", path)
    }
  }

  // MARK: Locking

  /// What became of the wish to be the only writer.
  enum Lock {
    case taken(Int32)
    case held(by: String)
    /// The file system has no locks.
    case impossible(Int32, cause: String)
    /// The folder has been removed meanwhile.
    case gone
  }

  /// Whether a writer is at work; needs no right to write.
  func isLocked(_ name: String) -> Bool {
    let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }

  /// Takes the lock if nobody holds it, until the descriptor is closed.
  func lock(_ name: String) throws(InjectionTreeError) -> Lock {
    let file = openat(
      descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      if errno == ENOENT { return .gone }
      throw .call("written", full(name))
    }
    if flock(file, LOCK_EX | LOCK_NB) == 0 { return .taken(file) }
    guard errno == EWOULDBLOCK else {
      return .impossible(file, cause: String(cString: strerror(errno)))
    }
    var text = [UInt8](repeating: 0, count: 256)
    let count = max(0, pread(file, &text, text.count, 0))
    close(file)
    return .held(by: String(decoding: text[..<count], as: UTF8.self))
  }
}
