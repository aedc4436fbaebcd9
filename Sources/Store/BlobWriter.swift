internal import Digests
internal import Files
internal import Glibc
internal import Hashing

/// Writes one blob: hashed on the way, and given its name when size and digest are right.
///
/// What a writer that died has written is taken over, hashed anew; what a writer wrote that lives
/// is left to it. A blob that cannot be finished stays to be resumed, unless the disk is full.
package final class BlobWriter {
  /// How many bytes are there.
  package private(set) var offset: Int64 = 0
  private let store: Store
  private let digest: Digest
  private let size: Int64?
  private let folder: Folder
  private let name: String
  private var file: Int32 = -1
  private var hasher: StreamHasher

  init(_ store: Store, _ digest: Digest, size: Int64?) throws(StoreError) {
    self.store = store
    self.digest = digest
    self.size = size
    folder = try store.top.making("partial")
    name = "\(Self.prefix(digest))\(Owner.current("").uniqueName)"
    hasher = StreamHasher(digest.algorithm)
    try resume()
    if file < 0 { file = try folder.create(name) }
  }

  deinit {
    guard file >= 0 else { return }
    close(file)
    if offset == 0 {
      try? folder.unlink(name)
    } else {
      // Free for the next writer, also one of this process.
      let free = "\(Self.prefix(digest))\(Self.free)\(UInt64.random(in: 0...(.max)))"
      try? folder.rename(name, to: free, in: folder)
    }
  }

  /// The mark of what its writer has left.
  private static let free = "free."

  private static func prefix(_ digest: Digest) -> String {
    "\(digest.algorithm.rawValue)-\(digest.hex)."
  }

  private var path: String { folder.full(name) }

  // MARK: Going on

  /// Takes over the longest of what others have left.
  private func resume() throws(StoreError) {
    let prefix = Self.prefix(digest)
    var candidates: [(name: String, size: Int64, isDead: Bool)] = []
    for other in try folder.names() where other.hasPrefix(prefix) && other != name {
      guard let status = try folder.status(other), status.st_mode & S_IFMT == S_IFREG else {
        continue
      }
      let rest = other.dropFirst(prefix.count)
      let isDead = rest.hasPrefix(Self.free) || Owner(uniqueName: rest)?.isDead == true
      // On another node: nobody has written for long, by this one's clock.
      let isStale = Double(time(nil) &- status.st_mtim.tv_sec) > 10 * store.settings.leaseSeconds
      if isDead || isStale { candidates.append((other, Int64(status.st_size), isDead)) }
    }
    for other in candidates.sorted(by: { $0.size > $1.size }) {
      if file < 0, other.size > 0, other.size <= size ?? .max {
        if other.isDead {
          // A rename succeeds for one only, and nobody writes there any more.
          guard renameat(folder.descriptor, other.name, folder.descriptor, name) == 0 else {
            continue
          }
          guard let (file, _) = try folder.file(name, O_RDWR) else {
            try folder.removeAll(name)
            continue
          }
          self.file = file
          try hash(file, copy: -1)
        } else if let (from, _) = try folder.file(other.name) {
          // Its writer may be asleep and go on: not into this file.
          defer { close(from) }
          file = try folder.create(name)
          try hash(from, copy: file)
          try folder.unlink(other.name)
        }
      } else {
        try folder.removeAll(other.name)
      }
    }
  }

  /// Hashes what is there, and copies it where that is wished.
  private func hash(_ from: Int32, copy: Int32) throws(StoreError) {
    let isWhole = try Files.read(from, chunk: 1 << 20) { piece throws(StoreError) in
      if copy >= 0 { try put(piece) }
      hasher.update(piece)
      offset += Int64(piece.count)
    }
    guard isWhole else { throw .call("read", path) }
  }

  // MARK: Writing

  package func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    guard Int64(bytes.count) <= (size ?? .max) &- offset else {
      throw StoreError(
        .damaged, "\(digest)", "more than its \(size ?? 0) bytes came", "fetch it again")
    }
    if file < 0 { file = try folder.create(name) }
    try put(bytes)
    hasher.update(bytes)
    offset += Int64(bytes.count)
  }

  private func put(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    do throws(StoreError) {
      guard Files.write(bytes, to: file) else { throw .call("written", path) }
    } catch {
      // The file may have grown by less than was hashed; and on a full disk it is in the way.
      try? discard()
      throw error
    }
  }

  /// Forgets all bytes.
  package func restart() throws(StoreError) {
    try discard()
    file = try folder.create(name)
  }

  private func discard() throws(StoreError) {
    if file >= 0 { close(file) }
    file = -1
    offset = 0
    hasher = StreamHasher(digest.algorithm)
    try folder.unlink(name)
  }

  // MARK: The end

  /// Gives the blob its name if it is right; else removes it and says what is wrong with it.
  package func finish() throws(StoreError) -> String? {
    guard file >= 0 else { return "nothing was written" }
    if let size, offset != size {
      let came = offset
      try discard()
      return "it has \(came) bytes instead of \(size)"
    }
    let computed = hasher.finish()
    hasher = StreamHasher(digest.algorithm)
    guard computed == digest else {
      try discard()
      return "its digest is \(computed)"
    }
    guard fchmod(file, store.top.trust.fileMode) == 0, fsync(file) == 0 else {
      let error = StoreError.call("written", path)
      try? discard()
      throw error
    }
    let key = StoreKey.blob(digest)
    let home = try store.top.making(key.directory)
    if renameat(folder.descriptor, name, home.descriptor, digest.hex) != 0 {
      guard errno == EISDIR else { throw .call("written", home.full(digest.hex)) }
      // No file, so nothing that slipway put there.
      try store.quarantine(key)
      try folder.rename(name, to: digest.hex, in: home)
    }
    close(file)
    file = -1
    try home.sync()
    store.index?.note(key, size: offset, used: time(nil))
    return nil
  }
}
