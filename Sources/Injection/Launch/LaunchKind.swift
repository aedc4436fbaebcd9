package import Environment

/// How srun offers ranks to the tasks of a step: its `--mpi`.
package enum LaunchKind: String, CaseIterable, Sendable {
  case pmix, pmi2, none
  /// A plugin of Slurm of which nothing is said here, such as `cray_shasta`.
  case unknown

  /// Takes a value of `--mpi`.
  ///
  /// `pmix_v4` is a version of pmix, and `openmpi` another word for none (SchedMD/slurm,
  /// src/interfaces/mpi.c, `mpi_is_none_plugin`).
  package init(_ word: String) {
    switch word {
    case "pmi2": self = .pmi2
    case "none", "openmpi": self = .none
    case _ where word == "pmix" || word.hasPrefix("pmix_v"): self = .pmix
    default: self = .unknown
    }
  }

  /// Takes the kind from the environment that srun has made for a step.
  ///
  /// srun sets `SLURM_MPI_TYPE`, also with `--export=NONE` and from `MpiDefault`, and slurmstepd
  /// takes it away before a plugin's `user_init` where it is none (Slurm 22.05.8, measured; 23.11 and
  /// later: src/interfaces/mpi.c, `mpi_process_env`). The batch script is no such step.
  package init(ofStep environment: Environment) {
    self = environment["SLURM_MPI_TYPE"].map { Self($0) } ?? .none
  }

  /// What a library must speak to learn its rank; nil where nothing is known.
  ///
  /// Slurm's pmi2 plugin answers clients of PMI-1 too: MPICH 3.4 is one (measured).
  package var offer: Set<PMIKind>? {
    switch self {
    case .pmix: [.pmix]
    case .pmi2: [.pmi2, .pmi1]
    case .none: []
    case .unknown: nil
    }
  }
}

extension PMIKind {
  /// The name of the protocol.
  package var protocolName: String {
    switch self {
    case .pmix: "PMIx"
    case .pmi2: "PMI-2"
    case .pmi1: "PMI-1"
    }
  }
}
