/// The dynamic linker, simulated: from a program's file to all that would be mapped for it.
///
/// It gives what `ld.so --list` prints, without running anything. It remembers what it has seen of
/// the files, so it is for many programs of one moment; it is not for several threads at once.
/// Sources: ld.so(8), and glibc's elf/dl-load.c, elf/dl-deps.c and elf/rtld.c for the order of the
/// search.
package final class Loader {
  package let world: LoaderWorld
  private let files: any LoaderFiles
  /// What relative paths start from.
  private let workingDirectory: String
  private let capabilityDirectories: [String]
  /// Debian's linker passes over files of other machines before it looks at their byte order.
  private let passesOverForeignOrders: Bool

  private var opened: [String: Opened] = [:]
  private var directories: [String: SearchDirectory] = [:]
  private var searchPaths: [String: SearchPath] = [:]
  private var cachePaths: [String: String?] = [:]
  private let demand: LoaderCache.Demand
  private lazy var systemPath = SearchPath(world.systemDirectories.map(directory))

  private enum Opened {
    case file(OpenedFile)
    /// The search goes on, unless the errno says that something is wrong.
    case passedOver(Int32)
    case fatal(LoaderFailure)
  }

  package init(world: LoaderWorld, files: any LoaderFiles, workingDirectory: String = "/") {
    self.world = world
    self.files = files
    self.workingDirectory = workingDirectory
    capabilityDirectories = world.capabilityDirectories
    passesOverForeignOrders = world.libraryToken.contains("/")
    demand = world.demand
  }

  /// The elements of `LD_LIBRARY_PATH`; an empty one is the working directory.
  package static func libraryPath(of variable: String) -> [String] {
    variable.isEmpty
      ? [] : variable.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == ";" }.map(String.init)
  }

  /// The names in `LD_PRELOAD`.
  package static func preloads(of variable: String) -> [String] {
    variable.split { $0 == ":" || $0 == " " }.map(String.init)
  }

  /// What the linker maps for a program, or for a library as `ldd` lists it.
  ///
  /// `origin` is the directory that the kernel knows the program by; without it, it is that of the
  /// path, as for `ld.so PATH`.
  package func closure(
    of path: String, libraryPath: [String] = [], preload: [String] = [], origin: String? = nil
  ) -> Closure {
    let file: OpenedFile
    switch open(path) {
    case .fatal(let failure): return Closure(objects: [], missing: [], failure: failure)
    case .passedOver(let code):
      return Closure(
        objects: [], missing: [],
        failure: LoaderFailure(path: path, reason: refusal(ofProgram: path, code)))
    case .file(let found): file = found
    }
    if let reason = file.object.refusalAsProgram {
      return Closure(
        objects: [], missing: [], failure: LoaderFailure(path: path, reason: reason))
    }
    let program =
      origin.map { OpenedFile(path: "\($0)/.", object: file.object, identity: file.identity) } ?? file
    var link = LinkMap(program: program, path: path, world: world)
    if !libraryPath.isEmpty {
      link.libraryPath = searchPath(
        libraryPath.joined(separator: "\0"), separator: "\0", origin: self.origin(of: program))
    }
    var preloaded: [Int] = []
    for name in preload + world.preloads where !name.isEmpty {
      // What cannot be preloaded is left out, with a message.
      let count = link.maps.count
      _ = try? map(name, for: 0, in: &link, isPreload: true)
      if link.maps.count > count { preloaded.append(count) }
    }
    do throws(LoaderFailure) {
      try mapDependencies(preloaded, in: &link)
    } catch {
      var closure = link.closure
      closure.failure = error
      return closure
    }
    return link.closure
  }

  private func refusal(ofProgram path: String, _ code: Int32) -> String {
    if code == 2, case .object(let object, _) = files.file(at: absolute(path)),
      object.identity.is64Bit != world.interpreterObject.identity.is64Bit
    {
      return "wrong ELF class: ELFCLASS\(object.identity.is64Bit ? 64 : 32)"
    }
    return "cannot open shared object file: \(SystemError.text(code))"
  }

  // MARK: dependencies

  /// Maps what objects need, breadth first; filters come before what they filter.
  private func mapDependencies(_ preloaded: [Int], in link: inout LinkMap) throws(LoaderFailure) {
    var list = [0] + preloaded
    var isListed = Set(list)
    var isDone: Set<Int> = []
    var position = 0
    defer { link.searchOrder = list }
    while position < list.count {
      let current = list[position]
      isDone.insert(current)
      var at = position
      for dependency in link.maps[current].file?.object.dependencies ?? [] {
        guard
          let name = expand(dependency.name, origin: { self.origin(of: link.maps[current].file!) }),
          !name.isEmpty || dependency.name.isEmpty
        else {
          if dependency.kind == .auxiliary {
            throw LoaderFailure(
              path: dependency.name, reason: "empty dynamic string token substitution")
          }
          if dependency.kind == .needed { link.maps[current].needed.append(nil) }
          continue
        }
        switch dependency.kind {
        case .needed:
          let index = try map(name, for: current, in: &link)
          link.maps[current].needed.append(index)
          if isListed.insert(index).inserted { list.append(index) }
        case .auxiliary, .filter:
          let index: Int
          do throws(LoaderFailure) {
            index = try map(name, for: current, in: &link)
          } catch {
            if dependency.kind == .auxiliary { continue }
            throw error
          }
          if !isListed.insert(index).inserted {
            // Behind the object it moves to the front of it; before it, it stays.
            guard let late = list[(at + 1)...].firstIndex(of: index) else { continue }
            list.remove(at: late)
          }
          isDone.remove(index)
          list.insert(index, at: at)
          link.move(index, before: current)
          at += 1
        }
      }
      while position < list.count, isDone.contains(list[position]) { position += 1 }
    }
  }

  /// Maps an object by a name and gives its index: glibc's `_dl_map_object`.
  private func map(
    _ name: String, for requester: Int, in link: inout LinkMap, isPreload: Bool = false
  ) throws(LoaderFailure) -> Int {
    if let known = link.byName[name] {
      link.maps[known].add(name)
      return known
    }
    guard let (file, via) = try find(name, for: requester, in: link) else {
      if isPreload { throw LoaderFailure(path: name, reason: "cannot open shared object file") }
      return link.append(
        .init(name: name, path: name, file: nil, requester: requester, via: via(name)))
    }
    if let known = link.byFile[.init(file.identity)] {
      link.maps[known].add(name)
      if link.byName[name] == nil { link.byName[name] = known }
      return known
    }
    if let reason = file.object.refusalAsLibrary {
      throw LoaderFailure(path: name, reason: reason)
    }
    return link.append(
      .init(
        name: name, path: file.path, file: file, requester: requester,
        via: isPreload ? .preload : via))
  }

  private func via(_ name: String) -> Via { name.contains("/") ? .path : .cache }

  // MARK: search

  private func find(
    _ name: String, for requester: Int, in link: LinkMap
  ) throws(LoaderFailure) -> (OpenedFile, Via)? {
    if name.utf8.contains(0x2f) {
      switch open(name) {
      case .file(let file): return (file, .path)
      case .passedOver: return nil
      case .fatal(let failure): throw failure
      }
    }
    let object = link.maps[requester].file!.object
    if object.runpath == nil {
      var hasSeenProgram = false
      var index: Int? = requester
      while let at = index {
        let map = link.maps[at]
        if let file = map.file, let path = rpath(of: file) {
          if let hit = try search(path, for: name) {
            return (hit.file, .rpath(directory: hit.directory, of: at))
          }
          hasSeenProgram = hasSeenProgram || at == 0
        }
        index = map.requester
      }
      if !hasSeenProgram, let path = rpath(of: link.maps[0].file!),
        let hit = try search(path, for: name)
      {
        return (hit.file, .rpath(directory: hit.directory, of: 0))
      }
    }
    if let path = link.libraryPath, let hit = try search(path, for: name) {
      return (hit.file, .libraryPath(hit.directory))
    }
    if let path = runpath(of: link.maps[requester].file!), let hit = try search(path, for: name) {
      return (hit.file, .runpath(hit.directory))
    }
    let isConfined = object.flags.contains(.noDefaultLibraries)
    if let cached = cachePath(of: name),
      !isConfined || !world.systemDirectories.contains(where: cached.hasPrefix)
    {
      switch open(cached) {
      case .file(let file): return (file, .cache)
      case .passedOver: break
      case .fatal(let failure): throw failure
      }
    }
    if !isConfined, let hit = try search(systemPath, for: name) {
      return (hit.file, .systemDirectory(hit.directory))
    }
    return nil
  }

  private func cachePath(of name: String) -> String? {
    if let known = cachePaths[name] { return known }
    let path = world.cache?.path(of: name, for: demand)
    cachePaths[name] = path
    return path
  }

  /// Looks a name up in the directories of a list: glibc's `open_path`.
  private func search(
    _ path: SearchPath, for name: String
  ) throws(LoaderFailure) -> SearchPath.Hit? {
    if let known = path.found[name] { return try known.get() }
    let result = Result { () throws(LoaderFailure) in try look(for: name, in: path) }
    path.found[name] = result
    return try result.get()
  }

  private func look(
    for name: String, in path: SearchPath
  ) throws(LoaderFailure) -> SearchPath.Hit? {
    for directory in path.directories {
      var code: Int32 = 2
      for (prefix, contents) in directory.parts {
        if case .names(let names) = contents, !names.contains(name) {
          code = 2
          continue
        }
        switch open(prefix + name) {
        case .file(let file): return .init(file: file, directory: directory.path)
        case .fatal(let failure): throw failure
        case .passedOver(let errno): code = errno
        }
      }
      // It is there and something is wrong with it: neither ENOENT nor EACCES.
      if code != 2 && code != 13 { return nil }
    }
    return nil
  }

  /// Opens a file and looks at its header: glibc's `open_verify`.
  private func open(_ path: String) -> Opened {
    if let known = opened[path] { return known }
    let linker = world.interpreterObject.identity
    func verdict(_ refusal: ELFHeader.Refusal?) -> Opened? {
      switch refusal {
      case nil: nil
      case .passedOver: .passedOver(2)
      case .fatal(let reason): .fatal(LoaderFailure(path: path, reason: reason))
      }
    }
    let result: Opened
    switch files.file(at: absolute(path)) {
    case .absent: result = .passedOver(2)
    // A directory is opened and then not read.
    case .unreadable(21):
      result = .fatal(
        LoaderFailure(path: path, reason: "cannot read file data: \(SystemError.text(21))"))
    case .unreadable(let code): result = .passedOver(code)
    case .waiting:
      result = .fatal(
        LoaderFailure(path: path, reason: "a FIFO, at which the linker would wait for ever"))
    case .unusable(.tooShort):
      result = .fatal(LoaderFailure(path: path, reason: "file too short"))
    case .unusable(.noELF):
      result = .fatal(LoaderFailure(path: path, reason: "invalid ELF header"))
    case .unusable(.invalid(let what, let header)):
      result =
        verdict(
          header.refusal(by: linker, passesOverForeignOrders: passesOverForeignOrders))
        ?? .fatal(LoaderFailure(path: path, reason: what))
    case .object(let object, let identity):
      result =
        verdict(
          object.header.refusal(by: linker, passesOverForeignOrders: passesOverForeignOrders))
        ?? .file(OpenedFile(path: path, object: object, identity: identity))
    }
    opened[path] = result
    return result
  }

  private func absolute(_ path: String) -> String {
    path.utf8.first == 0x2f
      ? path : workingDirectory == "/" ? "/\(path)" : "\(workingDirectory)/\(path)"
  }

  // MARK: lists of directories

  private func rpath(of file: OpenedFile) -> SearchPath? {
    if let known = file.rpath { return known }
    let text = file.object.runpath == nil ? file.object.rpath : nil
    let path = text.flatMap { $0.isEmpty ? nil : searchPath($0, separator: ":", origin: origin(of: file)) }
    file.rpath = .some(path)
    return path
  }

  private func runpath(of file: OpenedFile) -> SearchPath? {
    if let known = file.runpath { return known }
    let text = file.object.runpath
    let path = text.flatMap { $0.isEmpty ? nil : searchPath($0, separator: ":", origin: origin(of: file)) }
    file.runpath = .some(path)
    return path
  }

  /// The list in a text; nil where nothing is left of it: glibc's `fillin_rpath`.
  private func searchPath(
    _ text: String, separator: Character, origin: String
  ) -> SearchPath? {
    let key = text.utf8.contains(0x24) ? "\(text)\0\0\(origin)" : text
    if let known = searchPaths[key] { return known.directories.isEmpty ? nil : known }
    var seen: Set<String> = []
    var list: [SearchDirectory] = []
    for element in text.split(separator: separator, omittingEmptySubsequences: false) {
      var path = String(element)
      if !path.isEmpty {
        guard let expanded = expand(path, origin: { origin }), !expanded.isEmpty else { continue }
        path = expanded
        while path.utf8.count > 1, path.utf8.last == 0x2f { path.removeLast() }
        if path.utf8.last != 0x2f { path += "/" }
      }
      if seen.insert(path).inserted { list.append(directory(path)) }
    }
    let path = SearchPath(list)
    searchPaths[key] = path
    return list.isEmpty ? nil : path
  }

  private func directory(_ path: String) -> SearchDirectory {
    if let known = directories[path] { return known }
    var parts: [(prefix: String, contents: LoaderDirectory)] = []
    if path.utf8.first != 0x2f {
      // What a relative path leads to may change: the linker asks for every candidate.
      parts = (capabilityDirectories + [""]).map { (path + $0, .unlisted) }
    } else {
      let own = files.names(in: path)
      if case .absent = own {
      } else {
        for capability in capabilityDirectories {
          if case .names(let names) = own,
            !names.contains(String(capability.prefix { $0 != "/" }))
          {
            continue
          }
          let contents = files.names(in: path + capability)
          if case .absent = contents { continue }
          parts.append((path + capability, contents))
        }
        parts.append((path, own))
      }
    }
    let directory = SearchDirectory(path: path, parts: parts)
    directories[path] = directory
    return directory
  }

  // MARK: tokens

  /// The directory of a path, with what relative ones start from.
  private func origin(of file: OpenedFile) -> String {
    let path = absolute(file.path)
    let slash = path.utf8.lastIndex(of: 0x2f)!
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Replaces `$ORIGIN`, `$PLATFORM` and `$LIB`, with or without braces.
  private func expand(_ text: String, origin: () -> String) -> String? {
    guard text.utf8.contains(0x24) else { return text }
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var at = 0
    while at < bytes.count {
      guard bytes[at] == 0x24 else {
        result.append(bytes[at])
        at += 1
        continue
      }
      at += 1
      let rest = bytes[at...]
      if let length = Self.token("ORIGIN", rest) {
        result += origin().utf8
        at += length
      } else if let length = Self.token("PLATFORM", rest) {
        result += world.processor.platform.utf8
        at += length
      } else if let length = Self.token("LIB", rest) {
        result += world.libraryToken.utf8
        at += length
      } else {
        result.append(0x24)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// How long a token is at the start of a text; nil where another word stands there.
  private static func token(_ name: String, _ text: ArraySlice<UInt8>) -> Int? {
    let isCurly = text.first == 0x7b
    let text = isCurly ? text.dropFirst() : text
    guard text.starts(with: name.utf8) else { return nil }
    let next = text.dropFirst(name.utf8.count).first ?? 0
    if isCurly { return next == 0x7d ? name.utf8.count + 2 : nil }
    switch next {
    case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: return nil
    default: return name.utf8.count
    }
  }
}

/// The objects of one program as they are mapped.
struct LinkMap {
  struct Map {
    /// The names by which it was asked for.
    var names: [String]
    var path: String
    /// nil for what was not found.
    var file: OpenedFile?
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

  /// The files of one device; the program and the linker are mapped by the kernel and not known.
  struct FileKey: Hashable {
    var device: UInt64
    var inode: UInt64

    init(_ identity: FileIdentity) {
      device = identity.device
      inode = identity.inode
    }
  }

  /// The program, the linker, and what was mapped after them.
  private(set) var chain = [0, 1]
  var maps: [Map]
  var byName: [String: Int] = [:]
  var byFile: [FileKey: Int] = [:]
  var libraryPath: SearchPath?
  var searchOrder: [Int] = []

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
    byName[""] = 0
    if let soname = program.object.soname { byName[soname] = 0 }
    for name in [interpreter, world.interpreter, world.interpreterObject.soname ?? interpreter]
    where byName[name] == nil {
      byName[name] = 1
    }
  }

  mutating func append(_ map: Map) -> Int {
    let index = maps.count
    maps.append(map)
    chain.append(index)
    guard let file = map.file else { return index }
    for name in [map.names[0], map.path, file.object.soname ?? map.path] where byName[name] == nil {
      byName[name] = index
    }
    byFile[FileKey(file.identity)] = index
    return index
  }

  mutating func move(_ index: Int, before other: Int) {
    chain.removeAll { $0 == index }
    chain.insert(index, at: chain.firstIndex(of: other) ?? chain.endIndex)
  }

  /// What `ld.so --list` prints.
  var closure: Closure {
    var chain = chain.filter { $0 != 1 }
    // The linker stands where the search for symbols comes to it.
    let order = searchOrder.filter { maps[$0].file != nil }
    if let at = order.firstIndex(of: 1), at > 0 {
      chain.insert(1, at: chain.firstIndex(of: order[at - 1])! + 1)
    }
    // What stands before the program stands behind it here.
    chain = [0] + chain.filter { $0 != 0 }
    var number: [Int: Int] = [:]
    for index in chain where maps[index].file != nil { number[index] = number.count }
    var closure = Closure(objects: [], missing: [], failure: nil)
    for index in chain {
      let map = maps[index]
      let requester = map.requester.flatMap { number[$0] }
      guard let file = map.file else {
        closure.missing.append(
          .init(name: map.names[0], requester: requester ?? 0, position: closure.objects.count))
        continue
      }
      var via = map.via
      if case .rpath(let directory, let owner) = via {
        via = .rpath(directory: directory, of: number[owner] ?? 0)
      }
      closure.objects.append(
        LoadedObject(
          path: map.path, requestedName: map.names[0], names: map.names, object: file.object,
          identity: file.identity, requester: requester, via: via,
          needed: map.needed.map { $0.flatMap { number[$0] } }))
    }
    return closure
  }
}
