import ELF
import Injection

/// Verdicts as JSON.
struct CheckDocument: Document {
  var schema = 1
  var world: String
  var bundle: Bundle?
  /// The number of files that were looked at.
  var files: Int
  var counts: [String: Int]
  var checks: [Check]

  struct Check: Encodable {
    var consumer: String
    var usesMPI: Bool
    var family: MPIFamily?
    var verdict: Verdict
    /// The MPI library that is loaded, and by which rule.
    var library: String?
    var rule: String?
    var injected: Bool
    var via: InjectionMethod
    var findings: [Finding]

    init(_ check: ConsumerCheck) {
      consumer = check.consumer
      usesMPI = check.usesMPI
      family = check.family
      verdict = check.verdict
      library = check.picked?.path
      rule = check.picked?.rule
      injected = check.picked?.isInjected ?? false
      via = check.method
      findings = check.findings
    }
  }

  struct Bundle: Encodable {
    var name: String
    var version: String?
    var family: MPIFamily
    var library: String
    var directory: String
    var prefix: String?
    var libraries: [String]
    var pmi: [PMIKind]
    var plugins: [String]
    var launcher: String?

    init(_ bundle: MPIBundle) {
      name = bundle.library.name
      version = bundle.library.version
      family = bundle.library.family
      library = bundle.path
      directory = bundle.directory
      prefix = bundle.prefix
      libraries = bundle.libraries.keys.sorted()
      pmi = bundle.library.kinds.sorted { $0.rawValue < $1.rawValue }
      plugins = bundle.plugins.map(\.path)
      launcher = bundle.launcher
    }
  }

  init(_ checks: [ConsumerCheck], of setting: InjectionSetting, seen: Int) {
    world = setting.world.name
    bundle = setting.bundles.first.map(Bundle.init)
    files = seen
    counts = Dictionary(
      checks.map { ($0.verdict.rawValue, 1) }, uniquingKeysWith: +)
    self.checks = checks.map { Check($0) }
  }
}

/// What was placed, or would be, as JSON.
struct ChangeDocument: Document {
  var schema = 1
  var target: String
  var follows: [InjectionTarget.Step]
  var dryRun: Bool
  var generation: Int?
  var verdict: Verdict
  var bundle: CheckDocument.Bundle?
  var injections: [Record]
  var changes: [InjectionTree.Change]
  var adopted: [Adopted]
  var notes: [String]
  var checks: [CheckDocument.Check]

  /// An injection as the manifest has it.
  struct Record: Encodable {
    var kind: InjectionKind
    var place: String
    var family: MPIFamily?
    var version: String
    var cuda: String?
    var pmi: [PMIKind]
    var verdict: Verdict
    var reason: String
    var sources: [String]

    init(_ record: InjectionRecord) {
      kind = record.kind
      place = record.place
      family = record.family
      version = record.version
      cuda = record.cuda
      pmi = record.pmi
      verdict = record.verdict
      reason = record.reason
      sources = record.sources.map(\.path)
    }
  }

  struct Adopted: Encodable {
    var path: String
    var was: String
    var kept: Bool
  }

  init(
    _ outcome: InjectionWriter.Outcome, of site: InjectionSite, tree: InjectionTree,
    verdict: Verdict, mpi: MPIPlan?, isDryRun: Bool
  ) {
    target = site.target.path
    follows = site.target.chain
    dryRun = isDryRun
    generation = outcome.generation
    self.verdict = verdict
    bundle = mpi.map { CheckDocument.Bundle($0.bundle) }
    injections = tree.injections.map { Record($0.record) }
    changes = outcome.changes
    adopted = outcome.adopted.map { Adopted(path: $0.path, was: $0.was, kept: $0.isKept) }
    notes = outcome.notes
    checks = mpi?.places.flatMap(\.checks).map { CheckDocument.Check($0) } ?? []
  }
}

/// What is injected and what has changed, as JSON.
struct StatusDocument: Document {
  var schema = 1
  var target: String
  var follows: [InjectionTarget.Step]
  var generation: Int?
  var written: String?
  var author: String?
  var injections: [ChangeDocument.Record]
  var adopted: [ChangeDocument.Adopted]
  var drifts: [Drift]

  init(_ status: SiteStatus) {
    target = status.target.path
    follows = status.target.chain
    generation = status.manifest?.generation
    written = status.manifest?.written
    author = status.manifest?.author
    injections = status.manifest?.injections.map { ChangeDocument.Record($0) } ?? []
    adopted =
      status.manifest?.adopted.map {
        ChangeDocument.Adopted(path: $0.path, was: $0.was, kept: $0.isKept)
      } ?? []
    drifts = status.drifts
  }
}

/// What a machine has to inject, as JSON.
struct SourcesDocument: Document {
  var schema = 1
  var mpi: [CheckDocument.Bundle]
  var cuda: Driver?
  var rocm: [Device]

  struct Driver: Encodable {
    var version: String?
    var kind: NVIDIADriver.Kind
    var directory: String?
    var cuda: String?
    var verdict: Verdict
    var links: [NVIDIADriver.Link]
    var missing: [String]
    var findings: [Finding]
  }

  struct Device: Encodable {
    var gfx: String
  }
}
