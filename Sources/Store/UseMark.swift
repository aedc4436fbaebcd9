internal import Digests
internal import Glibc

/// The mark that something is in use until a time, so that it is not collected.
///
/// Two marks in one, since either may fail: a file that every node sees, until it expires; and an
/// flock(2) of what is in use, where the file system has it, as long as the process lives.
package final class UseMark {
  private let folder: Folder?
  private let name: String
  private let lock: Int32
  private let user: String

  fileprivate init(_ folder: Folder?, _ name: String, _ lock: Int32, _ user: String) {
    (self.folder, self.name, self.lock, self.user) = (folder, name, lock, user)
  }

  deinit { if lock >= 0 { close(lock) } }

  /// The text of a mark: when it expires, in seconds since 1970, and who has it.
  fileprivate static func text(_ seconds: Double, _ user: String) -> String {
    "\(time(nil) &+ Int(min(max(seconds, 0), 1e9))) \(user.prefix { !$0.isNewline }.prefix(200))\n"
  }

  /// Lets it expire so many seconds from now.
  package func renew(seconds: Double) throws(StoreError) {
    guard let folder else { return }
    try folder.put(Self.text(seconds, user), as: name)
  }

  /// Takes the mark away, which otherwise outlives its process until it expires.
  package func release() {
    try? folder?.unlink(name)
    if lock >= 0 { flock(lock, LOCK_UN) }
  }
}

extension Folder {
  /// Writes a small file whole, in place of another.
  fileprivate func put(_ text: String, as name: String) throws(StoreError) {
    let new = "\(name).new"
    try unlink(new)
    let file = try create(new, mode: trust.fileMode)
    defer { close(file) }
    try writeAll(Array(text.utf8), to: file, full(new))
    try rename(new, to: name, in: self)
  }
}

extension Store {
  /// Seconds by which the clocks of nodes may differ.
  private static let skew = 300

  /// Marks something as in use; nil where it is not there.
  ///
  /// In a store that is only read there is the flock(2) only: what others keep is theirs to keep.
  ///
  /// - Parameter user: who, for people: `job 12 step 0 on n1`.
  package func mark(
    _ key: StoreKey, by user: String, seconds: Double
  ) throws(StoreError) -> UseMark? {
    var (marks, name) = (Folder?.none, "")
    if !isReadOnly {
      let folder = try top.making("uses/\(key.fileName)")
      name = Owner.current("").uniqueName
      try folder.put(UseMark.text(seconds, user), as: name)
      marks = folder
    }
    // Of a mark and a removal that meet, one sees the other: who removes has the lock first and looks
    // for marks then, who marks has the mark first and waits for the lock then.
    for _ in 0..<10 {
      let folder = try top.folder(key.directory)
      let lock =
        folder.map {
          openat(
            $0.descriptor, key.digest.hex, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        } ?? -1
      if lock >= 0 { flock(lock, LOCK_SH | LOCK_NB) }
      try waitForRemoval(key)
      var locked = stat()
      if let folder, let there = try item(key, in: folder), lock >= 0, fstat(lock, &locked) == 0,
        locked.st_ino == there.st_ino
      {
        return UseMark(marks, name, lock, user)
      }
      if lock >= 0 { close(lock) }
      // Another one may have come in its place.
      guard let folder = try top.folder(key.directory), try item(key, in: folder) != nil else {
        break
      }
    }
    try marks?.unlink(name)
    return nil
  }

  /// Who uses something, or nil; what has expired is removed.
  func user(of key: StoreKey) throws(StoreError) -> String? {
    guard let folder = try top.folder("uses/\(key.fileName)") else { return nil }
    var found: String?
    for name in try folder.names() {
      guard let bytes = try folder.contents(name, limit: 4096) else { continue }
      let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 1)
      // One that is not written yet is young.
      guard let end = parts.first.flatMap({ Int($0) }) else {
        if let status = try folder.status(name), time(nil) &- status.st_mtim.tv_sec < Self.skew {
          found = "a process"
        }
        continue
      }
      if time(nil) < end &+ Self.skew {
        found = parts.count == 2 ? String(parts[1].prefix { !$0.isNewline }) : "a process"
      } else {
        try folder.unlink(name)
      }
    }
    return found
  }

  /// Whether a process of this node, or of any where the file system has flock(2), holds it.
  func isHeld(_ name: String, in folder: Folder) -> Bool {
    let file = openat(
      folder.descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
