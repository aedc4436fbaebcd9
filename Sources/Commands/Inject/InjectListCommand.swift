import ArgumentParser
import ELF
import Environment
import Host
import Injection
import Microarchitecture

/// `slipway inject list`: what this machine has to inject.
struct InjectListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the MPIs and GPU drivers of this machine.",
    discussion: """
      MPIs are looked for in the dynamic linker's cache, in /opt, /usr/lib64 and /usr/local, in the \
      places of Cray's and Intel's, where mpirun in PATH lies, and in the directories given.

      Examples:
        slipway inject list
        slipway inject list mpi --in /apps/mpi
      """)

  @Argument(help: ArgumentHelp("mpi, cuda or rocm: only those.", valueName: "kind"))
  var kind: ListedKind?

  @Option(
    name: .customLong("in"), parsing: .singleValue,
    help: ArgumentHelp("Another directory that holds MPIs.", valueName: "directory"))
  var directories: [String] = []

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  func run() throws {
    try reportingFailures {
      func isWanted(_ other: ListedKind) -> Bool { kind == nil || kind == other }
      let machine = MachineRoot()
      let files = RootFiles()!
      let cache = files.contents(of: "/etc/ld.so.cache").flatMap {
        LoaderCache($0, order: .little)
      }
      let bundles =
        isWanted(.mpi)
        ? MPIBundle.discover(
          in: files, cache: cache, places: directories.map(\.absolutePath),
          path: Environment.ofThisProcess["PATH"])
        : []
      let driver =
        isWanted(.cuda) ? try NVIDIADriver.ofThisMachine() : nil
      let amd =
        isWanted(.rocm)
        ? machine.gpus(askingDriver: false).filter { $0.vendor == .amd }.compactMap(\.gfx) : []
      if json {
        return print(
          try SourcesDocument(
            mpi: bundles.map { CheckDocument.Bundle($0) }, cuda: driver.map { .init($0) },
            rocm: amd.map { .init(gfx: $0) }
          ).json)
      }
      var rows = bundles.map { bundle in
        let kinds = bundle.library.kinds.map(\.rawValue).sorted().joined(separator: ",")
        return [
          "mpi", bundle.library.description, kinds.isEmpty ? "-" : kinds,
          bundle.prefix ?? bundle.path,
        ]
      }
      if let driver {
        rows.append([
          "cuda", "driver \(driver.version ?? "of \(driver.kind.rawValue)")",
          driver.cudaVersion.map { "CUDA \($0)" } ?? "-", driver.directory ?? "-",
        ])
      }
      rows += amd.map { ["rocm", $0, "-", "devices only: its libraries come with the stack"] }
      for row in TextTable.aligned(rows) { print(row) }
      let amdDriver = isWanted(.rocm) ? AMDDriver.find(on: machine) : nil
      // Where AMD's own packages put the libraries; the stack's need not be of this release.
      let installed = machine.text(of: "/opt/rocm/.info/version")
      let findings =
        (driver?.findings ?? []) + (amdDriver?.findings ?? [])
        + [installed.flatMap { amdDriver?.check(rocm: $0) }].compactMap(\.self)
      for finding in findings where finding.verdict > .ok {
        for line in finding.lines { print(line) }
      }
      if let version = driver?.version.flatMap({ DriverVersion($0) }),
        let compatibility = ForwardCompatibility.find(in: "/usr/local/cuda/compat", of: files)
      {
        let decision = compatibility.decide(driver: version)
        print(
          "forward compatibility: \(compatibility.library) \(decision.isUsable ? "may" : "must not") "
            + "be used: \(decision.reason)")
      }
      if rows.isEmpty { print("nothing to inject was found") }
    }
  }
}

/// What `list` tells of.
enum ListedKind: String, CaseIterable, ExpressibleByArgument {
  case mpi, cuda, rocm
}

extension SourcesDocument.Driver {
  init(_ driver: NVIDIADriver) {
    self.init(
      version: driver.version, kind: driver.kind, directory: driver.directory,
      cuda: driver.cudaVersion?.description, verdict: driver.verdict, links: driver.links,
      missing: driver.missing, findings: driver.findings)
  }
}
