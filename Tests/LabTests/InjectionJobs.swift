import Glibc
import TestSupport
import Testing

extension LabTests {
  /// Steps whose launch does not fit their MPI: the warning, --eessi-strict and --eessi-probe.
  ///
  /// MPICH's run on one node only: over several, Debian's may hang in MPI_Finalize.
  @Suite(
    .enabled(if: Lab.isRoot, Lab.needsRoot),
    .needs("mpicc.openmpi", "mpicc.mpich"))
  struct InjectionJobs {
    var lab: Lab { Lab.current }

    /// The programs of n1's tree: the names in PATH are those of scripts that start them.
    static let bin =
      "/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/intel/haswell/software/Ring"
      + "/1.0-gompi-2023b/bin"

    private func expectHealthyCluster() throws {
      try lab.waitUntilIdle()
      let states = try lab.states()
      #expect(states == ["n1 idle", "n2 idle", "n3 idle", "n4 idle"])
    }

    /// What slipway said, line by line.
    private func told(_ result: ToolResult) -> [Substring] {
      (result.stdout + result.stderr).split(separator: "\n").filter { $0.contains("slipway: ") }
    }

    // MARK: The warning

    /// A program, a kind, what is said of it, and what then becomes of it.
    struct Launch: CustomTestStringConvertible, Sendable {
      var program: String
      var kind: String
      var message: String?
      var status: Int32
      /// What the program prints at its end.
      var output: String?
      var testDescription: String { "\(program) --mpi=\(kind)" }
    }

    private static let world = "2 ranks on 1 host"
    private static let singleton = "1 rank, no ring"

    static let launches: [Launch] = [
      Launch(program: "ring", kind: "pmix", status: 0, output: world),
      Launch(
        program: "ring", kind: "pmi2",
        message: "ring: Open MPI 4.1.6 speaks PMIx, which --mpi=pmi2 does not offer: 2 tasks would "
          + "abort in MPI_Init; remedy: srun --mpi=pmix ", status: 1),
      Launch(
        program: "ring", kind: "none",
        message: "ring: Open MPI 4.1.6 speaks PMIx, which --mpi=none does not offer: 2 tasks would "
          + "abort in MPI_Init; remedy: srun --mpi=pmix ", status: 1),
      Launch(
        program: "ring-mpich", kind: "pmix",
        message: "ring-mpich: MPICH speaks PMI-2 and PMI-1, which --mpi=pmix does not offer: 2 "
          + "tasks would abort in MPI_Init or run as 2 programs of one rank each", status: 0,
        output: singleton),
      Launch(program: "ring-mpich", kind: "pmi2", status: 0, output: world),
      Launch(
        program: "ring-mpich", kind: "none",
        message: "which --mpi=none does not offer: 2 tasks would run as 2 programs of one rank "
          + "each, without an error; remedy: srun --mpi=pmi2 ", status: 0, output: singleton),
    ]

    @Test(arguments: launches) func theWarningSaysWhatHappens(_ launch: Launch) throws {
      let result = try lab.shell(
        "srun -w n1 -n2 --mpi=\(launch.kind) --eessi=2023.06 \(Self.bin)/\(launch.program)")
      #expect(result.status == launch.status, "\(result.stderr)")
      let told = told(result)
      #expect(told.count == (launch.message == nil ? 0 : 1), "\(told)")
      if let message = launch.message {
        #expect(told.first?.contains("slipway: n1: warning: ") == true, "\(told)")
        #expect(told.first?.contains(message) == true, "\(told)")
      }
      if let output = launch.output { #expect(result.stdout.contains(output)) }
    }

    /// Steps without a message although --mpi=none fits no MPI.
    @Test(arguments: [
      "srun -n1 --mpi=none --eessi=2023.06 \(bin)/ring-mpich",
      "srun -n2 --mpi=none --eessi=2023.06 --eessi-load=Ring hostname",
      "srun -n2 --mpi=none --eessi=2023.06 --eessi-load=Ring sh -c true",
      "srun -n2 --mpi=none --eessi=2023.06 numbers",
      "sbatch -W -n2 -o j.out --eessi=2023.06 --eessi-load=Ring --wrap true; cat j.out; rm j.out",
    ])
    func otherStepsGetNone(_ script: String) throws {
      let result = try lab.shell(script)
      #expect(result.status == 0 && told(result).isEmpty, "\(result.stdout)\(result.stderr)")
    }

    @Test func oneNodeSpeaksForTheStepAndDoubtsWhatAScriptDoes() throws {
      let result = try lab.shell(
        "printf '#!/bin/sh\\necho $SLURM_PROCID\\n' > run.sh; chmod 755 run.sh; "
          + "srun -N4 -n8 --mpi=none --eessi=2023.06 --eessi-load=Ring ./run.sh; rm run.sh")
      #expect(result.status == 0 && result.lines.count == 8)
      let told = told(result)
      #expect(told.count == 1, "\(told)")
      #expect(told.first?.contains("warning: if run.sh uses MPI: Open MPI 4.1.6") == true)
    }

    // MARK: --eessi-strict

    @Test(arguments: ["srun", "sbatch", "salloc"])
    func strictEndsTheStepOnEveryNode(_ form: String) throws {
      let options = "-N2 -n4 --eessi=2023.06 --eessi-load=Ring --eessi-strict"
      let script =
        switch form {
        case "srun": "srun \(options) --mpi=pmi2 ring"
        case "salloc": "salloc -Q \(options) srun --mpi=pmi2 ring"
        default:
          "sbatch -W -o job.out \(options) --wrap 'srun --mpi=pmi2 ring' > /dev/null; s=$?; "
            + "cat job.out; rm -f job.out; exit $s"
        }
      let result = try lab.shell(script)
      #expect(result.status == 76, "\(result.stdout)\(result.stderr)")
      let told = told(result).filter { $0.contains("ring: Open MPI 4.1.6 speaks PMIx") }
      #expect(told.count == 2 && told.allSatisfy { !$0.contains("warning") }, "\(told)")
      #expect(!result.stdout.contains("rank 0"))
      try expectHealthyCluster()
    }

    @Test func strictLetsARightStepRun() throws {
      let result = try lab.shell(
        "srun -N2 -n4 --mpi=pmix --eessi=2023.06 --eessi-load=Ring --eessi-strict ring")
      #expect(result.status == 0 && told(result).isEmpty, "\(result.stderr)")
      #expect(result.stdout.contains("4 ranks on 2 hosts"))
    }

    // MARK: --eessi-probe

    private static let probe = "--eessi=2023.06 --eessi-probe --eessi-verbose"

    @Test(arguments: [
      ("ring", "pmix", nil),
      (
        "ring", "pmi2",
        "two ranks of ring ended in MPI_Init (Open MPI, /cvmfs/software.eessi.io/versions/2023.06/"
          + "software/linux/x86_64/intel/haswell/software/OpenMPI/4.1.6-GCC-13.2.0/lib/libmpi.so.40)"
          + "; --mpi=pmi2; remedy: srun --mpi=pmix "
      ),
      ("ring", "none", "ended in MPI_Init"),
      (
        "ring-mpich", "pmix",
        "are each in a world of 1 (MPICH Version: 4.0.2, /usr/lib/x86_64-linux-gnu/libmpich.so.12"
      ),
      ("ring-mpich", "pmi2", nil),
      (
        "ring-mpich", "none",
        "the step's 2 tasks would run as 2 programs of one rank; --mpi=none; remedy: srun --mpi=pmi2 "
      ),
    ])
    func theProbeLetsOnlyARightStepBegin(_ program: String, _ kind: String, _ fault: String?) throws
    {
      let result = try lab.shell(
        "srun -w n1 -n2 --mpi=\(kind) \(Self.probe) \(Self.bin)/\(program)")
      let told = told(result).filter { $0.contains("slipway: probe: two ranks of \(program)") }
      #expect(told.count == 1, "\(result.stderr)")
      if let fault {
        #expect(result.status == 76, "\(result.stderr)")
        #expect(told.first?.contains(fault) == true, "\(told)")
        #expect(result.stdout.isEmpty, "the program has begun")
      } else {
        #expect(result.status == 0, "\(result.stderr)")
        #expect(
          told.first?.contains("found each other by --mpi=\(kind) and exchanged 4 MiB") == true)
        #expect(result.stdout.contains(Self.world))
      }
      try expectHealthyCluster()
    }

    /// In jobs whose steps wait for the step before to be gone.
    @Test(arguments: ["sbatch", "salloc"])
    func theProbeInAJobLeavesItAsItWas(_ form: String) throws {
      // Two nodes of four, of which the probe must take the step's; then a step on all.
      let steps = """
        srun -N2 -w n[2-3] -n4 --mpi=none ring > o 2>&1; echo "code $?"; grep 'probe: two' o
        for i in $(seq 100); do squeue -h -s -o %i | grep -q '[.][0-9]' || break; sleep 0.1; done
        srun -N2 -w n[2-3] -n4 --mpi=pmix ring > o 2>&1; echo "code $?"; grep -e 'probe: two' -e ' ranks on' o
        srun -N4 -n8 --mpi=pmix ring > o 2>&1; echo "code $?"; grep -e ' ranks on' o; rm -f o
        """
      let options = "-N4 --ntasks-per-node=2 --exclusive --eessi-load=Ring \(Self.probe)"
      let script =
        "cat > steps.sh <<'X'\n#!/bin/sh\n\(steps)\nX\n"
        + (form == "salloc"
          ? "salloc -Q \(options) sh steps.sh; rm steps.sh"
          : "sbatch -W -o job.out \(options) steps.sh > /dev/null; cat job.out; "
            + "rm -f job.out steps.sh")
      let result = try lab.shell(script, seconds: 120)
      let lines = result.lines.filter { !$0.contains(" of /cvmfs") && !$0.contains("modules: ") }
      try #require(lines.count == 7, "\(result.stdout)\(result.stderr)")
      #expect(lines[0] == "code 76" && lines[1].contains("ended in MPI_Init"))
      #expect(lines[2] == "code 0" && lines[3].contains("found each other"))
      #expect(
        lines[3].contains("/x86_64/intel/skylake_avx512/")
          || lines[3].contains("/x86_64/amd/zen2/"), "on a node that the step has not")
      #expect(lines[4].contains("4 ranks on 2 hosts") && lines[5] == "code 0")
      #expect(lines[6].contains("8 ranks on 4 hosts"))
      try expectHealthyCluster()
    }

    @Test(arguments: [
      ("-n2", "hostname", "hostname has no MPI_Init in its libraries"),
      ("-n2 --mpi=pmix", "ring", "ring is a script"), ("-n1", "hostname", "the step has one task"),
      ("-n2", "nonsense", "nonsense is not found"),
    ])
    func whatCannotBeProbedRuns(_ options: String, _ program: String, _ reason: String) throws {
      for isVerbose in [true, false] {
        let result = try lab.shell(
          "srun -w n1 \(options) --eessi=2023.06 --eessi-probe \(isVerbose ? "--eessi-verbose" : "") "
            + program)
        #expect(result.status == (program == "nonsense" ? 2 : 0), "\(result.stderr)")
        let told = told(result).filter { $0.contains("probe: ") }
        #expect(told.count == (isVerbose ? 1 : 0), "\(told)")
        if isVerbose { #expect(told.first?.contains("not probed: \(reason)") == true, "\(told)") }
      }
    }

    @Test func heterogeneousStepsAreNotProbedAndThatIsSaid() throws {
      let result = try lab.shell(
        "srun -w n1 -n2 --eessi=2023.06 --eessi-probe hostname : -w n3 -n1 hostname; "
          + "salloc -Q -N2 --eessi=2023.06 --eessi-probe srun -n1 hostname : -n1 hostname")
      let told = told(result).filter { $0.contains("probe: ") }
      #expect(told.count == 2, "\(result.stderr)")
      #expect(told.allSatisfy { $0.contains("not probed: the job or its step is heterogeneous") })
      #expect(result.lines.count == 5)
    }

    @Test func theProbesStepIsLikeTheProgramsOwn() throws {
      // What is not in srun's environment: --export, --chdir, modules; and much that shapes the step.
      let script = """
        mkdir -p sub; srun -w n1 --eessi=2023.06 cp \(Self.bin)/ring sub/
        srun -w n1 -n2 --mpi=pmix --chdir=sub --export=NONE \(Self.probe) ./ring
        SLURM_NTASKS_PER_NODE=7 SLURM_CPU_BIND=none SLURM_LABELIO=1 \\
          srun -w n1 -l -n2 -c2 -o out.%t -D sub --mpi=pmix --export=FOO=bar \(Self.probe) ./ring
        cat sub/out.0; rm -r sub
        """
      let result = try lab.shell(script)
      #expect(told(result).count { $0.contains("found each other") } == 2, "\(result.stderr)")
      #expect(result.stdout.components(of: Self.world) == 2, "\(result.stdout)\(result.stderr)")
    }

    @Test func anErrorOfTheNodeIsTheStepsOwn() throws {
      let result = try lab.shell("srun -w n1 -n2 \(Self.probe) --eessi-load=Nope hostname")
      #expect(result.status == 69, "\(result.stderr)")
      #expect(result.stderr.contains("slipway: n1: the module Nope is not in"))
      try expectHealthyCluster()
    }

    // MARK: Programs that must not run

    /// A program that leaves a trace in main, and whose MPI_Init never returns.
    private func withHangingProgram(_ body: (String) throws -> Void) throws {
      try TemporaryDirectory.with { directory in
        chmod(directory.path, 0o777)
        try directory.write(
          "mpi.c",
          """
          #include <unistd.h>
          char ompi_mpi_comm_world[512], ompi_mpi_byte[512];
          int MPI_Init(int *c, char ***v) { (void)c, (void)v; for (;;) pause(); }
          int MPI_Comm_size(void *c, int *n) { (void)c; return *n = 2, 0; }
          int MPI_Comm_rank(void *c, int *n) { (void)c; return *n = 0, 0; }
          int MPI_Sendrecv(void) { return 0; }
          int MPI_Finalize(void) { return 0; }

          """)
        try directory.write(
          "main.c",
          """
          #include <fcntl.h>
          int MPI_Init(int *, char ***);
          int main(int c, char **v) {
            return open("\(directory("trace"))", O_CREAT | O_WRONLY, 0666) < 0 || MPI_Init(&c, &v);
          }

          """)
        for options in [
          ["-shared", "-fPIC", "-Wl,-soname,libmpi.so.40", "mpi.c", "-o", "libmpi.so.40"],
          ["main.c", "./libmpi.so.40", "-Wl,-rpath,\(directory.path)", "-o", "hang"],
        ] {
          let built = try run(["gcc"] + options, directory: directory.path)
          try #require(built.status == 0, "\(built.stderr)")
        }
        try body(directory("hang"))
        let trace = try run(["test", "-e", directory("trace")])
        #expect(trace.status == 1, "its main has run")
      }
    }

    @Test func aHangEndsAtTheDeadline() throws {
      try lab.setPluginWords("probe-deadline=2")
      defer { try? lab.setPluginWords("") }
      try withHangingProgram { program in
        let start = ContinuousClock.now
        let result = try lab.shell("srun -N2 -n4 --mpi=pmix \(Self.probe) \(program)")
        #expect(result.status == 76, "\(result.stderr)")
        #expect(
          result.stderr.contains(
            "two ranks of hang did not get on within 2 s in MPI_Init (Open MPI,"))
        #expect(start.duration(to: .now) < .seconds(20))
        try expectHealthyCluster()
      }
    }

    @Test func aKilledSrunLeavesNoProbe() throws {
      try withHangingProgram { program in
        // `exec`, so that the signal is srun's; the probe's step is there when a rank is in MPI_Init.
        let result = try lab.shell(
          "sh -c 'exec srun -w n1 -n2 --mpi=pmix \(Self.probe) \(program)' & s=$!; "
            + "for i in $(seq 300); do squeue -h -s -o %j | grep -q slipway-probe && break; "
            + "sleep 0.1; done; kill -KILL $s; wait $s; echo $?; "
            + "for i in $(seq 300); do [ -z \"$(squeue -h)\" ] && break; sleep 0.1; done")
        #expect(result.lines.last == "137", "\(result.stdout)\(result.stderr)")
        try expectHealthyCluster()
      }
    }

    @Test(arguments: [
      ("plugstack.d/slipway.conf", Int32(127), "ended with code 2 before main"),
      ("lib/slipway-probe.so", 70, "slipway-probe.so cannot be used"),
    ])
    func aNodeThatCannotProbeRunsNothing(_ file: String, _ status: Int32, _ fault: String) throws {
      #expect(
        try lab.onNode("n2", "mount", "--bind", "/dev/null", "\(lab.directory)/\(file)").status == 0
      )
      defer { _ = try? lab.onNode("n2", "umount", "\(lab.directory)/\(file)") }
      try withHangingProgram { program in
        let result = try lab.shell("srun -w n2 -n2 --mpi=pmix \(Self.probe) \(program)")
        #expect(result.status == status && result.stderr.contains(fault), "\(result.stderr)")
      }
      try expectHealthyCluster()
    }
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(of text: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: text) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
