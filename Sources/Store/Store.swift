package import Digests
package import Glibc
internal import Hashing

/// Where a store is and how it is kept.
package struct StoreSettings: Equatable, Sendable {
  /// The directory that it is in; it is made if it is not there.
  package var root: String
  /// Whether everybody may read it: a site's store (0755, 0644) instead of a user's (0700, 0600).
  package var isShared = false
  /// A directory on a local disk for the index; nil is `/var/tmp/slipway-UID`.
  package var indexDirectory: String?
  /// The most bytes that it may hold; nil is what the file system has.
  package var quota: Int64?
  /// A lock that is not refreshed for so many seconds is taken over.
  package var leaseSeconds = 30.0

  package init(root: String) { self.root = root }
}

/// Files and directories that are found by a digest, below one directory.
///
/// ```
/// blobs/sha256/HEX          a file whose bytes have that digest
/// KIND/sha256/HEX/…         a directory that was made from what has that digest
/// partial/ tmp/             what is being written
/// locks/ uses/              who works at what, and who needs what
/// quarantine/               what was found corrupt
/// ```
///
/// The file system is the truth: a name appears by rename when all behind it is verified and
/// lasting, so readers need no lock. One store belongs to one thread at a time; many processes on
/// many nodes may use its directory.
package final class Store {
  package let root: String
  let settings: StoreSettings
  let top: Folder
  /// nil where nothing is written.
  let index: StoreIndex?
  let isReadOnly: Bool

  /// Opens a store of this user's for reading and writing.
  package init(_ settings: StoreSettings) throws(StoreError) {
    if let problem = StreamHasher.problem {
      throw StoreError(.failed, "nothing can be verified", problem.cause, problem.remedy)
    }
    self.settings = settings
    root = settings.root
    isReadOnly = false
    top = try .root(
      settings.root, Folder.Trust(owners: [geteuid()], isShared: settings.isShared), makes: true)
    index = StoreIndex(settings)
  }

  /// Opens a store that others keep, such as a site's, for reading.
  ///
  /// - Parameter owners: whom to trust besides this user.
  package init(reading root: String, owners: Set<uid_t> = [0]) throws(StoreError) {
    settings = StoreSettings(root: root)
    self.root = root
    isReadOnly = true
    index = nil
    top = try .root(
      root, Folder.Trust(owners: owners.union([geteuid()]), isShared: true), makes: false)
  }

  func writable() throws(StoreError) {
    guard !isReadOnly else {
      throw StoreError(
        .notPermitted, root, "this store is only read", "run as its owner, or use one of your own")
    }
  }

  // MARK: Reading

  /// A blob that is open; it stays readable when it is removed.
  package final class StoredFile {
    package let descriptor: Int32
    package let size: Int64
    package let path: String

    fileprivate init(descriptor: Int32, size: Int64, path: String) {
      (self.descriptor, self.size, self.path) = (descriptor, size, path)
    }

    deinit { close(descriptor) }
  }

  /// Opens a blob; nil where there is none.
  package func open(_ digest: Digest) throws(StoreError) -> StoredFile? {
    let key = StoreKey.blob(digest)
    guard let folder = try top.folder(key.directory),
      let (file, status) = try folder.file(digest.hex)
    else { return nil }
    touch(key, in: folder, status)
    return StoredFile(descriptor: file, size: Int64(status.st_size), path: folder.full(digest.hex))
  }

  /// The bytes of a small blob, verified now; nil where there is none.
  ///
  /// One that is corrupt is put aside, as if it had not been there.
  package func contents(of digest: Digest, limit: Int) throws(StoreError) -> [UInt8]? {
    let key = StoreKey.blob(digest)
    guard let bytes = try top.folder(key.directory)?.contents(digest.hex, limit: limit) else {
      return nil
    }
    guard Digest(of: bytes, digest.algorithm) == digest else {
      if !isReadOnly { try quarantine(key) }
      return nil
    }
    return bytes
  }

  /// The path of a blob's file or of another kind's directory; nil where it is not there.
  package func path(of key: StoreKey) throws(StoreError) -> String? {
    guard let folder = try top.folder(key.directory), let status = try item(key, in: folder)
    else { return nil }
    touch(key, in: folder, status)
    return folder.full(key.digest.hex)
  }

  /// What stands for a key, if it can be trusted to be that.
  func item(_ key: StoreKey, in folder: Folder) throws(StoreError) -> stat? {
    guard let status = try folder.status(key.digest.hex),
      status.st_mode & S_IFMT == (key.isBlob ? S_IFREG : S_IFDIR), top.trust.covers(status)
    else { return nil }
    return status
  }

  /// Notes a use, at most once an hour where other nodes see it: in the time of its last change.
  private func touch(_ key: StoreKey, in folder: Folder, _ status: stat) {
    guard !isReadOnly else { return }
    let now = time(nil)
    index?.note(key, used: now)
    if now &- status.st_mtim.tv_sec > 3600 {
      utimensat(folder.descriptor, key.digest.hex, nil, AT_SYMLINK_NOFOLLOW)
    }
  }

  // MARK: Writing

  /// Begins a blob, or goes on where a writer that died left off.
  ///
  /// - Parameter size: in bytes, where it is known.
  package func writer(for digest: Digest, size: Int64?) throws(StoreError) -> BlobWriter {
    try writable()
    return try BlobWriter(self, digest, size: size)
  }

  /// Keeps a small blob.
  package func put(_ bytes: [UInt8], as digest: Digest) throws(StoreError) {
    guard
      try top.folder(StoreKey.blob(digest).directory)?.contents(digest.hex, limit: bytes.count)
        != bytes
    else { return }
    let writer = try writer(for: digest, size: Int64(bytes.count))
    try writer.restart()
    try lend(bytes) { bytes throws(StoreError) in try writer.write(bytes) }
    if let problem = try writer.finish() {
      throw StoreError(.damaged, "\(digest)", problem, "fetch it again")
    }
  }

  /// A directory of this process, for what will be published or thrown away.
  ///
  /// - Parameter purpose: a word for its name.
  package func temporaryDirectory(for purpose: String) throws(StoreError) -> StoreTemporary {
    try writable()
    return try StoreTemporary(try top.making("tmp"), purpose)
  }

  /// Gives a directory that is complete its name; where there is one already, that one stays.
  ///
  /// Its owner has made all lasting but the files in `sums`, which the store sees to.
  ///
  /// - Parameter sums: digests of files in it, by their names, for ``verify``.
  /// - Returns: its path.
  package func publish(
    _ temporary: StoreTemporary, as key: StoreKey, sums: [String: Digest] = [:]
  ) throws(StoreError) -> String {
    precondition(!key.isBlob, "blobs are written by a writer")
    let folder = try top.making(key.directory)
    try temporary.complete(sums: sums)
    let name = key.digest.hex
    while !temporary.rename(to: name, in: folder) {
      guard [EEXIST, ENOTEMPTY, ENOTDIR].contains(errno) else {
        throw .call("written", folder.full(name))
      }
      // Another one was first, unless something else stands there.
      if try item(key, in: folder) != nil { return folder.full(name) }
      try quarantine(key)
    }
    try folder.sync()
    index?.note(key, used: time(nil))
    return folder.full(name)
  }

  /// Puts aside what stands in the place of a key.
  func quarantine(_ key: StoreKey) throws(StoreError) {
    guard let folder = try top.folder(key.directory) else { return }
    let quarantine = try top.making("quarantine")
    let name = "\(key.fileName).\(time(nil)).\(UInt32.random(in: 0...UInt32.max))"
    guard
      renameat(folder.descriptor, key.digest.hex, quarantine.descriptor, name) == 0
        || errno == ENOENT
    else { throw .call("moved", folder.full(key.digest.hex)) }
    index?.forget(key)
  }
}
