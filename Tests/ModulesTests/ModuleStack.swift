import Environment
import Foundation
import Host
import Launch
import Microarchitecture
import Modules
import Stack
import TestSupport
import Testing

/// A small stack on disk with module files that a test writes, and the real Lmod of this machine.
struct ModuleStack {
  let directory: TemporaryDirectory
  let selection: StackSelection
  let home: String
  let store: CapsuleStore

  static let lmod = "/usr/share/lmod/lmod"
  static let isInstalled = FileManager.default.fileExists(atPath: "\(lmod)/libexec/lmod")
  static let needsLmod: Comment = "needs Lmod (apt-get install lmod)"

  var root: String { directory("cvmfs/software.eessi.io") }
  var tree: String { selection.softwarePath }
  var modules: String { "\(tree)/modules/all" }

  /// Makes a stack with module files by name, such as `GCC/13.2.0.lua`, and hands it to a closure.
  ///
  /// `$ROOT` in a module file is the tree. The files are older than the test, as real ones are.
  static func with<Result>(
    _ files: [String: String], _ body: (ModuleStack) throws -> Result
  ) throws -> Result {
    try TemporaryDirectory.with { directory in
      let version = "cvmfs/software.eessi.io/versions/2023.06"
      try directory.link(
        "\(version)/compat/linux/x86_64/usr/share/Lmod", to: lmod)
      for target in ["x86_64/generic", "x86_64/intel/haswell"] {
        try directory.makeDirectory("\(version)/software/linux/\(target)/software")
        try directory.makeDirectory("\(version)/software/linux/\(target)/modules/all")
      }
      try directory.makeDirectory("home")
      let guarded = GuardedFiles(seconds: 10)
      defer { guarded.stop() }
      let processor = Processor(
        architecture: .x86_64, vendor: "GenuineIntel",
        features: Catalog.target(named: "x86_64/intel/haswell")!.features)
      let selection = try StackSelection(
        StackRequest(site: SiteDefaults(cvmfs: directory("cvmfs"))),
        on: Selection(for: processor), environment: Environment(),
        reading: StackReader(guarding: guarded))
      let stack = ModuleStack(
        directory: directory, selection: selection, home: directory("home"),
        store: CapsuleStore(directory: directory("home/.cache/slipway/capsules")))
      for (name, text) in files { try stack.write(name, text) }
      return try body(stack)
    }
  }

  /// Writes a module file that was changed some days ago.
  func write(_ name: String, _ text: String, daysAgo: Double = 2, tree: String? = nil) throws {
    let path = "\(tree ?? self.tree)/modules/all/\(name)"
    let folder = URL(filePath: path).deletingLastPathComponent().path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try text.replacing("$ROOT", with: self.tree)
      .write(toFile: path, atomically: false, encoding: .utf8)
    try age(path, daysAgo)
  }

  /// Sets the times of a path and of the directories above it.
  private func age(_ path: String, _ daysAgo: Double) throws {
    let date = Date(timeIntervalSinceNow: -86400 * daysAgo)
    var path = path
    while path.hasPrefix(root) {
      try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
      path = URL(filePath: path).deletingLastPathComponent().path
    }
  }

  /// Puts a program in the place of the stack's Lmod, which may start the real one.
  func replaceLmod(with script: String) throws {
    let link = "\(selection.eprefix)/usr/share/Lmod"
    try FileManager.default.removeItem(atPath: link)
    try FileManager.default.createDirectory(
      atPath: "\(link)/libexec", withIntermediateDirectories: true)
    // Written by a child: no other thread's fork can hold it open while it is executed (ETXTBSY).
    let written = try run(
      ["sh", "-c", "cat > \"$0\" && chmod 755 \"$0\"", "\(link)/libexec/lmod"],
      input: Array(script.utf8))
    #expect(written.status == 0)
    try age("\(link)/libexec/lmod", 2)
  }

  /// The tree that every machine can run, and a command line that loads modules of it.
  var generic: String { "\(root)/versions/2023.06/software/linux/x86_64/generic" }
  func command(_ modules: String) throws -> [String] {
    let config = try directory.write(
      "slipway.toml", "[stack]\ncvmfs = \"\(directory("cvmfs"))\"\n[modules]\ndeadline = 30\n")
    return [
      try #require(Package.executable("slipway")), "env", "--config", config, "--eessi-arch",
      "x86_64/generic", "--verbose", "--load", modules,
    ]
  }
  var variables: [String: String] { ["PATH": "/usr/bin:/bin", "HOME": home] }

  /// An environment with variables of a user that is initialised for the stack.
  func environment(_ variables: [String: String] = [:]) -> Environment {
    var environment = Environment(["PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"])
    for (name, value) in variables { environment[name] = value }
    return selection.initialisation(of: environment, hasCertificates: false)
      .applied(to: environment)
  }

  /// Loads modules as a launch does.
  func load(_ modules: String..., in environment: Environment? = nil, seconds: Double = 30) throws
    -> LoadedModules
  {
    let files = GuardedFiles(seconds: 10)
    defer { files.stop() }
    return try ModuleLoader(files: files, store: store, seconds: seconds)
      .load(modules, in: environment ?? self.environment(), of: selection)
  }

  /// The environment of a bash in which `module load` ran, with nothing of slipway in between.
  func reference(_ modules: String..., in environment: Environment) throws -> Environment {
    try Self.reference(
      modules, in: environment, lmod: "\(selection.eprefix)/usr/share/Lmod/libexec/lmod")
  }

  static func reference(_ modules: [String], in environment: Environment, lmod: String) throws
    -> Environment
  {
    let variables = Dictionary(
      uniqueKeysWithValues: environment.names.map { ($0, environment[$0]!) })
    // The same shell before and after: what bash itself adds is no work of the modules.
    let result = try run(
      [
        "bash", "--noprofile", "--norc", "-c",
        """
        /usr/bin/env -0
        printf '\\0@\\0'
        code=$("$0" bash load "$@")
        eval "$code"
        /usr/bin/env -0
        :
        """, lmod,
      ] + modules, environment: variables)
    #expect(result.status == 0, "\(result.stderr)")
    let parts = result.output.split(separator: [0, 0x40, 0], maxSplits: 1)
    try #require(parts.count == 2)
    let (before, after) = (
      Environment(entries: parts[0].split(separator: 0)),
      Environment(entries: parts[1].split(separator: 0))
    )
    var reference = environment
    for change in before.changes(to: after) where change.name != "_" {
      reference[change.name] = change.value
    }
    return reference
  }

  /// The names of the files in the store.
  var stored: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: store.directory)) ?? []).sorted()
  }
}

/// Fails with what differs.
func expectEqual(
  _ environment: Environment, _ reference: Environment, _ what: Comment = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let changes = reference.changes(to: environment)
  let text = changes.map { change in
    "\(change.name): is \(change.value ?? "unset")\n    not \(reference[change.name] ?? "unset")"
  }
  #expect(
    changes.isEmpty, "\(what) \(text.joined(separator: "\n"))", sourceLocation: sourceLocation)
}
