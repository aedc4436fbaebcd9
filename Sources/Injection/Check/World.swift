package import ELF

/// Where programs are loaded: the files of a root, a dynamic linker and a processor.
package struct World: Sendable {
  /// `host`, `stack 2023.06`, `image …`.
  package var name: String
  package var files: any LoaderFiles
  /// The dynamic linker of libraries, and of programs that name none.
  package var interpreter: String
  package var processor: LoaderProcessor

  package init(
    name: String, files: any LoaderFiles, interpreter: String, processor: LoaderProcessor
  ) {
    self.name = name
    self.files = files
    self.interpreter = interpreter
    self.processor = processor
  }

  /// The same world with directories of it replaced by others, as mounts or links would do.
  package func binding(_ binds: [(path: String, target: String)]) -> World {
    var world = self
    if !binds.isEmpty { world.files = BoundFiles(files, binds) }
    return world
  }
}

/// Files with some directories seen in place of others.
private final class BoundFiles: LoaderFiles {
  private let files: any LoaderFiles
  private let binds: [(path: String, target: String)]

  init(_ files: any LoaderFiles, _ binds: [(path: String, target: String)]) {
    self.files = files
    self.binds = binds
  }

  private func resolved(_ path: String) -> String {
    for bind in binds where path.hasPrefix(bind.path) {
      let rest = path.dropFirst(bind.path.count)
      if rest.isEmpty || rest.hasPrefix("/") { return bind.target + rest }
    }
    return path
  }

  func file(at path: String) -> LoaderFile { files.file(at: resolved(path)) }
  func names(in directory: String) -> LoaderDirectory { files.names(in: resolved(directory)) }
  func source(at path: String) -> ByteSource? { files.source(at: resolved(path)) }
}

extension LoaderFiles {
  /// The names in a directory; nil where there is none or it cannot be listed.
  package func list(_ directory: String) -> Set<String>? {
    if case .names(let names) = names(in: directory) { names } else { nil }
  }
}
