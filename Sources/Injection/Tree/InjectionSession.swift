import Glibc

/// What the one writer of a target does.
final class InjectionSession {
  let store: InjectionStore
  var notes: [String] = []
  private let folder: Folder
  private var top: Folder { store.top }
  private static let generationsKept = 3

  init(_ store: InjectionStore, _ folder: Folder) {
    self.store = store
    self.folder = folder
  }

  private typealias Anchor = InjectionContents.Anchor

  // MARK: Writing a generation

  /// Writes a generation beside the others, whole and lasting before it has its name.
  ///
  /// - Parameter carried: the places whose copies are taken from the old generation.
  func write(
    _ generation: InjectionStore.Generation, carried: Set<String>,
    from old: InjectionStore.Generation?
  ) throws(InjectionTreeError) -> InjectionStore.Generation {
    var generation = generation
    let generations = try folder.making("generations")
    let partial = "\(generation.number).partial"
    do throws(InjectionTreeError) {
      let root = try generations.making(partial)
      let tree = try root.making("tree")
      for injection in generation.tree.injections {
        for entry in injection.entries {
          let path = InjectionLayout.join(injection.record.place, entry.path)
          let directory = try tree.making(InjectionLayout.parent(of: path))
          let name = InjectionLayout.name(of: path)
          switch entry.content {
          case .link(let text): try directory.makeLink(name, text: text)
          case .text(let text): try directory.makeFile(name, text.utf8)
          case .copy(var source):
            if let old, carried.contains(injection.record.place) {
              source = "\(generations.path)/\(old.number)/tree/\(path)"
              guard let mark = old.contents.copies[path],
                SourceMark(of: source).map({ ($0.size, $0.mtime) == (mark.size, mark.mtime) })
                  == true
              else {
                throw InjectionTreeError.damaged(
                  source, problem: "not as slipway wrote it, so it cannot be kept")
              }
            }
            var mark = try directory.copy(source, to: name)
            mark.path = path
            generation.contents.copies[path] = mark
          }
        }
      }
      let (manifest, entries) = (generation.manifest.toml, generation.contents.toml)
      // What cannot be read again must not become current.
      guard (try? InjectionManifest(toml: Array(manifest.utf8), file: "")) == generation.manifest,
        (try? InjectionContents(toml: Array(entries.utf8), file: "")) == generation.contents
      else {
        throw InjectionTreeError.invalid(
          "the manifest cannot hold what was given (a text too long)")
      }
      try root.makeFile("manifest.toml", manifest.utf8)
      try root.makeFile("entries.toml", entries.utf8)
      try sync(root)
      try generations.rename(partial, to: "\(generation.number)", in: generations)
      try generations.sync()
    } catch {
      try? generations.removeAll(partial)
      throw error
    }
    return generation
  }

  private func sync(_ folder: Folder) throws(InjectionTreeError) {
    for name in try folder.names() {
      guard let status = try folder.status(name), status.st_mode & S_IFMT == S_IFDIR else {
        continue
      }
      if let folder = try folder.folder(name) { try sync(folder) }
    }
    try folder.sync()
  }

  /// Removes a generation; one whose removal is interrupted is no generation any more.
  func discard(_ number: Int) throws(InjectionTreeError) {
    guard let generations = try folder.folder("generations") else { return }
    try generations.rename("\(number)", to: "\(number).partial", in: generations)
    try generations.removeAll("\(number).partial")
  }

  // MARK: Showing one

  /// Makes a generation the current one, and back if that cannot be finished.
  ///
  /// - Parameter adopting: whether what others put at a path is replaced.
  func show(
    _ new: InjectionStore.Generation, instead old: InjectionStore.Generation?,
    adopting: (String) -> Bool
  ) throws(InjectionTreeError) {
    do throws(InjectionTreeError) {
      let known = try knownAnchors()
      let wanted = Set(new.contents.anchors.map(\.path))
      // What others had comes back before what stands there now goes.
      for home in try homes(known) where !wanted.contains(home.path) { try drop(home.path, known) }
      // A link to nothing is nothing to programs that open it: new ones may come before what they
      // lead to. But for the one that Lmod looks for, which comes last and goes first.
      for path in known.tested.subtracting(wanted) { try drop(path, known) }
      for anchor in new.contents.anchors where !anchor.isTested {
        if try top.place(anchor.path) == .absent { try make(anchor) }
      }
      try point(to: new.number)
      try settle(new, adopting: adopting)
    } catch {
      if let old {
        try? point(to: old.number)
        try? settle(old)
      } else {
        try? folder.unlink("current")
        try? settle(nil)
      }
      throw error
    }
  }

  private func point(to number: Int) throws(InjectionTreeError) {
    try folder.unlink("current.new")
    try folder.makeLink("current.new", text: "generations/\(number)")
    try folder.rename("current.new", to: "current", in: folder)
    try folder.sync()
  }

  /// Makes the target's own paths those of a generation, whatever they are now.
  private func settle(
    _ generation: InjectionStore.Generation?, adopting: (String) -> Bool = { _ in false }
  ) throws(InjectionTreeError) {
    let known = try knownAnchors()
    let anchors = generation?.contents.anchors ?? []
    let homes = Set(try homes(known).map(\.path))
    for anchor in anchors {
      // A writer may have died between the switch and this.
      let isOwed =
        generation?.manifest.adopted.contains { $0.path == anchor.path && !$0.isKept } == true
        && !homes.contains(anchor.path)
      try ensure(anchor, known, adopts: isOwed || adopting(anchor.path))
    }
    let wanted = Set(anchors.map(\.path))
    for path in known.texts.keys.sorted() where !wanted.contains(path) { try drop(path, known) }
    for directory in known.directories.sorted(by: >)
    where !wanted.contains(where: { $0.hasPrefix("\(directory)/") }) {
      try top.folder(InjectionLayout.parent(of: directory))?
        .removeEmpty(InjectionLayout.name(of: directory))
    }
  }

  // MARK: Anchors

  /// What any generation that is still there has put into the target.
  private struct Known {
    /// The texts of anchors, by path.
    var texts: [String: Set<String>] = [:]
    var tested: Set<String> = []
    var directories: Set<String> = []
    /// Paths where others had put the same link.
    var kept: Set<String> = []

    func isOwn(_ path: String, _ text: String) -> Bool { texts[path]?.contains(text) == true }
  }

  private func knownAnchors() throws(InjectionTreeError) -> Known {
    var known = Known()
    for number in try store.numbers() {
      // One that cannot be read has nothing to say.
      guard let generation = try? store.generation(number) else { continue }
      for anchor in generation.contents.anchors {
        known.texts[anchor.path, default: []].insert(anchor.text)
        if anchor.isTested { known.tested.insert(anchor.path) }
        known.kept.remove(anchor.path)
      }
      known.kept.formUnion(generation.manifest.adopted.filter(\.isKept).map(\.path))
      known.directories.formUnion(generation.contents.directories)
    }
    return known
  }

  private func make(_ anchor: Anchor) throws(InjectionTreeError) {
    let parent = try top.making(InjectionLayout.parent(of: anchor.path))
    try parent.makeLink(InjectionLayout.name(of: anchor.path), text: anchor.text)
    try parent.sync()
  }

  private func ensure(
    _ anchor: Anchor, _ known: Known, adopts: Bool
  ) throws(InjectionTreeError) {
    switch try top.place(anchor.path) {
    case .absent: try make(anchor)
    case .link(anchor.text): break
    case .link(let text) where known.isOwn(anchor.path, text):
      try folder.unlink("anchor.new")
      try folder.makeLink("anchor.new", text: anchor.text)
      let parent = try top.making(InjectionLayout.parent(of: anchor.path))
      try folder.rename("anchor.new", to: InjectionLayout.name(of: anchor.path), in: parent)
    default: if adopts { try adopt(anchor) }
    }
  }

  /// Gives a path up: what stood there before stands there again.
  private func drop(_ path: String, _ known: Known) throws(InjectionTreeError) {
    switch try top.place(path) {
    case .absent: break
    case .link(let text) where known.isOwn(path, text): break
    default: return  // others have put something there since
    }
    if let home = try homes(known).last(where: { $0.path == path }) {
      try giveBack(home)
    } else if !known.kept.contains(path),
      let parent = try top.folder(InjectionLayout.parent(of: path))
    {
      try parent.unlink(InjectionLayout.name(of: path))
      try parent.sync()
    }
  }

  // MARK: What others put there

  /// Where something that others put at a path is kept.
  private struct Home {
    var number: Int
    var path: String
    var folder: Folder
  }

  /// All that is kept, oldest first; what an interrupted exchange left is tidied up.
  private func homes(_ known: Known) throws(InjectionTreeError) -> [Home] {
    guard let adopted = try folder.folder("adopted") else { return [] }
    var homes: [Home] = []
    for number in try adopted.names().compactMap({ Int($0) }).sorted() {
      guard let home = try adopted.folder("\(number)") else { continue }
      let bytes = try home.contents("place", limit: 1024)
      let path = bytes.flatMap { String(validating: $0, as: UTF8.self) } ?? ""
      switch try home.place("content") {
      case .absent: try adopted.removeAll("\(number)")
      case .link(let text) where known.isOwn(path, text): try adopted.removeAll("\(number)")
      default:
        guard InjectionLayout.isBeneath(path) else {
          throw .damaged("\(home.path)/place", problem: "no path below the target")
        }
        homes.append(Home(number: number, path: path, folder: home))
      }
    }
    return homes
  }

  /// Takes the place of what others put there, at once where the file system can exchange names.
  private func adopt(_ anchor: Anchor) throws(InjectionTreeError) {
    let adopted = try folder.making("adopted")
    let number = (try adopted.names().compactMap { Int($0) }.max() ?? 0) + 1
    let home = try adopted.making("\(number)")
    try home.makeFile("place", anchor.path.utf8)
    try home.makeLink("content", text: anchor.text)
    try home.sync()
    try adopted.sync()
    let parent = try top.making(InjectionLayout.parent(of: anchor.path))
    let name = InjectionLayout.name(of: anchor.path)
    if try !home.exchange("content", with: name, in: parent) {
      try home.unlink("content")
      try parent.rename(name, to: "content", in: home)
      try parent.makeLink(name, text: anchor.text)
    }
    try parent.sync()
    try home.sync()
  }

  private func giveBack(_ home: Home) throws(InjectionTreeError) {
    let parent = try top.making(InjectionLayout.parent(of: home.path))
    let name = InjectionLayout.name(of: home.path)
    if try top.place(home.path) == .absent {
      try home.folder.rename("content", to: name, in: parent)
    } else if try home.folder.exchange("content", with: name, in: parent) {
      try home.folder.unlink("content")
    } else {
      try parent.unlink(name)
      try home.folder.rename("content", to: name, in: parent)
    }
    try parent.sync()
    try folder.folder("adopted")?.removeAll("\(home.number)")
  }

  // MARK: Tidying up

  /// Finishes or undoes what a writer that died had begun.
  func tidy() throws(InjectionTreeError) {
    try folder.unlink("current.new")
    try folder.unlink("anchor.new")
    if let generations = try folder.folder("generations") {
      for name in try generations.names() where name.hasSuffix(".partial") {
        try generations.removeAll(name)
      }
    }
    let current: InjectionStore.Generation?
    do throws(InjectionTreeError) {
      current = try store.current()
    } catch {
      return  // what cannot be read is for the one who replaces it
    }
    try settle(current)
    // One that was never shown, or was left by going back, is no generation to go back to.
    for number in try store.numbers() where number > current?.number ?? 0 { try discard(number) }
  }

  /// Removes old generations, and everything when nothing is injected any more.
  func prune() throws(InjectionTreeError) {
    let current = try store.current()
    let known = try knownAnchors()
    let homes = try homes(known)
    let wanted = Set(current?.contents.anchors.map(\.path) ?? [])
    for home in homes where !wanted.contains(home.path) {
      notes.append(
        "what stood at \(home.path) before is kept in \(home.folder.path)/content: "
          + "something newer stands there")
    }
    if current?.manifest.injections.isEmpty != false, homes.isEmpty {
      try folder.unlink("current")
      for name in try folder.names() where name != "lock" { try folder.removeAll(name) }
      try folder.unlink("lock")
      top.removeEmpty(InjectionLayout.store)
      return
    }
    for number in try store.numbers().dropLast(Self.generationsKept)
    where number != current?.number {
      try discard(number)
    }
  }
}
