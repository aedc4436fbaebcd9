internal import Digests
import Files
internal import Glibc
internal import Hashing

/// One thing that a store holds.
package struct StoredItem: Equatable, Sendable {
  package var key: StoreKey
  /// In bytes on the disk; of a blob, its length.
  package var size: Int64
  /// Seconds since 1970; as far as it is known on this node, at least when it was made.
  package var lastUse: Int
  /// Who uses it, as it was marked.
  package var user: String?
}

extension Store {
  /// All that is there, sorted by key: walked through, with what the index knows besides.
  package func list() throws(StoreError) -> [StoredItem] {
    let known = index?.all() ?? [:]
    var items: [StoredItem] = []
    for kind in try top.names() {
      for algorithm in Digest.Algorithm.allCases {
        guard StoreKey(kind: kind, digest: Digest(of: [], algorithm)) != nil,
          let folder = try own("\(kind)/\(algorithm.rawValue)")
        else { continue }
        for name in try folder.names() {
          guard let digest = Digest(algorithm, hex: name),
            let key = StoreKey(kind: kind, digest: digest),
            let status = try item(key, in: folder)
          else { continue }
          let record = known[key.fileName]
          var size = key.isBlob ? Int64(status.st_size) : record?.size ?? -1
          if size < 0 { size = try folder.folder(name)?.measure() ?? 0 }
          let used = max(record?.used ?? 0, status.st_mtim.tv_sec)
          if record?.size != size { index?.note(key, size: size, used: used) }
          items.append(
            StoredItem(key: key, size: size, lastUse: used, user: try user(of: key)))
        }
      }
    }
    return items.sorted { $0.key < $1.key }
  }

  /// A folder of the store's; nil where something else stands there, which is left alone.
  private func own(_ path: String) throws(StoreError) -> Folder? {
    do throws(StoreError) {
      return try top.folder(path)
    } catch  where error.kind == .untrusted {
      return nil
    }
  }

  // MARK: Verification

  /// What a verification found.
  package struct Verification: Equatable, Sendable {
    package var checked = 0
    package var bytes: Int64 = 0
    /// What was corrupt and has been put into quarantine, or was only found in a store of others.
    package var corrupt: [Problem] = []

    package struct Problem: Equatable, Sendable {
      package var key: StoreKey
      package var cause: String
    }
  }

  /// Hashes everything anew and puts aside what is corrupt.
  package func verify() throws(StoreError) -> Verification {
    var result = Verification()
    for stored in try list() {
      let key = stored.key
      guard let folder = try top.folder(key.directory) else { continue }
      var cause: String?
      if key.isBlob {
        cause = try problem(key.digest.hex, in: folder, key.digest, &result.bytes)
      } else if let directory = try folder.folder(key.digest.hex),
        let sums = try directory.contents(StoreTemporary.sums, limit: 1 << 20)
      {
        for line in String(decoding: sums, as: UTF8.self).split(separator: "\n") {
          let parts = line.split(separator: " ", maxSplits: 1)
          guard parts.count == 2, let digest = Digest(parts[0]), !parts[1].contains("/") else {
            cause = "its list of digests is damaged"
            break
          }
          cause = try problem(String(parts[1]), in: directory, digest, &result.bytes)
          if cause != nil { break }
        }
      }
      result.checked += 1
      if let cause {
        result.corrupt.append(Verification.Problem(key: key, cause: cause))
        if !isReadOnly { try quarantine(key) }
      }
    }
    return result
  }

  /// What is wrong with a file; nil where it is right or has gone meanwhile.
  private func problem(
    _ name: String, in folder: Folder, _ digest: Digest, _ bytes: inout Int64
  ) throws(StoreError) -> String? {
    guard let (file, _) = try folder.file(name) else {
      return try folder.status(name) == nil && folder.path.contains("/blobs/")
        ? nil : "\(name.prefix(40)) is not there"
    }
    defer { close(file) }
    let hasher = StreamHasher(digest.algorithm)
    let isWhole = Files.read(file, chunk: 1 << 20) { piece in
      bytes &+= Int64(piece.count)
      hasher.update(piece)
    }
    guard isWhole else { return "it cannot be read (\(String(cString: strerror(errno))))" }
    let computed = hasher.finish()
    return computed == digest ? nil : "\(name.prefix(40)) has the digest \(computed)"
  }

  // MARK: Repair

  /// What a repair removed and found.
  package struct Repair: Equatable, Sendable {
    package var temporaries = 0
    package var partials = 0
    package var locks = 0
    package var marks = 0
    package var quarantined = 0
    package var items = 0
  }

  /// Removes what processes that died have left, and makes the index anew.
  ///
  /// What may belong to a process of another node is left for a week; so is what can be resumed.
  /// - Parameter quarantine: whether what was put aside is removed too.
  package func repair(quarantine: Bool = false) throws(StoreError) -> Repair {
    try writable()
    var result = Repair()
    func remove(
      _ path: String, days: Int, _ isDead: (String) -> Bool
    ) throws(StoreError) -> Int {
      guard let folder = try top.folder(path) else { return 0 }
      var count = 0
      for name in try folder.names() {
        guard let status = try folder.status(name) else { continue }
        let age = time(nil) &- status.st_mtim.tv_sec
        guard isDead(name) || age > days * 86400 else { continue }
        try folder.removeAll(name)
        count += 1
      }
      return count
    }
    func isDead(_ name: String) -> Bool {
      guard let dot = name.firstIndex(of: ".") else { return false }
      return Owner(uniqueName: name[name.index(after: dot)...])?.isDead == true
    }
    result.temporaries = try remove("tmp", days: 7, isDead)
    result.partials = try remove("partial", days: 7) { _ in false }
    result.locks = try remove("locks", days: 1) { name in
      if isDead(name) { return true }
      guard let bytes = try? top.folder("locks")?.contents(name, limit: 4096) else { return false }
      return Owner(text: String(decoding: bytes, as: UTF8.self))?.isDead == true
    }
    if let uses = try top.folder("uses") {
      for name in try uses.names() {
        // Empties it of what has expired; rmdir takes no directory in which a mark is.
        if let key = Self.key(fileName: name) { _ = try user(of: key) }
        if unlinkat(uses.descriptor, name, AT_REMOVEDIR) == 0 { result.marks += 1 }
      }
    }
    if quarantine { result.quarantined = try remove("quarantine", days: -1) { _ in true } }
    index?.clear()
    result.items = try list().count
    return result
  }

  private static func key(fileName: String) -> StoreKey? {
    let parts = fileName.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 3,
      let algorithm = Digest.Algorithm(rawValue: String(parts[parts.count - 2])),
      let digest = Digest(algorithm, hex: parts[parts.count - 1])
    else { return nil }
    return StoreKey(kind: parts.dropLast(2).joined(separator: "-"), digest: digest)
  }
}
