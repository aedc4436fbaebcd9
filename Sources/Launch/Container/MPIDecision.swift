import ELF
package import Environment
package import Host
import Images
package import Injection
import Microarchitecture

/// The program whose MPI is in question.
package struct InjectionProgram: Equatable, Sendable {
  /// Where it may be; the first that is there counts.
  package var candidates: [String]
  /// How tasks are started; nil where that is of no matter, as for one task.
  package var kind: LaunchKind?

  package init(candidates: [String], kind: LaunchKind?) {
    self.candidates = candidates
    self.kind = kind
  }

  /// The program of a step.
  package init(_ step: Step, in environment: Environment) {
    self.init(
      candidates: step.candidates(in: environment),
      kind: step.tasks > 1 ? LaunchKind(ofStep: environment) : nil)
  }
}

extension World {
  /// The files that this process sees, in a container of its own or not.
  package static func here(on host: HostProfile) -> World? {
    RootFiles().map { files in
      World(
        name: "container", files: files,
        interpreter: DynamicLinker.path(of: host.processor.architecture),
        processor: LoaderProcessor(host.processor))
    }
  }
}

extension ContainerPlan {
  /// Puts the node's MPI before the image's in an environment, where the program works with it.
  ///
  /// `world` is that of the container, `environment` what the program is to have there. Without a
  /// verdict of OK or WARN the image's own MPI stays.
  package mutating func injectMPI(
    for program: InjectionProgram?, into environment: inout Environment, in world: World
  ) throws(ContainerError) {
    guard !mpis.isEmpty else { return }
    guard let program else {
      return decide(.mpi, false, "no program of several tasks is started here")
    }
    guard !ownVariables.contains("LD_LIBRARY_PATH") else {
      return keepOwn("LD_LIBRARY_PATH is the user's own, and stays as it is")
    }
    let found = program.candidates.lazy.map { ($0, world.files.file(at: $0)) }
      .first { if case .absent = $0.1 { false } else { true } }
    guard let (path, file) = found else {
      return decide(.mpi, false, "the program is not in the container")
    }
    guard case .object = file else {
      return keepOwn("\(path) is no program whose libraries can be told, such as a script")
    }
    var refused: [(offer: MPIOffer, check: ConsumerCheck)] = []
    var causes: [String] = []
    for offer in mpis {
      let library = offer.bundles[0]
      guard case .object(_, library.identity) = world.files.file(at: library.path) else {
        causes.append("\(offer.name): the image has files of its own in \(offer.place)")
        continue
      }
      let judged = judge(offer, path, program.kind, environment, world)
      guard judged.check.usesMPI else { return keepOwn("\(path) uses no MPI") }
      guard judged.check.verdict <= .warn, judged.check.picked?.isInjected == true else {
        refused.append((offer, judged.check))
        continue
      }
      return use(offer, for: path, judged.check, libraries: judged.places, in: &environment)
    }
    // The one that is nearest to working says the most.
    if let best = refused.min(by: { $0.check.verdict < $1.check.verdict }) {
      let check = best.check
      let finding = check.findings.first { $0.verdict == check.verdict }
      let text =
        "\(check.verdict.rawValue) of \(best.offer.name) in \(best.offer.place) for \(path): "
        + (finding?.message ?? "another library is loaded")
      guard check.verdict < .notApplied else {
        return try refuse(
          .mpi, mpiWish, text, remedy: finding?.remedy ?? "leave out mpi", status: .launchMismatch)
      }
      causes = [text]
    }
    keepOwn(causes.joined(separator: "; "))
  }

  /// Leaves the image's own MPI in place, and says so to whom has asked for another.
  private mutating func keepOwn(_ cause: String) {
    decide(.mpi, false, cause)
    if mpiWish == .user { warnings.append("no mpi of the node: \(cause)") }
  }

  private mutating func use(
    _ offer: MPIOffer, for program: String, _ check: ConsumerCheck, libraries: [String],
    in environment: inout Environment
  ) {
    // An image that has its own MPI elsewhere may say where; that is no place of this one.
    for variable in image.configuration.environment
    where Self.placesOfMPI.contains(variable.name) && !ownVariables.contains(variable.name) {
      environment[variable.name] = nil
    }
    let own = environment.nonEmpty("LD_LIBRARY_PATH").map { [$0] } ?? []
    environment["LD_LIBRARY_PATH"] =
      ([offer.directory] + own + libraries).joined(separator: ":")
    if let programs = offer.programs, !ownVariables.contains("PATH") {
      environment["PATH"] = environment.nonEmpty("PATH").map { "\(programs):\($0)" } ?? programs
    }
    let risks = check.findings.filter { $0.verdict == .warn }.map(\.words)
    warnings += risks.map { "\(offer.name) of the node for \(program): \($0)" }
    decide(
      .mpi, true,
      "\(offer.name) in \(offer.place) for \(program): \(check.verdict.rawValue)"
        + (libraries.isEmpty ? "" : ", with \(libraries.count) libraries of the node beside it"))
  }

  /// Variables by which an MPI and its parts are told where they lie.
  private static let placesOfMPI: Set<String> = [
    "FI_PROVIDER_PATH", "HWLOC_PLUGINS_PATH", "I_MPI_ROOT", "OPAL_LIBDIR", "OPAL_PKGLIBDIR",
    "OPAL_PREFIX", "PMIX_INSTALL_PREFIX", "PMIX_PREFIX", "PRTE_PREFIX", "UCX_MODULE_DIR",
  ]

  // MARK: The verdict

  private func judge(
    _ offer: MPIOffer, _ path: String, _ kind: LaunchKind?, _ environment: Environment,
    _ world: World
  ) -> (check: ConsumerCheck, places: [String]) {
    let own = Loader.libraryPath(of: environment["LD_LIBRARY_PATH"] ?? "")
    let preload = Loader.preloads(of: environment["LD_PRELOAD"] ?? "")
    let places = neighbours(of: offer, path, own, preload, world)
    let checker = ABIChecker(
      world: world, bundles: offer.bundles, method: .libraryPath, libraryPath: own + places,
      preload: preload, kind: kind)
    return (checker.check(path), places)
  }

  /// Directories of those libraries of the node that the MPI needs and the image lacks.
  private func neighbours(
    of offer: MPIOffer, _ path: String, _ own: [String], _ preload: [String], _ world: World
  ) -> [String] {
    guard case .object(let program, _) = world.files.file(at: path), !offer.neighbours.isEmpty,
      let linker = try? LoaderWorld.reading(
        interpreter: program.interpreter ?? world.interpreter, files: world.files,
        processor: world.processor)
    else { return [] }
    let loader = Loader(world: linker, files: world.files)
    var names: [String] = []
    var places: [String] { names.map { "\(Self.neighbourDirectory)/\($0)" } }
    // What is brought along may need more.
    for _ in offer.neighbours {
      let closure = loader.closure(
        of: path, libraryPath: [offer.directory] + own + places, preload: preload)
      let all =
        [closure]
        + offer.bundles.flatMap { loader.opened(by: closure, $0, files: world.files) }
      let missing = Set(all.flatMap(\.missing).map(\.name))
        .filter { offer.neighbours[$0] != nil && !names.contains($0) }
      if missing.isEmpty { break }
      names += missing.sorted()
    }
    return places
  }
}
