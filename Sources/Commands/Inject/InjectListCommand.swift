import ArgumentParser
import ELF
import Environment
import Injection

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
  var kind: InjectionKind?

  @Option(
    name: .customLong("in"), parsing: .singleValue,
    help: ArgumentHelp("Another directory that holds MPIs.", valueName: "directory"))
  var directories: [String] = []

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  func run() throws {
    try reportingFailures {
      let files = RootFiles()!
      let cache = files.contents(of: "/etc/ld.so.cache", limit: 1 << 26)
        .flatMap { LoaderCache($0, order: .little) }
      let bundles =
        kind == nil || kind == .mpi
        ? MPIBundle.discover(
          in: files, cache: cache, places: directories.map(\.absolutePath),
          path: Environment.ofThisProcess["PATH"])
        : []
      for bundle in bundles { print(bundle.library.description, bundle.path, bundle.library.kinds) }
    }
  }
}

extension InjectionKind: ExpressibleByArgument {}
