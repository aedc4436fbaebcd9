package import Environment

/// The program of a step, and which MPI it will run with, as far as files and names tell.
package struct StepProgram: Equatable, Sendable {
  package var path: String
  package var file: ProgramFile

  package init(path: String, file: ProgramFile) {
    self.path = path
    self.file = file
  }

  private var name: Substring { path.split(separator: "/").last ?? "" }

  /// The MPI of the program.
  package struct Use: Equatable, Sendable {
    package var library: MPILibrary
    /// Where it is installed; nil where that is not known, and where a manifest has told all.
    package var root: String?
    /// Whether the program needs it, rather than may come to use it.
    package var isCertain: Bool
  }

  /// Which MPI it runs with; nil where it uses none, and where nobody can tell.
  ///
  /// `injected` are what the site has put under the stack; `software` is the directory of the
  /// stack's software, whose programs may use an MPI through libraries of their own.
  package func use(
    in environment: Environment, injected: [InjectedMPI] = [], software: String
  ) -> Use? {
    let loaded = InstalledMPI.loaded(in: environment)
    if let (name, family) = file.mpi {
      guard case .dynamic(_, let runPath, _) = file else { return nil }
      if let own = injected.first(where: { $0.isUsed(by: family) }) {
        return Use(library: own.library, isCertain: true)
      }
      // The run path counts before what modules put on LD_LIBRARY_PATH, as EasyBuild builds.
      let installed = InstalledMPI.named(in: runPath) + loaded
      if let own = installed.first(where: { $0.library.family == family }) {
        return Use(library: own.library, root: own.root, isCertain: true)
      }
      return MPILibrary(usualFor: name, family).map { Use(library: $0, isCertain: true) }
    }
    guard mayUseMPI(loaded, software: software), let first = loaded.first else { return nil }
    let own = injected.first { $0.isUsed(by: first.library.family) }
    return Use(
      library: own?.library ?? first.library, root: own == nil ? first.root : nil,
      isCertain: false)
  }

  /// Whether it may start an MPI program, or have libraries that use an MPI.
  ///
  /// Scripts may, and what the stack has, such as Python. A program from elsewhere tells by what it
  /// needs itself.
  private func mayUseMPI(_ loaded: [InstalledMPI], software: String) -> Bool {
    switch file {
    case .script: true
    case .fixed, .other: false
    // The daemons by which an MPI's own launcher starts ranks are no ranks.
    case .dynamic:
      path.hasPrefix("\(software)/") && !loaded.contains { path.hasPrefix("\($0.root)/") }
    }
  }

  /// Why it cannot be made a rank of a probe; nil where it can.
  ///
  /// The probe works by a library that the dynamic linker preloads: where nothing is preloaded, the
  /// program itself would run.
  package var reasonNotToProbe: String? {
    switch file {
    case .script: "\(name) is a script"
    case .fixed: "\(name) has no dynamic linker"
    case .other: "\(name) is no program whose libraries can be told"
    case .dynamic(_, _, let isNative): isNative ? nil : "\(name) is a program for other machines"
    }
  }

  /// What to say of a step of tasks that run it; nil where the launch fits, or nothing is known.
  package func finding(_ use: Use, launchedBy kind: LaunchKind, tasks: Int) -> Finding? {
    guard var finding = LaunchRule.findings(for: use.library, launchedBy: kind, tasks: tasks).first
    else { return nil }
    finding.file = path
    finding.message =
      (use.isCertain ? "\(name): " : "if \(name) uses MPI: ") + finding.message
    return finding
  }
}

extension MPILibrary {
  /// The library that usually has a name, where nothing tells which one it is.
  ///
  /// libmpi.so.12 is MPICH's and Intel's, which differ in what they speak; libmpich.so.12 is the
  /// name that Debian and Ubuntu give MPICH's.
  fileprivate init?(usualFor name: String, _ family: MPIFamily) {
    switch family {
    case .openMPI: self.init(family: family, name: "Open MPI", kinds: [.pmix])
    case .mpich where name.hasPrefix("libmpich"):
      self.init(family: family, name: "MPICH", kinds: [.pmi1, .pmi2])
    case .mpich, .abi: return nil
    }
  }
}
