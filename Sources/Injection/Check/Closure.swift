import ELF

extension Closure {
  /// The names of MPI libraries that its objects, but for MPI's own, ask for.
  var wantedMPINames: [String] {
    var names: [String] = []
    for loaded in objects where !MPINames.isMPI(loaded.path.lastComponent) {
      for name in loaded.object.needed where MPINames.isMPI(name) && !names.contains(name) {
        names.append(name)
      }
    }
    return names
  }

  /// The C libraries of MPI that are loaded; one that only forwards to another counts with it.
  var mpiLibraries: [Int] {
    let all = objects.indices.filter { $0 > 0 && MPILibrary.isLibrary(objects[$0].object) }
    return all.filter { index in
      !all.contains { other in other != index && objects[other].needed.contains(index) }
    }
  }

  /// Whether what uses MPI gets some of it from the first of several libraries, and some from another.
  func isSplit(between libraries: [Int]) -> Bool {
    guard let first = libraries.first else { return false }
    let own = objects[first].object.symbols
    let others = libraries.dropFirst().map { objects[$0].object.symbols }
    return objects.contains { loaded in
      !MPILibrary.isLibrary(loaded.object)
        && loaded.object.symbols.references.contains { reference in
          guard reference.isMPI, !reference.isWeak else { return false }
          let name = SymbolName(reference.name)
          return own.definition(of: name, version: reference.version) == nil
            && others.contains { $0.definition(of: name, version: reference.version) != nil }
        }
    }
  }

  /// The object that a name of `DT_NEEDED` led to.
  func provider(of name: String, for loaded: LoadedObject) -> Int? {
    if let index = loaded.object.needed.firstIndex(of: name), index < loaded.needed.count {
      return loaded.needed[index]
    }
    return objects.firstIndex { $0.object.soname == name || $0.requestedName == name }
  }

  /// Whether an object in the global scope defines a symbol.
  func defines(_ reference: SymbolTable.Reference) -> Bool {
    let name = SymbolName(reference.name)
    return objects.contains {
      $0.object.symbols.definition(of: name, version: reference.version) != nil
    }
  }

  /// An object and all that it needs, in ascending order.
  func reach(of index: Int) -> [Int] {
    var isReached = [Bool](repeating: false, count: objects.count)
    var waiting = [index]
    isReached[index] = true
    while let next = waiting.popLast() {
      for needed in objects[next].needed {
        guard let needed, !isReached[needed] else { continue }
        isReached[needed] = true
        waiting.append(needed)
      }
    }
    return isReached.indices.filter { isReached[$0] }
  }

  /// How the linker found an object, in words.
  func rule(_ index: Int) -> String {
    switch objects[index].via {
    case .program: "as the program"
    case .preload: "by LD_PRELOAD"
    case .interpreter: "as the dynamic linker"
    case .path: "by its path"
    case .rpath(let directory, let of): "by the RPATH of \(objects[of].path) in \(directory)"
    case .libraryPath(let directory): "by LD_LIBRARY_PATH in \(directory)"
    case .runpath(let directory):
      "by the RUNPATH of \(objects[index].requester.map { objects[$0].path } ?? "the program") in \(directory)"
    case .cache: "in the ld.so.cache"
    case .systemDirectory(let directory): "in the linker's own directory \(directory)"
    }
  }
}
