import ELF

/// A host's MPI, to be put under a stack: where it comes, and what that does to whom.
package struct MPIPlan: Sendable {
  package var bundle: MPIBundle
  /// One for each software subdirectory.
  package var places: [Place]

  package struct Place: Sendable {
    /// Below the target of `host_injections`.
    package var path: String
    package var subdirectory: String
    /// The verdicts on the stack's programs that use MPI.
    package var checks: [ConsumerCheck]

    package init(path: String, subdirectory: String, checks: [ConsumerCheck]) {
      self.path = path
      self.subdirectory = subdirectory
      self.checks = checks
    }

    /// The programs that would load the MPI.
    package var reached: [ConsumerCheck] { checks.filter { $0.picked?.isInjected == true } }

    /// The worst verdict on the programs that would load it; programs that load another are as they
    /// were.
    package var verdict: Verdict {
      reached.map(\.verdict).max() ?? checks.map(\.verdict).max() ?? .notApplied
    }

    /// `12 OK, 1 COND`.
    package var counts: String {
      Verdict.allCases.compactMap { verdict in
        let count = checks.count { $0.verdict == verdict }
        return count > 0 ? "\(count) \(verdict.rawValue)" : nil
      }.joined(separator: ", ")
    }
  }

  package init(bundle: MPIBundle, places: [Place]) {
    self.bundle = bundle
    self.places = places
  }

  package var verdict: Verdict { places.map(\.verdict).max() ?? .notApplied }

  /// What is placed: in every place a link to the MPI's prefix.
  ///
  /// A directory as a whole is what keeps libraries, plugins and `$ORIGIN` together.
  package func tree() throws(InjectionError) -> InjectionTree {
    guard let prefix = bundle.prefix else {
      throw InjectionError(
        what: "\(bundle.library.description) in \(bundle.directory) cannot be injected",
        cause: "its libraries lie in no lib or lib64 of its own, and the directory holds libraries "
          + "of others",
        remedy: "install the MPI to a directory of its own, and name that", kind: .badInput)
    }
    let sources = sources()
    return InjectionTree(
      places.map { place in
        .mpi(
          InjectionRecord(
            kind: .mpi, place: place.path, family: bundle.library.family,
            version: bundle.library.version ?? "unknown",
            pmi: bundle.library.kinds.sorted { $0.rawValue < $1.rawValue },
            verdict: place.verdict,
            reason: "\(bundle.library.description) for \(place.subdirectory): \(place.counts)",
            sources: sources), prefix: prefix)
      })
  }

  /// The files that the verdict rests on: the libraries of the MPI that programs load.
  private func sources() -> [SourceMark] {
    let build = bundle.buildID?.hexadecimal
    var marks: [SourceMark] = []
    for path in Set(bundle.libraries.values).sorted() {
      if let mark = SourceMark(of: path, buildID: path == bundle.path ? build : nil) {
        marks.append(mark)
      }
    }
    return marks
  }
}

extension [UInt8] {
  /// Two digits for each byte.
  package var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
