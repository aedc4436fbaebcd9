import Foundation
import TestSupport
import Testing

extension LabTests {
  /// Whatever breaks: the job ends with a message and a documented code, every node stays idle, and
  /// the next job runs.
  @Suite(.enabled(if: Lab.isRoot, Lab.needsRoot))
  struct Faults {
    var lab: Lab { Lab.current }

    /// What every fault must leave behind.
    private func expectHealthyCluster() throws {
      try lab.waitUntilIdle()
      #expect(try lab.states() == ["n1 idle", "n2 idle", "n3 idle", "n4 idle"])
      let next = try lab(
        "srun", "-N4", "--eessi=2023.06", "sh", "-c", "echo $EESSI_SOFTWARE_SUBDIR")
      #expect(next.lines.sorted() == Lab.nodes.values.sorted(), "\(next.stderr)")
    }

    /// Runs the same fault under srun and under sbatch, whose failures drain nodes.
    private func expectFailure(
      _ status: Int32, _ message: String, options: String = "--eessi=2023.06", seconds: Double = 60
    ) throws {
      let step = try lab.shell("srun -N2 -n4 \(options) true", seconds: seconds)
      #expect(step.status == status, "\(step.stderr)")
      #expect(step.stderr.contains(message), "\(step.stderr)")
      let batch = try lab.shell(
        "sbatch -W -o job.out \(options) --wrap 'echo ran' >/dev/null; s=$?; cat job.out; "
          + "rm -f job.out; exit $s", seconds: seconds)
      #expect(batch.status == status, "\(batch.stdout)")
      #expect(batch.stdout.contains(message) && !batch.stdout.contains("ran"), "\(batch.stdout)")
      try expectHealthyCluster()
    }

    // MARK: The stack

    @Test func anUnknownVersion() throws {
      try expectFailure(69, "remedy: use one of: 2023.06 2025.06", options: "--eessi=2099.01")
    }

    @Test func aMissingRepository() throws {
      try expectFailure(
        69, "repository nowhere.example.org: /cvmfs/nowhere.example.org/versions is not there",
        options: "--eessi --eessi-repo=nowhere.example.org")
    }

    @Test func anUnsafeSubtree() throws {
      let result = try lab("srun", "-N4", "--eessi=2023.06", "--eessi-arch=x86_64/amd/zen2", "true")
      #expect(result.status == 77)
      #expect(result.stderr.contains("this node cannot run x86_64/amd/zen2 (missing: "))
      try expectHealthyCluster()
    }

    @Test(arguments: [[], ["--taken"]])
    func aMountThatNeverAnswers(_ mode: [String]) throws {
      try lab.setPluginWords("deadline=2")
      defer { try? lab.setPluginWords("") }
      let mute = try RunningProgram(
        [
          "\(Package.root)/lab/cluster", "node", "--name", lab.name, "n1", "--",
          "\(Package.root)/lab/mute-mount", "/cvmfs",
        ] + mode)
      try mute.waitForOutput("mounted")

      let hung = try lab("srun", "-N2", "--eessi=2023.06", "sh", "-c", "echo $SLURMD_NODENAME")
      #expect(hung.status == 75)
      #expect(hung.stderr.contains("slipway: n1: /cvmfs/software.eessi.io"), "\(hung.stderr)")
      #expect(hung.stderr.contains("did not answer within 2 s; remedy: "), "\(hung.stderr)")
      #expect(hung.lines == ["n2"])
      #expect(try lab.states() == ["n1 idle", "n2 idle", "n3 idle", "n4 idle"])

      // The daemon dies: the mount is there and answers with an error.
      kill(mute.identifier, SIGKILL)
      #expect(try mute.finish().status == 137)
      let dead = try lab("srun", "-w", "n1", "--eessi=2023.06", "true")
      #expect(dead.status == 69)
      #expect(dead.stderr.contains("the FUSE daemon behind this mount is gone"), "\(dead.stderr)")
      #expect(try lab.onNode("n1", "umount", "/cvmfs").status == 0)
      try expectHealthyCluster()
    }

    // MARK: The helper

    @Test func aHelperThatIsMissing() throws {
      try lab.replacingHelper(with: nil) {
        let result = try lab("srun", "-N2", "--eessi", "true")
        #expect(result.status == 70)
        #expect(result.stderr.contains("slipway-node is not there; remedy: "), "\(result.stderr)")
        let batch = try lab("sbatch", "-W", "-o", "/dev/null", "--eessi", "--wrap", "true")
        #expect(batch.status == 70)
      }
      try expectHealthyCluster()
    }

    @Test(arguments: [
      ("", 0o644, "cannot be executed"),
      (
        "#!/bin/sh\necho doom >&2\nkill -SEGV $$\n", 0o755,
        "died of signal 11 (Segmentation fault): doom"
      ),
      ("#!/bin/sh\nexit 3\n", 0o755, "ended with code 3 and no answer"),
      ("#!/bin/sh\nexit 0\n", 0o755, "ended with code 0 and no answer"),
      ("#!/bin/sh\nprintf 'SLIPWAY1SHALF=an ans'\n", 0o755, "ended with code 0 and no answer"),
      (
        "#!/bin/sh\nhead -c 1000000 /dev/urandom\n", 0o755,
        "an answer that is none of slipway-node's"
      ),
      (
        "#!/bin/sh\nprintf SLIPWAY1\nhead -c 100000000 /dev/zero\n", 0o755,
        "an answer that is none of slipway-node's"
      ),
      (
        "#!/bin/sh\nhead -c 100000000 /dev/zero >&2\nexit 5\n", 0o755,
        "ended with code 5 and no answer"
      ),
    ])
    func aBrokenHelper(_ script: String, _ mode: Int, _ message: String) throws {
      try lab.replacingHelper(with: script, mode: mode) {
        let result = try lab("srun", "-N2", "-n4", "--eessi", "true")
        #expect(result.status == 70)
        #expect(result.stderr.contains(message), "\(result.stderr)")
        #expect(
          result.stderr.split(separator: "\n").count { $0.hasPrefix("slipway: ") } == 2,
          "one message a node")
        let batch = try lab("sbatch", "-W", "-o", "/dev/null", "--eessi", "--wrap", "true")
        #expect(batch.status == 70)
      }
      try expectHealthyCluster()
    }

    @Test func aHelperThatNeverEnds() throws {
      try lab.setPluginWords("deadline=1")
      defer { try? lab.setPluginWords("") }
      let marker = "86399.\(getpid())"
      let script =
        "#!/bin/sh\nprintf 'SLIPWAY1Plooking at the sky\\0'\nsleep \(marker) & sleep \(marker)\n"
      try lab.replacingHelper(with: script) {
        let result = try lab("srun", "-N2", "--eessi", "true")
        #expect(result.status == 75)
        #expect(
          result.stderr.contains("did not finish within 3 s while looking at the sky; remedy: "),
          "\(result.stderr)")
      }
      #expect(try run(["pgrep", "-f", "sleep \(marker)"]).status == 1, "its children are gone too")
      try expectHealthyCluster()
    }

    // MARK: What users write

    @Test(arguments: [
      "2023.06; touch /tmp/slipway-owned", "$(id)", "`id`", "../../etc", "2023.06\n2025.06", "-x",
      "a b", "2023.06/..", "\u{1b}[31m",
    ])
    func aHostileValueIsRefusedBySrun(_ value: String) throws {
      for program in [["srun"], ["sbatch", "--wrap", "true"], ["salloc"]] {
        let result = try lab(
          program[0], "--eessi=\(value)", program.count > 1 ? "--wrap=true" : "true")
        #expect(result.status != 0)
        #expect(result.stderr.contains("slipway: --eessi: \""), "\(result.stderr)")
        // Slurm's own line repeats the value as it is.
        let own = result.stderr.split(separator: "\n").first { $0.contains("slipway: ") }
        #expect(own?.contains("\u{1b}") == false)
      }
      for option in ["--eessi-repo", "--eessi-arch"] {
        #expect(try lab("srun", "--eessi", "\(option)=\(value)", "true").status != 0)
      }
    }

    @Test func aValueOfAHundredThousandBytesIsRefused() throws {
      // One argument of a program is at most 128 KiB (execve(2), MAX_ARG_STRLEN).
      let value = String(repeating: "1", count: 100_000)
      let result = try lab("srun", "--eessi=\(value)", "true")
      #expect(result.status != 0 && result.stderr.utf8.count < 2_000_000)
      try expectHealthyCluster()
    }

    @Test(arguments: ["2023.06; id", "../..", "x\ny", String(repeating: "1", count: 100_000)])
    func aHostileValueThatNoSrunCheckedFailsTheTask(_ value: String) throws {
      // A user can hand the node's plugin any value in the variable that Slurm uses for it.
      for name in ["eessi", "eessi_repo", "eessi_arch"] {
        let result = try lab(
          "srun", "-N1", "true",
          environment: ["_SLURM_SPANK_OPTION_slipway_\(name)=\(value)"])
        #expect(result.status == 64 || result.status == 0 && value.utf8.count > 1000)
      }
      try expectHealthyCluster()
    }

    @Test func aLargeEnvironment() throws {
      // As much as srun itself can be started with: about 2 MB at the usual stack limit.
      let script = """
        i=0; while [ $i -lt 15 ]; do eval "export BIG$i=$(head -c 120000 /dev/zero | tr '\\0' x)"; \
        i=$((i+1)); done
        srun -N2 --eessi=2023.06 sh -c 'echo ${#BIG14} $EESSI_VERSION'
        """
      let result = try lab.shell(script)
      #expect(result.lines == ["120000 2023.06", "120000 2023.06"], "\(result.stderr.prefix(500))")
      try expectHealthyCluster()
    }

    @Test func nothingOfTheUserRunsAsRoot() throws {
      // A library and a script that write down who runs them, offered in every way that a user has.
      let evil = "\(lab.directory)/evil"
      try FileManager.default.createDirectory(atPath: evil, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: evil) }
      let source = """
        #include <stdio.h>
        #include <unistd.h>
        __attribute__((constructor)) static void note(void) {
            FILE *f = fopen("\(evil)/log", "a");
            char who[256] = "";
            ssize_t n = readlink("/proc/self/exe", who, sizeof who - 1);
            if (f) fprintf(f, "%d %d %s\\n", getuid(), geteuid(), n > 0 ? who : "?");
            if (f) fclose(f);
        }
        """
      let compiled = try run(
        ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", "\(evil)/evil.so"],
        input: Array(source.utf8))
      #expect(compiled.status == 0, "\(compiled.stderr)")
      let script = "#!/bin/sh\necho \"$(id -ru) $(id -u) $0\" >> \(evil)/log\n"
      for name in ["sh", "env", "grep", "rc"] {
        try script.write(toFile: "\(evil)/\(name)", atomically: false, encoding: .utf8)
      }
      _ = try run(["sh", "-c", "chmod 755 \(evil)/*; : > \(evil)/log; chmod 666 \(evil)/log"])
      let result = try lab.shell(
        "export LD_PRELOAD=\(evil)/evil.so BASH_ENV=\(evil)/rc ENV=\(evil)/rc "
          + "LD_LIBRARY_PATH=\(evil) LD_AUDIT=\(evil)/evil.so PATH=\(evil):$PATH "
          + "SLURM_SPANK_X=1 HWLOC_PLUGINS_PATH=\(evil); "
          + "/usr/bin/srun -N2 --eessi=2023.06 /bin/bash -c 'exit 0'")
      #expect(result.status == 0, "\(result.stderr)")
      let log = try run(["sort", "-u", "\(evil)/log"]).lines
      #expect(log.contains { $0.hasSuffix("/bash") }, "the library is loaded by the task")
      #expect(!log.contains { $0.hasSuffix("slipway-node") }, "and not by the helper")
      #expect(log.allSatisfy { !$0.hasPrefix("0 ") && !$0.contains(" 0 ") }, "\(log)")
      try expectHealthyCluster()
    }

    @Test func theHelperHasNoPrivilegeAndNoneOfSlurmdsThings() throws {
      let report = "\(lab.directory)/nodes/report"
      _ = try run(["sh", "-c", ": > \(report); chmod 666 \(report)"])
      defer { try? FileManager.default.removeItem(atPath: report) }
      let script = """
        #!/bin/sh
        exec >> \(report) 2>&1
        grep -E '^(Uid|Gid|CapPrm|CapEff|CapInh|NoNewPrivs|SigBlk)' /proc/self/status
        /usr/bin/env
        for fd in /proc/$$/fd/*; do echo "${fd##*/} $(readlink $fd)"; done
        python3 -c 'import os; os.setuid(0)' || echo refused
        """
      try lab.replacingHelper(with: script) {
        _ = try lab("srun", "-N1", "--eessi", "true", environment: ["SECRET=1"])
      }
      let text = try run(["cat", report]).stdout
      let uid = try lab("id", "-u").lines[0]
      #expect(text.contains("Uid:\t\(uid)\t\(uid)\t\(uid)\t\(uid)\n"), "\(text)")
      #expect(text.contains("CapPrm:\t0000000000000000\n"))
      #expect(text.contains("CapEff:\t0000000000000000\n"))
      #expect(text.contains("NoNewPrivs:\t1\n"))
      #expect(text.contains("SigBlk:\t0000000000000000\n"))
      #expect(text.contains("refused"))
      #expect(!text.contains("SECRET") && !text.contains("SLURM"))
      #expect(!text.contains(".conf") && !text.contains("socket:"), "\(text)")
      try expectHealthyCluster()
    }

    // MARK: The node

    @Test func aNodeWithoutThePluginDoesNotRunTheJobSilently() throws {
      let line = "\(lab.directory)/plugstack.d/slipway.conf"
      #expect(try lab.onNode("n2", "mount", "--bind", "/dev/null", line).status == 0)
      do {
        defer { _ = try? lab.onNode("n2", "umount", line) }
        let named = try lab("srun", "-N2", "--eessi=2023.06", "/bin/hostname")
        #expect(named.status == 127 && named.lines == ["n1"])
        #expect(named.stderr.contains("/.this-node-lacks-the-slipway-plugin"), "\(named.stderr)")
        let none = try lab("srun", "-N2", "--export=NONE", "--eessi=2023.06", "/bin/hostname")
        #expect(none.status == 127 && none.lines == ["n1"])
        let batch = try lab.shell(
          "printf '#!/bin/sh\\nls && echo ran\\n' > job.sh; "
            + "sbatch -W -w n2 -o job.out --eessi=2023.06 job.sh; s=$?; cat job.out; "
            + "rm -f job.sh job.out; exit $s")
        #expect(batch.status == 127 && !batch.stdout.contains("ran"), "\(batch.stdout)")
        #expect(batch.stdout.contains("/.this-node-lacks-the-slipway-plugin"))
        #expect(try lab("srun", "-w", "n2", "hostname").lines == ["n2"], "other jobs run there")
      }
      try expectHealthyCluster()
    }

    @Test func aWrongConfigurationFile() throws {
      let file = try lab.configure("[stack]\nverison = \"2023.06\"\n")
      do {
        defer { try? lab.setPluginWords("") }
        let result = try lab("srun", "-N1", "--eessi", "true")
        #expect(result.status == 78)
        #expect(
          result.stderr.contains(
            "\(file):2:1: unknown key stack.verison (did you mean version?); remedy: "))
      }
      try expectHealthyCluster()
    }

    @Test func anUnknownWordInPlugstackIsSaidAndStopsNobody() throws {
      try lab.setPluginWords("dedline=3")
      do {
        defer { try? lab.setPluginWords("") }
        let result = try lab("srun", "-N1", "--eessi=2023.06", "true")
        #expect(result.status == 0)
        #expect(
          result.stderr.contains("plugstack.conf: \"dedline=3\" is no setting"), "\(result.stderr)")
      }
      try expectHealthyCluster()
    }

    @Test func theStackCanBeTheDefault() throws {
      try lab.setPluginWords("default=on")
      do {
        defer { try? lab.setPluginWords("") }
        let all = try lab("srun", "-N1", "sh", "-c", "echo $EESSI_VERSION")
        #expect(all.lines == ["2025.06"], "\(all.stderr)")
        let off = try lab("srun", "-N1", "--eessi=off", "sh", "-c", "echo v$EESSI_VERSION")
        #expect(off.lines == ["v"])
      }
      try expectHealthyCluster()
    }

    @Test func aFullSpoolDirectory() throws {
      let spool = try lab("scontrol", "show", "config").lines
        .first { $0.hasPrefix("SlurmdSpoolDir") }!.split(separator: "=")[1]
        .trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "%n", with: "n1")
      // In an allocation that exists already: Slurm drains a node whose spool it finds full, and
      // lets running jobs go on.
      let full = "\(lab.directory)/nodes/full"
      let steps = try RunningProgram(
        [
          "\(Package.root)/lab/cluster", "run", "--name", lab.name, "--", "salloc", "-Q", "-w",
          "n1",
          "sh", "-c",
          "echo ready; until test -e \(full); do sleep 0.02; done; "
            + "srun --eessi=2023.06 true; a=$?; srun true; echo $a and $?",
        ])
      try steps.waitForOutput("ready")
      #expect(
        try lab.onNode("n1", "mount", "-t", "tmpfs", "-o", "size=64k", "full", spool).status == 0)
      _ = try lab.onNode("n1", "sh", "-c", "cat /dev/zero > \(spool)/full")
      try "".write(toFile: full, atomically: false, encoding: .utf8)
      let result = try steps.finish(seconds: 120)
      #expect(try lab.onNode("n1", "umount", "-l", spool).status == 0)
      let codes = result.lines.last?.split(separator: " ").map(String.init) ?? []
      #expect(codes.count == 3 && codes.first == codes.last, "as without slipway: \(result.stdout)")
      // Slurm's own health check drains such a node, with or without slipway, and says so; it may
      // come late, with the node's next message.
      for _ in 0..<200 {
        let reason = try lab("sinfo", "-h", "-n", "n1", "-o", "%E").lines
        #expect(["none", "SlurmdSpoolDir is full"].contains(reason.first))
        if reason.first == "none", try lab.states().contains("n1 idle") { break }
        _ = try lab("scontrol", "update", "nodename=n1", "state=resume", user: "root")
      }
      try expectHealthyCluster()
    }
  }
}
