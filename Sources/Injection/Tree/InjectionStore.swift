import Glibc

/// What slipway keeps in a target: generations of which one is current, as it is read.
///
/// ```
/// .slipway/current -> generations/3
/// .slipway/generations/3/{manifest.toml,entries.toml,tree/…}
/// .slipway/adopted/1/{place,content}
/// .slipway/lock
/// ```
///
/// The tree of a generation has the paths of the target, where links lead to it through `current`:
/// one rename of that link changes what all of them lead to.
struct InjectionStore {
  let top: Folder
  /// nil where slipway has not written yet.
  let folder: Folder?

  init(_ top: Folder) throws(InjectionTreeError) {
    self.top = top
    folder = try top.folder(InjectionLayout.store)
  }

  /// One generation, read.
  struct Generation {
    var number: Int
    var manifest: InjectionManifest
    var contents: InjectionContents

    var tree: InjectionTree {
      InjectionTree(
        manifest.injections.map { record in
          Injection(
            record, entries: contents.entries[record.place] ?? [],
            links: contents.links[record.place] ?? [])
        })
    }
  }

  /// The numbers of all generations that are complete.
  func numbers() throws(InjectionTreeError) -> [Int] {
    guard let generations = try folder?.folder("generations") else { return [] }
    return try generations.names().compactMap { Int($0) }.sorted()
  }

  func currentNumber() throws(InjectionTreeError) -> Int? {
    guard let folder else { return nil }
    switch try folder.place("current") {
    case .absent: return nil
    case .link(let text):
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      if parts.count == 2, parts[0] == "generations", let number = Int(parts[1]), number > 0 {
        return number
      }
      fallthrough
    default:
      throw .damaged("\(folder.path)/current", problem: "no link to a generation of slipway's")
    }
  }

  func current() throws(InjectionTreeError) -> Generation? {
    guard let number = try currentNumber() else { return nil }
    return try generation(number)
  }

  func generation(_ number: Int) throws(InjectionTreeError) -> Generation {
    func read(_ name: String, _ limit: Int) throws(InjectionTreeError) -> (String, [UInt8]) {
      let path = "\(InjectionLayout.store)/generations/\(number)"
      guard let bytes = try top.folder(path)?.contents(name, limit: limit) else {
        throw .damaged("\(top.path)/\(path)/\(name)", problem: "not there")
      }
      return ("\(top.path)/\(path)/\(name)", bytes)
    }
    let (manifest, manifestBytes) = try read("manifest.toml", InjectionManifest.sizeLimit)
    let (entries, entriesBytes) = try read("entries.toml", InjectionContents.sizeLimit)
    return Generation(
      number: number, manifest: try InjectionManifest(toml: manifestBytes, file: manifest),
      contents: try InjectionContents(toml: entriesBytes, file: entries))
  }

  // MARK: Planning

  /// What a tree needs beside itself: where links come, and what of others stands there.
  struct Plan {
    var contents = InjectionContents.none
    var adopted: [InjectionManifest.Adopted] = []
    /// Those of `adopted` that are found there now.
    var fresh: [InjectionManifest.Adopted] = []
  }

  /// Plans a generation after another, of which it keeps the injections in the places `carried`.
  func plan(
    _ tree: InjectionTree, carried: Set<String>, after old: Generation?
  ) throws(InjectionTreeError) -> Plan {
    var plan = Plan()
    let own = old?.contents.anchors ?? []
    for injection in tree.injections {
      let place = injection.record.place
      plan.contents.entries[place] = injection.entries
      if !injection.links.isEmpty { plan.contents.links[place] = injection.links }
      let isCarried = carried.contains(place)
      let anchors =
        isCarried ? own.filter { $0.place == place } : try anchors(of: injection, own: own)
      for anchor in anchors {
        plan.contents.anchors.append(anchor)
        if let found = isCarried ? nil : try adoption(anchor, own: own) {
          plan.adopted.append(found)
          plan.fresh.append(found)
        } else if let former = old?.manifest.adopted.first(where: { $0.path == anchor.path }) {
          plan.adopted.append(former)
        }
        // Each directory on the way, before what is in it.
        for index in anchor.path.indices where anchor.path[index] == "/" {
          let directory = String(anchor.path[..<index])
          guard !plan.contents.directories.contains(directory) else { continue }
          let isOwn = old?.contents.directories.contains(directory) == true
          let isAbsent = try top.place(directory) == .absent
          if isOwn || isAbsent { plan.contents.directories.append(directory) }
        }
      }
    }
    return plan
  }

  private func anchors(
    of injection: Injection, own: [InjectionContents.Anchor]
  ) throws(InjectionTreeError) -> [InjectionContents.Anchor] {
    let place = injection.record.place
    let names = Set(injection.entries.map { String($0.path.prefix { $0 != "/" }) }).sorted()
    var anchors: [InjectionContents.Anchor] =
      place.isEmpty
      ? names.map { .current($0, to: $0, for: place) } : [.current(place, to: place, for: place)]
    for link in injection.links {
      let isShared = own.contains { InjectionLayout.parent(of: $0.path) == link.path }
      if try top.place(link.path) == .directory,
        let present = try top.folder(link.path)?.names(),
        isShared || !present.allSatisfy(InjectionLayout.isDriverName)
      {
        // A site's own libraries are found there too: they must stay.
        anchors += names.map { .current("\(link.path)/\($0)", to: "\(place)/\($0)", for: place) }
      } else {
        anchors.append(InjectionContents.Anchor(path: link.path, text: link.text, place: place))
      }
    }
    return anchors
  }

  /// What others put where an anchor comes; nil when there is nothing of theirs.
  private func adoption(
    _ anchor: InjectionContents.Anchor, own: [InjectionContents.Anchor]
  ) throws(InjectionTreeError) -> InjectionManifest.Adopted? {
    func adopted(_ was: String, isKept: Bool = false) -> InjectionManifest.Adopted {
      InjectionManifest.Adopted(path: anchor.path, was: was, isKept: isKept)
    }
    switch try top.place(anchor.path) {
    case .absent: return nil
    case .link(let text) where own.contains { ($0.path, $0.text) == (anchor.path, text) }:
      return nil
    case .link(anchor.text): return adopted("the same link", isKept: true)
    case .link(let text): return adopted("a link to \(text)")
    case .file: return adopted("a file")
    case .directory:
      let folder = try top.folder(anchor.path)
      let version = try? folder?.contents("driver_version.txt", limit: 256)
      let driver = version.map {
        ", of driver \(String(decoding: $0.prefix { $0 > 32 }, as: UTF8.self))"
      }
      return adopted("a directory of \(try folder?.names().count ?? 0) entries\(driver ?? "")")
    }
  }
}
