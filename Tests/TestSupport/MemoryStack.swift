package import Stack

/// A tree of directories and files that exists in memory only.
package struct MemoryStack: Sendable {
  private var kinds: [String: FileKind] = [:]

  /// Every directory above a named path exists too.
  package init(directories: [String] = [], files: [String] = []) {
    for path in directories { add(path, .directory) }
    for path in files { add(path, .file) }
  }

  package mutating func add(directory path: String) { add(path, .directory) }
  package mutating func add(file path: String) { add(path, .file) }

  /// Takes a path and all below it away.
  package mutating func remove(_ path: String) {
    kinds = kinds.filter { $0.key != path && !$0.key.hasPrefix(path + "/") }
  }

  /// A reader of the tree.
  package var reader: StackReader {
    StackReader(
      kind: { kinds[$0] ?? .absent },
      names: { directory in
        kinds.keys.filter { $0.hasPrefix(directory + "/") }
          .map { $0.dropFirst(directory.count + 1) }.filter { !$0.contains("/") }.map(String.init)
      })
  }

  private mutating func add(_ path: String, _ kind: FileKind) {
    kinds[path] = kind
    var above = path
    while let slash = above.lastIndex(of: "/"), slash != above.startIndex {
      above = String(above[..<slash])
      if kinds[above] == nil { kinds[above] = .directory }
    }
  }
}

extension StackReader {
  /// A reader of a tree in memory.
  package static func inMemory(directories: [String] = [], files: [String] = []) -> StackReader {
    MemoryStack(directories: directories, files: files).reader
  }
}

extension StackRequest {
  /// A request as a user would type it.
  package init(version: String, site: SiteDefaults = SiteDefaults()) {
    self.init(version: Override(version, source: "--eessi"), site: site)
  }

  /// A request as a user would type it.
  package init(repository: String, version: String? = nil) {
    self.init(
      repository: Override(repository, source: "--eessi-repo"),
      version: version.map { Override($0, source: "--eessi") })
  }
}
