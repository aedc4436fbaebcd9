import Environment
import Foundation
import Modules
import Stack
import TestSupport
import Testing

/// Loads that hang, loop, are killed, or begin two hundred times at once.
@Suite(
  .tags(.large), .enabled(if: ModuleStack.isInstalled, ModuleStack.needsLmod), .serialized)
struct FaultTests {
  /// Waits until a condition holds.
  private func wait(_ what: Comment, seconds: Double = 20, until condition: () -> Bool) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while !condition() {
      try #require(ContinuousClock.now < end, what)
      usleep(2000)
    }
  }

  /// Whether a process runs with a word in its command line.
  private func isRunning(_ word: String) -> Bool {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.contains { name in
      guard name.allSatisfy(\.isNumber),
        let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else { return false }
      return String(decoding: line, as: UTF8.self).split(separator: "\0").contains { $0 == word }
    }
  }

  @Test(arguments: ["while true do end", #"capture("sleep 61.25")"#, #"os.execute("sleep 61.25")"#])
  func aModuleThatDoesNotEnd(_ statement: String) throws {
    try ModuleStack.with(["Stuck/1.lua": statement]) { stack in
      let error = #expect(throws: ModuleError.self) { try stack.load("Stuck", seconds: 1) }
      #expect(error?.isTimeout == true && "\(error!)".contains("Stuck"))
      try wait("nothing is left behind") { !isRunning("sleep 61.25") && !isRunning("61.25") }
      #expect(stack.stored.isEmpty, "neither a capsule nor a lock stays")
    }
  }

  @Test func aModuleThatWritesForEver() throws {
    let files = [
      "Loud/1.lua": #"while true do io.stderr:write(("x"):rep(65536)) end"#
    ]
    try ModuleStack.with(files) { stack in
      let error = #expect(throws: ModuleError.self) { try stack.load("Loud", seconds: 20) }
      #expect(error?.isTimeout == false)
    }
  }

  @Test func aStackWithoutLmod() throws {
    try ModuleStack.with(["Top/1.lua": ""]) { stack in
      try FileManager.default.removeItem(atPath: "\(stack.selection.eprefix)/usr/share/Lmod")
      let error = #expect(throws: ModuleError.self) { try stack.load("Top") }
      #expect("\(error!)".contains("the stack has no Lmod"))
    }
  }

  @Test(arguments: ["#!/bin/sh\nexit 1\n", "#!/nonexistent\n", "#!/bin/sh\nkill -9 $$\n"])
  func anLmodThatDoesNotWork(_ script: String) throws {
    try ModuleStack.with(["Top/1.lua": ""]) { stack in
      try stack.replaceLmod(with: script)
      #expect(throws: ModuleError.self) { try stack.load("Top") }
      #expect(stack.stored.allSatisfy { !$0.hasSuffix(".lock") })
    }
  }

  /// Code that an Lmod prints only in part must not become an environment.
  @Test func anLmodThatBreaksOff() throws {
    try ModuleStack.with(["Top/1.lua": ""]) { stack in
      try stack.replaceLmod(with: "#!/bin/sh\nprintf 'export HALF=1; export \"'\n")
      #expect(throws: ModuleError.self) { try stack.load("Top") }
    }
  }

  /// The tracer has not run: what such an Lmod says is used, and not kept.
  @Test func anLmodThatCannotBeWatched() throws {
    try ModuleStack.with(["Top/1.lua": ""]) { stack in
      try stack.replaceLmod(with: "#!/bin/sh\necho 'export TOP=1; export LOADEDMODULES=Top/1;'\n")
      for _ in 0..<2 {
        let loaded = try stack.load("Top")
        #expect(loaded.environment["TOP"] == "1")
        #expect(loaded.origin == .impure(["could not be watched"]))
      }
    }
  }

  @Test func oneThatIsKilledHoldsNobodyUp() throws {
    try ModuleStack.with([:]) { stack in
      try stack.write("Top/1.lua", #"setenv("TOP", "1")"#, tree: stack.generic)
      let slow = try stack.directory.write("slow", "")
      try stack.replaceLmod(
        with: """
          #!/bin/sh
          [ ! -e '\(slow)' ] || sleep 62.5
          exec \(ModuleStack.lmod)/libexec/lmod "$@"

          """)
      let command = try stack.command("Top")
      let first = try RunningProgram(command, environment: stack.variables)
      try wait("it computes") { stack.stored.contains { $0.hasSuffix(".lock") } }
      kill(first.identifier, SIGKILL)
      _ = try first.finish()
      #expect(stack.stored.contains { $0.hasSuffix(".lock") })
      unlink(slow)
      let second = try run(command, environment: stack.variables, seconds: 20)
      #expect(second.status == 0, "\(second.stderr)")
      #expect(second.stderr.contains("loaded by Lmod, and kept"))
      #expect(stack.stored.allSatisfy { $0.hasSuffix(".capsule") }, "\(stack.stored)")
    }
  }

  /// One on another node cannot be seen: silence tells.
  @Test func oneThatDiedOnAnotherNodeIsMissed() throws {
    try ModuleStack.with(["Top/1.lua": ""]) { stack in
      _ = try stack.load("Top")
      let capsule = "\(stack.store.directory)/\(try #require(stack.stored.first))"
      let lock = capsule.replacing(".capsule", with: ".lock")
      try FileManager.default.removeItem(atPath: capsule)
      try "other-node.1 12345".write(toFile: lock, atomically: false, encoding: .utf8)
      var patient = stack
      patient = ModuleStack(
        directory: stack.directory, selection: stack.selection, home: stack.home,
        store: CapsuleStore(directory: stack.store.directory, patience: 0.5))
      // While it is touched it is waited for.
      let end = ContinuousClock.now + .seconds(2)
      let touching = Thread {
        while ContinuousClock.now < end {
          utimes(lock, nil)
          usleep(100_000)
        }
      }
      touching.start()
      let loaded = try patient.load("Top")
      #expect(ContinuousClock.now > end)
      #expect(loaded.origin == .computed)
      #expect(stack.stored.map { $0.suffix(8) } == [".capsule"])
    }
  }

  @Test func oneThatIsWaitedForTooLong() throws {
    try ModuleStack.with(["Top/1.lua": ""]) { stack in
      _ = try stack.load("Top")
      let capsule = "\(stack.store.directory)/\(try #require(stack.stored.first))"
      try FileManager.default.removeItem(atPath: capsule)
      try "other-node.1 12345".write(
        toFile: capsule.replacing(".capsule", with: ".lock"), atomically: false, encoding: .utf8)
      let error = #expect(throws: ModuleError.self) { try stack.load("Top", seconds: 0.5) }
      #expect(error?.isTimeout == true)
    }
  }

  /// Two hundred first users of one set: one of them computes.
  @Test func twoHundredAtOnce() throws {
    try ModuleStack.with([:]) { stack in
      try stack.write("Base/1.lua", #"setenv("BASE", "1")"#, tree: stack.generic)
      try stack.write("Top/1.lua", #"depends_on("Base")"#, tree: stack.generic)
      let count = try stack.directory.write("count", "")
      try stack.replaceLmod(
        with: """
          #!/bin/sh
          echo >> '\(count)'
          exec \(ModuleStack.lmod)/libexec/lmod "$@"

          """)
      let command = try stack.command("Top")
      let programs = try (0..<200).map { _ in
        try RunningProgram(command, environment: stack.variables)
      }
      let results = try programs.map { try $0.finish() }
      for result in results {
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.stdout.contains("BASE='1'"))
      }
      #expect(Set(results.map(\.output)).count == 1)
      #expect(results.count { $0.stderr.contains("loaded by Lmod") } == 1)
      #expect(try String(contentsOfFile: count, encoding: .utf8) == "\n")
    }
  }
}
