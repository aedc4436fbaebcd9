import ArgumentParser
import Configuration
import ELF
import Environment
import Glibc
import Host
import Injection
import Launch
import Microarchitecture
import Stack
import Workers

/// The options of every command that gives verdicts.
struct InjectionCheckOptions: ParsableArguments {
  @Option(
    name: .customLong("with"),
    help: ArgumentHelp(
      "The MPI: the directory that it was installed to, its library directory, or its C library.",
      valueName: "bundle"))
  var bundle: String?

  @Option(
    help: ArgumentHelp(
      "How it reaches programs: override (a directory in their RPATH), library-path, preload, or "
        + "present for what is there already (default: override where they have such a directory, "
        + "else library-path; without --with: present).", valueName: "way"))
  var via: InjectionMethod?

  @Option(
    help: ArgumentHelp(
      "Where programs are loaded: host, stack (its dynamic linker, for programs that name none), or "
        + "root:DIRECTORY.", valueName: "world"))
  var world = "host"

  @Option(
    help: ArgumentHelp(
      "How tasks are started: none, pmi2, pmix, as for srun --mpi.", valueName: "kind"))
  var mpi: String?

  @Option(
    help: ArgumentHelp(
      "The x86-64 level of the processor, 1 to 4 (default: this machine's).", valueName: "level"))
  var level: Int?

  @Option(help: ArgumentHelp("Threads to check with.", valueName: "number"))
  var threads = Workers.processors

  @OptionGroup var stack: StackOptions

  mutating func validate() throws {
    guard via == nil || via == .present || bundle != nil else {
      throw ValidationError("--via \(via!.rawValue) needs --with")
    }
    guard level.map({ (1...4).contains($0) }) ?? true else {
      throw ValidationError("--level is from 1 to 4")
    }
    guard (1...1024).contains(threads) else { throw ValidationError("--threads is from 1 to 1024") }
    guard world == "host" || world == "stack" || world.hasPrefix("root:/") else {
      throw ValidationError("--world is host, stack or root:/DIRECTORY")
    }
  }

  /// What they come to on this machine.
  func setting() throws -> InjectionSetting {
    let environment = Environment.ofThisProcess
    let processor = try MachineRoot().processor()
    let root = world.hasPrefix("root:") ? String(world.dropFirst("root:".count)) : "/"
    guard let files = RootFiles(root: root) else {
      throw InjectionError(
        what: root, cause: "cannot be opened as a directory", remedy: "name the root of an image",
        kind: .badInput)
    }
    var interpreter = DynamicLinker.path(of: processor.architecture)
    var name = world
    if world == "stack" {
      let plan = try stack.selection(in: environment)
      name = "stack \(plan.version)"
      let paths = DynamicLinker.paths(of: processor.architecture, below: plan.eprefix)
      interpreter =
        paths.first { if case .object = files.file(at: $0) { true } else { false } } ?? ""
      guard !interpreter.isEmpty else {
        throw InjectionError(
          what: "the world of the stack", cause: "\(plan.eprefix) has no dynamic linker",
          remedy: "check that the compat layer is complete, or use --world host",
          kind: .unavailable)
      }
    }
    let world = World(
      name: name, files: files, interpreter: interpreter,
      processor: LoaderProcessor(processor, level: level))
    var bundles: [MPIBundle] = []
    if let bundle {
      bundles = MPIBundle.find(at: bundle.absolutePath, in: files)
      guard !bundles.isEmpty else {
        throw InjectionError(
          what: "\(bundle) is no MPI",
          cause: "no library that defines PMPI_Init was found in it, its lib, or its lib64",
          remedy:
            "name the directory of libmpi.so (slipway inject list shows those of this machine)",
          kind: .badInput)
      }
    }
    let list = { (name: String) in
      environment.nonEmpty(name).map { $0.split { $0 == ":" || $0 == ";" }.map(String.init) } ?? []
    }
    return InjectionSetting(
      world: world, bundles: bundles, method: bundle == nil ? .present : via,
      libraryPath: environment.nonEmpty("LD_LIBRARY_PATH").map {
        $0.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == ";" }.map(String.init)
      } ?? [],
      preload: list("LD_PRELOAD"), kind: mpi.map { LaunchKind($0) })
  }
}

extension InjectionMethod: ExpressibleByArgument {}
