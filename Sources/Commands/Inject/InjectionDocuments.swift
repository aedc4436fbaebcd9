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
    self.checks = checks.map {
      Check(
        consumer: $0.consumer, usesMPI: $0.usesMPI, family: $0.family, verdict: $0.verdict,
        library: $0.picked?.path, rule: $0.picked?.rule, injected: $0.picked?.isInjected ?? false,
        via: $0.method, findings: $0.findings)
    }
  }
}
