import Foundation
import TestSupport
import Testing

/// The built program, as a user runs it, on a stack in a temporary directory.
@Suite(.tags(.medium))
struct CommandLineTests {
  /// A stack for this machine's architecture, and a configuration that names it.
  private func withStack<Result>(_ body: (_ slipway: [String], TemporaryDirectory) throws -> Result)
    throws -> Result
  {
    try TemporaryDirectory.with { directory in
      let machine = try run(["uname", "-m"]).lines[0]
      for version in ["2023.06", "2025.06"] {
        let prefix = "cvmfs/software.eessi.io/versions/\(version)"
        try directory.makeDirectory("\(prefix)/compat/linux/\(machine)/usr/bin")
        try directory.makeDirectory("\(prefix)/software/linux/\(machine)/generic/software")
        // By a child: a file that this process holds open for writing cannot be executed, and a
        // program of another test, forked meanwhile, would hold it.
        let tool = directory("\(prefix)/compat/linux/\(machine)/usr/bin/mytool")
        _ = try run(
          ["sh", "-c", "printf '#!/bin/sh\necho mytool \(version) $*\n' > $0; chmod 755 $0", tool])
      }
      let configuration = try directory.write(
        "slipway.toml", "[stack]\ncvmfs = \"\(directory("cvmfs"))\"\n")
      let program = try #require(Package.executable("slipway"))
      return try body([program, configuration], directory)
    }
  }

  private func slipway(
    _ words: [String], _ arguments: String..., environment: [String: String]? = nil
  )
    throws -> ToolResult
  {
    let clean = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]
    return try run(
      [words[0], arguments[0], "--config", words[1]] + arguments.dropFirst(),
      environment: environment ?? clean)
  }

  @Test func runFindsACommandOfTheStackAndPassesItsArguments() throws {
    try withStack { words, _ in
      let result = try slipway(
        words, "run", "--eessi", "2023.06", "--", "mytool", "--version", "a b")
      #expect(result.stdout == "mytool 2023.06 --version a b\n", "\(result.stderr)")
    }
  }

  @Test func runReplacesItselfByTheCommand() throws {
    try withStack { words, _ in
      // The shell prints its own process id, then becomes slipway, which becomes the second shell.
      let script =
        "echo $$; set -- /proc/$$/fd/*; echo $#; exec \(words[0]) run --config \(words[1]) -- sh -c "
        + "'echo $$; grep ^Threads /proc/$$/status; set -- /proc/$$/fd/*; echo $#; "
        // Of the process itself: a shell blocks signals for the moment in which it starts a child.
        + "exec grep -E \"^Sig(Blk|Ign)\" /proc/self/status'"
      let result = try run(["sh", "-c", script])
      #expect(result.lines.count == 7, "\(result.stderr)")
      #expect(result.lines[0] == result.lines[2])
      #expect(result.lines.contains("Threads:\t1"))
      #expect(result.lines.contains("SigBlk:\t0000000000000000"))
      #expect(result.lines[1] == result.lines[4], "no descriptor is left open")
    }
  }

  @Test(arguments: [("exit 7", 7), ("exit 0", 0), ("kill -TERM $$", 143)])
  func theCommandsOwnCodePasses(_ script: String, _ status: Int32) throws {
    try withStack { words, _ in
      let result = try slipway(words, "run", "--", "sh", "-c", script)
      #expect(result.status == status)
    }
  }

  @Test func failuresToStartHaveTheShellsCodes() throws {
    try withStack { words, directory in
      let missing = try slipway(words, "run", "--", "no-such-command")
      #expect(missing.status == 127)
      #expect(missing.stderr.contains("no-such-command: command not found"))
      let plain = try directory.write("plain", "text")
      #expect(try slipway(words, "run", "--", plain).status == 126)
      #expect(try slipway(words, "run", "--", directory.path).status == 126)
      let script = directory("script")
      _ = try run(["sh", "-c", "echo 'echo script $1' > $0; chmod 755 $0", script])
      #expect(try slipway(words, "run", "--", script, "x").stdout == "script x\n")
    }
  }

  @Test func aDryRunPrintsThePlanAndLaunchesNothing() throws {
    try withStack { words, directory in
      let marker = directory("marker")
      let result = try slipway(
        words, "run", "--eessi", "2023.06", "--dry-run", "--json", "--", "touch", marker)
      #expect(!FileManager.default.fileExists(atPath: marker))
      let plan = try #require(
        JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
      #expect(plan["schema"] as? Int == 1)
      #expect(plan["argv"] as? [String] == ["touch", marker])
      let stack = try #require(plan["stack"] as? [String: Any])
      #expect(stack["version"] as? String == "2023.06")
      #expect((stack["subdirectory"] as? String)?.hasSuffix("/generic") == true)
      let set = try #require(plan["set"] as? [String: String])
      #expect(set["EESSI_VERSION"] == "2023.06")
      #expect(
        Set(plan.keys)
          == ["schema", "argv", "stack", "set", "unset", "injections", "warnings"])
    }
  }

  @Test func theNewestVersionIsTheDefaultAndOverridesAreHonoured() throws {
    try withStack { words, _ in
      let newest = try slipway(words, "run", "--", "mytool")
      #expect(newest.stdout == "mytool 2025.06\n")
      let environment = ["PATH": "/bin:/usr/bin", "EESSI_VERSION_OVERRIDE": "2023.06"]
      let named = try slipway(words, "run", "--", "mytool", environment: environment)
      #expect(named.stdout == "mytool 2023.06\n")
    }
  }

  @Test(arguments: ["sh", "dash", "bash", "zsh", "ksh"])
  func aShellCanEvaluateTheEnvironment(_ shell: String) throws {
    guard Tool.isInstalled(shell) else { return }
    try withStack { words, _ in
      let script =
        "eval \"$(\(words[0]) env --config \(words[1]) --shell \(shell))\"; mytool x; "
        + "eval \"$(\(words[0]) env --config \(words[1]) --shell \(shell))\"; printenv PATH"
      let result = try run([shell, "-c", script], environment: ["PATH": "/my own:/usr/bin:/bin"])
      #expect(result.lines.first == "mytool 2025.06 x", "\(result.stderr)")
      #expect(
        result.lines.last?.hasSuffix("/bin:/my own:/usr/bin:/bin") == true, "\(result.stdout)")
    }
  }

  @Test func errorsNameTheRemedyAndHaveTheirCodes() throws {
    try withStack { (words, _) throws in
      let version = try slipway(words, "env", "--eessi", "1999.01")
      #expect(version.status == 69 && version.stdout.isEmpty)
      #expect(version.stderr.contains("remedy: use one of: 2023.06 2025.06"))
      #expect(try slipway(words, "env", "--eessi", "../x").status == 64)
      #expect(try slipway(words, "env", "--load", "a,,b").status == 64)
      #expect(try slipway(words, "env", "--load", "--force").status == 64)
      let noLmod = try slipway(words, "env", "--load", "GCC")
      #expect(noLmod.status == 69 && noLmod.stderr.contains("the stack has no Lmod"))
      #expect(try slipway(words, "env", "--eessi-repo", "nowhere.org").status == 69)
      #expect(try slipway(words, "env", "--eessi-arch", "x86_64/unknown/cpu").status == 77)
      #expect(try slipway([words[0], "/nonexistent.toml"], "env").status == 78)
      #expect(try slipway(words, "env", "--shell", "cmd.exe").status == 64)
      #expect(try slipway(words, "run").status == 64)
      #expect(try slipway(words, "run", "--no-such-option", "--", "true").status == 64)
      #expect(try slipway(words, "run", "--help").stdout.contains("EXAMPLES") == false)
      #expect(try slipway(words, "run", "--help").status == 0)
      #expect(try slipway(words, "detect", "--hwloc-xml", "/nonexistent").status == 65)
      #expect(try slipway(words, "detect", "--cpuinfo", "/nonexistent").status == 65)
    }
  }

  /// What root may read and a user may not; as root the program runs as another user for it.
  @Test func whatMayNotBeReadIsSaidAndNothingIsGuessed() throws {
    try withStack { words, directory in
      // The shipped program needs no library of the toolchain; a copy, since the package's own
      // directory may be closed to the other user.
      let copy = directory("slipway")
      let place = try run(
        ["sh", "-c", "chmod 755 $1; cp $0 $2", "\(Lab.products)/slipway", directory.path, copy])
      try #require(place.status == 0, "\(Lab.products)/slipway is not built; run ./check")
      let user = Lab.isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
      let closed = directory("cvmfs/software.eessi.io/versions")
      _ = try run(["chmod", "000", closed])
      defer { _ = try? run(["chmod", "755", closed]) }
      let stack = try run(user + [copy, "env", "--config", words[1]])
      #expect(stack.status == 69 && stack.stdout.isEmpty)
      #expect(stack.stderr.contains("\(closed): Permission denied"), "\(stack.stderr)")

      let file = try directory.write(
        "node/proc/cpuinfo", "vendor_id : GenuineIntel\nflags : avx2\n")
      _ = try run(["chmod", "000", file])
      let machine = try run(
        user + [
          copy, "detect", "--root", directory("node"), "--arch", "x86_64", "--format", "eessi",
        ])
      #expect(machine.lines == ["x86_64/generic"], "\(machine.stderr)")
    }
  }

  @Test func detectTellsTheSameInEveryFormat() throws {
    let program = try #require(Package.executable("slipway"))
    let best = try run([program, "detect", "--format", "eessi"]).lines[0]
    let path = try run([program, "detect", "--format", "eessi-path"]).lines[0]
    #expect(path == best || path.hasPrefix(best + ":"))
    #expect(path.hasSuffix("/generic"))
    let text = try run([program, "detect"]).lines
    #expect(text[0].hasPrefix("* \(best): "))
    let json = try run([program, "detect", "--json"])
    let document = try #require(
      JSONSerialization.jsonObject(with: Data(json.output)) as? [String: Any])
    #expect(document["schema"] as? Int == 1 && document["best"] as? String == best)
    let all = try run([program, "detect", "--all"]).lines
    let targets = try #require(document["targets"] as? [[String: Any]])
    #expect(
      all.count { $0.hasPrefix("* ") || $0.hasPrefix("+ ") || $0.hasPrefix("- ") } == targets.count)
  }

  @Test func theHelpAndTheVersionAnswer() throws {
    let program = try #require(Package.executable("slipway"))
    #expect(try run([program, "--version"]).lines[0].first?.isNumber == true)
    let help = try run([program, "--help"]).stdout
    for command in ["detect", "env", "run", "init", "deinit", "shell"] {
      #expect(help.contains("  \(command) "))
    }
  }
}
