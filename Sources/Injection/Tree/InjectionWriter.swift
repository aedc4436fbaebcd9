import Glibc

/// Places, removes and compares what is injected below a target.
///
/// A change is prepared beside what is in use, becomes visible by one rename, and is tidied up
/// after: a process that dies leaves the old state or the new one, and the next one tidies up.
/// Only what others put at a place of slipway's is replaced on its own, by exchanging the two names
/// right after; it is kept and given back when slipway leaves the place.
package struct InjectionWriter: Sendable {
  /// The directory that ``InjectionTarget`` found.
  package var target: String
  /// Who writes, for the lock and the manifest: `root on login1`.
  package var author: String
  /// The release of slipway.
  package var release: String
  /// Seconds since 1970.
  package var now: @Sendable () -> Int
  /// Seconds to wait for another writer.
  package var patience: Double

  package init(
    target: String, author: String, release: String,
    now: @escaping @Sendable () -> Int = { time(nil) }, patience: Double = 10
  ) {
    self.target = target
    self.author = author
    self.release = release
    self.now = now
    self.patience = patience
  }

  /// What was done, or would be.
  package struct Outcome: Equatable, Sendable {
    /// nil: nothing is injected any more, or nothing was done yet.
    package var generation: Int?
    package var changes: [InjectionTree.Change]
    /// What others put in the places that are taken.
    package var adopted: [InjectionManifest.Adopted]
    /// What the administrator should know.
    package var notes: [String]
  }

  /// What stands in the target now; nil when slipway has injected nothing.
  package func current() throws(InjectionTreeError) -> (InjectionManifest, InjectionTree)? {
    try InjectionStore(Folder(target: target)).current().map { ($0.manifest, $0.tree) }
  }

  /// What ``apply`` would do: a dry run, which writes nothing and needs no right to.
  package func preview(_ tree: InjectionTree) throws(InjectionTreeError) -> Outcome {
    try tree.check()
    let store = try InjectionStore(Folder(target: target))
    let old = try store.current()
    let before = old?.tree ?? InjectionTree()
    let new = before.adding(tree)
    let plan = try store.plan(new, carried: before.places.subtracting(tree.places), after: old)
    return Outcome(
      generation: nil, changes: new.changes(against: before), adopted: plan.fresh, notes: [])
  }

  /// Places a tree beside what is injected already, and instead of it in the same places.
  ///
  /// - Parameter stillTrue: asked when all is prepared and nothing is visible yet: what has changed
  ///   since the tree was decided on, or nil. Sources are compared with their marks anyway.
  package func apply(
    _ tree: InjectionTree, stillTrue: () -> String? = { nil }
  ) throws(InjectionTreeError) -> Outcome {
    try tree.check()
    return try change(stillTrue: stillTrue) { old throws(InjectionTreeError) in
      let old = try old.get()?.tree ?? InjectionTree()
      return (old.adding(tree), carried: old.places.subtracting(tree.places))
    }
  }

  /// Takes away what slipway injected, and gives back what was there before.
  package func remove(_ kind: InjectionKind? = nil) throws(InjectionTreeError) -> Outcome {
    try change(stillTrue: { nil }) { old throws(InjectionTreeError) in
      // All can be removed without knowing what it is.
      if kind == nil, case .failure = old { return (InjectionTree(), carried: []) }
      let old = try old.get()?.tree ?? InjectionTree()
      let new = old.removing(kind)
      guard new != old else { throw .nothingInjected(target, kind: kind) }
      return (new, carried: new.places)
    }
  }

  /// Goes back to the generation before the current one.
  package func rollback() throws(InjectionTreeError) -> Outcome {
    try locked { session throws(InjectionTreeError) in
      guard let current = try session.store.currentNumber(),
        let number = try session.store.numbers().last(where: { $0 < current })
      else { throw .noFormerGeneration(target) }
      let old = try? session.store.generation(current)
      let new = try session.store.generation(number)
      try session.show(new, instead: old) { _ in true }
      return Outcome(
        generation: number, changes: new.tree.changes(against: old?.tree ?? InjectionTree()),
        adopted: [], notes: [])
    }
  }

  // MARK: One change

  private func change(
    stillTrue: () -> String?,
    _ decide: (Result<InjectionStore.Generation?, InjectionTreeError>) throws(InjectionTreeError)
      -> (InjectionTree, carried: Set<String>)
  ) throws(InjectionTreeError) -> Outcome {
    try locked { session throws(InjectionTreeError) in
      let store = session.store
      let current = Result { () throws(InjectionTreeError) in try store.current() }
      let (tree, carried) = try decide(current)
      let old = try? current.get()
      let plan = try store.plan(tree, carried: carried, after: old)
      let number = (try store.numbers().last ?? 0) + 1
      let manifest = InjectionManifest(
        generation: number, target: target, written: Self.text(of: now()), author: author,
        release: release, injections: tree.injections.map(\.record), adopted: plan.adopted)
      let new = try session.write(
        InjectionStore.Generation(number: number, manifest: manifest, contents: plan.contents),
        carried: carried, from: old)
      do throws(InjectionTreeError) {
        if let what = stillTrue() { throw InjectionTreeError.changed(what) }
        for injection in tree.injections where !carried.contains(injection.record.place) {
          for source in injection.record.sources
          where SourceMark(of: source.path, buildID: source.buildID) != source {
            throw InjectionTreeError.changed(source.path)
          }
        }
        let fresh = Set(plan.fresh.map(\.path))
        try session.show(new, instead: old, adopting: fresh.contains)
      } catch {
        if (try? store.currentNumber()) != number { try? session.discard(number) }
        throw error
      }
      let before = old?.tree ?? InjectionTree()
      return Outcome(
        generation: tree.injections.isEmpty ? nil : number,
        changes: tree.changes(against: before), adopted: plan.fresh, notes: [])
    }
  }

  /// Runs a change as the only writer, after tidying up what a dead one left.
  private func locked(
    _ body: (InjectionSession) throws(InjectionTreeError) -> Outcome
  ) throws(InjectionTreeError) -> Outcome {
    let top = try Folder(target: target)
    let end = ContinuousClock.now + .seconds(patience)
    while true {
      let folder = try top.making(InjectionLayout.store)
      let descriptor: Int32
      var note: String?
      let lock: Folder.Lock
      do throws(InjectionTreeError) {
        lock = try folder.lock("lock")
      } catch {
        top.removeEmpty(InjectionLayout.store)
        throw error
      }
      switch lock {
      case .taken(let taken): descriptor = taken
      case .impossible(let open, let cause):
        descriptor = open
        note =
          "the file system of \(target) has no locks (\(cause)): nothing keeps another "
          + "administrator from changing it at the same time"
      case .gone: continue
      case .held(let holder):
        guard ContinuousClock.now < end else {
          throw .busy(target, holder: holder, seconds: patience)
        }
        usleep(20_000)  // flock(2) has no time limit
        continue
      }
      defer { close(descriptor) }
      // The one before may have removed the lock together with everything else.
      var locked = stat()
      guard fstat(descriptor, &locked) == 0,
        let named = try top.folder(InjectionLayout.store)?.status("lock"),
        (locked.st_dev, locked.st_ino) == (named.st_dev, named.st_ino)
      else { continue }
      let holder = Array("\(author), process \(getpid()), since \(Self.text(of: now()))\n".utf8)
      ftruncate(descriptor, 0)
      _ = holder.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }

      let session = try InjectionSession(InjectionStore(top), folder)
      if let note { session.notes.append(note) }
      let outcome: Result<Outcome, InjectionTreeError>
      do throws(InjectionTreeError) {
        try session.tidy()
        outcome = .success(try body(session))
      } catch {
        outcome = .failure(error)
      }
      do throws(InjectionTreeError) {
        try session.prune()
      } catch {
        session.notes.append("what is not needed any more could not be removed: \(error)")
      }
      var done = try outcome.get()
      done.notes = session.notes
      return done
    }
  }

  /// `2026-11-21T15:44:00Z`.
  static func text(of seconds: Int) -> String {
    var (seconds, parts) = (time_t(seconds), tm())
    gmtime_r(&seconds, &parts)
    func digits(_ number: Int32, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-"
      + "\(digits(parts.tm_mday, 2))T\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):"
      + "\(digits(parts.tm_sec, 2))Z"
  }
}
