package import Environment

/// An MPI that a module or a program's own run path names, by its place.
package struct InstalledMPI: Equatable, Sendable {
  package var library: MPILibrary
  /// Its installation prefix.
  package var root: String

  package init(library: MPILibrary, root: String) {
    self.library = library
    self.root = root
  }

  /// The MPIs of EasyBuild: the module's name, and what the library speaks as it is built there.
  private static let known: [(module: String, library: MPILibrary)] = [
    ("OpenMPI", MPILibrary(family: .openMPI, name: "Open MPI", kinds: [.pmix])),
    ("MPICH", MPILibrary(family: .mpich, name: "MPICH", kinds: [.pmi1, .pmi2])),
    ("impi", MPILibrary(family: .mpich, name: "Intel MPI", kinds: [.pmix, .pmi2, .pmi1])),
  ]

  /// The MPIs whose modules are loaded: `EBROOTOPENMPI`, `EBROOTMPICH`, `EBROOTIMPI`.
  ///
  /// Source: EasyBuild's module generator, which sets `EBROOT<NAME>` to the prefix.
  package static func loaded(in environment: Environment) -> [Self] {
    known.compactMap { module, library in
      environment.nonEmpty("EBROOT\(module.uppercased())").map { root in
        var library = library.version(root.split(separator: "/").last)
        // Then it speaks what that library speaks: Slurm's own libpmi.so, for one, needs no --mpi.
        if module == "impi", environment.nonEmpty("I_MPI_PMI_LIBRARY") != nil { library.kinds = [] }
        return Self(library: library, root: root)
      }
    }
  }

  /// The MPIs whose library directories are in a run path, in its order.
  ///
  /// EasyBuild's prefixes end with the module's name and its version.
  package static func named(in runPath: String) -> [Self] {
    runPath.split(separator: ":").compactMap { directory in
      let parts = directory.split(separator: "/")
      guard parts.count >= 3, parts.last == "lib" || parts.last == "lib64" else { return nil }
      let version = parts[parts.count - 2]
      guard version.first?.isNumber == true else { return nil }
      return known.first { $0.module == parts[parts.count - 3] }.map { _, library in
        Self(
          library: library.version(version),
          root: "/" + parts.dropLast().joined(separator: "/"))
      }
    }
  }
}

/// An MPI that a site has put under the stack, as its manifest tells.
package struct InjectedMPI: Equatable, Sendable {
  package var library: MPILibrary
  package var verdict: Verdict
  package var directory: String

  package init(library: MPILibrary, verdict: Verdict, directory: String) {
    self.library = library
    self.verdict = verdict
    self.directory = directory
  }

  /// Whether programs of a family run with it.
  package func isUsed(by family: MPIFamily) -> Bool {
    library.family == family && verdict < .notApplied
  }
}

extension MPILibrary {
  /// The same with the version of a directory such as `4.1.6-GCC-13.2.0`.
  fileprivate func version(_ directory: Substring?) -> Self {
    var library = self
    let version = directory?.prefix { $0 != "-" } ?? ""
    library.version = version.first?.isNumber == true ? String(version) : nil
    return library
  }
}
