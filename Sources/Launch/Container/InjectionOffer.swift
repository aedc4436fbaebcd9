package import Configuration
package import ELF
package import Environment
package import Host
package import Injection
import Microarchitecture

/// What a node has to put into a container, as far as it is wanted.
package struct InjectionOffer: Equatable, Sendable {
  /// Whether the job was given GPUs of NVIDIA's.
  package var hasGPUs = false
  package var driver: NVIDIADriver?
  /// nvidia-smi, without links; nil where it is not installed.
  package var monitor: String?
  /// Best first.
  package var mpis: [MPIOffer] = []
  /// Why an MPI of the node is none of them.
  package var refusals: [String] = []

  package init() {}

  /// Looks at a machine and its files, at no more of them than is wanted.
  package init(
    for choice: InjectionChoice, _ site: Configuration.Container, on host: HostProfile,
    machine: MachineRoot, files: RootFiles, environment: Environment
  ) {
    hasGPUs = host.allocatedGPUs.contains { $0.vendor == .nvidia }
    if choice[.cuda] > .auto || (choice[.cuda] == .auto && hasGPUs) {
      driver = NVIDIADriver.find(
        on: machine, architecture: host.processor.architecture,
        search: .init(containerDirectory: environment.nonEmpty("NVIDIA_CTK_LIBCUDA_DIR")))
      monitor = driver.flatMap { monitor(of: $0, machine, files) }
    }
    if choice[.mpi] > .auto || (choice[.mpi] == .auto && site.mpi != nil) {
      findMPIs(site.mpi, on: host, machine: machine, files, environment: environment)
    }
  }

  /// Where nvidia-smi is: as NVIDIA's installer and Red Hat have it, Debian, WSL2.
  private func monitor(
    of driver: NVIDIADriver, _ machine: MachineRoot, _ files: RootFiles
  ) -> String? {
    let places =
      driver.kind == .wsl
      ? ["/usr/lib/wsl/lib/nvidia-smi"]
      : ["/usr/bin/nvidia-smi", "/usr/lib/nvidia/current/nvidia-smi"]
    return places.lazy.compactMap { machine.realPath(of: $0) }
      .first { if case .object = files.file(at: $0) { true } else { false } }
  }

  /// More than a site has, and few enough to be judged while a job waits.
  private static let mostMPIs = 16

  private mutating func findMPIs(
    _ places: [String]?, on host: HostProfile, machine: MachineRoot, _ files: RootFiles,
    environment: Environment
  ) {
    var bundles: [MPIBundle] = []
    if let places {
      for place in places {
        let found = MPIBundle.find(at: place, in: files)
        if found.isEmpty { refusals.append("\(place) holds no MPI") }
        bundles += found
      }
    } else {
      let cache = files.contents(of: "/etc/ld.so.cache").flatMap { LoaderCache($0, order: .little) }
      bundles = MPIBundle.discover(in: files, cache: cache, path: environment.nonEmpty("PATH"))
    }
    let loader = Loader(host, files: files)
    for bundle in bundles.prefix(Self.mostMPIs) {
      if let index = mpis.firstIndex(where: { $0.directory == bundle.directory }) {
        mpis[index].bundles.append(bundle)
        continue
      }
      let what = "\(bundle.library.description) in \(bundle.directory)"
      guard let place = bundle.prefix, !Self.isShared(place) else {
        refusals.append(
          "\(what) lies among other libraries of the system")
        continue
      }
      mpis.append(MPIOffer(bundle, place: place, machine: machine, files: files, loader: loader))
    }
  }

  /// Whether a directory belongs to the whole system, so that it must cover none of an image's.
  private static func isShared(_ path: String) -> Bool {
    path.split(separator: "/").count < 2 || ["/usr/local", "/usr/lib", "/usr/lib64"].contains(path)
  }
}

/// An MPI of a node, as a container gets it.
package struct MPIOffer: Equatable, Sendable {
  /// Its prefix: plugins and data files are found by paths that were compiled in.
  package var place: String
  /// What the directory of its libraries holds: some MPIs have the ABI of MPI 5 beside their own.
  package var bundles: [MPIBundle]
  /// What must be seen by its own path.
  package var directories: [String]
  /// Libraries of the node that it needs, by the names that it asks for.
  package var neighbours: [String: String]

  /// `Open MPI 4.1.8`.
  package var name: String { bundles[0].library.description }
  /// The directory of its libraries.
  package var directory: String { bundles[0].directory }
  /// The directory of its launcher, which starts ranks of its own release alone; nil without one.
  package var programs: String? { bundles[0].launcher?.directory }

  package init(
    _ bundle: MPIBundle, place: String, machine: MachineRoot, files: RootFiles, loader: Loader?
  ) {
    self.place = place
    bundles = [bundle]
    directories = [place]
    let others = [machine.realPath(of: place)].compactMap { $0 } + bundle.plugins.map(\.path)
    for path in others
    where !directories.contains(where: { path == $0 || path.hasPrefix("\($0)/") }) {
      directories.append(path)
    }
    neighbours = loader?.neighbours(of: bundle, within: directories, files: files) ?? [:]
  }
}

extension Loader {
  /// The linker of a machine's own programs; nil where there is none.
  convenience init?(_ host: HostProfile, files: RootFiles) {
    let interpreter = DynamicLinker.path(of: host.processor.architecture)
    guard
      let world = try? LoaderWorld.reading(
        interpreter: interpreter, files: files, processor: LoaderProcessor(host.processor))
    else { return nil }
    self.init(world: world, files: files)
  }

  /// The libraries that an MPI and its plugins load from elsewhere, but for those of the C library.
  func neighbours(
    of bundle: MPIBundle, within directories: [String], files: RootFiles
  ) -> [String: String] {
    var neighbours: [String: String] = [:]
    let libraries = Set(bundle.libraries.values).sorted()
    for library in [bundle.path] + libraries.filter({ $0 != bundle.path }) {
      var closures = [closure(of: library, libraryPath: [bundle.directory])]
      if library == bundle.path { closures += opened(by: closures[0], bundle, files: files) }
      for loaded in closures.flatMap(\.objects) where loaded.via != .program {
        guard !directories.contains(where: { loaded.path.hasPrefix("\($0)/") }),
          !loaded.isOfLibc, loaded.path.hasPrefix("/")
        else { continue }
        for name in loaded.names where !name.contains("/") {
          neighbours[name] = neighbours[name] ?? loaded.path
        }
      }
    }
    return neighbours
  }

  /// What is loaded beside a program's libraries when an MPI opens its plugins, each alone.
  func opened(
    by closure: Closure, _ bundle: MPIBundle, files: any LoaderFiles
  ) -> [Closure] {
    let opener = closure.objects.firstIndex { $0.identity == bundle.identity } ?? 0
    return bundle.plugins.flatMap { directory in
      (files.list(directory.path) ?? []).sorted().filter { $0.hasSuffix(".so") }.map {
        self.closure(closure, opening: "\(directory.path)/\($0)", by: opener)
      }
    }
  }
}

extension LoadedObject {
  /// Whether it is a part of the C library, which is never taken to another.
  fileprivate var isOfLibc: Bool {
    let name = path.lastComponent
    let parts = [
      "ld-", "ld64", "libc.", "libm.", "libpthread.", "libdl.", "librt.", "libutil.", "libmvec.",
      "libresolv.", "libanl.", "libnss_", "libnsl.", "libthread_db.", "libBrokenLocale.",
    ]
    return via == .interpreter || parts.contains(where: name.hasPrefix)
  }
}
