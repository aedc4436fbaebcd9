import Foundation
import TestSupport
import Testing

/// A directory of module files as slipway prints them, for a demo stack behind an awkward path, and
/// bash sessions that use them.
struct ModuleSession {
  let system: ModuleSystem
  let directory: TemporaryDirectory

  static func with(
    _ system: ModuleSystem, modules: String = "modules", _ body: (ModuleSession) throws -> Void
  ) throws {
    try TemporaryDirectory.with { directory in
      let session = ModuleSession(system: system, directory: directory, modules: modules)
      try session.prepare()
      try body(session)
    }
  }

  /// The name of the directory of the module files.
  let modules: String

  private init(system: ModuleSystem, directory: TemporaryDirectory, modules: String) {
    (self.system, self.directory, self.modules) = (system, directory, modules)
  }

  /// Where the repositories are, in plain ASCII: Lmod 8.6 reads `.version` files by a
  /// program that gets other paths wrong; for those who look through ``directory``.
  var cvmfs: String { directory("a-stack/cvmfs") }
  var root: String { "\(cvmfs)/software.eessi.io" }
  /// The program that the module files start; it notes its calls.
  var program: String { directory("slip way's") }

  private func prepare() throws {
    try directory.link("a-stack", to: DemoStack.build())
    let configuration = try directory.write("slipway.toml", "[stack]\ncvmfs = \"\(cvmfs)\"\n")
    let slipway = try #require(Package.executable("slipway"))
    try executable(
      program,
      "echo \"$* ${LD_LIBRARY_PATH:-}\" >>'\(directory("calls"))'; exec '\(slipway)' \"$@\"")
    for version in ["2023.06", "2025.06"] {
      let file = try run([
        slipway, "modulefile", system.language, "--eessi", version, "--config", configuration,
        "--slipway", program,
      ])
      #expect(file.status == 0, "\(file.stderr)")
      try directory.write("\(modules)/\(system.file("eessi/\(version)"))", file.output)
    }
    switch system.kind {
    case .lmod: try directory.link("\(modules)/eessi/default", to: "2025.06.lua")
    case .environmentModules:
      let marker = try Data(
        contentsOf: URL(filePath: "\(Package.root)/modulefiles/tcl/eessi/.modulerc"))
      try directory.write("\(modules)/eessi/.modulerc", marker)
    }
  }

  /// By a child: a file that this process holds open for writing cannot be executed.
  func executable(_ path: String, _ script: String) throws {
    _ = try run([
      "sh", "-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\"; chmod 755 \"$1\"", "sh", path, script,
    ])
  }

  /// What a session did.
  struct Outcome {
    var result: ToolResult
    /// The environments at the commands `snap NAME`.
    var snapshots: [String: [String: String]]

    var log: String { result.stdout + result.stderr }
  }

  /// Runs bash; `snap NAME` keeps the environment.
  func bash(_ script: String, _ variables: [String: String] = [:]) throws -> Outcome {
    let snapshots = try directory.makeDirectory("snapshots-\(UUID().uuidString)")
    var environment = [
      "PATH": "/usr/bin:/bin:/my own/bïn", "HOME": directory("home"), "LC_ALL": "C.UTF-8",
      "LMOD_PAGER": "none", "MODULES_PAGER": "", "LD_LIBRARY_PATH": "/poison",
    ]
    try directory.makeDirectory("home")
    environment.merge(variables) { $1 }
    let result = try run(
      [
        "bash", "--norc", "-c",
        """
        snap() { /usr/bin/env -0 >'\(snapshots)'/"$1"; }
        \(try system.definition())
        module use '\(directory(modules))'
        \(script)
        """,
      ], environment: environment)
    var outcome = Outcome(result: result, snapshots: [:])
    for name in try FileManager.default.contentsOfDirectory(atPath: snapshots) {
      let data = try Data(contentsOf: URL(filePath: "\(snapshots)/\(name)"))
      var variables: [String: String] = [:]
      for entry in data.split(separator: 0) {
        let text = String(decoding: entry, as: UTF8.self)
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        // `_` is bash's own.
        if parts[0] != "_" { variables[String(parts[0])] = String(parts[1]) }
      }
      outcome.snapshots[name] = variables
    }
    return outcome
  }

  /// An environment as other programs see it, without the system's own account.
  func seen(_ snapshot: [String: String]?) -> [String: String]? {
    snapshot?.filter { !system.isBookkeeping($0.key) }
  }

  /// Takes the calls of slipway that were noted.
  func takeCalls() -> [String] {
    let text = (try? String(contentsOfFile: directory("calls"), encoding: .utf8)) ?? ""
    try? FileManager.default.removeItem(atPath: directory("calls"))
    return text.split(separator: "\n").map(String.init)
  }
}
