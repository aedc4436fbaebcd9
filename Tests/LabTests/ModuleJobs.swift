import TestSupport
import Testing

extension LabTests {
  /// Jobs with modules: each node loads those of its own tree, by capsule, and nothing of another's.
  @Suite(.enabled(if: Lab.isRoot, Lab.needsRoot))
  struct ModuleJobs {
    var lab: Lab { Lab.current }

    static let software = "/cvmfs/software.eessi.io/versions/2023.06/software/linux"
    static let gromacs = "software/GROMACS/2024.4-foss-2023b"

    /// Runs a script after the user's capsules are taken away.
    private func fresh(_ script: String, seconds: Double = 90) throws -> ToolResult {
      try lab.shell("rm -rf ~/.cache/slipway; \(script)", seconds: seconds)
    }

    /// Writes a batch script, runs it to its end and prints its output.
    private static func batch(_ options: String, _ body: String) -> String {
      """
      cat > job.sh <<'X'
      #!/bin/bash
      \(body)
      X
      sbatch -W -o job.out \(options) job.sh > /dev/null
      s=$?; cat job.out; rm -f job.sh job.out; exit $s
      """
    }

    private static let everyNode = Lab.nodes.map { "\($0.key) \(software)/\($0.value)/\(gromacs)" }

    @Test(arguments: ["GROMACS", "GROMACS/2024.4-foss-2023b", "Python,GROMACS"])
    func eachNodeLoadsItsOwnBuild(_ modules: String) throws {
      let script =
        "srun -N4 --ntasks-per-node=2 --eessi=2023.06 --eessi-load=\(modules) --eessi-verbose "
        + "sh -c 'echo $SLURMD_NODENAME $EBROOTGROMACS'"
      for origin in ["loaded by Lmod, and kept", "by capsule"] {
        let result =
          origin == "by capsule" ? try lab.shell(script) : try fresh(script)
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.lines.sorted() == (Self.everyNode + Self.everyNode).sorted())
        let told = result.stderr.split(separator: "\n").filter { $0.contains("modules: ") }
        #expect(told.count == 4 && told.allSatisfy { $0.contains(origin) }, "\(told)")
      }
      try lab.waitUntilIdle()
    }

    @Test func ranksOfTwoNodes() throws {
      let result = try fresh("srun -N2 -n4 --mpi=pmix --eessi=2023.06 --eessi-load=Ring ring")
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.stdout.contains("4 ranks on 2 hosts"))
      #expect(result.stdout.contains("data correct"))
      for node in ["n1", "n2"] {
        #expect(result.stdout.contains("host \(node), built for \(Lab.nodes[node]!)"))
      }
    }

    @Test(arguments: [
      "sbatch": batch(
        "-N4 --eessi=2023.06 --eessi-load=GROMACS",
        "srun sh -c 'echo $SLURMD_NODENAME $EBROOTGROMACS'"),
      "sbatch --export=NONE": batch(
        "-N4 --export=NONE --eessi=2023.06 --eessi-load=GROMACS",
        "srun sh -c 'echo $SLURMD_NODENAME $EBROOTGROMACS'"),
      "salloc":
        "salloc -Q -N4 --eessi=2023.06 --eessi-load=GROMACS "
        + "srun sh -c 'echo $SLURMD_NODENAME $EBROOTGROMACS' 2>/dev/null",
      "srun --export=NONE":
        "srun -N4 --export=NONE --eessi=2023.06 --eessi-load=GROMACS "
        + "sh -c 'echo $SLURMD_NODENAME $EBROOTGROMACS'",
    ])
    func theOptionIsInherited(_ name: String, _ script: String) throws {
      let result = try fresh(script)
      #expect(result.status == 0, "\(result.stderr)")
      let expected =
        name == "sbatch --export=NONE"
        // Steps of such a script run on its first node only, with and without slipway.
        ? Self.everyNode.filter { result.lines.contains($0) } : Self.everyNode
      #expect(result.lines.sorted() == expected.sorted() && !result.lines.isEmpty)
    }

    /// A module loaded on the first node by the stack's own Lmod, and steps on every node: paths,
    /// Lmod's lists and Lmod's table are those of the step's node, so that Lmod goes on from there.
    @Test func aLoadedModuleFollowsToOtherNodes() throws {
      let body = """
        source "$EESSI_EPREFIX/usr/share/Lmod/init/bash"
        module load GROMACS
        srun bash -c '
          source "$EESSI_EPREFIX/usr/share/Lmod/init/bash"
          foreign=$(env | grep -v ^_ModuleTable | grep -o "software/linux/[a-z0-9_/]*" |
            grep -cv "^software/linux/$EESSI_SOFTWARE_SUBDIR" || true)
          table=$(for i in $(seq $_ModuleTable_Sz_); do
            n=$(printf "_ModuleTable%03d_" $i); printf %s "${!n}"; done | base64 -d |
            grep -c "software/linux/" )
          mine=$(for i in $(seq $_ModuleTable_Sz_); do
            n=$(printf "_ModuleTable%03d_" $i); printf %s "${!n}"; done | base64 -d |
            grep -c "software/linux/$EESSI_SOFTWARE_SUBDIR/")
          count=$(module -t list 2>&1 | grep -c /)
          module load Python 2>/dev/null
          module purge
          left=$(echo "$PATH:${LD_LIBRARY_PATH-}" | tr : "\\n" | grep -c "/software/" || true)
          echo "$SLURMD_NODENAME $EESSI_SOFTWARE_SUBDIR ${EBROOTGROMACS-unloaded}" \\
            "foreign=$foreign table=$((table == mine)) loaded=$((count > 30)) left=$left"
        '
        """
      let result = try fresh(Self.batch("-N4 --eessi=2023.06", body), seconds: 180)
      #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
      let expected = Lab.nodes.map {
        "\($0.key) \($0.value) unloaded foreign=0 table=1 loaded=1 left=0"
      }
      #expect(result.lines.sorted() == expected.sorted(), "\(result.stderr)")
    }

    @Test func aLoadedModuleThatANodeLacksIsNamed() throws {
      // AOCL-BLAS is in zen2's tree only.
      let result = try fresh(
        "srun -w n3 --eessi=2023.06 --eessi-load=AOCL-BLAS env | grep -E "
          + "'^(EESSI|EPREFIX|LMOD|MODULEPATH|PATH|LOADED|_LMF|_Mod|__LMOD|EB)' > n3.env; "
          + "env $(cat n3.env) srun -w n1 --eessi true; s=$?; rm -f n3.env; exit $s")
      #expect(result.status == 69)
      #expect(result.stderr.contains("the module AOCL-BLAS/5.0-GCC-13.2.0 is not in"))
      #expect(result.stderr.contains("only in x86_64/amd/zen2, which this node cannot run"))
      try lab.waitUntilIdle()
    }

    // MARK: Shells on nodes

    /// The command, where the lab's user can start it.
    private func slipway() throws -> String {
      let path = "\(lab.directory)/lib/slipway"
      let copied = try run(["install", "-m", "755", "\(Lab.products)/slipway", path])
      #expect(copied.status == 0, "\(copied.stderr)")
      return path
    }

    /// A shell that was initialised on the first node, with a module loaded since: on every node
    /// init makes it that node's, and deinit leaves nothing.
    @Test func aShellsEnvironmentOnOtherNodes() throws {
      let slipway = try slipway()
      let body = """
        eval "$(\(slipway) init bash --eessi 2023.06)" && module load GROMACS
        srun bash -c '
          eval "$(\(slipway) init bash)"
          here="$EESSI_SOFTWARE_SUBDIR ${EBROOTGROMACS#*linux/}"
          eval "$(\(slipway) deinit bash)"
          echo "$SLURMD_NODENAME $here status=$? left=$(env | grep -c /cvmfs/)"
        '
        """
      let result = try fresh(Self.batch("-N4", body), seconds: 120)
      #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
      let expected = Lab.nodes.map {
        "\($0.key) \($0.value) \($0.value)/\(Self.gromacs) status=0 left=0"
      }
      #expect(result.lines.sorted() == expected.sorted(), "\(result.stdout)")
    }

    @Test(arguments: [
      "sh", "dash", "bash --norc", "ksh", "zsh -f", "tcsh -f", "fish --no-config",
    ])
    func initAndDeinitUnderPty(_ shell: String) throws {
      let slipway = try slipway()
      let program = String(shell.prefix { $0 != " " })
      guard Tool.isInstalled(program) else {
        Issue.record("\(program) is not installed: nothing is shown of it", severity: .warning)
        return
      }
      func evaluate(_ command: String) -> String {
        switch program {
        case "tcsh": "eval `\(command)`"
        case "fish": "\(command) | source"
        default: "eval \"$(\(command))\""
        }
      }
      let script = """
        cat > pty.script <<'X'
        /usr/bin/env -0 > pty.before
        \(evaluate("\(slipway) init \(program) --eessi 2023.06"))
        echo "in $EESSI_SOFTWARE_SUBDIR"
        \(evaluate("\(slipway) deinit \(program)"))
        /usr/bin/env -0 > pty.after
        test -t 0; and echo "on a terminal"
        X
        [ \(program) = fish ] || sed -i 's/; and/ \\&\\&/' pty.script
        script -qc 'srun --pty -w n3 \(shell) ./pty.script' /dev/null | tr -d '\\r'
        for f in before after; do tr '\\0' '\\n' < pty.$f | grep -v -e ^_= -e ^_AST_ | sort > pty.$f.sorted; done
        diff pty.before.sorted pty.after.sorted && echo same; rm -f pty.*
        """
      let result = try fresh(script)
      #expect(result.stdout.contains("in x86_64/amd/zen2"), "\(result.stdout)\(result.stderr)")
      #expect(result.stdout.contains("on a terminal"))
      #expect(result.stdout.hasSuffix("same\n"), "\(result.stdout)\(result.stderr)")
    }

    // MARK: Modules that a tree lacks

    @Test func aModuleOfALesserTree() throws {
      // Extrae is in the generic tree only.
      let plain = try fresh("srun -w n3 --eessi=2023.06 --eessi-load=GCC,Extrae true")
      #expect(plain.status == 69)
      #expect(
        plain.stderr.contains("the module Extrae is not in \(Self.software)/x86_64/amd/zen2, but")
          && plain.stderr.contains("x86_64/generic has all of the set")
          && plain.stderr.contains("--eessi-load-fallback"), "\(plain.stderr)")
      let fallback = try fresh(
        "srun -N4 --eessi=2023.06 --eessi-load=GCC,Extrae --eessi-load-fallback sh -c "
          + "'echo $SLURMD_NODENAME $EESSI_SOFTWARE_SUBDIR $EBROOTGCC; "
          + "env | grep -c -e linux/x86_64/amd -e linux/x86_64/intel'")
      let trees = Lab.nodes.keys.map { "\($0) x86_64/generic \(Self.software)/x86_64/generic" }
      #expect(
        fallback.lines.filter { $0.contains("generic") }.sorted()
          == trees.map { "\($0)/software/GCC/13.2.0" }.sorted(), "\(fallback.stderr)")
      #expect(fallback.stderr.contains("so all software is that of x86_64/generic"))
      try lab.waitUntilIdle()
    }

    @Test func aModuleOfAnotherKindOfNode() throws {
      let result = try fresh(
        "srun -w n1 --eessi=2023.06 --eessi-load=AOCL-BLAS --eessi-load-fallback true")
      #expect(result.status == 69)
      #expect(result.stderr.contains("only in x86_64/amd/zen2, which this node cannot run"))
      try lab.waitUntilIdle()
    }

    @Test(arguments: ["NoSuchThing", "GROMACS/0.1", "ANSYS", "WRF"])
    func aModuleThatCannotBeLoaded(_ module: String) throws {
      for form in ["srun -N2", "sbatch -W -o job.out --wrap true"] {
        let words = form.split(separator: " ").map(String.init)
        let options = "--eessi=2023.06 --eessi-load=\(module)"
        let script =
          words[0] == "srun"
          ? "\(form) \(options) echo ran"
          : "sbatch -W -o job.out \(options) --wrap 'echo ran' >/dev/null; s=$?; cat job.out >&2; "
            + "rm -f job.out; exit $s"
        let result = try fresh(script)
        #expect(result.status == 69, "\(result.stderr)")
        #expect(result.stderr.contains(module) && !result.stderr.contains("ran\n"))
      }
      try lab.waitUntilIdle()
      #expect(try lab.states() == ["n1 idle", "n2 idle", "n3 idle", "n4 idle"])
    }

    @Test(arguments: ["''", "a,,b", "'a b'", "-q", "../x", "'$(id)'", "'a;b'"])
    func wordsThatAreNoModulesAreRefusedAtOnce(_ words: String) throws {
      let result = try fresh("srun -N1 --eessi=2023.06 --eessi-load=\(words) echo ran")
      #expect(result.status != 0 && !result.stdout.contains("ran"))
      #expect(result.stderr.contains("eessi-load"), "\(result.stderr)")
    }

    // MARK: Modules that talk or ask

    @Test func messagesAreShownOncePerJob() throws {
      // AlphaFold greets whoever loads it.
      let step = try fresh("srun -N4 -n8 --eessi=2023.06 --eessi-load=AlphaFold true")
      let greeting = try #require(
        step.stderr.split(separator: "\n").first { $0.contains("AlphaFold") }, "\(step.stderr)")
      #expect(step.stderr.split(separator: "\n").count { $0 == greeting } == 1)
      let job = try fresh(
        Self.batch("-N4 --eessi=2023.06 --eessi-load=AlphaFold", "srun true; srun true"))
      #expect(job.status == 0)
      #expect(job.stdout.split(separator: "\n").count { $0 == greeting } == 1, "\(job.stdout)")
    }

    @Test func whatAsksTheHostIsAskedOnEachNode() throws {
      // UCX-settings sets what `uname -n` says.
      let script =
        "srun -N4 --eessi=2023.06 --eessi-load=UCX-settings --eessi-verbose "
        + "sh -c 'echo $SLURMD_NODENAME; env | grep -i ucx'"
      for _ in 0..<2 {
        let result = try lab.shell(script)
        #expect(result.status == 0, "\(result.stderr)")
        let told = result.stderr.split(separator: "\n").filter { $0.contains("modules: ") }
        #expect(
          told.count == 4 && told.allSatisfy { $0.contains("each time: the set runs uname -n") },
          "\(told)")
      }
    }

    @Test func aModuleThatDoesNotEnd() throws {
      try lab.setPluginWords("load-deadline=2")
      defer { try? lab.setPluginWords("") }
      let result = try fresh(
        "mkdir -p mods/Stuck; echo 'while true do end' > mods/Stuck/1.lua; "
          + "MODULEPATH=$HOME/mods; export MODULEPATH; "
          + "srun -N2 --eessi=2023.06 --eessi-load=Stuck echo ran; s=$?; "
          + "sbatch -W -o job.out --eessi=2023.06 --eessi-load=Stuck --wrap 'echo ran' >/dev/null; "
          + "b=$?; cat job.out; rm -rf mods job.out; echo $s $b")
      #expect(result.stdout.hasSuffix("75 75\n"), "\(result.stdout)\(result.stderr)")
      #expect(result.stderr.contains("module load Stuck did not end within 2 s"))
      #expect(!result.stdout.contains("ran"))
      try lab.waitUntilIdle()
      #expect(try lab.states() == ["n1 idle", "n2 idle", "n3 idle", "n4 idle"])
    }

    /// Users without a home have no store, and get their modules all the same.
    @Test func aUserWithoutAHome() throws {
      let result = try lab(
        "srun", "-N1", "--eessi=2023.06", "--eessi-load=GCC", "sh", "-c", "echo $EBROOTGCC",
        user: "nobody", directory: "/tmp")
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.stdout.contains("/software/GCC/13.2.0"))
    }
  }
}
