import ELF

/// How an injected library reaches a program.
package enum InjectionMethod: String, CaseIterable, Codable, Sendable {
  /// A directory that the stack's programs have in their RPATH before that of their own MPI.
  case override
  /// `LD_LIBRARY_PATH`.
  case libraryPath = "library-path"
  /// `LD_PRELOAD` of the C library.
  case preload
  /// What is there already.
  case present
}

/// What was found out about one program or library.
package struct ConsumerCheck: Sendable {
  package var consumer: String
  package var method: InjectionMethod
  /// Whether it, or a library that it needs, uses MPI.
  package var usesMPI = false
  /// The family that it was built for.
  package var family: MPIFamily?
  package var findings: [Finding] = []
  /// The C library of MPI that is loaded.
  package var picked: Picked?
  package var bundle: MPIBundle?
  /// The dynamic linker that loads it, and the release of glibc that it belongs to.
  package var interpreter: String?
  package var release: String?
  /// The objects that are loaded, in the linker's order.
  package var closure: [String] = []

  package struct Picked: Equatable, Sendable {
    package var path: String
    /// The rule by which the linker found it.
    package var rule: String
    package var isInjected: Bool
  }

  init(consumer: String, method: InjectionMethod) {
    self.consumer = consumer
    self.method = method
  }

  mutating func use(_ closure: Closure, bundle: MPIBundle?) {
    self.closure = closure.objects.map(\.path)
    let libraries = closure.mpiLibraries
    let injected = libraries.first { closure.objects[$0].identity == bundle?.identity }
    picked = (injected ?? libraries.first).map {
      Picked(
        path: closure.objects[$0].path, rule: closure.rule($0), isInjected: $0 == injected)
    }
  }

  /// Whether it is a part of the MPI that it uses, and goes where that goes.
  package var isPartOfMPI: Bool { picked?.path.directory == consumer.directory }

  /// The worst finding.
  package var verdict: Verdict { findings.map(\.verdict).max() ?? .ok }
}
