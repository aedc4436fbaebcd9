import Environment
import Foundation
import Host
import Launch
import Microarchitecture
import Modules
import Stack
import TestSupport
import Testing

/// For every module of the demo stack, the environment by capsule is the one of `module load` in a
/// clean shell.
@Suite(.tags(.large), .enabled(if: ModuleStack.isInstalled, ModuleStack.needsLmod))
struct DemoStackTests {
  private static let lmod = "\(ModuleStack.lmod)/libexec/lmod"

  /// The stack, built once.
  private static let selection = Result {
    let directory = try DemoStack.build()
    let files = GuardedFiles(seconds: 10)
    defer { files.stop() }
    let processor = Processor(
      architecture: .x86_64, vendor: "GenuineIntel",
      features: Catalog.target(named: "x86_64/intel/haswell")!.features)
    return try StackSelection(
      StackRequest(version: "2023.06", site: SiteDefaults(cvmfs: "\(directory)/cvmfs")),
      on: Selection(for: processor), environment: Environment(),
      reading: StackReader(guarding: files))
  }

  /// Modules that refuse to load, as lab/stack.d/modules says.
  private static let refusing = ["ANSYS/2024R1", "WRF/4.5.1-foss-2023b-dmpar", "XALT-profile/3.0"]

  private static let modules: [String] = {
    let listed = try? run(
      [lmod, "bash", "-t", "avail"], environment: variables(environment: try! environment()))
    return (listed?.stderr ?? "").split(separator: "\n").map(String.init)
      .filter { $0.contains("/") && !$0.hasSuffix(":") && !$0.hasSuffix("/") }
      .map { String($0.prefix { $0 != "(" && $0 != " " }) }
  }()

  private static func environment() throws -> Environment {
    try selection.get().initialisation(
      of: Environment(["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"]),
      hasCertificates: false
    ).applied(
      to: Environment(["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"]))
  }

  private static func variables(environment: Environment) -> [String: String] {
    Dictionary(uniqueKeysWithValues: environment.names.map { ($0, environment[$0]!) })
  }

  @Test func thereAreEnoughModules() throws {
    #expect(Self.modules.count >= 60)
    let names = try load("CellWorkflow", keeping: nil).environment
    #expect(LoadedModules.names(in: names).count >= 20)
  }

  @Test(arguments: modules)
  func byCapsuleAsByModuleLoad(_ module: String) throws {
    try TemporaryDirectory.with { directory in
      let store = CapsuleStore(directory: directory("capsules"))
      if Self.refusing.contains(module) {
        for _ in 0..<2 {
          #expect(throws: ModuleError.self) { try load(module, keeping: store) }
        }
        return
      }
      let environment = try Self.environment()
      let reference = try ModuleStack.reference([module], in: environment, lmod: Self.lmod)
      let first = try load(module, keeping: store)
      let second = try load(module, keeping: store)
      if case .impure = first.origin {
        #expect(second.origin == first.origin)
      } else {
        #expect(first.origin == .computed && second.origin == .capsule)
      }
      for loaded in [first, second] {
        var (environment, reference) = (loaded.environment, reference)
        // Modules that set the time.
        for name in ["MLM_LICENSE_LOADED", "MLM_LICENSE_SECONDS", "STARCCM_SESSION"]
        where first.origin != .computed {
          environment[name] = nil
          reference[name] = nil
        }
        expectEqual(environment, reference)
      }
      #expect(second.messages == first.messages)
    }
  }

  private func load(_ module: String, keeping store: CapsuleStore?) throws -> LoadedModules {
    // Not what is tested: on two cores all suites together have kept the disk from answering for 20 s.
    let files = GuardedFiles(seconds: 60)
    defer { files.stop() }
    return try ModuleLoader(files: files, store: store, seconds: 120)
      .load([module], in: try Self.environment(), of: try Self.selection.get())
  }
}
