import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// Each step of a check by itself, on files that gcc makes.
@Suite(.tags(.medium), .needs("gcc"))
struct CheckTests {
  let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.mpi(.openMPI, in: "own")
    try workshop.mpi(.openMPI, in: "site/lib")
  }

  private func program(
    _ name: String = "a.out", source: String = "", calls: String = "", flags: [String] = []
  )
    throws
  {
    try workshop.program(
      name, source: source, calls: calls,
      flags: [workshop.path("own/libmpi.so.40"), "-fPIE", "-pie"] + flags)
  }

  private func findings(_ check: ConsumerCheck, _ step: Finding.Step) -> [Finding] {
    check.findings.filter { $0.step == step }
  }

  @Test("What the library path finds first is injected")
  func libraryPath() throws {
    try program()
    let check = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(check.verdict == .ok, "\(check.findings)")
    #expect(check.family == .openMPI)
    #expect(check.picked?.path == workshop.path("site/lib/libmpi.so.40"))
    #expect(check.picked?.isInjected == true)
  }

  @Test("A DT_RPATH comes before the library path: nothing is injected")
  func rpath() throws {
    try program(flags: ["-Wl,--disable-new-dtags,-rpath,\(workshop.path("own"))"])
    let check = try workshop.check("a.out", with: "site")
    #expect(check.verdict == .notApplied)
    let finding = try #require(findings(check, .resolution).first)
    #expect(finding.file == workshop.path("own/libmpi.so.40"))
    #expect(finding.remedy?.contains("override") == true)
  }

  @Test("A DT_RUNPATH comes after the library path")
  func runpath() throws {
    try program(flags: ["-Wl,--enable-new-dtags,-rpath,\(workshop.path("own"))"])
    #expect(try workshop.check("a.out", with: "site").verdict == .ok)
  }

  @Test("LD_PRELOAD comes before a DT_RPATH")
  func preload() throws {
    try program(flags: ["-Wl,--disable-new-dtags,-rpath,\(workshop.path("own"))"])
    let check = try workshop.check("a.out", with: "site", via: .preload)
    #expect(check.verdict == .ok, "\(check.findings)")
  }

  @Test("An override directory in the RPATH is where the bundle comes")
  func overrideDirectory() throws {
    let override = workshop.path("host_injections/rpath_overrides/OpenMPI/system/lib")
    try program(flags: ["-Wl,--disable-new-dtags,-rpath,\(override):\(workshop.path("own"))"])
    // Found by itself: it is how such programs are injected.
    let check = try workshop.check("a.out", with: "site", via: nil)
    #expect(check.verdict == .ok, "\(check.findings)")
    #expect(check.method == .override)
    #expect(check.picked?.path == "\(override)/libmpi.so.40")
  }

  @Test("Without an override directory there is none to use")
  func noOverrideDirectory() throws {
    try program(flags: ["-Wl,--disable-new-dtags,-rpath,\(workshop.path("own"))"])
    let check = try workshop.check("a.out", with: "site", via: .override)
    #expect(check.verdict == .notApplied)
    #expect(check.picked?.isInjected == false)
  }

  @Test("Another family: the program keeps its own, or has none")
  func families() throws {
    try workshop.mpi(.mpich, in: "mpich/lib")
    try program(
      source: "extern char ompi_mpi_comm_world[512];", calls: "ompi_mpi_comm_world[0]++")
    let own = try workshop.check("a.out", with: "mpich", libraryPath: ["own"])
    #expect(own.verdict == .notApplied)
    #expect(findings(own, .family).first?.verdict == .notApplied)
    let none = try workshop.check("a.out", with: "mpich")
    #expect(none.verdict == .fail)
    #expect(findings(none, .family).first?.message.contains("Open MPI") == true)
    let both = try workshop.check("a.out", with: "mpich", via: .preload, libraryPath: ["own"])
    #expect(both.verdict == .fail)
    #expect(findings(both, .resolution).contains { $0.message.hasPrefix("two MPI libraries") })
  }

  @Test("Debian's names are asked for by an alias")
  func alias() throws {
    try workshop.mpi(.mpich, in: "debian", soname: "libmpich.so.12")
    try workshop.mpi(.mpich, in: "mpich/lib")
    try workshop.program("b.out", flags: [workshop.path("debian/libmpich.so.12")])
    let check = try workshop.check("b.out", with: "mpich")
    #expect(check.verdict == .fail)
    let finding = try #require(findings(check, .soname).first)
    #expect(finding.subject == "libmpich.so.12")
    #expect(finding.remedy?.contains("libmpi.so.12") == true)

    try FileManager.default.createSymbolicLink(
      atPath: workshop.path("mpich/lib/libmpich.so.12"), withDestinationPath: "libmpi.so.12")
    #expect(try workshop.check("b.out", with: "mpich").verdict == .ok)
    // By preload the program loads its own beside it, and uses the first.
    let preloaded = try workshop.check(
      "b.out", with: "mpich/lib/libmpi.so.12", via: .preload, libraryPath: ["debian"])
    #expect(preloaded.verdict == .warn, "\(preloaded.findings)")
  }

  @Test("A version that the library lacks")
  func versions() throws {
    let script = workshop.path("fabric.map")
    func fabric(_ place: String, _ versions: String) throws {
      try versions.write(toFile: script, atomically: true, encoding: .utf8)
      try workshop.library(
        "\(place)/libfabric.so.1",
        source: "int fi_new(void) { return 0; } int fi_old(void) { return 0; }",
        flags: ["-Wl,--version-script=\(script)"])
    }
    try fabric(
      "new", "FABRIC_1.0 { global: fi_old; local: *; }; FABRIC_1.9 { global: fi_new; } FABRIC_1.0;")
    try fabric("old", "FABRIC_1.0 { global: fi_old; fi_new; local: *; };")
    try workshop.mpi(
      .openMPI, in: "fabric/lib", adding: "int fi_new(void); int use(void) { return fi_new(); }",
      flags: [workshop.path("new/libfabric.so.1")])
    try program()
    let check = try workshop.check("a.out", with: "fabric", libraryPath: ["old"])
    let finding = try #require(findings(check, .versions).first)
    #expect(check.verdict == .fail)
    #expect(finding.subject == "FABRIC_1.9")
    #expect(finding.file == workshop.path("old/libfabric.so.1"))
    #expect(try workshop.check("a.out", with: "fabric", libraryPath: ["new"]).verdict == .ok)
  }

  @Test(
    "A function that the library lacks kills the call, one that is needed at once the start",
    arguments: [("-Wl,-z,lazy", Verdict.conditional), ("-Wl,-z,now", .fail)])
  func functions(flag: String, verdict: Verdict) throws {
    try workshop.mpi(.openMPI, in: "own", adding: "int MPI_Session_init(void) { return 0; }")
    try program(
      source: "int MPI_Session_init(void);", calls: "if (argc > 9) MPI_Session_init()",
      flags: [flag])
    let check = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(check.verdict == verdict)
    #expect(findings(check, .symbols).first?.subject == "MPI_Session_init")
  }

  @Test("Data that the library lacks")
  func data() throws {
    try workshop.mpi(.openMPI, in: "own", adding: "int ompi_mpi_new[4];")
    try program(
      source: "extern int ompi_mpi_new[4]; int *at(void) { return ompi_mpi_new; }",
      flags: ["-fPIC"])
    let check = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(check.verdict == .fail)
    #expect(findings(check, .symbols).first?.subject == "ompi_mpi_new")
  }

  @Test(
    "Data that the program has copied must keep its size",
    arguments: [(8, Verdict.fail), (2, .warn), (4, .ok)])
  func copies(size: Int, verdict: Verdict) throws {
    try workshop.mpi(.openMPI, in: "own", adding: "int ompi_mpi_int[4] = {1};")
    try workshop.mpi(.openMPI, in: "site/lib", adding: "int ompi_mpi_int[\(size)] = {1};")
    try program(
      source: "extern int ompi_mpi_int[4];", calls: "if (ompi_mpi_int[0] == 7) return 1",
      flags: ["-fno-pic", "-no-pie"])
    let check = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(check.verdict == verdict, "\(check.findings)")
    #expect(findings(check, .copies).first?.subject == (verdict == .ok ? nil : "ompi_mpi_int"))
  }

  @Test("A library for a better processor", arguments: [(3, Verdict.fail), (4, .ok)])
  func processor(level: Int, verdict: Verdict) throws {
    try workshop.mpi(.openMPI, in: "fast/lib", flags: ["-Wl,-z,x86-64-v4"])
    try program()
    let check = try workshop.check("a.out", with: "fast", libraryPath: ["own"], level: level)
    #expect(check.verdict == verdict)
    #expect(findings(check, .processor).first?.subject == (verdict == .ok ? nil : "x86-64-v4"))
  }

  @Test("Two versions of what an MPI consists of: whoever comes first serves all")
  func generations() throws {
    try workshop.library("own/libopen-pal.so.40", source: "int opal_init(void) { return 4; }")
    try workshop.library("site/lib/libopen-pal.so.80", source: "int opal_init(void) { return 5; }")
    try workshop.library(
      "own/libmpi_mpifh.so.40",
      source: "int opal_init(void); int mpi_init_(void) { return opal_init(); }",
      flags: [workshop.path("own/libopen-pal.so.40")])
    try workshop.mpi(
      .openMPI, in: "site/lib",
      adding: "int opal_init(void); int use(void) { return opal_init(); }",
      flags: [workshop.path("site/lib/libopen-pal.so.80"), "-Wl,-rpath,$ORIGIN"])
    let fortran = workshop.path("own/libmpi_mpifh.so.40")
    try workshop.program(
      "f.out", source: "int mpi_init_(void);", calls: "mpi_init_()",
      flags: [fortran, workshop.path("own/libmpi.so.40")])
    let first = try workshop.check("f.out", with: "site", libraryPath: ["own"])
    #expect(first.verdict == .fail)
    #expect(findings(first, .resolution).first?.subject == "libopen-pal.so.80")
    let second = try workshop.check("f.out", with: "site", via: .preload, libraryPath: ["own"])
    #expect(second.verdict == .warn, "\(second.findings)")
  }

  @Test("A part of the C library must not come along")
  func partsOfTheCLibrary() throws {
    try program(source: "double sin(double);", calls: "if (sin(argc) > 2) return 1", flags: ["-lm"])
    #expect(try workshop.check("a.out", with: "site", libraryPath: ["own"]).verdict == .ok)
    try FileManager.default.copyItem(
      atPath: "/lib/x86_64-linux-gnu/libm.so.6", toPath: workshop.path("site/lib/libm.so.6"))
    let check = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(check.verdict == .fail)
    #expect(findings(check, .resolution).first?.file == workshop.path("site/lib/libm.so.6"))
  }

  @Test("What an MPI opens at run time must find what it needs")
  func plugins() throws {
    let plugins = workshop.path("site/lib/openmpi")
    try workshop.mpi(
      .openMPI, in: "site/lib",
      adding: "const char *const libdir = \"\(workshop.path("site/lib"))\";")
    try workshop.library("away/libpmix.so.2", source: "int PMIx_Init(void) { return 0; }")
    let flags = [workshop.path("away/libpmix.so.2"), "-Wl,--no-as-needed"]
    try workshop.library("site/lib/openmpi/mca_btl_tcp.so", source: "int btl(void) { return 0; }")
    try program()
    #expect(try workshop.check("a.out", with: "site", libraryPath: ["own"]).verdict == .ok)

    try workshop.library(
      "site/lib/openmpi/mca_btl_ofi.so",
      source: "int PMIx_Init(void); int btl(void) { return PMIx_Init(); }",
      flags: flags)
    let lesser = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(lesser.verdict == .warn)
    #expect(findings(lesser, .plugins).first?.file == "\(plugins)/mca_btl_ofi.so")

    try workshop.library(
      "site/lib/openmpi/mca_pmix_ext3x.so",
      source: "int PMIx_Init(void); int pmix(void) { return PMIx_Init(); }", flags: flags)
    let vital = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(vital.verdict == .fail)
    #expect(findings(vital, .plugins).first?.message.contains("libpmix.so.2") == true)
    // Beside the C library it is found by nobody: a plugin has no run path of the library's.
    #expect(
      try workshop.check("a.out", with: "site", libraryPath: ["own", "away"]).verdict == .ok)
  }

  @Test("An MPI that was moved looks for its plugins where it was built")
  func movedPlugins() throws {
    try workshop.mpi(
      .openMPI, in: "site/lib", adding: "const char *const libdir = \"\(workshop.path("built"))\";")
    try FileManager.default.createDirectory(
      atPath: workshop.path("built"), withIntermediateDirectories: true)
    try workshop.library("site/lib/openmpi/mca_btl_tcp.so", source: "int btl(void) { return 0; }")
    try program()
    let check = try workshop.check("a.out", with: "site", libraryPath: ["own"])
    #expect(check.verdict == .fail)
    #expect(findings(check, .plugins).first?.remedy?.contains("OPAL_PREFIX") == true)
  }

  @Test("A program without MPI, a script and a static program are not concerned")
  func others() throws {
    #expect(try workshop.check("/../../../../../bin/true", with: "site").usesMPI == false)
    let check = try workshop.check("fabric.map", with: "site")
    #expect(check.verdict == .fail)
    #expect(check.usesMPI == false)
  }

  @Test("What is there already is judged alike")
  func present() throws {
    try program(flags: ["-Wl,-rpath,\(workshop.path("own"))"])
    let check = try workshop.check("a.out", with: nil)
    #expect(check.verdict == .ok)
    #expect(check.picked?.path == workshop.path("own/libmpi.so.40"))
    try FileManager.default.removeItem(atPath: workshop.path("own/libmpi.so.40"))
    let gone = try workshop.check("a.out", with: nil)
    #expect(gone.usesMPI)
    #expect(gone.verdict == .fail)
    #expect(findings(gone, .resolution).first?.subject == "libmpi.so.40")
  }
}
