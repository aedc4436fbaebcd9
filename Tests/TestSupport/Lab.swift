#if canImport(Testing)  // absent from a release build, which has no tests
  import Foundation
  package import Testing

  /// The real Slurm cluster of `lab/`, started for a suite of tests.
  ///
  /// Four nodes, n1 to n4: haswell, skylake_avx512, zen2, and one that only the generic tree fits.
  package struct Lab: Sendable {
    package let name: String
    /// Whether the nodes are ports of this machine, as for a user who is not root.
    package var usesPorts = false
    /// Lines of slurm.conf that replace the lab's own.
    package var configuration = ""
    /// The GPUs that Slurm gives each node, words `TYPE:MINOR`.
    package var gpus = ""

    /// The lab of the suite that runs.
    @TaskLocal package static var current = Lab(name: "none")

    /// Whether tests may have namespaces and other users.
    package static let isRoot = getuid() == 0

    /// What a test says that is skipped without root.
    package static let needsRoot: Comment =
      "needs root: the lab's nodes have namespaces, processors and mounts of their own only then"

    /// The nodes and the targets that fit them.
    package static let nodes = [
      "n1": "x86_64/intel/haswell", "n2": "x86_64/intel/skylake_avx512", "n3": "x86_64/amd/zen2",
      "n4": "x86_64/generic",
    ]

    /// Where the built programs are: `SLIPWAY_PRODUCTS`, or the release build.
    package static let products: String =
      ProcessInfo.processInfo.environment["SLIPWAY_PRODUCTS"] ?? "\(Package.root)/.build/release"

    /// The directory of the lab's own files.
    package var directory: String { "\(Self.base)/\(name)" }
    private static let base = "/tmp/slipway-lab-\(getuid())"

    /// The helper that the plugin starts.
    package var helper: String { "\(directory)/lib/slipway-node" }

    // MARK: Use

    /// Runs a command on the login node as the lab's user.
    package func callAsFunction(
      _ command: String..., user: String? = nil, directory: String? = nil,
      environment: [String] = [], seconds: Double = 60
    ) throws -> ToolResult {
      try run(
        cluster("run") + (user.map { ["--user", $0] } ?? [])
          + (directory.map { ["--cwd", $0] } ?? []) + ["--"] + environment + command,
        seconds: seconds)
    }

    /// Runs a shell script on the login node as the lab's user.
    package func shell(
      _ script: String, user: String? = nil, environment: [String] = [], seconds: Double = 60
    ) throws -> ToolResult {
      try self("sh", "-c", script, user: user, environment: environment, seconds: seconds)
    }

    /// Runs a command as root inside a node's namespaces.
    @discardableResult
    package func onNode(_ node: String, _ command: String...) throws -> ToolResult {
      try run(cluster("node") + [node, "--"] + command, seconds: 60)
    }

    /// The states of the nodes, such as `n1 idle`, sorted.
    package func states() throws -> [String] {
      try self("sinfo", "-h", "-N", "-o", "%N %T").lines.sorted()
    }

    /// The number of the lab's user.
    package func uid() throws -> String { try self("id", "-u").lines[0] }

    /// Waits until all four nodes are idle; fails after a minute.
    package func waitUntilIdle() throws {
      let result = try run(cluster("wait") + ["60"], seconds: 90)
      guard result.status == 0 else { throw LabError(what: "wait", output: result.stderr) }
    }

    /// Writes the plugin's line with these words behind the helper's.
    package func setPluginWords(_ words: String) throws {
      try """
      optional \(directory)/lib/slipway.so node=\(helper) \(words)

      """.write(toFile: "\(directory)/plugstack.d/slipway.conf", atomically: true, encoding: .utf8)
    }

    /// Lets the plugin read a `slipway.toml` of this text, which stands at what is returned.
    @discardableResult
    package func configure(_ text: String, words: String = "") throws -> String {
      let file = "\(directory)/slipway.toml"
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      try setPluginWords("config=\(file) \(words)")
      return file
    }

    /// The directory of an MPI of PyPI that the site has for itself: a copy in the lab's directory.
    package func mpi(_ name: String) throws -> String {
      let copy = "\(directory)/site/\(name)"
      guard !FileManager.default.fileExists(atPath: copy) else { return copy }
      let fetched = try run(
        ["\(Package.root)/lab/mpi-swaps", "fetch", "--only", "\(name)/basics-plain \(name)$"],
        seconds: 300)
      guard fetched.status == 0, let source = fetched.stderr.split(separator: " ").last else {
        throw LabError(what: "fetch \(name)", output: fetched.stderr)
      }
      try FileManager.default.createDirectory(
        atPath: "\(directory)/site", withIntermediateDirectories: true)
      let copied = try run(
        ["cp", "-a", "\(source.trimmingCharacters(in: .newlines))/\(name)", copy])
      guard copied.status == 0 else { throw LabError(what: "copy \(name)", output: copied.stderr) }
      return copy
    }

    /// Puts a program in the helper's place while a closure runs.
    package func replacingHelper<Result>(
      with script: String?, mode: Int = 0o755, _ body: () throws -> Result
    ) throws -> Result {
      let files = FileManager.default
      try files.moveItem(atPath: helper, toPath: helper + ".true")
      defer {
        try? files.removeItem(atPath: helper)
        try? files.moveItem(atPath: helper + ".true", toPath: helper)
      }
      if let script {
        try script.write(toFile: helper, atomically: false, encoding: .utf8)
        try files.setAttributes([.posixPermissions: mode], ofItemAtPath: helper)
      }
      return try body()
    }

    private func cluster(_ verb: String) -> [String] {
      ["\(Package.root)/lab/cluster", verb, "--name", name]
    }

    // MARK: Start and stop

    fileprivate func start() throws {
      let stack = try run(
        ["\(Package.root)/lab/stack", "build", "\(Self.base)/stack"], seconds: 300)
      guard stack.status == 0 else { throw LabError(what: "stack", output: stack.stderr) }
      for file in ["slipway.so", "slipway-probe.so", "slipway-node"]
      where !FileManager.default.fileExists(atPath: "\(Self.products)/\(file)") {
        throw LabError(
          what: "\(Self.products)/\(file) is not built; remedy: run ./check, which builds it first",
          output: "")
      }
      var environment = ProcessInfo.processInfo.environment
      environment["SLIPWAY_LAB_PLUGIN"] = "\(Self.products)/slipway.so"
      environment["SLIPWAY_LAB_NODE"] = "\(Self.products)/slipway-node"
      environment["SLIPWAY_LAB_CVMFS"] = "\(Self.base)/stack/cvmfs"
      environment["SLIPWAY_LAB_DIR"] = Self.base
      if usesPorts { environment["SLIPWAY_LAB_MODE"] = "ports" }
      if !gpus.isEmpty { environment["SLIPWAY_LAB_GPUS"] = gpus }
      let extra = "\(Self.base)/\(name).conf"
      defer { unlink(extra) }
      if !configuration.isEmpty {
        try configuration.write(toFile: extra, atomically: true, encoding: .utf8)
        environment["SLIPWAY_LAB_SLURM_CONF_EXTRA"] = extra
      }
      let up = try run(cluster("up"), environment: environment, seconds: 120)
      guard up.status == 0 else { throw LabError(what: "up", output: up.stderr) }
    }

    /// Stops the lab; `down` can be repeated, and a first try that failed is told as a warning.
    fileprivate func stop() throws {
      var down = try run(cluster("down"), seconds: 120)
      guard down.status != 0 else { return }
      Issue.record("lab: down ended with \(down.status): \(down.stderr)", severity: .warning)
      var traced = ProcessInfo.processInfo.environment
      traced["SHELLOPTS"] = "xtrace"
      down = try run(cluster("down"), environment: traced, seconds: 120)
      guard down.status == 0 else {
        throw LabError(what: "down ended with \(down.status)", output: down.stderr)
      }
    }
  }

  /// A lab that did not start, stop or become idle.
  package struct LabError: Error, CustomStringConvertible {
    var what: String
    var output: String
    package var description: String { "lab: \(what): \(output)" }
  }

  extension ToolResult {
    /// The lines of the standard output, empty ones left out.
    package var lines: [String] { stdout.split(separator: "\n").map(String.init) }
  }

  /// Starts a lab around a suite and removes it afterwards.
  package struct LabTrait: SuiteTrait, TestScoping {
    var usesPorts = false
    var configuration = ""
    var gpus = ""

    package func provideScope(
      for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
      let lab = Lab(
        name: (usesPorts ? "ports" : gpus.isEmpty ? "test" : "gpus")
          + "-\(ProcessInfo.processInfo.processIdentifier)",
        usesPorts: usesPorts, configuration: configuration, gpus: gpus)
      try lab.start()
      let result: Result<Void, any Error>
      do {
        try await Lab.$current.withValue(lab) { try await function() }
        result = .success(())
      } catch {
        result = .failure(error)
      }
      try lab.stop()
      try result.get()
    }
  }

  extension Trait where Self == LabTrait {
    /// The suite runs on a lab of its own.
    package static var lab: Self { Self() }

    /// The suite runs on a lab whose nodes have GPUs, as far as Slurm knows.
    package static func gpuLab(_ gpus: String) -> Self { Self(gpus: gpus) }

    /// The suite runs on a lab whose nodes are ports of this machine.
    package static func portsLab(configuration: String) -> Self {
      Self(usesPorts: true, configuration: configuration)
    }
  }
#endif
