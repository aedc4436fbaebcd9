internal import Digests
internal import Glibc

extension Store {
  /// What a collection removed, or would remove.
  package struct Collected: Equatable, Sendable {
    package var removed: [StoredItem] = []
    /// What would have been removed, but is in use.
    package var inUse: [StoredItem] = []
    /// What is left.
    package var bytes: Int64 = 0

    package var freed: Int64 { removed.reduce(0) { $0 &+ $1.size } }
  }

  /// Removes what was used least recently, until both limits are met; never what is in use.
  ///
  /// - Parameters:
  ///   - limit: the bytes that may stay; nil is as many as there are.
  ///   - age: what was not used for so many seconds goes in any case; nil is nothing.
  ///   - keep: what has a name that people know, and all that it needs.
  ///   - isDry: whether nothing is removed.
  package func collect(
    limit: Int64? = nil, olderThan age: Double? = nil, keep: Set<StoreKey> = [],
    isDry: Bool = false
  ) throws(StoreError) -> Collected {
    if !isDry { try writable() }
    let items = try list()
    var result = Collected()
    result.bytes = items.reduce(0) { $0 &+ $1.size }
    let now = time(nil)
    for item in items.sorted(by: { $0.lastUse < $1.lastUse }) where !keep.contains(item.key) {
      let isOld = age.map { Double(now &- item.lastUse) >= $0 } ?? false
      let isTooMuch = limit.map { result.bytes > $0 } ?? false
      guard isOld || isTooMuch else { continue }
      if item.user != nil {
        result.inUse.append(item)
      } else if isDry ? true : try remove(item.key) {
        result.removed.append(item)
        result.bytes &-= item.size
      } else {
        result.inUse.append(item)
      }
    }
    return result
  }

  /// Removes one thing unless it is in use; says whether it is gone.
  package func remove(_ key: StoreKey) throws(StoreError) -> Bool {
    try writable()
    guard let folder = try top.folder(key.directory) else { return true }
    let name = key.digest.hex
    guard try folder.status(name) != nil else { return true }
    let lock: StoreLock
    do throws(StoreError) {
      lock = try self.lock(key, purpose: Self.removal, patience: 0)
    } catch  where error.kind == .busy {
      return false
    }
    defer { lock.release() }
    guard try user(of: key) == nil, !isHeld(name, in: folder) else { return false }
    let trash = try top.making("tmp")
    let aside = "trash.\(Owner.current("").uniqueName)"
    guard renameat(folder.descriptor, name, trash.descriptor, aside) == 0 else {
      if errno == ENOENT { return true }
      throw .call("removed", folder.full(name))
    }
    // Once more, for the case that this process slept for so long that its lock was taken over.
    if try user(of: key) != nil || isHeld(aside, in: trash),
      renameat(trash.descriptor, aside, folder.descriptor, name) == 0
    {
      return false
    }
    lock.release()
    index?.forget(key)
    try trash.removeAll(aside)
    return true
  }

  /// Sees that so many bytes more fit into the quota and onto the file system.
  ///
  /// - Parameter keep: what is not removed for it; nil is everything.
  package func reserve(_ bytes: Int64, keep: Set<StoreKey>? = nil) throws(StoreError) {
    try writable()
    var missing = try shortage(bytes)
    if missing > 0, let keep {
      let held = try list().reduce(Int64(0)) { $0 &+ $1.size }
      _ = try collect(limit: max(0, held &- missing), keep: keep)
      missing = try shortage(bytes)
    }
    guard missing <= 0 else {
      throw StoreError(
        .full, root, "\(bytes) bytes do not fit: \(missing) are missing",
        "remove images that are not needed (slipway store gc), or raise the quota or use another "
          + "file system in slipway.toml")
    }
  }

  /// How many bytes are missing for so many more; 0 or less is none.
  private func shortage(_ bytes: Int64) throws(StoreError) -> Int64 {
    var missing = Int64.min
    var status = statvfs()
    if fstatvfs(top.descriptor, &status) == 0 {
      let (free, isMore) = Int64(clamping: status.f_bavail)
        .multipliedReportingOverflow(by: Int64(clamping: status.f_frsize))
      if !isMore { missing = bytes.subtractingReportingOverflow(free).partialValue }
    }
    if let quota = settings.quota {
      let held = try list().reduce(Int64(0)) { $0 &+ $1.size }
      let (sum, isMore) = held.addingReportingOverflow(bytes)
      missing = max(missing, isMore ? .max : sum.subtractingReportingOverflow(quota).partialValue)
    }
    return missing
  }
}
