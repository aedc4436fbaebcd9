import ELF
package import Environment
package import Host
package import Injection

/// A step of several tasks, as slurmstepd is about to start it on a node.
package struct Step: Equatable, Sendable {
  /// Of the whole step.
  package var tasks: Int
  /// The first word of the command.
  package var program: String
  package var directory: String?

  package init(tasks: Int, program: String, directory: String? = nil) {
    self.tasks = tasks
    self.program = program
    self.directory = directory
  }

  /// Where slurmstepd looks for the program; the first that is there counts.
  ///
  /// Source: SchedMD/slurm, src/slurmd/slurmstepd/task.c, `_build_path`.
  package func candidates(in environment: Environment) -> [String] {
    func below(_ directory: some StringProtocol) -> String { "\(directory)/\(program)" }
    if program.hasPrefix("/") { return [program] }
    let here = directory.map { [below($0)] } ?? []
    if program.hasPrefix(".") { return here }
    // A directory that is not absolute is one below the step's.
    let path = (environment["PATH"] ?? "").split(separator: ":").map { element in
      below(element.hasPrefix("/") ? String(element) : "\(directory ?? "")/\(element)")
    }
    return path + here
  }
}

/// Whether a step's launch fits the MPI of its program.
///
/// Only names and the beginnings of files are read, by way of a child that may hang: a file that
/// cannot be read says nothing.
package struct StepCheck {
  private let step: Step
  private let environment: Environment
  private let kind: LaunchKind
  private let files: GuardedFiles

  /// `environment` is that of the tasks; the kind of launch is in it.
  package init(_ step: Step, environment: Environment, files: GuardedFiles) {
    self.step = step
    self.environment = environment
    self.files = files
    kind = LaunchKind(ofStep: environment)
  }

  /// What is wrong with the launch; nil where nothing is, and where nothing is known.
  package func finding(software: String, injected: [InjectedMPI] = []) -> Finding? {
    guard step.tasks > 1, kind.offer != nil, let program = program(upTo: Self.longestTable),
      var use = program.use(in: environment, injected: injected, software: software)
    else { return nil }
    // A build of Open MPI may speak more than PMIx, and one of MPICH something else.
    let mayDiffer =
      use.library.family != .openMPI
      || program.finding(use, launchedBy: kind, tasks: step.tasks) != nil
    if mayDiffer, let root = use.root { use.library = asBuilt(use.library, at: root) }
    return program.finding(use, launchedBy: kind, tasks: step.tasks)
  }

  /// Why the program cannot be probed; nil where it can.
  package var reasonNotToProbe: String? {
    program(upTo: .max).map(\.reasonNotToProbe) ?? "\(step.program) is not found"
  }

  private func program(upTo longestTable: Int) -> StepProgram? {
    let candidates = step.candidates(in: environment)
    guard (try? files.prefetch(candidates)) != nil,
      let path = candidates.first(where: { (try? files.isDirectory($0)) == .some(false) }),
      let source = source(path, upTo: longestTable)
    else { return nil }
    return StepProgram(path: path, file: ProgramFile(source))
  }

  /// What an installed library speaks, where its build differs from the usual one.
  private func asBuilt(_ library: MPILibrary, at root: String) -> MPILibrary {
    var library = library
    switch library.name {
    case "Open MPI":
      // Plugins for Slurm's own PMI libraries, up to Open MPI 4.
      let lists = try? files.lists(of: ["lib", "lib64"].map { "\(root)/\($0)/openmpi" })
      let names = (lists ?? []).flatMap { $0?.entries.map(\.name) ?? [] }
      if names.contains("mca_pmix_s2.so") { library.kinds.insert(.pmi2) }
      if names.contains("mca_pmix_s1.so") { library.kinds.insert(.pmi1) }
    case "MPICH":
      for directory in ["lib", "lib64"] {
        guard let source = source("\(root)/\(directory)/libmpi.so.12", upTo: .max),
          let object = try? ELFObject(source)
        else { continue }
        if object.needed.contains(where: { $0.hasPrefix("libpmix.so") }) { library.kinds = [.pmix] }
        // Slurm's and Cray's own libraries: what they speak, they know.
        if object.needed.contains(where: { $0.hasPrefix("libpmi.so") || $0.hasPrefix("libpmi2.so") }
        ) {
          library.kinds = []
        }
      }
    default: break
    }
    return library
  }

  /// The most of a table that is read while a job waits, in bytes: the tables of a program that are
  /// larger hold symbols.
  private static let longestTable = 1 << 17

  /// A file's bytes, read through the child in pages.
  private func source(_ path: String, upTo longestTable: Int) -> ByteSource? {
    guard let first = (try? files.beginnings(of: [path]))?.first ?? nil else { return nil }
    var pages = [0: first.bytes]
    var isAnswered = true
    return ByteSource(count: Int(first.mark.size)) { [files] offset, count in
      guard offset >= 0, (0...longestTable).contains(count) else { return nil }
      var bytes: [UInt8] = []
      while bytes.count < count {
        let (page, start) = (offset + bytes.count).quotientAndRemainder(dividingBy: 1 << 16)
        if pages[page] == nil, isAnswered {
          pages[page] = try? files.piece(of: path, at: page << 16)
          isAnswered = pages[page] != nil
        }
        guard let piece = pages[page]?.dropFirst(start).prefix(count - bytes.count), !piece.isEmpty
        else { return nil }
        bytes += piece
      }
      return bytes
    }
  }
}

/// A launch that does not fit the program's MPI, where the user wants no such step.
package struct LaunchMismatch: Error, CustomStringConvertible {
  package var finding: Finding

  package init(_ finding: Finding) { self.finding = finding }

  package var description: String { finding.words }
}

extension Finding {
  /// What was found and what can be done, in one line.
  package var words: String { message + (remedy.map { "; remedy: \($0)" } ?? "") }
}
