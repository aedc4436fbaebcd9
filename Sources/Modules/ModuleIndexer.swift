package import Environment
import Glibc
package import Host
package import Stack

/// Makes and keeps the index of a stack's modules.
///
/// It is kept beside the capsules and believed as they are. One process makes it at a time. It holds
/// as long as the revision of the repository, and where that has none, as long as every directory
/// and file that was looked at is as it was.
package struct ModuleIndexer {
  package var files: GuardedFiles
  /// Where the index is kept; nil keeps none.
  package var store: CapsuleStore?
  /// Seconds that making it may take, the wait for another's included.
  package var seconds: Double

  package init(files: GuardedFiles, store: CapsuleStore?, seconds: Double) {
    self.files = files
    self.store = store
    self.seconds = seconds
  }

  /// An index, and how it came about.
  package struct Answer {
    package var index: ModuleIndex
    /// The trees that the node has in its MODULEPATH, in that order.
    package var here: [Int]
    package var isKept: Bool
    /// Why nothing could be kept, or something kept was not believed.
    package var notes: [String] = []
  }

  /// The index of the version that is selected, in an environment that is initialised for it.
  ///
  /// The descriptions of the modules that `describing` picks are read, if nobody has before.
  /// Throws ``FileError``.
  package func index(
    of selection: StackSelection, in environment: Environment,
    describing: (ModuleIndex.Module) -> Bool = { _ in false }
  ) throws(FileError) -> Answer {
    let subject = Subject(
      selection, environment, revision: try files.revision(of: selection.prefix))
    var notes: [String] = []
    var watch: CapsuleStore.Watch?
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
      if let index = try kept(subject, &notes), !Self.lacks(index, describing) {
        return answer(index, subject, isKept: true, notes)
      }
      var turn: (store: CapsuleStore, descriptor: Int32)?
      if let store {
        switch store.take(subject.lock) {
        case .mine(let descriptor): turn = (store, descriptor)
        case .nobody(let why): notes.append(why)
        case .another:
          if watch == nil { watch = CapsuleStore.Watch(store, subject.lock) }
          // Whoever has made it for that long has met what this process would meet.
          guard ContinuousClock.now < end else {
            throw FileError(path: subject.prefix, code: ETIMEDOUT, seconds: seconds)
          }
          if !watch!.isOver() { usleep(20_000) } else { watch = nil }
          continue
        }
      }
      defer { if let turn { turn.store.release(subject.lock, turn.descriptor) } }
      var index: ModuleIndex
      let isNew: Bool
      // It may have come between the look and the turn.
      var again: [String] = []
      if let kept = try kept(subject, &again) {
        (index, isNew) = (kept, false)
      } else {
        (index, isNew) = (try made(subject, touching: turn?.descriptor), true)
      }
      let isDescribed = try describe(&index, subject, describing, touching: turn?.descriptor)
      if let store, turn != nil, isNew || isDescribed, index.isSettled {
        if let why = store.write(index.bytes, to: subject.file) { notes.append(why) }
      }
      return answer(index, subject, isKept: false, notes)
    }
  }

  private func answer(
    _ index: ModuleIndex, _ subject: Subject, isKept: Bool, _ notes: [String]
  ) -> Answer {
    Answer(
      index: index,
      here: subject.here.compactMap { path in index.trees.firstIndex { $0.directory == path } },
      isKept: isKept, notes: notes)
  }

  private static func lacks(_ index: ModuleIndex, _ describing: (ModuleIndex.Module) -> Bool)
    -> Bool
  {
    index.modules.contains { $0.description == nil && describing($0) }
  }

  /// What is indexed.
  private struct Subject {
    var prefix: String
    var roots: [(path: String, isSite: Bool)]
    /// The part of a subtree that holds its modules: `modules/all`.
    var modules: String
    /// The directories of the node's MODULEPATH that belong to the stack.
    var here: [String]
    var revision: String?
    /// The repository's own root, and where what lies below it leads out of it.
    var root: String

    init(_ selection: StackSelection, _ environment: Environment, revision: String?) {
      prefix = selection.prefix
      root = selection.repository.root + "/"
      self.revision = revision
      modules = environment.nonEmpty("EESSI_MODULE_SUBDIR") ?? "modules/all"
      roots = [(prefix, false)]
      let tail = "/software/linux/\(selection.subdirectory)"
      if let site = environment.nonEmpty("EESSI_SITE_SOFTWARE_PATH"), site.hasSuffix(tail) {
        roots.append((String(site.dropLast(tail.utf8.count)), true))
      }
      let own = Set(
        [
          "EESSI_SITE_MODULEPATH_ACCEL", "EESSI_SITE_MODULEPATH", "EESSI_MODULEPATH_ACCEL",
          "EESSI_MODULEPATH",
        ].flatMap { (environment[$0] ?? "").split(separator: ":") })
      here = (environment["MODULEPATH"] ?? "").split(separator: ":").filter(own.contains)
        .map(String.init)
      // EESSI_BASIC_ENV sets none.
      if own.isEmpty { here = ["\(selection.softwarePath)/\(modules)"] }
    }

    /// What the name of the file stands for.
    ///
    /// The revision is not part of it: an index replaces that of the revision before.
    private var place: String {
      let fields = [prefix, modules] + roots.map(\.path) + others
      return String(
        decoding: Records.encode([Record("k", [ModuleIndex.format] + fields)]), as: UTF8.self)
    }
    var key: String { "\(place)\(revision ?? "")" }
    var lock: String { "index-" + Fingerprint.hex(of: place.utf8) }
    var file: String { lock + ".modules" }

    /// Directories of the MODULEPATH that are those of no target.
    var others: [String] {
      here.filter { path in !roots.contains { path.hasPrefix("\($0.path)/software/linux/") } }
    }
  }

  // MARK: Kept

  private func kept(_ subject: Subject, _ notes: inout [String]) throws(FileError) -> ModuleIndex? {
    guard let store else { return nil }
    switch store.contents(of: subject.file) {
    case .absent: return nil
    case .refused(let why):
      notes.append("\(why), so it is not used; the modules are looked for anew")
      return nil
    case .bytes(let bytes):
      guard let index = ModuleIndex(bytes: bytes) else {
        notes.append(
          "\(store.directory)/\(subject.file) is damaged; the modules are looked for anew")
        return nil
      }
      guard index.key == subject.key else { return nil }
      files.renew()
      let paths = Array(index.marks.keys)
      let marks = try files.marks(of: paths)
      return zip(paths, marks).allSatisfy { index.marks[$0]! == $1 } ? index : nil
    }
  }

  // MARK: Made

  private func walk(_ subject: Subject, touching descriptor: Int32?) -> ModuleWalk {
    let ownClock = GuardedFiles(seconds: seconds)
    var touched = ContinuousClock.now
    return ModuleWalk(
      files: ownClock, revised: subject.revision == nil ? nil : subject.root,
      unrevised: subject.root + "host_injections"
    ) {
      guard let descriptor, ContinuousClock.now - touched > .seconds(1) else { return }
      touched = .now
      futimens(descriptor, nil)
    }
  }

  private func made(_ subject: Subject, touching descriptor: Int32?) throws(FileError)
    -> ModuleIndex
  {
    var index = ModuleIndex(key: subject.key)
    let began = Self.now
    var walk = walk(subject, touching: descriptor)
    var trees = try walk.trees(below: subject.roots, modules: subject.modules)
    trees += subject.others.map {
      ModuleIndex.Tree(directory: $0, subdirectory: "", isSite: false)
    }
    struct Name: Hashable {
      var name: String
      var version: String
    }
    var numbers: [Name: Int] = [:]
    for var tree in trees {
      guard let found = try walk.walk(&tree) else { continue }
      for item in found {
        let name = Name(name: item.name, version: item.version)
        let number = numbers[name] ?? index.modules.count
        if number == index.modules.count {
          numbers[name] = number
          index.modules.append(
            ModuleIndex.Module(name: item.name, version: item.version, places: []))
        }
        index.modules[number].places.append(
          ModuleIndex.Place(tree: index.trees.count, isLua: item.isLua, marked: item.marked))
      }
      index.trees.append(tree)
    }
    index.marks = walk.marks
    index.began = began
    let keyed = index.modules.map { (VersionOrder.key(of: $0.version), $0) }
    index.modules = keyed.sorted { a, b in
      if a.1.name != b.1.name { return Self.precedes(a.1.name, b.1.name) }
      if a.0 != b.0 { return a.0.lexicographicallyPrecedes(b.0) }
      return a.1.version < b.1.version
    }.map(\.1)
    return index
  }

  /// As a dictionary has them: capitals beside small letters.
  private static func precedes(_ a: String, _ b: String) -> Bool {
    let (lower, other) = (a.lowercased(), b.lowercased())
    return lower == other ? a < b : lower < other
  }

  /// Reads the descriptions of the modules that are picked, each from one tree.
  ///
  /// Says whether any were read. Half of the time is enough for it: what is left is read the next time.
  private func describe(
    _ index: inout ModuleIndex, _ subject: Subject, _ picked: (ModuleIndex.Module) -> Bool,
    touching descriptor: Int32?
  ) throws(FileError) -> Bool {
    let wanted = index.modules.indices.filter {
      index.modules[$0].description == nil && picked(index.modules[$0])
    }
    guard !wanted.isEmpty else { return false }
    let end = ContinuousClock.now + .seconds(seconds / 2)
    let began = Self.now
    var walk = walk(subject, touching: descriptor)
    for start in stride(from: 0, to: wanted.count, by: 64) where ContinuousClock.now < end {
      let batch = wanted[start..<min(start + 64, wanted.count)]
      let places = batch.map {
        index.modules[$0].places.first { $0.isLua } ?? index.modules[$0].places[0]
      }
      let texts = try walk.beginnings(
        of: zip(batch, places).map { index.file(of: index.modules[$0], in: $1) })
      for (number, (place, text)) in zip(batch, zip(places, texts)) {
        index.modules[number].description =
          text.map { ModuleDescription.of($0.bytes, isLua: place.isLua) } ?? ""
      }
    }
    index.marks.merge(walk.marks) { $1 }
    index.began = min(index.began ?? began, began)
    return true
  }

  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

extension ModuleIndex {
  /// Whether nothing changed while it was looked at: what did may change again within the same tick
  /// of its clock.
  fileprivate var isSettled: Bool {
    guard let began else { return true }
    return !marks.values.contains { ($0?.mtime ?? 0) >= began - 10_000_000 }
  }
}
