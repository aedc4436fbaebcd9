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
  /// Debian's linker has a change for its directories by architecture; so has its `$LIB` a slash.
  private let looksAtMachineFirst: Bool

  private var opened: [String: Opened] = [:]
  private var directories: [String: SearchDirectory] = [:]
  private var searchPaths: [String: SearchPath] = [:]
  /// What names lead to that are in no list of directories.
  private var common: [String: Result<Finding, LoaderFailure>] = [:]
  private let demand: LoaderCache.Demand
  private lazy var systemPath = SearchPath(world.systemDirectories.map(directory))

  private enum Opened {
    case file(OpenedFile)
    /// The search goes on, unless the errno says that something is wrong.
    case passedOver(Miss)
    case fatal(LoaderFailure)
  }

  package init(world: LoaderWorld, files: any LoaderFiles, workingDirectory: String = "/") {
    self.world = world
    self.files = files
    self.workingDirectory = workingDirectory
    capabilityDirectories = world.capabilityDirectories
    looksAtMachineFirst = world.libraryToken.contains("/")
    demand = world.demand
  }

  /// The elements of `LD_LIBRARY_PATH`; an empty one is the working directory.
  package static func libraryPath(of variable: String) -> [String] {
    variable.isEmpty
      ? []
      : variable.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == ";" }.map(String.init)
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
    do throws(LoaderFailure) {
      file = try program(path)
    } catch {
      return Closure(libraryPath: libraryPath, origin: origin, failure: error)
    }
    let program = file.lying(in: origin)
    var link = LinkMap(program: program, path: path, world: world)
    link.libraryPath = searchPath(of: libraryPath, for: program)
    var list = [0]
    for name in preload + world.preloads where !name.isEmpty {
      // What cannot be preloaded is left out, with a message.
      let count = link.maps.count
      _ = try? map(name, for: 0, in: &link, isPreload: true)
      if link.maps.count > count { list.append(count) }
    }
    let failure = mapDependencies(&list, in: &link)
    link.placeLinker(in: list, release: world.release)
    var closure = link.closure(libraryPath: libraryPath, origin: origin)
    closure.failure = failure
    return closure
  }

  /// What is mapped besides when a program that runs opens an object: dlopen(3).
  ///
  /// What is new stands behind what was there. `requester` is the index of who opens it, whose
  /// search path a name without a slash is looked for in.
  package func closure(
    _ closure: Closure, opening name: String, by requester: Int = 0
  ) -> Closure {
    guard !closure.objects.isEmpty else { return closure }
    var link = LinkMap(closure) { loaded in
      let file =
        if case .file(let file) = open(loaded.path) {
          file
        } else {
          OpenedFile(path: loaded.path, object: loaded.object, identity: loaded.identity)
        }
      return loaded.via == .program ? file.lying(in: closure.origin) : file
    }
    link.libraryPath = searchPath(of: closure.libraryPath, for: link.maps[0].file!)
    var failure: LoaderFailure?
    do throws(LoaderFailure) {
      var list = [try map(name, for: requester, in: &link, isOpened: true)]
      if list[0] >= closure.objects.count { failure = mapDependencies(&list, in: &link) }
    } catch {
      failure = error
    }
    var opened = link.closure(libraryPath: closure.libraryPath, origin: closure.origin)
    opened.filterCount = closure.filterCount
    opened.missing = closure.missing + opened.missing
    opened.failure = closure.failure ?? failure
    return opened
  }

  private func program(_ path: String) throws(LoaderFailure) -> OpenedFile {
    switch open(path) {
    case .fatal(let failure): throw failure
    case .passedOver(let miss):
      throw LoaderFailure(path: path, reason: miss.reason(otherClass: otherClass))
    case .file(let file):
      if let reason = file.object.refusalAsProgram {
        throw LoaderFailure(path: path, reason: reason)
      }
      return file
    }
  }

  /// How many bits the programs have that are not for this linker.
  private var otherClass: Int { world.interpreterObject.identity.is64Bit ? 32 : 64 }

  // MARK: dependencies

  /// More filters than any program has.
  private static let mostFilters = 512

  /// Maps what the objects of a list need, breadth first, and appends it to the list.
  ///
  /// Filters come before what they filter. Ends at what the linker ends at.
  private func mapDependencies(_ list: inout [Int], in link: inout LinkMap) -> LoaderFailure? {
    var (isListed, isDone) = (IndexSet(), IndexSet())
    for index in list { isListed.insert(index) }
    var (position, filters) = (0, 0)
    while position < list.count {
      let current = list[position]
      guard isDone.insert(current), let file = link.maps[current].file else {
        position += 1
        continue
      }
      var at = position
      for dependency in file.object.dependencies {
        do throws(LoaderFailure) {
          guard let name = try expand(dependency, of: file) else {
            if dependency.kind == .needed { link.isNeeded(nil, by: current) }
            continue
          }
          let index = try map(
            name, for: current, in: &link, isOptional: dependency.kind == .auxiliary)
          if dependency.kind == .needed {
            link.isNeeded(index, by: current)
            if isListed.insert(index) { list.append(index) }
            continue
          }
          if !isListed.insert(index) {
            // Behind the object it moves to the front of it; before it, it stays.
            guard let late = list[(at + 1)...].firstIndex(of: index) else { continue }
            list.remove(at: late)
          }
          filters += 1
          if filters > Self.mostFilters {
            return LoaderFailure(
              path: file.path,
              reason: "objects that are each other's filters, with which the linker never ends")
          }
          isDone.remove(index)
          list.insert(index, at: at)
          link.move(index, before: current)
          at += 1
        } catch {
          if dependency.kind != .auxiliary { return error }
        }
      }
    }
    return nil
  }

  /// The name with its tokens replaced; nil where nothing is left of it.
  private func expand(
    _ dependency: ELFObject.Dependency, of file: OpenedFile
  ) throws(LoaderFailure) -> String? {
    if dependency.isPlain { return dependency.name }
    let name = expand(dependency.name) { origin(of: file) }
    if !name.isEmpty || dependency.name.isEmpty { return name }
    guard dependency.kind == .auxiliary else { return nil }
    throw LoaderFailure(path: dependency.name, reason: "empty dynamic string token substitution")
  }

  /// Maps an object by a name and gives its number: glibc's `_dl_map_object`.
  private func map(
    _ name: String, for requester: Int, in link: inout LinkMap, isPreload: Bool = false,
    isOpened: Bool = false, isOptional: Bool = false
  ) throws(LoaderFailure) -> Int {
    if let known = link.number(of: name) { return known }
    let (file, via): (OpenedFile, Via)
    switch try find(name, for: requester, in: link) {
    case .file(let found, let how): (file, via) = (found, how)
    case .nothing(let miss):
      let reason = miss.reason(otherClass: otherClass)
      if isPreload || isOpened || isOptional { throw LoaderFailure(path: name, reason: reason) }
      var map = LinkMap.Map(name: name, path: name, file: nil, requester: requester, via: .path)
      map.reason = reason
      return link.append(map)
    }
    if let known = link.number(of: file, as: name) { return known }
    if let reason = file.object.refusalAsLibrary {
      throw LoaderFailure(path: name, reason: reason)
    }
    // What is opened by a program that runs has no requester whose search path would count.
    return link.append(
      LinkMap.Map(
        name: name, path: file.path, file: file, requester: isOpened ? nil : requester,
        via: isPreload ? .preload : via))
  }

  // MARK: search

  private enum Finding {
    case file(OpenedFile, Via)
    case nothing(Miss)

    /// The same, when something was tried before.
    func after(_ miss: Miss) -> Self {
      if case .nothing(let why) = self { .nothing(why.after(miss)) } else { self }
    }
  }

  private func find(
    _ name: String, for requester: Int, in link: borrowing LinkMap
  ) throws(LoaderFailure) -> Finding {
    if name.utf8.contains(0x2f) {
      switch open(expand(name) { origin(of: link.maps[requester].file!) }) {
      case .file(let file): return .file(file, .path)
      case .passedOver(let miss): return .nothing(miss)
      case .fatal(let failure): throw failure
      }
    }
    var miss = Miss()
    func search(_ path: SearchPath) throws(LoaderFailure) -> (file: OpenedFile, directory: String)?
    {
      switch try find(name, in: path) {
      case .file(let file, let directory): return (file, directory)
      case .nothing(let why):
        miss = why.after(miss)
        return nil
      }
    }
    let file = link.maps[requester].file!
    let object = file.object
    if object.runpath == nil {
      var hasSeenProgram = false
      var index: Int? = requester
      while let at = index {
        if let owner = link.maps[at].file, let path = rpath(of: owner) {
          if let hit = try search(path) {
            return .file(hit.file, .rpath(directory: hit.directory, of: at))
          }
          hasSeenProgram = hasSeenProgram || at == 0
        }
        index = link.maps[at].requester
      }
      if !hasSeenProgram, let path = rpath(of: link.maps[0].file!), let hit = try search(path) {
        return .file(hit.file, .rpath(directory: hit.directory, of: 0))
      }
    }
    if let path = link.libraryPath, let hit = try search(path) {
      return .file(hit.file, .libraryPath(hit.directory))
    }
    if let path = runpath(of: file), let hit = try search(path) {
      return .file(hit.file, .runpath(hit.directory))
    }
    if !object.flags.contains(.noDefaultLibraries) {
      let finding: Result<Finding, LoaderFailure>
      if let known = common[name] {
        finding = known
      } else {
        finding = Result { () throws(LoaderFailure) in
          try findInSystem(name, isConfined: false)
        }
        common[name] = finding
      }
      return try finding.get().after(miss)
    }
    return try findInSystem(name, isConfined: true).after(miss)
  }

  /// Looks in the cache and in the linker's own directories; what is confined wants nothing of
  /// those, in neither.
  private func findInSystem(
    _ name: String, isConfined: Bool
  ) throws(LoaderFailure) -> Finding {
    var miss = Miss()
    if let cached = world.cache?.path(of: name, for: demand),
      !isConfined || !world.systemDirectories.contains(where: cached.hasPrefix)
    {
      switch open(cached) {
      case .file(let file): return .file(file, .cache)
      case .passedOver(let why): miss = why
      case .fatal(let failure): throw failure
      }
    }
    if isConfined { return .nothing(miss) }
    switch try find(name, in: systemPath) {
    case .file(let file, let directory): return .file(file, .systemDirectory(directory))
    case .nothing(let why): return .nothing(why.after(miss))
    }
  }

  /// Looks a name up in the directories of a list: glibc's `open_path`.
  private func find(
    _ name: String, in path: SearchPath
  ) throws(LoaderFailure) -> SearchPath.Finding {
    if let known = path.found[name] { return try known.get() }
    let result = Result { () throws(LoaderFailure) in try look(for: name, in: path) }
    path.found[name] = result
    return try result.get()
  }

  private func look(
    for name: String, in path: SearchPath
  ) throws(LoaderFailure) -> SearchPath.Finding {
    var miss = Miss()
    for directory in path.directories {
      miss.code = 2
      for (prefix, contents) in directory.parts {
        if case .names(let names) = contents, !names.contains(name) {
          // NAME_MAX: the linker would be told ENAMETOOLONG.
          miss.code = name.utf8.count > 255 ? 36 : 2
          continue
        }
        switch open(prefix + name) {
        case .file(let file): return .file(file, directory: directory.path)
        case .fatal(let failure): throw failure
        case .passedOver(let why):
          miss = why.after(miss)
        }
      }
      // It is there and something is wrong with it: not ENOENT, EACCES or, by now, ENOTDIR.
      let isHarmless =
        miss.code == 2 || miss.code == 13 || (miss.code == 20 && world.release >= .init(2, 41))
      if !isHarmless { break }
    }
    return .nothing(miss)
  }

  /// Opens a file and looks at its header: glibc's `open_verify`.
  private func open(_ path: String) -> Opened {
    if let known = opened[path] { return known }
    let linker = world.interpreterObject.identity
    func verdict(_ refusal: ELFHeader.Refusal?) -> Opened? {
      switch refusal {
      case nil: nil
      case .otherClass: .passedOver(Miss(isOtherClass: true))
      case .otherMachine: .passedOver(Miss())
      case .fatal(let reason): .fatal(LoaderFailure(path: path, reason: reason))
      }
    }
    let result: Opened
    switch files.file(at: absolute(path)) {
    case .absent: result = .passedOver(Miss())
    // A directory is opened and then not read.
    case .unreadable(21):
      result = .fatal(
        LoaderFailure(path: path, reason: "cannot read file data: \(SystemError.text(21))"))
    case .unreadable(let code): result = .passedOver(Miss(code: code))
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
          header.refusal(by: linker, looksAtMachineFirst: looksAtMachineFirst))
        ?? .fatal(LoaderFailure(path: path, reason: what))
    case .object(let object, let identity):
      result =
        verdict(
          object.header.refusal(by: linker, looksAtMachineFirst: looksAtMachineFirst))
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

  private func searchPath(of libraryPath: [String], for program: OpenedFile) -> SearchPath? {
    guard !libraryPath.isEmpty else { return nil }
    return searchPath(
      libraryPath.joined(separator: "\0"), separator: "\0", origin: origin(of: program))
  }

  private func rpath(of file: OpenedFile) -> SearchPath? {
    if let known = file.rpath { return known }
    let text = file.object.runpath == nil ? file.object.rpath : nil
    let path = text.flatMap {
      $0.isEmpty ? nil : searchPath($0, separator: ":", origin: origin(of: file))
    }
    file.rpath = .some(path)
    return path
  }

  private func runpath(of file: OpenedFile) -> SearchPath? {
    if let known = file.runpath { return known }
    let text = file.object.runpath
    let path = text.flatMap {
      $0.isEmpty ? nil : searchPath($0, separator: ":", origin: origin(of: file))
    }
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
        path = expand(path) { origin }
        if path.isEmpty { continue }
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
  ///
  /// Nothing is left of a text with a token that has no replacement.
  private func expand(_ text: String, origin: () -> String) -> String {
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
        guard let platform = world.processor.platform else { return "" }
        result += platform.utf8
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
