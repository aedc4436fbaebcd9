import Environment
import Foundation
import Host
import Injection
import Launch
import TestSupport
import Testing

/// Whether a step's launch fits its program, by real files.
@Suite(.tags(.medium))
struct StepCheckTests {
  @Test func aProgramIsLookedForWhereSlurmstepdLooks() {
    func candidates(_ program: String, _ path: String? = "/a:/b:rel") -> [String] {
      Step(tasks: 2, program: program, directory: "/work").candidates(
        in: Environment(path.map { ["PATH": $0] } ?? [:]))
    }
    #expect(candidates("/bin/x") == ["/bin/x"])
    #expect(candidates("./x") == ["/work/./x"])
    #expect(candidates("../x") == ["/work/../x"])
    #expect(candidates("x") == ["/a/x", "/b/x", "/work/rel/x", "/work/x"])
    #expect(candidates("sub/x") == ["/a/sub/x", "/b/sub/x", "/work/rel/sub/x", "/work/sub/x"])
    #expect(candidates("x", nil) == ["/work/x"])
    #expect(Step(tasks: 2, program: "./x").candidates(in: Environment()) == [])
  }

  /// A directory with `bin/solver`, which needs a libmpi, and the MPI's prefix below `sw`.
  private struct Site {
    let directory: TemporaryDirectory
    let root: String

    init(_ directory: TemporaryDirectory, module: String, soname: String, needs: [String] = [])
      throws
    {
      self.directory = directory
      root = directory("sw/\(module)")
      try directory.write("mpi.c", "int MPI_Init(void) { return 0; }\n")
      try directory.write("main.c", "int MPI_Init(void);\nint main(void) { return MPI_Init(); }\n")
      try directory.write("sw/\(module)/lib/none", "")
      try directory.makeDirectory("bin")
      var options: [String] = []
      for name in needs {
        try gcc(
          "-shared", "-fPIC", "-Wl,-soname,\(name)", "mpi.c", "-o", "sw/\(module)/lib/\(name)")
        options.append("sw/\(module)/lib/\(name)")
      }
      try gcc(
        ["-shared", "-fPIC", "-Wl,-soname,\(soname)", "mpi.c", "-o", "sw/\(module)/lib/\(soname)"]
          + ["-Wl,--no-as-needed"] + options)
      try gcc("main.c", "-o", "bin/solver", "sw/\(module)/lib/\(soname)", "-Wl,-rpath,\(root)/lib")
    }

    func gcc(_ options: String...) throws { try gcc(options) }
    func gcc(_ options: [String]) throws {
      let built = try run(["gcc"] + options, directory: directory.path)
      try #require(built.status == 0, "\(built.stderr)")
    }

    func check(
      _ program: String = "solver", kind: String? = nil, tasks: Int = 4,
      variables: [String: String] = [:]
    ) -> StepCheck {
      var environment = variables.merging(["PATH": directory("bin")]) { a, _ in a }
      environment["SLURM_MPI_TYPE"] = kind
      return StepCheck(
        Step(tasks: tasks, program: program, directory: directory.path),
        environment: Environment(environment), files: GuardedFiles(seconds: 10))
    }
  }

  private static let needsCompiler: Comment = "gcc is not installed"

  @Test(.enabled(if: Tool.isInstalled("gcc"), needsCompiler)) func theProgramTellsItsMPI() throws {
    try TemporaryDirectory.with { directory in
      let site = try Site(directory, module: "OpenMPI/4.1.6-GCC-13.2.0", soname: "libmpi.so.40")
      let finding = try #require(site.check().finding(software: "/none"))
      #expect(finding.words.hasPrefix("solver: Open MPI 4.1.6 speaks PMIx, which --mpi=none does "))
      #expect(finding.words.contains("remedy: srun --mpi=pmix"))
      #expect(finding.file == directory("bin/solver"))
      #expect(ExitStatus(LaunchMismatch(finding)) == .launchMismatch)
      #expect("\(LaunchMismatch(finding))" == finding.words)
      for program in ["./bin/solver", "bin/solver", directory("bin/solver")] {
        #expect(site.check(program, kind: "pmi2").finding(software: "/none") != nil)
      }
      for kind in ["pmix", "pmix_v4", "cray_shasta"] {
        #expect(site.check(kind: kind).finding(software: "/none") == nil)
      }
      #expect(site.check(tasks: 1).finding(software: "/none") == nil)
      #expect(site.check().reasonNotToProbe == nil)
    }
  }

  @Test(.enabled(if: Tool.isInstalled("gcc"), needsCompiler))
  func slurmsPluginsOfOpenMPISpeakPMI2() throws {
    try TemporaryDirectory.with { directory in
      let site = try Site(directory, module: "OpenMPI/4.1.6-GCC-13.2.0", soname: "libmpi.so.40")
      try directory.write("sw/OpenMPI/4.1.6-GCC-13.2.0/lib/openmpi/mca_pmix_s2.so", "")
      #expect(site.check(kind: "pmi2").finding(software: "/none") == nil)
      #expect(site.check(kind: "none").finding(software: "/none") != nil)
    }
  }

  @Test(.enabled(if: Tool.isInstalled("gcc"), needsCompiler))
  func theLibrarysOwnNeedsTellOtherBuilds() throws {
    for (needs, pmix, pmi2) in [
      (["libpmix.so.2"], false, true), (["libpmi2.so.0"], false, false), ([], true, false),
    ] {
      try TemporaryDirectory.with { directory in
        let site = try Site(
          directory, module: "MPICH/4.2.2-GCC-13.3.0", soname: "libmpi.so.12", needs: needs)
        #expect((site.check(kind: "pmix").finding(software: "/none") != nil) == pmix, "\(needs)")
        #expect((site.check(kind: "pmi2").finding(software: "/none") != nil) == pmi2, "\(needs)")
      }
    }
  }

  @Test(.enabled(if: Tool.isInstalled("gcc"), needsCompiler))
  func whatIsFoundFirstInPATHCounts() throws {
    try TemporaryDirectory.with { directory in
      let site = try Site(directory, module: "OpenMPI/5.0.3-GCC-13.3.0", soname: "libmpi.so.40")
      let modules = ["EBROOTOPENMPI": site.root]
      try directory.makeDirectory("first/solver")
      try directory.link("second/solver", to: "solver")
      try directory.write("third/solver", "#!/bin/sh\n")
      var path = ["first", "second", "bin"].map { directory($0) }.joined(separator: ":")
      #expect(
        site.check(variables: ["PATH": path]).finding(software: "/none")?.message.hasPrefix(
          "solver: Open MPI 5.0.3 speaks") == true, "neither a directory nor a circle is a program")
      path = "\(directory("third")):\(path)"
      let check = site.check(variables: modules.merging(["PATH": path]) { a, _ in a })
      #expect(
        check.finding(software: "/none")?.message.hasPrefix("if solver uses MPI: ")
          == true)
      #expect(check.reasonNotToProbe == "solver is a script")
      #expect(site.check("nothing").finding(software: "/none") == nil)
      #expect(site.check("nothing").reasonNotToProbe == "nothing is not found")
      #expect(site.check("").reasonNotToProbe != nil)
    }
  }

  /// Tables that take long to read are left alone, and nothing is said.
  @Test(.enabled(if: Tool.isInstalled("gcc"), needsCompiler))
  func aProgramOfManySymbolsSaysNothing() throws {
    try TemporaryDirectory.with { directory in
      let site = try Site(directory, module: "OpenMPI/4.1.6-GCC-13.2.0", soname: "libmpi.so.40")
      let name = String(repeating: "n", count: 90)
      try directory.write("many.c", (0..<3000).map { "int \(name)\($0);" }.joined(separator: "\n"))
      try site.gcc(
        "-rdynamic", "main.c", "many.c", "-o", "bin/many", "\(site.root)/lib/libmpi.so.40")
      #expect(site.check("many").finding(software: "/none") == nil)
      #expect(site.check("many").reasonNotToProbe == nil, "a probe has the time")
    }
  }

  @Test func aFileThatMayNotBeReadSaysNothing() throws {
    try TemporaryDirectory.with { directory in
      #expect(mkfifo(directory("solver"), 0o600) == 0)
      let check = StepCheck(
        Step(tasks: 2, program: "./solver", directory: directory.path), environment: Environment(),
        files: GuardedFiles(seconds: 5))
      #expect(check.finding(software: "/none") == nil)
      #expect(check.reasonNotToProbe == "./solver is not found")
    }
  }
}
