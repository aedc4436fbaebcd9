package import ELF

extension MPIBundle {
  /// The MPIs of a machine, each once.
  ///
  /// `places` are directories that a site or a user names; `path` is the value of PATH, whose mpirun
  /// tells of an MPI that a module has loaded.
  package static func discover(
    in files: any LoaderFiles, cache: LoaderCache?, places: [String] = [], path: String? = nil
  ) -> [MPIBundle] {
    var found: [MPIBundle] = []
    func look(_ place: String) {
      for bundle in find(at: place, in: files)
      where !found.contains(where: { $0.identity == bundle.identity }) {
        found.append(bundle)
      }
    }
    places.forEach(look)
    for directory in path?.split(separator: ":").map(String.init) ?? []
    where directory.hasPrefix("/") && directory.lastComponent == "bin" && directory != "/usr/bin"
      && directory != "/bin"
    {
      let names = files.list(directory) ?? []
      if names.contains("mpirun") || names.contains("mpiexec") { look(directory.directory) }
    }
    for pattern in usualPlaces { expand(pattern, in: files).forEach(look) }
    for entry in cache?.entries ?? [] where MPINames.role(of: entry.name) == .c { look(entry.path) }
    return found
  }

  /// Where distributions, vendors and sites install MPIs; `*` is any name.
  ///
  /// Sources: the packages openmpi and mpich of Fedora and Red Hat; Cray's and Intel's installation
  /// guides; the defaults of `make install`.
  private static let usualPlaces = [
    "/usr/lib64/openmpi", "/usr/lib64/mpich", "/usr/lib64/mvapich2", "/usr/local",
    "/opt/*", "/opt/*/*", "/usr/local/*", "/usr/mpi/gcc/*",
    "/opt/intel/oneapi/mpi/*", "/opt/intel/oneapi/mpi/*/lib/release",
    "/opt/cray/pe/mpich/*/ofi/gnu/*/lib-abi-mpich", "/opt/cray/pe/mpich/*/ofi/*/*",
    "/opt/hpcx*/ompi", "/opt/mellanox/*/ompi",
  ]

  private static func expand(_ pattern: String, in files: any LoaderFiles) -> [String] {
    var paths = [""]
    for part in pattern.split(separator: "/") {
      paths = paths.flatMap { path -> [String] in
        guard let star = part.firstIndex(of: "*") else { return ["\(path)/\(part)"] }
        let (head, tail) = (part[..<star], part[part.index(after: star)...])
        return (files.list(path.isEmpty ? "/" : path) ?? [])
          .filter { $0.hasPrefix(head) && $0.hasSuffix(tail) && !$0.hasPrefix(".") }.sorted()
          .map { "\(path)/\($0)" }
      }
    }
    return paths
  }
}
