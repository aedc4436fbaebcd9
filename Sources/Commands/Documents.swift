import Environment
import FoundationEssentials
import Host
import Injection
import Launch
import Microarchitecture
import Modules
import Stack
import Topology

/// The JSON of a type: sorted keys, a schema number; people may rely on it.
protocol Document: Encodable {}

extension Document {
  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

/// A launch plan as JSON.
struct PlanDocument: Document {
  var schema = 1
  var argv: [String]
  var stack: Stack
  var set: [String: String]
  var unset: [String]
  var modules: Modules?
  var injections: [Injection]
  var warnings: [String]

  /// What the site has put under the stack.
  struct Injection: Encodable {
    var kind: InjectionKind
    var version: String
    var family: MPIFamily?
    var pmi: [PMIKind]
    var verdict: Verdict
    var path: String
  }

  /// What loading modules gave beside variables.
  struct Modules: Encodable {
    /// `loaded already`, `capsule`, `computed` or `impure`.
    var origin: String
    /// Why nothing of it is kept.
    var reasons: [String]
    var messages: String
    var aliases: [String: String]
    var functions: [String: String]
  }

  struct Stack: Encodable {
    var repository: String
    var version: String
    var prefix: String
    var compat: String
    var subdirectory: String
    var reason: String
    var steppedOver: [StackSelection.Step]
    var accelerator: String?
  }

  init(_ plan: LaunchPlan) {
    argv = plan.argv
    let selection = plan.selection
    stack = Stack(
      repository: selection.repository.name, version: selection.version, prefix: selection.prefix,
      compat: selection.eprefix, subdirectory: selection.subdirectory, reason: selection.reason,
      steppedOver: selection.steppedOver, accelerator: selection.acceleratorSubtree)
    set = [:]
    unset = []
    for change in plan.changes {
      if let value = change.value { set[change.name] = value } else { unset.append(change.name) }
    }
    warnings = plan.warnings + plan.capsuleWarnings
    injections = plan.injections.records.map {
      Injection(
        kind: $0.kind, version: $0.version, family: $0.family, pmi: $0.pmi, verdict: $0.verdict,
        path: "\(plan.injections.target)/\($0.place)")
    }
    guard let origin = plan.origin else { return }
    var modules = Modules(
      origin: "", reasons: [], messages: plan.messages,
      aliases: Dictionary(
        plan.definitions.aliases.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
      functions: Dictionary(
        plan.definitions.functions.map { ($0.name, $0.sh) }, uniquingKeysWith: { $1 }))
    switch origin {
    case .alreadyLoaded: modules.origin = "loaded already"
    case .capsule: modules.origin = "capsule"
    case .computed: modules.origin = "computed"
    case .impure(let reasons):
      modules.origin = "impure"
      modules.reasons = reasons
    }
    self.modules = modules
  }
}

/// What `slipway detect` found, as JSON.
struct DetectionDocument: Document {
  var schema = 1
  var best: String
  var targets: [Verdict]
  var processor: CPU
  var accelerator: String?
  var gpus: [Device]
  var topology: Shape?
  var kernel: String?
  var glibc: String?
  var devices: [String]
  var warnings: [String]

  struct Verdict: Encodable {
    var subdirectory: String
    var suitable: Bool
    var reason: String
    var missing: [String]
    var assumed: [String]
  }

  struct CPU: Encodable {
    var architecture: Architecture
    var vendor: String
    var family: Int?
    var model: Int?
    var stepping: Int?
    var part: Int?
    var name: String?
    var microarchitecture: String?
    var evidence: Processor.Evidence
    var virtual: Bool
    var features: [String]
  }

  struct Device: Encodable {
    var vendor: GPU.Vendor
    var name: String?
    var address: String?
    var computeCapability: String?
    var gfx: String?
    var numaNode: Int?
    var source: GPU.Source
    /// Whether this step was given it; nil where nobody divides GPUs.
    var allocated: Bool?
  }

  struct Shape: Encodable {
    var packages: Int
    var cores: Int
    var processingUnits: Int
    var numaNodes: Int
  }

  init(_ detection: Detection) {
    let processor = detection.processor
    best = detection.selection.suitable.first?.subdirectory ?? ""
    targets = detection.selection.candidates.map { candidate in
      var verdict = Verdict(
        subdirectory: candidate.target.subdirectory, suitable: candidate.isSuitable,
        reason: candidate.reason, missing: [], assumed: [])
      switch candidate.verdict {
      case .missing(let features): verdict.missing = features
      case .suitable(let features): verdict.assumed = features
      case .otherVendor: break
      }
      return verdict
    }
    self.processor = CPU(
      architecture: processor.architecture, vendor: processor.vendor, family: processor.family,
      model: processor.model, stepping: processor.stepping, part: processor.part,
      name: processor.name, microarchitecture: KnownModel.of(processor)?.name,
      evidence: processor.evidence, virtual: processor.isVirtual,
      features: processor.features.sorted())
    accelerator = detection.profile.accelerator
    let allocation = detection.profile.allocation
    gpus = detection.profile.gpus.enumerated().map { place, gpu in
      Device(
        vendor: gpu.vendor, name: gpu.name, address: gpu.address,
        computeCapability: gpu.computeCapability?.description, gfx: gpu.gfx,
        numaNode: gpu.numaNode, source: gpu.source,
        allocated: allocation.map { $0.contains(place) })
    }
    topology = detection.topology.map {
      Shape(
        packages: $0.packages, cores: $0.cores, processingUnits: $0.processingUnits,
        numaNodes: $0.numaNodes)
    }
    kernel = detection.kernel
    glibc = detection.glibc
    devices = detection.devices
    warnings = detection.profile.warnings
  }
}
