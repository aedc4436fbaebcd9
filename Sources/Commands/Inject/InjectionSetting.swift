import Configuration
import ELF
import Environment
import Host
import Injection
import Launch
import Stack
import Workers

/// What verdicts are asked about.
struct InjectionSetting: Sendable {
  var world: World
  var bundles: [MPIBundle]
  /// nil takes override where a program has an override directory, else the library path.
  var method: InjectionMethod?
  var libraryPath: [String]
  var preload: [String]
  /// The kind of `srun --mpi`.
  var kind: LaunchKind?

  func checker() -> ABIChecker {
    ABIChecker(
      world: world, bundles: bundles, method: method, libraryPath: libraryPath, preload: preload,
      kind: kind)
  }

  /// Checks programs on several threads.
  func check(_ paths: [String], threads: Int) -> [ConsumerCheck] {
    let progress = Progress("checked", of: paths.count)
    // In runs: neighbours share libraries.
    let checks = Workers.map(paths.count, threads: threads, run: 8, make: { checker() }) {
      checker, index in
      let check = checker.check(paths[index])
      progress.advance()
      return check
    }
    progress.end()
    return checks
  }
}

extension StackOptions {
  /// The stack of this node for an environment, with nothing loaded.
  func selection(in environment: Environment) throws -> StackSelection {
    let configuration = try Configuration.load(named: config)
    let files = GuardedFiles(seconds: configuration.deadline)
    defer { files.stop() }
    return try LaunchPlan(
      request(), environment: environment, configuration: configuration,
      host: try MachineRoot().profile(), files: StackReader(guarding: files)
    ).selection
  }
}
