import Files
internal import Glibc

/// The right to work at something while others wait, so that it is done once.
///
/// It saves work and guards nothing: two that hold it, after one was taken for dead, do the same
/// work twice. The lock is a file that names its owner, made by link(2), which is atomic between the
/// nodes of a shared file system too. Who holds it refreshes the file's time.
package final class StoreLock {
  /// The open lock file, for who refreshes its time (futimens(3)) instead of ``refresh()``.
  package let descriptor: Int32
  private let folder: Folder
  private let name: String
  private var refreshed: ContinuousClock.Instant
  private var isHeld = true

  fileprivate init(_ folder: Folder, _ name: String, _ descriptor: Int32) {
    (self.folder, self.name, self.descriptor) = (folder, name, descriptor)
    refreshed = .now
  }

  deinit {
    release()
    close(descriptor)
  }

  /// Says that its holder lives; to be called every few seconds, and cheap when called more often.
  ///
  /// - Returns: whether it is still held.
  @discardableResult
  package func refresh() -> Bool {
    guard isHeld else { return false }
    guard refreshed.duration(to: .now) >= .seconds(1) else { return true }
    refreshed = .now
    futimens(descriptor, nil)
    isHeld = isOwn
    return isHeld
  }

  package func release() {
    guard isHeld else { return }
    isHeld = false
    if isOwn { try? folder.unlink(name) }
  }

  /// Whether the name still stands for this file.
  private var isOwn: Bool {
    var own = stat()
    guard fstat(descriptor, &own) == 0, let named = try? folder.status(name) else { return false }
    return (own.st_dev, own.st_ino) == (named.st_dev, named.st_ino)
  }
}

extension Store {
  /// Takes the lock of a key; waits for who holds it.
  ///
  /// One whose holder has ended on this node is taken over at once, one that is not refreshed for
  /// `leaseSeconds` of this process's own clock then.
  ///
  /// - Parameters:
  ///   - purpose: what for, for those who wait.
  ///   - patience: the seconds to wait; then ``StoreError`` names the holder.
  package func lock(
    _ key: StoreKey, purpose: String, patience: Double, isCancelled: () -> Bool = { false }
  ) throws(StoreError) -> StoreLock {
    try writable()
    let folder = try top.making("locks")
    let owner = Owner.current(purpose)
    let start = ContinuousClock.now
    var seen: (mark: LockMark, since: ContinuousClock.Instant)?
    var pause: UInt32 = 5000
    while true {
      if let descriptor = try makeLock(key.fileName, in: folder, owner) {
        return StoreLock(folder, key.fileName, descriptor)
      }
      let now = ContinuousClock.now
      let found = try look(key.fileName, in: folder)
      let holder = found?.owner
      if let mark = found?.mark {
        if seen?.mark != mark { seen = (mark, now) }
        let silence = Double((seen?.since ?? now).duration(to: now))
        if holder?.isDead == true || silence > settings.leaseSeconds {
          try takeOver(key.fileName, in: folder, mark, owner)
          seen = nil
          continue
        }
      }
      guard !isCancelled() else {
        throw StoreError(.cancelled, "\(key)", "it was interrupted", "run the command again")
      }
      guard Double(start.duration(to: now)) < patience else {
        throw StoreError(
          .busy, "\(key)",
          "\(holder?.words ?? "another process") is at it, and waiting \(Int(min(patience, 1e9))) s "
            + "did not help",
          "try again when it is done")
      }
      // No file system tells of changes that another node makes: there is nothing to wait for.
      usleep(pause)
      pause = min(pause * 2, 200_000)
    }
  }

  /// The purpose of a lock for removing something.
  static let removal = "removal"

  /// Waits until nobody is about to remove something, as far as that one lives.
  func waitForRemoval(_ key: StoreKey) throws(StoreError) {
    guard let folder = try top.folder("locks") else { return }
    let end = ContinuousClock.now + .seconds(settings.leaseSeconds)
    while let found = try look(key.fileName, in: folder), let owner = found.owner,
      owner.purpose == Self.removal, !owner.isDead, .now < end
    {
      usleep(500)  // a removal holds it for a rename
    }
  }

  /// By what a lock file is known to be the same and not refreshed.
  struct LockMark: Equatable {
    var inode: UInt64
    var seconds: Int
    var nanoseconds: Int
    var size: Int

    init(_ status: stat) {
      (inode, size) = (UInt64(status.st_ino), Int(status.st_size))
      (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
  }

  /// Makes the lock file, whole at once; nil where there is one.
  private func makeLock(
    _ name: String, in folder: Folder, _ owner: Owner
  ) throws(StoreError) -> Int32? {
    let candidate = "new.\(owner.uniqueName)"
    let file = try folder.create(candidate, mode: folder.trust.fileMode)
    defer { try? folder.unlink(candidate) }
    do throws(StoreError) {
      try writeAll(Array(owner.text.utf8), to: file, folder.full(candidate))
    } catch {
      close(file)
      throw error
    }
    let result = linkat(folder.descriptor, candidate, folder.descriptor, name, 0)
    let code = errno
    // An NFS server's answer may be lost, so that a link that was made looks like one that was not
    // (open(2), O_EXCL).
    var status = stat()
    if result == 0 || fstat(file, &status) == 0 && status.st_nlink == 2 { return file }
    close(file)
    switch code {
    case EEXIST: return nil
    case EPERM, ENOTSUP, ENOSYS, EMLINK:
      // A file system without hard links.
      let file = openat(
        folder.descriptor, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        folder.trust.fileMode)
      guard file >= 0 else {
        if errno == EEXIST { return nil }
        throw .call("written", folder.full(name))
      }
      try writeAll(Array(owner.text.utf8), to: file, folder.full(name))
      return file
    default: throw .call("written", folder.full(name), code: code)
    }
  }

  /// Looks at a lock file; nil where there is none any more.
  private func look(
    _ name: String, in folder: Folder
  ) throws(StoreError) -> (mark: LockMark, owner: Owner?)? {
    // Opened anew each time: NFS asks its server then.
    guard let (file, status) = try folder.file(name) else {
      // What is no file was not made by a store.
      if !isReadOnly, try folder.status(name) != nil { try folder.removeAll(name) }
      return nil
    }
    defer { close(file) }
    let text = String(decoding: Files.contents(of: file, limit: 4096) ?? [], as: UTF8.self)
    return (LockMark(status), Owner(text: text))
  }

  /// Takes a lock file away if it is still the one that was seen.
  private func takeOver(
    _ name: String, in folder: Folder, _ mark: LockMark, _ owner: Owner
  ) throws(StoreError) {
    let aside = "old.\(owner.uniqueName)"
    // One of those who see it dead can rename it; another one's new lock goes back.
    guard renameat(folder.descriptor, name, folder.descriptor, aside) == 0 else { return }
    if let status = try folder.status(aside), LockMark(status) != mark {
      linkat(folder.descriptor, aside, folder.descriptor, name, 0)
    }
    try folder.unlink(aside)
  }
}

extension Double {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = Self(seconds) + Self(attoseconds) / 1e18
  }
}
