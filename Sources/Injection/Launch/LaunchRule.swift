/// What becomes of a step's tasks when their MPI and their launcher do not speak with each other.
package enum LaunchRule {
  /// How the tasks of a step go wrong.
  package enum Outcome: String, Sendable {
    /// Each is a program of one rank, and ends with its own code: 0 when nothing else is wrong.
    case singletons
    /// MPI_Init ends them.
    case abort
    /// One of the two, which depends on more than is known of the library.
    case either
  }

  /// What becomes of tasks; nil where they find each other, and where too little is known.
  ///
  /// Measured with Slurm 22.05.8: Open MPI 4.1.4, 4.1.8 and 5.0.11, MPICH 3.4.3, 4.0.2, 4.3.2 and
  /// 5.0.2, Intel MPI 2021.19, each with pmix, pmi2 and none.
  package static func outcome(of library: MPILibrary, launchedBy kind: LaunchKind) -> Outcome? {
    guard let offer = kind.offer, !library.kinds.isEmpty, library.kinds.isDisjoint(with: offer)
    else { return nil }
    switch library.name {
    case "Open MPI":
      return library.major.map { $0 >= 5 ? .singletons : .abort } ?? .either
    case _ where kind == .none:
      return .singletons
    case "MPICH" where kind == .pmix:
      // From 4.3 on it takes the variables of a PMIx server for those of a launcher it must obey.
      return library.isAtLeast(4, 3).map { $0 ? .abort : .singletons } ?? .either
    default:
      return .either
    }
  }

  /// What to say of a library and a launcher that do not fit; empty where they do.
  package static func findings(
    for library: MPILibrary, launchedBy kind: LaunchKind, tasks: Int? = nil
  ) -> [Finding] {
    guard let outcome = outcome(of: library, launchedBy: kind) else { return [] }
    let tasks = tasks.map(String.init) ?? "the"
    let abort = "abort in MPI_Init"
    let singletons =
      "run as \(tasks == "the" ? "" : "\(tasks) ")programs of one rank each, without an error"
    let end =
      switch outcome {
      case .abort: abort
      case .singletons: singletons
      case .either: "\(abort) or \(singletons)"
      }
    return [
      Finding(
        .launch, .fail, subject: library.description,
        "\(library.description) speaks \(library.protocols), which --mpi=\(kind.rawValue) does not "
          + "offer: \(tasks) tasks would \(end)",
        remedy: library.launchOption.map { "srun \($0) (srun --mpi=list shows what there is)" })
    ]
  }
}

extension MPILibrary {
  /// The option of srun that offers what the library speaks; nil where that is not known.
  package var launchOption: String? {
    kinds.contains(.pmix)
      ? "--mpi=pmix" : kinds.isDisjoint(with: [.pmi2, .pmi1]) ? nil : "--mpi=pmi2"
  }

  /// Its protocols in words.
  var protocols: String {
    PMIKind.allCases.filter(kinds.contains).map(\.protocolName).joined(separator: " and ")
  }

  /// Whether its version is at least one; nil where the version is not known.
  func isAtLeast(_ major: Int, _ minor: Int) -> Bool? {
    let numbers = version?.split(separator: ".").map { Int($0) } ?? []
    guard numbers.count >= 2, let own = numbers[0], let ownMinor = numbers[1] else { return nil }
    return (own, ownMinor) >= (major, minor)
  }
}
