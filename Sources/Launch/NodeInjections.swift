package import Injection
package import Stack

/// What the site has put under the stack that a node uses, as the manifest tells.
///
/// It is looked up and not computed: the verdicts were given when the injections were applied.
package struct NodeInjections: Equatable, Sendable {
  package var records: [InjectionRecord] = []
  /// Where they lie.
  package var target: String = ""
  package var warnings: [String] = []

  package init() {}

  /// Reads the manifest behind the `host_injections` of a selection's repository, or in `target`.
  ///
  /// Nothing is said where there is none: most sites inject nothing.
  package init(
    for selection: StackSelection, target: String?, runningDriver: @autoclosure () -> String?,
    reading files: StackReader
  ) throws {
    let root = target ?? "\(selection.repository.root)/host_injections"
    let file = InjectionLayout.manifest(of: root)
    guard let bytes = try files.beginning(file) else { return }
    let manifest: InjectionManifest
    do {
      manifest = try InjectionManifest(toml: bytes, file: file)
    } catch {
      warnings = ["what the site injected is not known: \(error)"]
      return
    }
    self.target = root
    let subtree =
      "\(selection.version)\(selection.suffix)/software/linux/\(selection.subdirectory)/"
    records = manifest.injections.filter { record in
      record.kind == .cuda
        ? record.place == InjectionLayout.nvidia(architecture: selection.cpuFamily)
        : record.place.hasPrefix(subtree)
    }
    let remedy = "; remedy: have the administrator run slipway inject status"
    for record in records {
      let name = record.name
      switch record.kind {
      case .mpi:
        let marks = try files.marks(record.sources.map(\.path))
        for (source, mark) in zip(record.sources, marks) {
          guard mark?.size != source.size || mark?.mtime != source.mtime else { continue }
          warnings.append(
            "\(source.path) of \(name), which the site has put under the stack, is "
              + (mark == nil ? "gone" : "another file than the one that was checked") + remedy)
          break
        }
        if record.verdict > .warn {
          warnings.append(
            "the site has put \(name) under the stack although some programs will not work with it "
              + "(\(record.reason))")
        }
      case .cuda:
        if let running = runningDriver(), running != record.version {
          warnings.append(
            "the GPU driver of this node is \(running), and the site has put the libraries of "
              + "\(record.version) under the stack\(remedy)")
        }
      }
    }
  }
}

extension NodeInjections {
  /// The MPIs among them, for what a step's launch must offer.
  package var mpis: [InjectedMPI] {
    records.compactMap { record in
      guard record.kind == .mpi, let family = record.family else { return nil }
      return InjectedMPI(
        library: MPILibrary(
          family: family, name: record.library, version: record.version, kinds: Set(record.pmi)),
        verdict: record.verdict, directory: "\(target)/\(record.place)")
    }
  }
}

extension InjectionRecord {
  /// What the MPI calls itself; the reason begins with it.
  fileprivate var library: String {
    ["Intel MPI", "Cray MPICH", "MVAPICH"].first(where: reason.hasPrefix)
      ?? family?.words ?? ""
  }

  /// `Open MPI 4.1.8`, `the driver 535.261.03`.
  package var name: String {
    switch kind {
    case .mpi: "\(library) \(version)"
    case .cuda: "driver \(version)"
    }
  }
}
