/// The objects of one program as they are mapped.
struct LinkMap {
  struct Map {
    /// The names by which it was asked for.
    var names: [String]
    var path: String
    /// nil for what was not found.
    var file: OpenedFile?
    /// Why it was not found.
    var reason = ""
    var requester: Int?
    var via: Via
    var needed: [Int?] = []

    init(name: String, path: String, file: OpenedFile?, requester: Int?, via: Via) {
      names = [name]
      self.path = path
      self.file = file
      self.requester = requester
      self.via = via
    }

    mutating func add(_ name: String) {
      if name != path, !names.contains(name) { names.append(name) }
    }
  }

  /// A file by its place on its device, whatever its name.
  private struct FileKey: Hashable {
    var device: UInt64
    var inode: UInt64

    init(_ identity: FileIdentity) {
      device = identity.device
      inode = identity.inode
    }
  }

  /// The program first; then the linker, or what was mapped before.
  private(set) var maps: [Map] = []
  /// The numbers of maps in the order of the list; the linker stands in it only at the end.
  private var chain: [Int] = []
  private var byName: [String: Int] = [:]
  private var byFile: [FileKey: Int] = [:]
  var libraryPath: SearchPath?

  /// The linker's own number while a program is started.
  private var linker: Int?

  /// A program that is started.
  ///
  /// The kernel maps it and the linker, which knows neither file.
  init(program: OpenedFile, path: String, world: LoaderWorld) {
    let interpreter = program.object.interpreter ?? world.interpreter
    maps = [
      Map(name: "", path: path, file: program, requester: nil, via: .program),
      Map(
        name: interpreter, path: world.interpreter,
        file: OpenedFile(
          path: world.interpreter, object: world.interpreterObject,
          identity: world.interpreterIdentity),
        requester: nil, via: .interpreter),
    ]
    chain = [0]
    linker = 1
    maps.reserveCapacity(64)
    byName.reserveCapacity(96)
    byFile.reserveCapacity(64)
    name(0, "")
    if let soname = program.object.soname { name(0, soname) }
    name(1, interpreter)
    if let soname = world.interpreterObject.soname { name(1, soname) }
  }

  /// A program that runs.
  init(_ closure: Closure, file: (LoadedObject) -> OpenedFile) {
    for (index, loaded) in closure.objects.enumerated() {
      var map = Map(
        name: loaded.requestedName, path: loaded.path, file: file(loaded),
        requester: loaded.requester, via: loaded.via)
      map.names = loaded.names
      map.needed = loaded.needed
      maps.append(map)
      chain.append(index)
      for known in loaded.names { name(index, known) }
      if let soname = loaded.object.soname { name(index, soname) }
      if loaded.via != .program && loaded.via != .interpreter {
        byFile[FileKey(loaded.identity)] = index
      }
    }
  }

  /// The first one that has a name keeps it.
  private mutating func name(_ index: Int, _ name: String) {
    if byName[name] == nil { byName[name] = index }
  }

  /// The number of what has a name, which is noted.
  mutating func number(of name: String) -> Int? {
    guard let index = byName[name] ?? number(at: name) else { return nil }
    maps[index].add(name)
    return index
  }

  /// What was opened by a path; few ask by one.
  private func number(at path: String) -> Int? {
    guard path.utf8.contains(0x2f) else { return nil }
    return chain.first { $0 > 0 && maps[$0].file != nil && maps[$0].path == path }
      ?? (linker.flatMap { maps[$0].path == path ? $0 : nil })
  }

  /// The number of a file that is mapped under whatever name; it gets this one too.
  mutating func number(of file: OpenedFile, as name: String) -> Int? {
    guard let index = byFile[FileKey(file.identity)] else { return nil }
    maps[index].add(name)
    self.name(index, name)
    return index
  }

  mutating func append(_ map: Map) -> Int {
    let index = maps.count
    maps.append(map)
    chain.append(index)
    if let file = map.file {
      name(index, map.names[0])
      if let soname = file.object.soname, soname != map.names[0] { name(index, soname) }
      byFile[FileKey(file.identity)] = index
    }
    return index
  }

  mutating func isNeeded(_ index: Int?, by requester: Int) { maps[requester].needed.append(index) }

  mutating func move(_ index: Int, before other: Int) {
    chain.removeAll { $0 == index }
    chain.insert(index, at: chain.firstIndex(of: other) ?? chain.endIndex)
    if other == 0 {
      // The linker looks for what it knows from the program on, and maps this one once more.
      guard let file = maps[index].file else { return }
      for name in maps[index].names + [file.object.soname ?? ""] where byName[name] == index {
        byName[name] = nil
      }
      byFile[FileKey(file.identity)] = nil
    }
  }

  /// Puts the linker where the search for symbols comes to it.
  ///
  /// Where nobody asks for it, it stays out; since 2.41 it stands at the end.
  mutating func placeLinker(in searchOrder: [Int], release: LoaderWorld.Release) {
    guard let linker else { return }
    let order = searchOrder.filter { maps[$0].file != nil }
    let asked = order.firstIndex(of: linker)
    guard let at = asked ?? (release >= .init(2, 41) ? order.count : nil), at > 0 else { return }
    chain.removeAll { $0 == linker }
    chain.insert(linker, at: chain.firstIndex(of: order[at - 1])! + 1)
  }

  /// What `ldd` prints, from the program on.
  func closure(libraryPath: [String], origin: String?) -> Closure {
    // The program comes first, even where filters of its own stand before it.
    let filterCount = chain.firstIndex(of: 0)!
    let chain = [0] + chain.filter { $0 != 0 }
    var numbers = [Int?](repeating: nil, count: maps.count)
    var count = 0
    for index in chain where maps[index].file != nil {
      numbers[index] = count
      count += 1
    }
    var closure = Closure(libraryPath: libraryPath, origin: origin)
    closure.filterCount = filterCount
    closure.objects.reserveCapacity(count)
    for index in chain {
      let map = maps[index]
      let requester = map.requester.flatMap { numbers[$0] }
      guard let file = map.file else {
        closure.missing.append(
          .init(
            name: map.names[0], reason: map.reason, requester: requester ?? 0,
            position: closure.objects.count))
        continue
      }
      var via = map.via
      if case .rpath(let directory, let owner) = via {
        via = .rpath(directory: directory, of: numbers[owner] ?? 0)
      }
      closure.objects.append(
        LoadedObject(
          path: map.path, requestedName: map.names[0], names: map.names, object: file.object,
          identity: file.identity, requester: requester, via: via,
          needed: map.needed.map { $0.flatMap { numbers[$0] } }))
    }
    return closure
  }
}
