import Foundation
import TestSupport
import Testing

extension LabTests {
  /// Steps in containers behave as plain ones: MPI, signals, exit codes, terminals; and nothing of
  /// them is left.
  @Suite(
    .enabled(if: Lab.isRoot, Lab.needsRoot), .needsContainers)
  struct ContainerJobs {
    var lab: Lab { Lab.current }

    private func image() throws -> String { "\(try LabImage.build())/lab.squashfs" }

    // MARK: As plain Slurm

    /// A script that is run twice: as it is, and with containers; `$C` stands for the options.
    struct Form: CustomTestStringConvertible, Sendable {
      var name: String
      var script: String
      /// What both print, besides being equal.
      var expected: String
      var status: Int32 = 0
      var testDescription: String { name }
    }

    static let forms = [
      Form(
        name: "output, arguments and the environment",
        script: #"A=1 srun $C -n2 -l sh -c 'echo $A $SLURM_NTASKS "$@"' sh "x y" | sort"#,
        expected: "0: 1 2 x y\n1: 1 2 x y\n"),
      Form(name: "the directory", script: "cd /tmp; srun $C -n1 sh -c 'pwd'", expected: "/tmp\n"),
      Form(
        name: "standard input", script: "printf 'a\\nb\\n' | srun $C -n1 cat", expected: "a\nb\n"),
      Form(name: "exit code", script: "srun $C -n2 sh -c 'exit 7'", expected: "", status: 7),
      Form(
        name: "an exit code of one task",
        script: "srun $C -n2 sh -c 'exit $SLURM_PROCID'", expected: "", status: 1),
      Form(
        name: "a segmentation fault", script: "srun $C -n1 sh -c 'kill -SEGV $$'", expected: "",
        status: 139),
      Form(
        name: "no such command", script: "srun $C -n1 no-such-command", expected: "", status: 2),
      Form(
        name: "USR1 reaches the task, which goes on",
        script: signalled("USR1", "trap 'echo got USR1; exit 5' USR1", wait: true),
        expected: "got USR1\n", status: 5),
      Form(
        name: "TERM lets the task write its checkpoint",
        script: signalled("TERM", "trap 'echo checkpoint; exit 7' TERM", wait: true),
        expected: "checkpoint\n", status: 7),
      Form(
        name: "an ignored signal", script: signalled("USR2", "trap '' USR2", wait: false),
        expected: "went on\n", status: 0),
      Form(
        name: "a terminal",
        script: """
          script -qec "srun $C -n1 --pty sh -c 'test -t 0 && test -t 1 && stty size >/dev/null && \
          echo terminal'" /dev/null | tr -d '\\r' | sed 's/\\^@//'
          """, expected: "terminal\n"),
      Form(
        name: "a second step in an allocation",
        script: """
          salloc -Q -N1 -n2 sh -c 'srun $C --overlap -n1 sh -c "echo one; sleep 1" & \
          srun $C --overlap -n1 echo two; wait' | sort
          """, expected: "one\ntwo\n"),
      Form(
        name: "arrays",
        script: """
          sbatch -Q -W $C --array=1-3 -o array-%a.out --wrap 'echo $SLURM_ARRAY_TASK_ID' >/dev/null
          s=$?; cat array-*.out; rm -f array-*.out; exit $s
          """, expected: "1\n2\n3\n"),
      Form(
        name: "a batch script's exit code",
        script: """
          sbatch -Q -W $C -o batch.out --wrap 'echo in a script; exit 9' >/dev/null
          s=$?; cat batch.out; rm -f batch.out; exit $s
          """, expected: "in a script\n", status: 9),
      Form(
        name: "several programs",
        script:
          "printf '0 echo zero\\n1 echo one\\n' >multi.conf; srun $C -n2 --multi-prog multi.conf"
          + " | sort; rm multi.conf", expected: "one\nzero\n"),
      Form(
        name: "processors and memory",
        script: "srun $C -n1 --mem=1000 sh -c 'ulimit -n; ulimit -l; cat /proc/self/oom_score_adj'",
        expected: ""),
    ]

    /// A step that sets a trap and says so by a file, then gets a signal from scancel.
    private static func signalled(_ signal: String, _ trap: String, wait: Bool) -> String {
      """
      rm -f ready; srun $C -n1 -J signalled sh -c "\(trap); : >ready; \
      i=0; while test \\$i -lt \(wait ? 300 : 10); do sleep 0.1; i=\\$((i + 1)); done; echo went on" &
      pid=$!
      i=0; until test -e ready; do sleep 0.05; i=$((i + 1)); test $i -lt 400 || exit 99; done
      scancel -s \(signal) $(squeue -h -n signalled -o %i).0
      wait $pid; s=$?; rm -f ready; exit $s
      """
    }

    @Test(arguments: forms)
    func `a step in a container is as a plain one`(_ form: Form) throws {
      let image = try image()
      let plain = try lab.shell("cd $HOME; " + form.script, environment: ["C="], seconds: 90)
      let inside = try lab.shell(
        "cd $HOME; " + form.script, environment: ["C=--eessi-image=\(image)"], seconds: 90)
      #expect(inside.stdout == plain.stdout, "\(inside.stderr)")
      #expect(inside.status == plain.status, "\(inside.stderr)")
      #expect(plain.status == form.status, "\(plain.stderr)")
      if !form.expected.isEmpty { #expect(plain.stdout == form.expected, "\(plain.stderr)") }
      // The words of both, without numbers of jobs and times.
      func words(_ text: String) -> [String] {
        text.split(separator: "\n").map {
          String($0).replacing(/[0-9]+/, with: "N").replacing(/\bn[1-4]\b/, with: "nN")
        }.sorted()
      }
      #expect(words(inside.stderr) == words(plain.stderr))
    }

    // MARK: What is inside

    @Test func `tasks are the user in the image's files`() throws {
      let result = try lab.shell(
        "srun -N2 --eessi-image=\(try image()) sh -c '. /etc/os-release; echo $ID $(id -un) $(id -u)'"
      )
      #expect(result.lines == Array(repeating: "lab slipway-lab \(try lab.uid())", count: 2))
      let refused = try lab.shell("srun -N1 --eessi-image=\(try image()) sh -c ': >/etc/new'")
      #expect(refused.status != 0 && refused.stderr.contains("Read-only file system"))
      let written = try lab.shell(
        "srun -N1 --eessi-image=\(try image()) --eessi-writable sh -c 'echo a >/etc/new; cat /etc/new'"
      )
      #expect(written.stdout == "a\n", "\(written.stderr)")
      let gone = try lab.shell("srun -N1 --eessi-image=\(try image()) --eessi-writable ls /etc/new")
      #expect(gone.status != 0)
    }

    @Test func `no right comes with a container`() throws {
      let result = try lab.shell(
        "srun -N1 --eessi-image=\(try image()) sh -c 'grep -E ^\\(CapEff\\|CapPrm\\|CapAmb\\|NoNewPrivs\\) "
          + "/proc/self/status; ls -l /proc/self/fd | wc -l; cat /proc/self/uid_map'")
      #expect(result.stdout.contains("CapPrm:\t0000000000000000"), "\(result)")
      #expect(result.stdout.contains("CapEff:\t0000000000000000"))
      #expect(result.stdout.contains("NoNewPrivs:\t1"))
      // One user, as nobody else.
      #expect(result.stdout.contains("\(try lab.uid())          0          1"))
    }

    @Test func `the stack of each node is inside too`() throws {
      let result = try lab.shell(
        "srun -N4 --eessi=2023.06 --eessi-image=\(try image()) sh -c "
          + "'. /etc/os-release; echo $ID $SLURMD_NODENAME $EESSI_SOFTWARE_SUBDIR; numbers >/dev/null'"
      )
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.lines.sorted() == Lab.nodes.map { "lab \($0.key) \($0.value)" }.sorted())
      let modules = try lab.shell(
        "srun -N2 --eessi=2023.06 --eessi-load=Numbers --eessi-image=\(try image()) sh -c "
          + "'command -v numbers'")
      #expect(modules.status == 0, "\(modules.stderr)")
      #expect(modules.lines.allSatisfy { $0.contains("/software/Numbers/") }, "\(modules.stdout)")
      #expect(Set(modules.lines).count == 2)
    }

    @Test func `mounts, variables and the directory are the user's choice`() throws {
      let options =
        "--eessi-bind=/usr/share:/mnt/share:ro,/tmp:/scratch --eessi-env='A=1,B=x\\,y,PATH=/usr/bin' "
        + "--eessi-workdir=/mnt/share --eessi-no-home"
      let result = try lab.shell(
        "SECRET=s LD_LIBRARY_PATH=/nowhere srun -N1 --eessi-image=\(try image()) \(options) "
          + "sh -c 'echo $A $B $PWD $PATH [$LD_LIBRARY_PATH] $SECRET; ls -A $HOME | wc -l; "
          + "touch /mnt/share/x 2>/dev/null || echo read-only; test -d /scratch && echo scratch'")
      #expect(
        result.stdout == "1 x,y /mnt/share /usr/bin [] s\n0\nread-only\nscratch\n",
        "\(result.stderr)")
      let missing = try lab.shell(
        "srun -N1 --eessi-image=\(try image()) --eessi-bind=/no/such:/mnt true")
      #expect(
        missing.status == 65 && missing.stderr.contains("mounting /no/such"), "\(missing.stderr)")
      let wrong = try lab.shell("srun -N1 --eessi-image=\(try image()) --eessi-bind=a:b true")
      #expect(wrong.status != 0 && wrong.stderr.contains("SRC[:DST[:ro|rw]]"), "\(wrong.stderr)")
    }

    @Test(.needs("umoci"))
    func `an image of a store has its entry point, environment and digest`() throws {
      let layout = "\(try LabImage.build())/lab:latest"
      try lab.setPluginWords("slipway=\(Lab.products)/slipway")
      defer { try? lab.setPluginWords("") }
      let result = try lab.shell(
        "srun -N2 --eessi-image=oci:\(layout) --eessi-entrypoint sh -c 'echo $IMAGE $HOME $PATH \"$@\"' "
          + "sh 'a  b'", seconds: 120)
      let home = try lab.shell("echo $HOME").lines[0]
      #expect(
        result.stdout
          == String(
            repeating: "entry point of the lab image\nlab \(home) /usr/bin:/opt/app a  b\n",
            count: 2)
          || result.lines.sorted()
            == [
              "entry point of the lab image", "entry point of the lab image",
              "lab \(home) /usr/bin:/opt/app a  b", "lab \(home) /usr/bin:/opt/app a  b",
            ],
        "\(result)")
      // Once for the job: what the name means later changes nothing in it.
      let job = try lab.shell(
        "salloc -Q -N1 --eessi-image=oci:\(layout) sh -c 'echo $SLURM_SLIPWAY_IMAGE; srun sh -c "
          + "\". /etc/os-release; echo \\$ID\"'", seconds: 120)
      #expect(job.lines.first?.hasPrefix("sha256:") == true, "\(job)")
      #expect(job.lines.last == "lab")
    }

    @Test(
      .needs("docker-registry", "skopeo", "umoci"))
    func `a tag means the same in all steps of a job`() throws {
      try TemporaryDirectory.with { directory in
        let layout = "\(directory("layout"))"
        _ = try run(["cp", "-r", "\(try LabImage.build())/lab", layout])
        let second = try run([
          "umoci", "config", "--image", "\(layout):latest", "--tag", "second", "--config.env",
          "IMAGE=second",
        ])
        try #require(second.status == 0, "\(second.stderr)")
        let port = 20_000 + Int(getpid()) % 10_000
        try directory.write(
          "registry.yml",
          """
          version: 0.1
          log: {level: error}
          storage: {filesystem: {rootdirectory: \(directory("data"))}}
          http: {addr: 127.0.0.1:\(port)}
          """)
        let registry = try RunningProgram([
          "docker-registry", "serve", directory("registry.yml"),
        ])
        defer {
          kill(registry.identifier, SIGTERM)
          _ = try? registry.finish(seconds: 10)
        }
        let reference = "127.0.0.1:\(port)/site/app:latest"
        func push(_ tag: String) throws {
          let pushed = try run([
            "sh", "-c",
            "i=0; until skopeo copy --dest-tls-verify=false oci:\(layout):\(tag) docker://\(reference); "
              + "do i=$((i + 1)); test $i -lt 50 || exit 1; sleep 0.1; done",
          ])
          try #require(pushed.status == 0, "\(pushed.stderr)")
        }
        try push("latest")
        try lab.configure(
          "[images]\ninsecure = [\"127.0.0.1:\(port)\"]\n", words: "slipway=\(Lab.products)/slipway"
        )
        defer { try? lab.setPluginWords("") }
        // The job has the image by each srun's option; the tag moves between two of them.
        let job = try RunningProgram([
          "\(Package.root)/lab/cluster", "run", "--name", lab.name, "--", "salloc", "-Q", "-N2",
          "sh",
          "-c",
          "srun -N2 --eessi-image=\(reference) sh -c 'echo 1 $IMAGE'; : >first; "
            + "while test -e first; do sleep 0.1; done; "
            + "srun -N2 --eessi-image=\(reference) sh -c 'echo 2 $IMAGE'",
        ])
        let home = try lab.shell("echo $HOME").lines[0]
        let end = ContinuousClock.now + .seconds(60)
        while access("\(home)/first", F_OK) != 0, ContinuousClock.now < end { usleep(50_000) }
        try push("second")
        unlink("\(home)/first")
        let result = try job.finish(seconds: 60)
        #expect(result.lines.sorted() == ["1 lab", "1 lab", "2 lab", "2 lab"], "\(result)")
        // What another process resolved within the same second counts.
        var next = ""
        while next != "second\n", ContinuousClock.now < end {
          next = try lab.shell("srun -N1 --eessi-image=\(reference) sh -c 'echo $IMAGE'").stdout
        }
        #expect(next == "second\n")
      }
    }

    @Test(.needs("umoci"))
    func `an image that a step uses is not collected`() throws {
      let layout = "\(try LabImage.build())/lab:latest"
      let slipway = "\(Lab.products)/slipway"
      try lab.setPluginWords("slipway=\(slipway)")
      defer { try? lab.setPluginWords("") }
      let result = try lab.shell(
        "export XDG_CACHE_HOME=$HOME/cache-$$; d=$(\(slipway) image pull --quiet oci:\(layout)); "
          + "srun -N1 -J used --eessi-image=oci:\(layout) sh -c "
          + "': >$HOME/used; while test -e $HOME/used; do sleep 0.1; done; . /etc/os-release; echo $ID' & "
          + "i=0; until test -e $HOME/used; do sleep 0.05; i=$((i + 1)); test $i -lt 600 || exit 99; done; "
          + "\(slipway) store gc >/dev/null 2>&1; \(slipway) image list | grep -c $d; "
          + "rm $HOME/used; wait; rm -rf $HOME/cache-$$", seconds: 120)
      #expect(result.stdout == "1\nlab\n", "\(result)")
    }

    @Test func `a command joins a running step`() throws {
      let result = try lab.shell(
        "srun -N1 -w n2 -J joined --eessi-image=\(try image()) sh -c "
          + "'cd /opt/app; A=1; export A; : >$HOME/joined; while test -e $HOME/joined; do sleep 0.1; done' & "
          + "i=0; until test -e $HOME/joined; do sleep 0.05; i=$((i + 1)); test $i -lt 400 || exit 99; done; "
          + "job=$(squeue -h -n joined -o %i); "
          + "\(Lab.products)/slipway exec $job.0 -- sh -c '. /etc/os-release; echo $ID $PWD $SLURMD_NODENAME; "
          + "exit 4'; echo $?; \(Lab.products)/slipway exec 999999 -- true; rm $HOME/joined; wait",
        seconds: 60)
      #expect(result.stdout.hasPrefix("lab /opt/app n2\n"), "\(result)")
      #expect(result.lines.dropFirst().first == "4", "\(result)")
    }

    @Test func `host-passthrough shows the stack where the node has none`() throws {
      let stack = "\(lab.directory)/../stack/cvmfs/software.eessi.io"
      let file = try lab.configure(
        """
        [stack.roots]
        "software.eessi.io" = "\(URL(filePath: stack).standardized.path)"
        compat = "\(URL(filePath: stack).deletingLastPathComponent().standardized.path)/compat"
        [container]
        passthrough = true
        """)
      for node in ["n1", "n2"] {
        try lab.onNode(node, "mount", "--bind", "\(lab.directory)/empty", "/cvmfs")
      }
      defer {
        try? lab.setPluginWords("")
        for node in ["n1", "n2"] { _ = try? lab.onNode(node, "umount", "-l", "/cvmfs") }
      }
      let bare = try lab.shell("srun -N1 -w n1 ls /cvmfs | wc -l")
      #expect(bare.stdout == "0\n", "\(bare)")
      let result = try lab.shell(
        "srun -N4 --eessi=2023.06 sh -c 'echo $SLURMD_NODENAME $EESSI_SOFTWARE_SUBDIR; numbers >/dev/null'"
      )
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.lines.sorted() == Lab.nodes.map { "\($0.key) \($0.value)" }.sorted())
      if Tool.isInstalled("mpicc.openmpi") {
        let ring = try lab.shell(
          "srun -N2 -n4 --mpi=pmix --eessi=2023.06 sh -c "
            + "'exec $EESSI_SOFTWARE_PATH/software/Ring/1.0-gompi-2023b/bin/ring'", seconds: 100)
        #expect(ring.status == 0 && ring.stdout.contains("of 4, host n2"), "\(ring)")
        #expect(!ring.stderr.contains("CMA"), "\(ring.stderr)")
      }
      // Without the plugin the same, by hand on the node.
      let byHand = try lab.shell(
        "cd /usr/share && srun -N1 -w n1 \(Lab.products)/slipway run --config \(file) --eessi 2023.06 -- "
          + "sh -c 'ls /cvmfs; echo $EESSI_SOFTWARE_PATH; numbers >/dev/null && pwd'")
      #expect(
        byHand.lines == [
          "compat", "software.eessi.io",
          "/cvmfs/software.eessi.io/versions/2023.06/software/linux/\(Lab.nodes["n1"]!)",
          "/usr/share",
        ], "\(byHand)")
      try expectNothingLeft()
    }

    // MARK: MPI

    @Test(
      .needs("mpicc.openmpi"),
      arguments: [("ring", "pmix", 4), ("ring-mpich", "pmi2", 2)])
    func `ranks find each other at plain speed`(_ program: String, _ mpi: String, _ ranks: Int)
      throws
    {
      // MPICH 4.0.2 over UCX 1.13 never returns from one in ten MPI_Finalize over several nodes, plain
      // too: a rank that waits for PMI answers none that flushes. Its output is complete then.
      let limit = mpi == "pmi2" ? "timeout 30" : ""
      let result = try lab.shell(
        "\(limit) srun -w n1,n2 -n\(ranks) --mpi=\(mpi) --eessi-image=\(try image()) \(program)",
        seconds: 100)
      #expect(
        result.status == 0 || mpi == "pmi2" && result.status == 124,
        "\(result.stdout)\(result.stderr)")
      #expect(result.stdout.contains("data correct"))
      #expect(result.stdout.contains("of \(ranks), host n1"), "\(result.stdout)")
      #expect(result.stdout.contains("of \(ranks), host n2"))
      for word in ["CMA", "vader", "PMIX ERROR", "Shared memory error"] {
        #expect(!result.stderr.contains(word), "\(result.stderr)")
      }
    }

    @Test func `all tasks of a node share their namespaces`() throws {
      let result = try lab.shell(
        "srun -N2 -n6 --eessi-image=\(try image()) sh -c 'echo $SLURMD_NODENAME "
          + "$(readlink /proc/self/ns/user) $(readlink /proc/self/ns/mnt)' | sort -u")
      #expect(result.lines.count == 2, "\(result.stdout)")
    }

    // MARK: What is left

    /// The processes of the lab's user that serve images and make sandboxes, zombies not counted.
    private func leftovers() throws -> [String] {
      try run(["ps", "-U", try lab.uid(), "-o", "stat=,comm="]).lines.filter { line in
        !line.hasPrefix("Z")
          && ["squashfuse", "bwrap", "slipway-node"].contains { line.contains($0) }
      }
    }

    private func expectNothingLeft() throws {
      // Slurm takes some seconds to take down a step that was cancelled while it was started.
      let end = ContinuousClock.now + .seconds(20)
      let idle = ["n1 idle", "n2 idle", "n3 idle", "n4 idle"]
      while try lab.states() != idle || !leftovers().isEmpty, ContinuousClock.now < end {
        usleep(100_000)
      }
      let states = try lab.states()
      #expect(states == idle)
      #expect(try leftovers() == [])
      for node in Lab.nodes.keys.sorted() {
        let mounts = try lab.onNode(node, "cat", "/proc/self/mounts")
        #expect(!mounts.stdout.contains("slipway "), "\(mounts.stdout)")
      }
      #expect(
        try run(["sh", "-c", "ls -d /tmp/.slipway* /tmp/image /tmp/root 2>/dev/null"]).stdout == "")
    }

    @Test(arguments: ["0.02", "0.05", "0.1", "0.2", "0.4", "0.8"])
    func `a job that is cancelled at any time leaves nothing`(_ after: String) throws {
      let result = try lab.shell(
        "srun -N4 -n8 -J cancelled --eessi-image=\(try image()) --eessi=2023.06 sleep 60 & pid=$!; "
          + "until test -n \"$(squeue -h -n cancelled -o %i)\"; do sleep 0.01; done; "
          + "sleep \(after); scancel -n cancelled; wait $pid", seconds: 60)
      #expect(result.status != 0)
      try expectNothingLeft()
    }

    @Test func `the server of an image may be killed`() throws {
      let result = try lab.shell(
        "srun -N1 -w n1 -J served --eessi-image=\(try image()) sh -c "
          + "': >served; while test -e served; do sleep 0.1; done; cat /opt/app/entry || echo lost' & pid=$!; "
          + "i=0; until test -e served; do sleep 0.05; i=$((i + 1)); test $i -lt 400 || exit 99; done; "
          + "pkill -KILL -u $(id -u) squashfuse; rm served; wait $pid", seconds: 60)
      #expect(result.stdout.contains("lost"), "\(result.stdout)\(result.stderr)")
      try expectNothingLeft()
    }

    @Test func `a step outlives a restart of its node's slurmd`() throws {
      let job = try RunningProgram([
        "\(Package.root)/lab/cluster", "run", "--name", lab.name, "--", "srun", "-N1", "-w", "n2",
        "--eessi-image=\(try image())", "sh", "-c",
        ": >up; while test -e up; do sleep 0.1; done; . /etc/os-release; echo still $ID",
      ])
      let home = try lab.shell("echo $HOME").lines[0]
      let end = ContinuousClock.now + .seconds(20)
      while access("\(home)/up", F_OK) != 0, ContinuousClock.now < end { usleep(50_000) }
      let restarted = try run([
        "\(Package.root)/lab/cluster", "restart", "--name", lab.name, "n2",
      ])
      #expect(restarted.status == 0, "\(restarted.stderr)")
      unlink("\(home)/up")
      let result = try job.finish(seconds: 30)
      #expect(result.stdout == "still lab\n", "\(result.stderr)")
      try expectNothingLeft()
    }

    @Test func `what users may not do is refused with a name`() throws {
      try lab.configure("[container]\nforbidden = [\"/usr/share\"]\n")
      defer { try? lab.setPluginWords("") }
      let result = try lab.shell(
        "srun -N1 --eessi-image=\(try image()) --eessi-bind=/usr/share/doc:/mnt true")
      #expect(result.status == 77, "\(result.stderr)")
      #expect(result.stderr.contains("the site does not allow /usr/share"), "\(result.stderr)")
    }

    @Test(arguments: [
      ("/etc/passwd", "it is no squashfs file"), ("/no/such.squashfs", "No such file"),
    ])
    func `what is no image is told`(_ path: String, _ message: String) throws {
      let result = try lab.shell("srun -N2 --eessi-image=\(path) true")
      #expect([65, 69].contains(result.status), "\(result.stderr)")
      #expect(result.stderr.contains(message) || result.stderr.contains(path), "\(result.stderr)")
      try expectNothingLeft()
    }

    @Test func `a broken image fails its step alone`() throws {
      // The superblock is whole, and what it points to is not.
      let broken = "\(lab.directory)/broken.squashfs"
      var bytes = Array(try Data(contentsOf: URL(filePath: try image())))
      for index in 96..<bytes.count { bytes[index] = 0xA5 }
      try Data(bytes).write(to: URL(filePath: broken))
      let result = try lab.shell("srun -N1 --eessi-image=\(broken) true")
      #expect(result.status != 0 && result.stderr.contains("broken.squashfs"), "\(result.stderr)")
      try expectNothingLeft()
    }
  }
}
