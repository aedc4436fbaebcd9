import ELF
package import Host
package import Microarchitecture
import SystemPackage

/// NVIDIA's driver of a machine: its libraries and the links by which programs find them.
package struct NVIDIADriver: Equatable, Sendable {
  package var kind: Kind
  /// The driver that the kernel runs, `535.261.03`; nil where it cannot be told (WSL2).
  package var version: String?
  /// The directory that libcuda was found in, as a path of the machine without links.
  package var directory: String?
  package var files: [File]
  /// Names of libraries that CUDA programs need and that were not found.
  package var missing: [String]
  package var findings: [Finding]
  /// Directories that must be seen by their own paths too: libraries of WSL2 open them.
  package var visible: [String] = []

  package enum Kind: String, Codable, Sendable {
    case linux
    /// Windows Subsystem for Linux 2: the driver is that of Windows.
    case wsl
    /// Jetson and other Tegra systems; not supported.
    case tegra
  }

  /// A library of the driver.
  package struct File: Equatable, Sendable {
    package var soname: String
    /// Its path on the machine, without links.
    package var path: String
    package var need: NVIDIALibrary.Need
    package var why: String
  }

  /// A symbolic link that gives programs a library.
  package struct Link: Equatable, Codable, Sendable {
    package var name: String
    package var target: String
    package var why: String
  }

  /// The links of a directory that programs search.
  ///
  /// `libcuda.so` is what programs open that look for the driver without a version, and by what
  /// EESSI's module hook tells that there is one.
  package var links: [Link] {
    var links = files.map { Link(name: $0.soname, target: $0.path, why: $0.why) }
    if links.contains(where: { $0.name == "libcuda.so.1" }) {
      links.append(
        Link(
          name: "libcuda.so", target: "libcuda.so.1",
          why: "programs that look for libcuda without its version"))
    }
    return links
  }

  /// The newest CUDA that the driver serves; nil where that is not known.
  ///
  /// What nvidia-smi prints as "CUDA Version"; not the compute capability, which EESSI's
  /// link_nvidia_host_libraries.sh writes into `cuda_version.txt`.
  package var cudaVersion: CUDAVersion? {
    version.flatMap { DriverVersion($0) }.flatMap(CUDACompatibility.newest(servedBy:))
  }

  package var verdict: Verdict { findings.map(\.verdict).max() ?? .ok }

  /// Where to look, beside the places that are always looked at.
  package struct Search: Equatable, Sendable {
    /// Directories that a site names.
    package var directories: [String] = []
    /// The value of NVIDIA_CTK_LIBCUDA_DIR, by which NVIDIA's container tools name the directory.
    package var containerDirectory: String?
    /// Libraries that a site wants beside ``NVIDIALibrary/all``.
    package var additions: [NVIDIALibrary] = []
    /// The machine's specifications of the Container Device Interface.
    package var specifications: [CDISpecification] = []

    package init(
      directories: [String] = [], containerDirectory: String? = nil,
      additions: [NVIDIALibrary] = [], specifications: [CDISpecification] = []
    ) {
      self.directories = directories
      self.containerDirectory = containerDirectory
      self.additions = additions
      self.specifications = specifications
    }
  }

  /// Looks for the driver of a machine; nil where none runs.
  ///
  /// A library is the driver's when its name ends in the version that the kernel runs, as
  /// NVIDIA/libnvidia-container takes it, and it is an ELF library of the machine's architecture that
  /// names itself.
  package static func find(
    on machine: MachineRoot, architecture: Architecture, search: Search = Search()
  ) -> NVIDIADriver? {
    if isTegra(machine) { return tegra(machine) }
    let text = machine.nvidiaDriverVersion
    guard text != nil || machine.exists("/dev/dxg"),
      let files = RootFiles(root: machine.path.string)
    else { return nil }
    guard let text else {
      return wsl(machine, files, architecture: architecture, search: search)
    }
    guard let version = DriverVersion(text) else {
      return NVIDIADriver(
        kind: .linux, version: nil, files: [], missing: [],
        findings: [
          Finding(
            .driver, .fail, subject: String(text.prefix(64)),
            "the NVIDIA driver that runs does not tell a version",
            remedy: "look at /proc/driver/nvidia/version")
        ])
    }
    let own = search.specifications.filter { $0.kind.hasPrefix("nvidia.com/") }
    var finder = Finder(
      machine: machine, files: files, architecture: architecture, version: version)
    for specification in own {
      finder.findings += [specification.staleness(driver: version), specification.skipped]
        .compactMap { $0 }
    }
    let cache = files.contents(of: "/etc/ld.so.cache").flatMap { LoaderCache($0, order: .little) }
    finder.places = places(
      architecture: architecture, search: search, specifications: own, cache: cache
    )
    .reduce(into: []) { places, directory in
      guard let real = machine.realPath(of: directory), !places.contains(real) else { return }
      places.append(real)
    }
    var driver = finder.driver(of: NVIDIALibrary.all + search.additions)
    if machine.nvidiaDriverVersion != text {
      driver.findings.append(
        Finding(
          .driver, .fail, subject: text,
          "the driver changed from \(text) to \(machine.nvidiaDriverVersion ?? "none") while its "
            + "libraries were looked for",
          remedy: "try again when the update is over"))
    }
    return driver
  }

  /// The directories to look in, best first.
  ///
  /// After what is named come those of the driver packages of Red Hat and Debian, of Google's GKE, of
  /// NixOS and of WSL2, and where apptainer's `--nv` puts libraries.
  private static func places(
    architecture: Architecture, search: Search, specifications: [CDISpecification],
    cache: LoaderCache?
  ) -> [String] {
    let mounts = specifications.flatMap(\.allEdits).flatMap(\.mounts).map(\.hostPath)
    let mounted = mounts.compactMap { path -> String? in
      guard let slash = path.lastIndex(of: "/"),
        NVIDIALibrary.stem(of: String(path[path.index(after: slash)...])) == "libcuda"
      else { return nil }
      return String(path[..<slash])
    }
    let cached = (cache?.entries ?? []).filter { $0.name == "libcuda.so.1" }
      .compactMap { entry in entry.path.lastIndex(of: "/").map { String(entry.path[..<$0]) } }
    let multiarch = architecture.multiarch
    return search.directories + [search.containerDirectory].compactMap { $0 } + mounted
      + cached + [
        "/usr/lib64", "/usr/lib64/nvidia", "/usr/lib/\(multiarch)",
        "/usr/lib/\(multiarch)/nvidia/current", "/lib64", "/lib/\(multiarch)",
        "/lib/\(multiarch)/nvidia/current", "/usr/local/nvidia/lib64", "/usr/local/nvidia/lib",
        "/run/opengl-driver/lib", "/usr/lib/wsl/lib", "/.singularity.d/libs",
      ]
  }

  // MARK: Other systems

  /// Jetson's libraries are others than those of the table, and have no common version.
  private static func isTegra(_ machine: MachineRoot) -> Bool {
    machine.exists("/etc/nv_tegra_release") || machine.exists("/dev/nvmap")
  }

  private static func tegra(_ machine: MachineRoot) -> NVIDIADriver {
    NVIDIADriver(
      kind: .tegra, version: machine.nvidiaDriverVersion, files: [], missing: [],
      findings: [
        Finding(
          .driver, .fail, subject: "Tegra",
          "the libraries of Jetson and other Tegra systems are not supported",
          remedy: "use NVIDIA's own container runtime, which reads their lists in "
            + "/etc/nvidia-container-runtime/host-files-for-container.d")
      ])
  }

  /// Windows keeps copies of its libraries in one directory, and the driver's own in another.
  ///
  /// There are no versions in names and no version in /proc; libdxcore finds the other directory by its
  /// path, so both must be seen where they are.
  private static func wsl(
    _ machine: MachineRoot, _ files: RootFiles, architecture: Architecture, search: Search
  ) -> NVIDIADriver? {
    let directory = "/usr/lib/wsl/lib"
    guard let real = machine.realPath(of: directory), !machine.names(in: real).isEmpty else {
      return nil
    }
    var finder = Finder(machine: machine, files: files, architecture: architecture, version: nil)
    finder.places = [real]
    var driver = finder.driver(
      of: NVIDIALibrary.all + [
        NVIDIALibrary("libdxcore", .required, "finds the driver of Windows; libcuda needs it")
      ] + search.additions)
    driver.kind = .wsl
    // The copies of libptxjitcompiler and others lie in the store.
    driver.missing = driver.missing.filter { ["libcuda", "libdxcore"].contains($0) }
    driver.findings = driver.findings.filter { $0.verdict != .conditional }
    let store = "/usr/lib/wsl/drivers"
    let stores = machine.names(in: store).filter { $0.hasPrefix("nv") && $0.contains("_") }
    driver.visible = [directory] + stores.map { "\(store)/\($0)" }
    if stores.isEmpty {
      driver.findings.append(
        Finding(
          .driver, .fail, file: store, "the driver of Windows is not there",
          remedy: "install NVIDIA's driver in Windows, then: wsl --shutdown"))
    }
    return driver
  }
}

extension Architecture {
  /// The directory of libraries on Debian's systems.
  var multiarch: String {
    switch self {
    case .x86_64: "x86_64-linux-gnu"
    case .aarch64: "aarch64-linux-gnu"
    case .ppc64le: "powerpc64le-linux-gnu"
    case .riscv64: "riscv64-linux-gnu"
    }
  }

  /// What its libraries are in an ELF header.
  fileprivate var identity: ELFIdentity {
    let machine: ELFIdentity.Machine =
      switch self {
      case .x86_64: .x86_64
      case .aarch64: .aarch64
      case .ppc64le: .ppc64
      case .riscv64: .riscv
      }
    return ELFIdentity(is64Bit: true, order: .little, machine: machine)
  }
}

/// Looks for libraries in directories.
private struct Finder {
  var machine: MachineRoot
  var files: RootFiles
  var architecture: Architecture
  /// nil where names of files have no version.
  var version: DriverVersion?
  /// Directories without links.
  var places: [String] = []
  var findings: [Finding] = []
  private var names: [String: [String]] = [:]

  init(
    machine: MachineRoot, files: RootFiles, architecture: Architecture, version: DriverVersion?
  ) {
    self.machine = machine
    self.files = files
    self.architecture = architecture
    self.version = version
  }

  mutating func driver(of libraries: [NVIDIALibrary]) -> NVIDIADriver {
    for place in places { names[place] = machine.names(in: place) }
    var files: [NVIDIADriver.File] = []
    var missing: [String] = []
    var directory: String?
    for var library in libraries {
      if let other = library.substitute,
        files.contains(where: { $0.soname.hasPrefix("\(other).so.") })
      {
        library.need = .optional
      }
      guard let file = find(library) else {
        if library.need == .required || library.need == .expected { missing.append(library.name) }
        continue
      }
      if library.name == "libcuda" {
        directory = file.path.lastIndex(of: "/").map { String(file.path[..<$0]) }
      }
      if !files.contains(where: { $0.soname == file.soname }) { files.append(file) }
    }
    return NVIDIADriver(
      kind: .linux, version: version?.description, directory: directory, files: files,
      missing: missing, findings: findings)
  }

  /// The first file that is the library; what is wrong with others is told only when there is none.
  private mutating func find(_ library: NVIDIALibrary) -> NVIDIADriver.File? {
    var problems: [Finding] = []
    for place in places {
      for path in candidates(for: library, in: place) {
        switch read(path, library) {
        case .success(let file): return file
        case .failure(let problem): problems.append(problem.finding)
        }
      }
    }
    findings += problems
    if problems.isEmpty, library.need != .optional { findings.append(absence(of: library)) }
    return nil
  }

  /// Paths of what may be a library: the file of the driver's version, or a link to it.
  private func candidates(for library: NVIDIALibrary, in place: String) -> [String] {
    let names = (names[place] ?? []).filter {
      $0.hasPrefix("\(library.name).so.") || $0 == "\(library.name).so"
    }
    guard let version, !library.hasOwnVersion else { return names.map { "\(place)/\($0)" } }
    let file = "\(library.name).so.\(version)"
    if names.contains(file) { return ["\(place)/\(file)"] }
    return names.compactMap { machine.realPath(of: "\(place)/\($0)") }
      .filter { $0.hasSuffix("/\(file)") }
  }

  private struct Problem: Error { var finding: Finding }

  private func read(
    _ path: String, _ library: NVIDIALibrary
  ) -> Result<NVIDIADriver.File, Problem> {
    func problem(_ message: String) -> Result<NVIDIADriver.File, Problem> {
      let verdict = verdict(for: library)
      return .failure(
        Problem(
          finding: Finding(
            .driver, verdict, file: path, subject: library.name, message,
            remedy: "install the driver's libraries anew")))
    }
    guard let real = machine.realPath(of: path) else {
      return problem("a symbolic link that leads nowhere")
    }
    let object: ELFObject
    switch files.file(at: real) {
    case .object(let found, _): object = found
    case .unusable(let error): return problem("no library: \(error)")
    case .absent, .unreadable, .waiting: return problem("no file that can be read")
    }
    guard object.identity.isCompatible(with: architecture.identity) else {
      return problem("of another architecture: \(object.identity.description)")
    }
    guard let soname = object.soname else { return problem("it has no SONAME to be found by") }
    guard soname.hasPrefix("\(library.name).so"), soname.utf8.count <= 255,
      !soname.contains("/")
    else { return problem("it names itself \(soname.prefix(64))") }
    return .success(
      NVIDIADriver.File(soname: soname, path: real, need: library.need, why: library.why))
  }

  private func verdict(for library: NVIDIALibrary) -> Verdict {
    switch library.need {
    case .required: .fail
    case .expected: .conditional
    case .optional, .site: .warn
    }
  }

  /// What is said of a library of which there is no file of the driver's version.
  private func absence(of library: NVIDIALibrary) -> Finding {
    let verdict = verdict(for: library)
    if let version {
      for place in places {
        let others = (names[place] ?? []).filter { $0.hasPrefix("\(library.name).so.") }
          .compactMap { DriverVersion($0.dropFirst(library.name.count + 4)) }.sorted()
        guard let other = others.last else { continue }
        return Finding(
          .driver, verdict, file: "\(place)/\(library.name).so.\(other)", subject: library.name,
          "Driver/library version mismatch: the kernel runs driver \(version), and the library is "
            + "of \(other)",
          remedy: "restart the node, so that it runs \(other), or install the libraries of "
            + "\(version)")
      }
    }
    let name = version.map { "\(library.name).so.\($0)" } ?? "\(library.name).so.*"
    return Finding(
      .driver, verdict, subject: library.name,
      "\(name) is in none of \(places.joined(separator: " ")): \(library.why)",
      remedy: "install the driver's libraries for computing, or name their directory")
  }
}
