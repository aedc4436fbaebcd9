import Environment
import Injection
import TestSupport
import Testing

/// Which MPI works with which --mpi, against what was measured with the real ones.
@Suite(.tags(.small))
struct LaunchRuleTests {
  /// A library and what became of two tasks that Slurm 22.05.8 started with each kind.
  struct Row: CustomTestStringConvertible, Sendable {
    var library: MPILibrary
    var pmix: LaunchRule.Outcome?
    var pmi2: LaunchRule.Outcome?
    var none: LaunchRule.Outcome?
    var testDescription: String { library.description }
  }

  static func openMPI(_ version: String?) -> MPILibrary {
    MPILibrary(family: .openMPI, name: "Open MPI", version: version, kinds: [.pmix])
  }
  static func mpich(_ version: String?, _ kinds: Set<PMIKind> = [.pmi1, .pmi2]) -> MPILibrary {
    MPILibrary(family: .mpich, name: "MPICH", version: version, kinds: kinds)
  }
  static let intel = MPILibrary(
    family: .mpich, name: "Intel MPI", version: "2021.19", kinds: [.pmix, .pmi2, .pmi1])

  static let rows: [Row] = [
    Row(library: openMPI("4.1.0"), pmi2: .abort, none: .abort),
    Row(library: openMPI("4.1.4"), pmi2: .abort, none: .abort),
    Row(library: openMPI("4.1.8"), pmi2: .abort, none: .abort),
    Row(library: openMPI("5.0.7"), pmi2: .singletons, none: .singletons),
    Row(library: openMPI("5.0.11"), pmi2: .singletons, none: .singletons),
    Row(library: openMPI(nil), pmi2: .either, none: .either),
    Row(library: mpich("3.4.1"), pmix: .singletons, none: .singletons),
    Row(library: mpich("3.4.3"), pmix: .singletons, none: .singletons),
    Row(library: mpich("4.0.2"), pmix: .singletons, none: .singletons),
    Row(library: mpich("4.2.1"), pmix: .singletons, none: .singletons),
    Row(library: mpich("4.3.2"), pmix: .abort, none: .singletons),
    Row(library: mpich("5.0.2"), pmix: .abort, none: .singletons),
    Row(library: mpich(nil), pmix: .either, none: .singletons),
    Row(library: intel, none: .singletons),
    // Built otherwise than usual: with Slurm's plugins, for PMIx, or with a library that nobody knows.
    Row(
      library: MPILibrary(
        family: .openMPI, name: "Open MPI", version: "4.1.6", kinds: [.pmix, .pmi2]),
      none: .abort),
    Row(library: mpich("4.2.1", [.pmix]), pmi2: .either, none: .singletons),
    Row(library: mpich("4.2.1", [])),
  ]

  @Test(arguments: rows) func theRuleSaysWhatWasMeasured(_ row: Row) {
    #expect(LaunchRule.outcome(of: row.library, launchedBy: .pmix) == row.pmix)
    #expect(LaunchRule.outcome(of: row.library, launchedBy: .pmi2) == row.pmi2)
    #expect(LaunchRule.outcome(of: row.library, launchedBy: .none) == row.none)
    #expect(LaunchRule.outcome(of: row.library, launchedBy: .unknown) == nil)
  }

  @Test(arguments: rows) func aMessageNamesTheLibraryTheKindTheEndAndTheOption(_ row: Row) throws {
    for kind in LaunchKind.allCases {
      let findings = LaunchRule.findings(for: row.library, launchedBy: kind, tasks: 4)
      guard let outcome = LaunchRule.outcome(of: row.library, launchedBy: kind) else {
        #expect(findings.isEmpty)
        continue
      }
      let finding = try #require(findings.first)
      #expect(finding.step == .launch && finding.verdict == .fail)
      #expect(finding.message.hasPrefix("\(row.library.description) speaks PMI"))
      #expect(finding.message.contains("--mpi=\(kind.rawValue) does not offer"))
      #expect(
        finding.message.contains("4 tasks would abort in MPI_Init") == (outcome != .singletons))
      #expect(finding.message.contains("4 programs of one rank each") == (outcome != .abort))
      let remedy = try #require(finding.remedy)
      let right = row.library.kinds.contains(.pmix) ? "pmix" : "pmi2"
      #expect(remedy.hasPrefix("srun --mpi=\(right) "))
    }
  }

  @Test(arguments: [
    ("pmix", LaunchKind.pmix), ("pmix_v3", .pmix), ("pmix_v5", .pmix), ("pmi2", .pmi2),
    ("none", .none), ("openmpi", .none), ("cray_shasta", .unknown), ("pspmix", .unknown),
    ("", .unknown),
  ])
  func wordsOfTheOptionAreKinds(_ word: String, _ kind: LaunchKind) {
    #expect(LaunchKind(word) == kind)
    #expect(LaunchKind(ofStep: Environment(["SLURM_MPI_TYPE": word])) == kind)
  }

  @Test func aStepWithoutTheVariableHasNoKind() {
    #expect(LaunchKind(ofStep: Environment()) == .none)
  }
}
