import ArgumentParser
import Configuration
import Host
import Launch
import Microarchitecture
import Stack
import SystemPackage
import Topology

/// `slipway detect`: what a machine is and which targets fit it.
struct DetectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detect",
    abstract: "Tells which target of the stack fits a machine, and why.",
    discussion: """
      Examples:
        slipway detect
        slipway detect --all
        slipway detect --format eessi-path
        slipway detect --cpuinfo node17.txt --arch x86_64
        slipway detect --root /srv/gathered/node17 --json
        slipway detect --hwloc-xml node17.xml
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    case eessi
    case eessiPath = "eessi-path"
  }

  @Option(help: "What to print: eessi is the best target, eessi-path all, joined by colons.")
  var format = Format.text

  @Flag(help: "The same as --format json.")
  var json = false

  @Flag(help: "Tell of every target of the architecture, the unsuitable ones too.")
  var all = false

  @Option(help: ArgumentHelp("Read the machine below this directory.", valueName: "dir"))
  var root: String?

  @Option(
    help: ArgumentHelp("Read the processor from the text of a /proc/cpuinfo.", valueName: "file"))
  var cpuinfo: String?

  @Option(help: "The architecture of that machine: x86_64, aarch64, ppc64le or riscv64.")
  var arch: String?

  @Option(
    help: ArgumentHelp("Read the processor's identity from an hwloc XML file.", valueName: "file"))
  var hwlocXml: String?

  @Option(
    help: ArgumentHelp(
      "Read the processor's identity from a dump of hwloc-gather-cpuid.", valueName: "dir"))
  var hwlocCpuid: String?

  @Option(
    help: ArgumentHelp(
      "The configuration file (default: \(Configuration.path)).", valueName: "file"))
  var config: String?

  mutating func validate() throws {
    if [root, cpuinfo, hwlocXml, hwlocCpuid].count(where: { $0 != nil }) > 1 {
      throw ValidationError("give one of --root, --cpuinfo, --hwloc-xml and --hwloc-cpuid")
    }
    if let arch, Architecture(rawValue: arch) == nil {
      throw ValidationError("no architecture \(arch); use x86_64, aarch64, ppc64le or riscv64")
    }
    if json { format = .json }
  }

  func run() throws {
    try reportingFailures {
      let configuration = try Configuration.load(named: config)
      let detection = try Detection(
        source, policy: SiteDefaults(configuration).policy,
        whole: format == .text || format == .json)
      switch format {
      case .json: print(try DetectionDocument(detection).json)
      case .eessi: print(detection.selection.suitable.first?.subdirectory ?? "")
      case .eessiPath:
        print(detection.selection.suitable.map(\.subdirectory).joined(separator: ":"))
      case .text: print(detection.text(all: all))
      }
    }
  }

  private var source: Detection.Source {
    if let root { return .root(root, arch.flatMap(Architecture.init)) }
    if let cpuinfo { return .cpuinfo(cpuinfo, arch.flatMap(Architecture.init)) }
    if let hwlocXml { return .hwloc(.xml(hwlocXml)) }
    if let hwlocCpuid { return .hwloc(.cpuid(hwlocCpuid)) }
    return .root("/", arch.flatMap(Architecture.init))
  }
}

/// One machine and what fits it.
struct Detection {
  var profile: HostProfile
  var selection: Selection
  var topology: Topology?
  var kernel: String?
  var glibc: String?
  var driver: String?
  var devices: [String] = []

  var processor: Processor { profile.processor }

  enum Source {
    case root(String, Architecture?)
    case cpuinfo(String, Architecture?)
    case hwloc(Topology.Source)
  }

  /// Reads a machine; `whole` reads what only a person or a JSON reader asks for, too.
  init(_ source: Source, policy: SelectionPolicy, whole: Bool) throws {
    switch source {
    case .root(let path, let architecture):
      let root = MachineRoot(FilePath(path))
      profile = try root.profile(architecture: architecture)
      guard whole else { break }
      if root.isThisMachine, !profile.gpus.isEmpty {
        profile.allocate(GPUAllocation(.ofThisProcess, on: root))
      }
      // A machine without topology (a container without /sys) is still detected.
      topology = try? Topology(of: root.isThisMachine ? .thisMachine : .root(path))
      if profile.processor.features.isEmpty, let known = topology?.processor,
        known.architecture == profile.processor.architecture
      {
        // The kernel hides the flags: the identity still tells the name.
        profile.processor.name = profile.processor.name ?? known.name
      }
      kernel = root.kernelRelease
      glibc = root.glibcVersion
      driver = root.nvidiaDriverVersion
      devices = root.gpuDevices
    case .cpuinfo(let file, let architecture):
      guard let text = MachineRoot().contents(of: file.absolutePath),
        let processor = CPUInfo.processor(in: text, architecture: architecture)
      else { throw HostError.unreadable(file) }
      profile = HostProfile(processor: processor)
    case .hwloc(let source):
      let topology = try Topology(of: source)
      guard let processor = topology.processor else {
        throw HostError.unreadable("the hwloc description")
      }
      profile = HostProfile(processor: processor)
      self.topology = topology
    }
    selection = Selection(for: profile.processor, policy: policy)
  }

  func text(all: Bool) -> String {
    var lines: [String] = []
    let shown = all ? selection.candidates : selection.candidates.filter(\.isSuitable)
    for (index, candidate) in shown.enumerated() where all || index == 0 || candidate.isSuitable {
      let mark =
        candidate.isSuitable ? (candidate.target == selection.suitable.first ? "*" : "+") : "-"
      lines.append("\(mark) \(candidate.target.subdirectory): \(candidate.reason)")
    }
    if !all, let better = selection.candidates.prefix(while: { !$0.isSuitable }).last {
      lines.append("- \(better.target.subdirectory): \(better.reason)")
    }
    lines.append("")
    var cpu = processor.name ?? processor.vendor
    if let known = KnownModel.of(processor) { cpu += " (\(known.name))" }
    if processor.isVirtual { cpu += ", virtual" }
    if processor.evidence == .identity { cpu += "; by its model, no flags were read" }
    if processor.evidence == .flags && processor.features.isEmpty {
      cpu += "; it shows no features"
    }
    lines.append("processor  \(cpu)")
    if let topology {
      lines.append(
        "topology   \(topology.packages) packages, \(topology.cores) cores, "
          + "\(topology.processingUnits) processing units, \(topology.numaNodes) NUMA nodes")
    }
    for (place, gpu) in profile.gpus.enumerated() {
      let model =
        gpu.computeCapability.map { "compute capability \($0)" } ?? gpu.gfx ?? "unknown model"
      let isOther = profile.allocation?.contains(place) == false
      lines.append(
        "gpu        \(gpu.name ?? gpu.vendor.rawValue), \(model) (\(gpu.source.rawValue))"
          + (isOther ? ", not given to this step" : ""))
    }
    if let accelerator = profile.accelerator { lines.append("           \(accelerator)") }
    if let driver { lines.append("driver     NVIDIA \(driver)") }
    if let kernel { lines.append("kernel     \(kernel)") }
    if let glibc { lines.append("glibc      \(glibc)") }
    lines += profile.warnings.map { "warning    \($0)" }
    return lines.joined(separator: "\n")
  }
}
