import ELF
import Environment
import Host
import Injection
import TestSupport
import Testing

/// Which MPI a program is taken to run with.
@Suite(.tags(.small))
struct StepProgramTests {
  private static let stack =
    "/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/generic"
  private static let software = "\(stack)/software"
  private static let openMPI = "\(software)/OpenMPI/4.1.6-GCC-13.2.0"
  private static let loaded = Environment(["EBROOTOPENMPI": openMPI])

  private func program(_ path: String, _ file: ProgramFile) -> StepProgram {
    StepProgram(path: path, file: file)
  }

  private func needing(_ names: String..., runPath: String = "") -> ProgramFile {
    .dynamic(needed: names + ["libc.so.6"], runPath: runPath, isNative: true)
  }

  private func mpi(
    _ program: StepProgram, _ environment: Environment = Environment(),
    injected: [InjectedMPI] = []
  ) -> StepProgram.Use? {
    program.use(in: environment, injected: injected, software: Self.software)
  }

  @Test(arguments: [
    ("libmpi.so.40", "Open MPI", [PMIKind.pmix]), ("libmpi_mpifh.so.40", "Open MPI", [.pmix]),
    ("libmpich.so.12", "MPICH", [.pmi1, .pmi2]),
  ])
  func aLibrarysNameTells(_ name: String, _ product: String, _ kinds: [PMIKind]) throws {
    let use = try #require(mpi(program("/home/a/solver", needing("libm.so.6", name))))
    #expect(use.library.name == product && use.library.kinds == Set(kinds) && use.isCertain)
    #expect(use.library.version == nil && use.root == nil)
  }

  @Test(arguments: ["libmpi.so.12", "libmpi_abi.so.1"])
  func nothingIsSaidOfALibraryThatMayBeAnyOfSeveral(_ name: String) {
    #expect(mpi(program("/home/a/solver", needing(name))) == nil)
    // Nor of one in whose place the user may have put Intel's.
    let swapped = Environment(["LD_LIBRARY_PATH": "/opt/intel/mpi/lib"])
    #expect(mpi(program("/home/a/solver", needing("libmpich.so.12")), swapped) == nil)
  }

  @Test func theModuleThatIsLoadedTellsTheVersion() throws {
    let use = try #require(mpi(program("/home/a/solver", needing("libmpi.so.40")), Self.loaded))
    #expect(use.library.description == "Open MPI 4.1.6" && use.root == Self.openMPI)
  }

  @Test func theRunPathTellsTheVersionAndOutdoesModules() throws {
    let runPath =
      "/cvmfs/software.eessi.io/host_injections/x/rpath_overrides/OpenMPI/system/lib"
      + ":\(Self.software)/zlib/1.2.13/lib:\(Self.software)/OpenMPI/5.0.3-GCC-13.3.0/lib64"
    let use = try #require(
      mpi(program("/home/a/solver", needing("libmpi.so.40", runPath: runPath)), Self.loaded))
    #expect(use.library.version == "5.0.3")
    #expect(use.root == "\(Self.software)/OpenMPI/5.0.3-GCC-13.3.0")
  }

  @Test func aModuleOfAnotherFamilyTellsNothing() throws {
    let use = try #require(mpi(program("/usr/bin/ring", needing("libmpich.so.12")), Self.loaded))
    #expect(use.library.name == "MPICH" && use.root == nil)
  }

  @Test func intelsModuleIsNotMPICHs() throws {
    let environment = Environment(["EBROOTIMPI": "/sw/impi/2021.9.0-intel-compilers-2023.1.0"])
    let program = program("/home/a/solver", needing("libmpi.so.12"))
    let use = try #require(mpi(program, environment))
    #expect(use.library.description == "Intel MPI 2021.9.0")
    #expect(program.finding(use, launchedBy: .pmix, tasks: 2) == nil)
    #expect(program.finding(use, launchedBy: .none, tasks: 2) != nil)
    // With a library of the launcher's it needs no --mpi.
    var own = environment
    own["I_MPI_PMI_LIBRARY"] = "/usr/lib64/libpmi.so"
    let other = try #require(mpi(program, own))
    #expect(program.finding(other, launchedBy: .none, tasks: 2) == nil)
  }

  @Test func whatIsInjectedIsWhatRuns() throws {
    let site = MPILibrary(family: .openMPI, name: "Open MPI", version: "5.0.7", kinds: [.pmix])
    func injected(_ verdict: Verdict) -> [InjectedMPI] {
      [InjectedMPI(library: site, verdict: verdict, directory: "/opt/openmpi")]
    }
    let program = program("/home/a/solver", needing("libmpi.so.40"))
    for verdict in [Verdict.ok, .warn, .conditional] {
      let use = try #require(mpi(program, Self.loaded, injected: injected(verdict)))
      #expect(use.library == site && use.root == nil)
    }
    for verdict in [Verdict.notApplied, .fail] {
      let use = try #require(mpi(program, Self.loaded, injected: injected(verdict)))
      #expect(use.library.version == "4.1.6")
    }
    let mpich = self.program("/home/a/solver", needing("libmpich.so.12"))
    #expect(mpi(mpich, injected: injected(.ok))?.library.name == "MPICH")
  }

  /// Programs that do not name an MPI, with Open MPI's module loaded.
  @Test(arguments: [
    ("/home/a/run.sh", true, true),
    ("\(software)/Python/3.11.5-GCCcore-13.2.0/bin/python3.11", false, true),
    ("\(software)/GROMACS/2024.4-foss-2023b/bin/gmx_mpi", false, true),
    ("/usr/bin/hostname", false, false), ("/bin/sh", false, false),
    ("/home/a/serial", false, false), ("\(openMPI)/bin/orted", false, false),
  ])
  func programsThatMayComeToUseIt(_ path: String, _ isScript: Bool, _ mayUse: Bool) {
    let program = program(path, isScript ? .script : needing("libm.so.6"))
    #expect(mpi(program, Self.loaded)?.isCertain == (mayUse ? false : nil))
    #expect(mpi(program) == nil, "no MPI is in its environment")
  }

  @Test func programsWithoutLibrariesSayNothing() {
    #expect(mpi(program("/home/a/static", .fixed), Self.loaded) == nil)
    #expect(mpi(program("/home/a/garbage", .other), Self.loaded) == nil)
  }

  @Test func messagesNameTheProgramAndDoubtWhatIsNotCertain() throws {
    let certain = program("/home/a/solver", needing("libmpi.so.40"))
    var finding = try #require(
      certain.finding(mpi(certain, Self.loaded)!, launchedBy: .none, tasks: 8))
    #expect(
      finding.message
        == "solver: Open MPI 4.1.6 speaks PMIx, which --mpi=none does not offer: 8 tasks would abort "
        + "in MPI_Init")
    let script = program("/home/a/run.sh", .script)
    finding = try #require(script.finding(mpi(script, Self.loaded)!, launchedBy: .pmi2, tasks: 8))
    #expect(finding.message.hasPrefix("if run.sh uses MPI: Open MPI 4.1.6 speaks"))
    #expect(script.finding(mpi(script, Self.loaded)!, launchedBy: .pmix, tasks: 8) == nil)
  }

  /// Real files: what the compiler makes here, and texts.
  @Test(.needs("gcc"))
  func filesOfEachKind() throws {
    try TemporaryDirectory.with { directory in
      try directory.write("main.c", "int main(void) { return 0; }\n")
      func compiled(_ name: String, _ options: String...) throws -> ProgramFile {
        let built = try run(["gcc", directory("main.c"), "-o", directory(name)] + options)
        try #require(built.status == 0, "\(built.stderr)")
        return try file(name)
      }
      func bytes(_ name: String) throws -> [UInt8] {
        try #require(MachineRoot().contents(of: directory(name)))
      }
      func file(_ name: String) throws -> ProgramFile {
        ProgramFile(ByteSource(try bytes(name)))
      }
      let plain = try compiled("plain", "-Wl,-rpath,/a/lib:/b")
      #expect(plain == .dynamic(needed: ["libc.so.6"], runPath: "/a/lib:/b", isNative: true))
      #expect(try compiled("static", "-static") == .fixed)
      #expect(try compiled("static-pie", "-static-pie") == .fixed)
      try directory.write("script", "#!/bin/sh\ntrue\n")
      #expect(try file("script") == .script)
      for text in ["", "#", "\u{7f}ELF", "echo without a first line\n"] {
        try directory.write("other", text)
        #expect(try file("other") == .other)
      }
      // Cut off anywhere, it is never taken for a program that can be probed with other libraries.
      let bytes = try bytes("plain")
      for length in stride(from: 0, to: bytes.count, by: 97) {
        let cut = ProgramFile(ByteSource(Array(bytes[..<length])))
        #expect(cut == .other || cut == .fixed || cut == plain)
      }
      func reason(_ file: ProgramFile) -> String? {
        StepProgram(path: "/x", file: file).reasonNotToProbe
      }
      #expect(reason(plain) == nil)
      for file in [
        ProgramFile.script, .fixed, .other, .dynamic(needed: ["c"], runPath: "", isNative: false),
      ] {
        #expect(reason(file)?.hasPrefix("x ") == true)
      }
    }
  }
}
