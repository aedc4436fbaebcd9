/// MPI implementations whose libraries can stand in for each other.
package enum MPIFamily: String, CaseIterable, Codable, Sendable {
  /// Open MPI: `libmpi.so.40`.
  case openMPI = "OpenMPI"
  /// MPICH and what shares its ABI, Intel MPI among them: `libmpi.so.12`.
  case mpich = "MPICH"
  /// The ABI that MPI 5.0 defines: `libmpi_abi.so.1`.
  case abi = "MPI-ABI"
}

/// The ways in which a launcher and an MPI library speak of ranks.
package enum PMIKind: String, CaseIterable, Codable, Sendable {
  case pmix, pmi2, pmi1
}
