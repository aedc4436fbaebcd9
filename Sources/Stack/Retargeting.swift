package import Environment
import Microarchitecture

extension StackSelection {
  /// Moves paths of an inherited environment from another node's subtree to this node's.
  ///
  /// An environment that was initialised on a zen2 node holds paths of the zen2 subtree; on a
  /// haswell node they lead to programs that it cannot run. Every element of every variable that
  /// points into another subtree of the same version, in the stack, in `host_injections` or in the
  /// compat layer, is moved, and so are the paths in Lmod's table of loaded modules. Elements of
  /// an accelerator subtree move to this node's accelerator, or are dropped where it has none.
  package func retargeting(of environment: Environment) -> EnvironmentPatch {
    let places = places
    var patch = EnvironmentPatch()
    for name in environment.names {
      guard let value = environment[name], value.utf8.contains(UInt8(ascii: "/")) else { continue }
      // Lmod counts the elements of lists in `__LMOD_REF_COUNT_PATH` as `PATH:1;PATH:1`.
      let isCount = value.utf8.contains(UInt8(ascii: ";"))
      let separator: Character = isCount ? ";" : ":"
      let elements = value.split(separator: separator, omittingEmptySubsequences: false)
      guard elements.contains(where: { element in places.contains { element.hasPrefix($0) } })
      else { continue }
      var moved: [Substring] = []
      for element in elements {
        guard let path = self.moved(element).map({ $0[...] }) else {
          moved.append(element)
          continue
        }
        if path == element {
          moved.append(element)
        } else if !path.isEmpty, !moved.contains(path), !elements.contains(path) {
          moved.append(path)
        }
      }
      guard moved != elements else { continue }
      if moved.isEmpty {
        patch.unset(name)
      } else {
        patch.set(name, moved.joined(separator: String(separator)))
      }
    }
    if !patch.operations.isEmpty, var table = ModuleTable(of: environment) {
      let former = table
      table.replaceTexts(beginningWith: places) { path in
        guard let moved = moved(path), !moved.isEmpty else { return nil }
        return moved
      }
      if table != former { patch.append(table.patch) }
    }
    return patch
  }

  /// The loaded modules of an inherited environment whose files lie in another node's subtree, with
  /// the file that each has on this node; nil where it has none.
  ///
  /// Lmod and Environment Modules list names and files in the same order in LOADEDMODULES and
  /// _LMFILES_.
  package func movedModules(of environment: Environment) -> [(name: String, file: String?)] {
    func elements(_ name: String) -> [Substring] {
      (environment[name] ?? "").split(separator: ":")
    }
    let (names, files) = (elements("LOADEDMODULES"), elements("_LMFILES_"))
    guard names.count == files.count else { return [] }
    return zip(names, files).compactMap { name, file in
      guard let moved = moved(file), moved != file else { return nil }
      return (String(name), moved.isEmpty ? nil : moved)
    }
  }

  /// Where versions of the software and the site's additions to them stand.
  private var places: [String] {
    ["versions", "host_injections"].map { "\(repository.root)/\($0)/\(version)\(suffix)/" }
  }

  /// Where a path belongs on this node; empty when nowhere, nil when it is no path of a subtree.
  private func moved(_ path: Substring) -> String? {
    guard let place = places.first(where: { path.hasPrefix($0) }),
      let target = destination(of: path.dropFirst(place.count))
    else { return nil }
    return target.isEmpty ? "" : place + target
  }

  /// Where a path below `versions/V/` belongs on this node; empty when nowhere, nil when it is no
  /// path of a subtree.
  private func destination(of path: Substring) -> String? {
    if let rest = path.dropping(prefix: "compat/linux/") {
      guard let family = rest.split(separator: "/").first,
        Architecture(rawValue: String(family)) != nil
      else { return nil }
      return "compat/linux/\(cpuFamily)\(rest.dropFirst(family.count))"
    }
    guard let rest = path.dropping(prefix: "software/linux/"),
      let (subdirectory, tail) = Self.subtree(startOf: rest)
    else { return nil }
    if let (accelerator, end) = Self.accelerator(startOf: tail) {
      guard let here = acceleratorSubtree else { return "" }
      if subdirectory == acceleratorParent && accelerator == here { return String(path) }
      return "software/linux/\(acceleratorParent)/\(here)\(end)"
    }
    return "software/linux/\(self.subdirectory)\(tail)"
  }

  /// The software subdirectory that a path starts with, and what follows it.
  private static func subtree(startOf path: Substring) -> (Substring, tail: Substring)? {
    // Two or three components; a longer name is looked for first, so that none hides another.
    for count in [3, 2] {
      let components = path.split(
        separator: "/", maxSplits: count, omittingEmptySubsequences: false)
      guard components.count >= count else { continue }
      let name = path[path.startIndex..<components[count - 1].endIndex]
      if Catalog.target(named: String(name)) != nil { return (name, path[name.endIndex...]) }
    }
    return nil
  }

  /// The accelerator that `/accel/nvidia/cc80/…` starts with, and what follows it.
  private static func accelerator(startOf tail: Substring) -> (Substring, end: Substring)? {
    let components = tail.split(separator: "/", maxSplits: 4, omittingEmptySubsequences: false)
    guard components.count >= 4, components[1] == "accel" else { return nil }
    let name = tail[components[1].startIndex..<components[3].endIndex]
    return isAcceleratorName(name) ? (name, tail[name.endIndex...]) : nil
  }
}

extension Substring {
  fileprivate func dropping(prefix: String) -> Substring? {
    hasPrefix(prefix) ? dropFirst(prefix.count) : nil
  }
}
