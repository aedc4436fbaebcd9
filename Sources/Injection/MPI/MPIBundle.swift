package import ELF

/// An MPI as a site has it: its libraries, its plugins and its launcher, which only fit together.
package struct MPIBundle: Equatable, Sendable {
  package var library: MPILibrary
  /// The C library, as it is opened.
  package var path: String
  /// The directory of its libraries.
  package var directory: String
  /// The directory above a `lib` or `lib64`; nil where the libraries lie elsewhere.
  package var prefix: String?
  /// Its libraries by the names that programs ask for.
  package var libraries: [String: String]
  package var plugins: [PluginDirectory]
  /// Its `mpirun` or `mpiexec`.
  package var launcher: String?
  package var identity: FileIdentity
  /// The number of bytes of the C library's file that tell it from others: its build id.
  package var buildID: [UInt8]?

  /// A directory of plugins that a library opens at run time, by a path that was compiled in.
  package struct PluginDirectory: Hashable, Sendable {
    /// What opens them: `Open MPI`, `PMIx`, `UCX`, `libfabric`, `hwloc`.
    package var component: String
    package var path: String
    /// Whether it is where the library was built to look; else the library was moved, and finds its
    /// plugins only by the variable.
    package var isCompiledIn: Bool
    /// The environment variable that names another directory.
    package var variable: String?
  }

  /// The MPIs whose libraries lie in a directory, below a prefix, or beside a library.
  package static func find(at path: String, in files: any LoaderFiles) -> [MPIBundle] {
    if case .object(_, _) = files.file(at: path) {
      let directory = path.directory
      return bundle(of: path.lastComponent, in: directory, files: files).map { [$0] } ?? []
    }
    for directory in ["\(path)/lib", "\(path)/lib64", "\(path)/lib/release", path] {
      let bundles = find(inDirectory: directory, files: files)
      if !bundles.isEmpty { return bundles }
    }
    return []
  }

  private static func find(inDirectory directory: String, files: any LoaderFiles) -> [MPIBundle] {
    guard let names = files.list(directory) else { return [] }
    var bundles: [MPIBundle] = []
    let candidates = names.filter { name in
      MPINames.role(of: name) == .c
        && name.suffix(from: name.range(of: ".so")!.upperBound).split(separator: ".").count == 1
    }
    for name in candidates.sorted() {
      guard let bundle = bundle(of: name, in: directory, files: files),
        !bundles.contains(where: { $0.identity == bundle.identity })
      else { continue }
      bundles.append(bundle)
    }
    return bundles
  }

  private static func bundle(
    of name: String, in directory: String, files: any LoaderFiles
  ) -> MPIBundle? {
    let path = "\(directory)/\(name)"
    guard case .object(let object, let identity) = files.file(at: path),
      MPILibrary.isLibrary(object), let source = files.source(at: path)
    else { return nil }
    let family = MPILibrary.family(of: object)
    let names = files.list(directory) ?? []
    let prefix = ["lib", "lib64"].contains(directory.lastComponent) ? directory.directory : nil
    let neighbours = object.needed.filter {
      $0.hasPrefix("libopen-") || $0.hasPrefix("libopen_") || $0.hasPrefix("libpmix")
    }.compactMap { name -> (ELFObject, ByteSource)? in
      let path = "\(directory)/\(name)"
      guard case .object(let object, _) = files.file(at: path), let source = files.source(at: path)
      else { return nil }
      return (object, source)
    }
    let plugins = pluginDirectories(
      of: family, beside: directory, objects: [(object, source)] + neighbours, files: files)
    let pluginNames = plugins.filter { $0.component == "Open MPI" }
      .flatMap { files.list($0.path) ?? [] }
    guard
      let library = MPILibrary(
        object, in: source, plugins: pluginNames, neighbours: neighbours)
    else { return nil }

    // The libraries of the same MPI, by the names that are asked for.
    var libraries: [String: String] = [:]
    for other in names where MPINames.isMPI(other) && other.hasVersionedEnding {
      guard MPINames.family(of: other) == nil || MPINames.family(of: other) == family else {
        continue
      }
      libraries[other] = "\(directory)/\(other)"
    }
    return MPIBundle(
      library: library, path: path, directory: directory, prefix: prefix, libraries: libraries,
      plugins: plugins, launcher: launcher(of: library, prefix: prefix ?? "/usr", files: files),
      identity: identity, buildID: object.notes.buildID)
  }

  /// Where a bundle's plugins lie: below the directories that are compiled in; of one that was moved,
  /// beside its libraries.
  private static func pluginDirectories(
    of family: MPIFamily, beside directory: String, objects: [(ELFObject, ByteSource)],
    files: any LoaderFiles
  ) -> [PluginDirectory] {
    var directories: [PluginDirectory] = []
    func add(
      _ component: String, _ variable: String?, compiled: [String] = [], beside: [String],
      having prefix: String
    ) {
      let candidates = compiled.map { ($0, true) } + beside.map { ($0, compiled.isEmpty) }
      for (path, isCompiledIn) in candidates {
        guard let names = files.list(path),
          names.contains(where: { $0.hasPrefix(prefix) && $0.hasSuffix(".so") })
        else { continue }
        directories.append(
          .init(component: component, path: path, isCompiledIn: isCompiledIn, variable: variable))
        return
      }
    }
    if family == .openMPI {
      let names = ["openmpi", "openmpi3", "openmpi5"]
      add(
        "Open MPI", "OPAL_PREFIX",
        compiled: compiledDirectories(in: objects, files: files).flatMap { directory in
          names.map { "\(directory)/\($0)" } + [directory]
        }, beside: names.map { "\(directory)/\($0)" }, having: "mca_")
      add("PMIx", "PMIX_PREFIX", beside: ["\(directory)/pmix"], having: "pmix_mca_")
    }
    add("UCX", "UCX_MODULE_DIR", beside: ["\(directory)/ucx"], having: "libu")
    add("libfabric", "FI_PROVIDER_PATH", beside: ["\(directory)/libfabric"], having: "lib")
    return directories
  }

  /// The directories whose paths are compiled into libraries, whole or by `${prefix}`.
  ///
  /// Source: Open MPI's opal/mca/installdirs/base, whose values are templates of each other.
  private static func compiledDirectories(
    in objects: [(ELFObject, ByteSource)], files: any LoaderFiles
  ) -> [String] {
    var absolute: [String] = []
    var below: [Substring] = []
    for (object, source) in objects {
      object.texts(in: source) { text in
        guard text.count < 200, !text.contains(0x20) else { return true }
        if text.first == UInt8(ascii: "/") {
          absolute.append(String(decoding: text, as: UTF8.self))
        } else if text.starts(with: "${".utf8) {
          let template = String(decoding: text, as: UTF8.self)
          for head in ["${prefix}/", "${exec_prefix}/"] where template.hasPrefix(head) {
            below.append(template.dropFirst(head.count))
          }
        }
        return true
      }
    }
    let roots = absolute.filter { files.list($0) != nil }
    return roots
      + roots.flatMap { root in
        below.filter { $0.hasPrefix("lib") && !$0.hasPrefix("libexec") }.map { "\(root)/\($0)" }
      }.filter { files.list($0) != nil }
  }

  private static func launcher(
    of library: MPILibrary, prefix: String, files: any LoaderFiles
  ) -> String? {
    let names = files.list("\(prefix)/bin") ?? []
    let wanted =
      library.family == .openMPI
      ? ["mpirun.openmpi", "mpirun", "mpiexec"]
      : ["mpiexec.mpich", "mpiexec.hydra", "mpiexec", "mpirun"]
    return wanted.first { names.contains($0) }.map { "\(prefix)/bin/\($0)" }
  }
}

extension String {
  /// The directory of a path, without a slash at its end.
  package var directory: String {
    guard let slash = lastIndex(of: "/") else { return "." }
    return slash == startIndex ? "/" : String(self[..<slash])
  }
  package var lastComponent: String {
    lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? self
  }
  /// Whether a file name ends in `.so.` and one number, as names that are asked for do.
  fileprivate var hasVersionedEnding: Bool {
    guard let end = range(of: ".so.") else { return false }
    return self[end.upperBound...].allSatisfy(\.isWholeNumber)
  }
}
