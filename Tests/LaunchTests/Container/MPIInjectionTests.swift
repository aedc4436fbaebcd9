import Configuration
import ELF
import Environment
import Foundation
import Host
import Images
import Injection
import Launch
import Microarchitecture
import Sandbox
import TestSupport
import Testing

private let isX86 = (try? run(["uname", "-m"]).stdout) == "x86_64\n"

/// Which MPI a program in a container gets; libraries are made by gcc, the container's world by binds.
///
/// Tests/LabTests/ContainerInjections.swift runs real ones.
@Suite(
  .tags(.medium), .needs("gcc"),
  .enabled(if: isX86, "the libraries are of x86_64"))
struct MPIInjectionTests {
  /// A node with an MPI in `opt/site`, and an image with another in `image`.
  private struct Site {
    var directory: TemporaryDirectory
    var binds: [(path: String, target: String)] = []

    var place: String { directory("opt/site") }

    static func library(_ soname: String, _ family: MPIFamily, adding: String = "") -> String {
      """
      int MPI_Init(int *a, char ***b) { return !a || !b; }
      int PMPI_Init(int *a, char ***b) { return !a || !b; }
      \(adding)
      """ + (family == .openMPI ? "\nchar ompi_mpi_comm_world[512];\n" : "\n")
    }

    func compile(_ name: String, _ source: String, _ flags: [String] = []) throws {
      let file = directory(name)
      try FileManager.default.createDirectory(
        atPath: URL(filePath: file).deletingLastPathComponent().path,
        withIntermediateDirectories: true)
      let soname = URL(filePath: file).lastPathComponent
      let kind = name.contains(".so") ? ["-shared", "-fPIC", "-Wl,-soname,\(soname)"] : []
      let result = try run(
        ["gcc", "-o", file, "-x", "c", "-", "-x", "none"] + kind + flags, input: Array(source.utf8))
      try #require(result.status == 0, "\(result.stderr)")
    }

    /// The node's MPI; it needs a library that lies elsewhere on the node.
    func installMPI(
      _ family: MPIFamily = .openMPI, adding: String = "", needing library: Bool = false
    ) throws {
      let name = family == .openMPI ? "libmpi.so.40" : "libmpi.so.12"
      var flags: [String] = []
      if library {
        try compile("node/libextra.so.1", "int extra(void) { return 0; }")
        flags = [
          "-Wl,--no-as-needed", directory("node/libextra.so.1"), "-Wl,-rpath,\(directory("node"))",
        ]
      }
      try compile("opt/site/lib/\(name)", Self.library(name, family, adding: adding), flags)
    }

    /// A program of the image, built with the image's own MPI.
    func installProgram(
      _ family: MPIFamily = .openMPI, adding: String = "", calling: String = ""
    ) throws {
      let name = family == .openMPI ? "libmpi.so.40" : "libmpi.so.12"
      try compile("image/\(name)", Self.library(name, family, adding: adding))
      let handle = family == .openMPI ? "extern char ompi_mpi_comm_world[];" : ""
      let use = family == .openMPI ? "ompi_mpi_comm_world[0] +" : ""
      try compile(
        "bin/app",
        """
        int MPI_Init(int *, char ***); int MPI_New(void); \(handle)
        int main(int c, char **v) { \(calling); return \(use) MPI_Init(&c, &v); }
        """, [directory("image/\(name)"), "-Wl,-z,lazy"])
    }

    /// The files as the container has them: nothing of the node's but the MPI and what is mounted.
    func world() throws -> World {
      for name in ["libc.so.6", "libm.so.6"]
      where !FileManager.default.fileExists(atPath: directory("image/\(name)")) {
        try directory.link("image/\(name)", to: "/lib/x86_64-linux-gnu/\(name)")
      }
      return World(
        name: "image", files: try #require(RootFiles()),
        interpreter: "/lib64/ld-linux-x86-64.so.2", processor: .x86_64(level: 4, isIntel: true)
      ).binding(
        binds + [
          ("/etc/ld.so.cache", "/nonexistent"), ("/lib/x86_64-linux-gnu", directory("image")),
          ("/usr/lib/x86_64-linux-gnu", directory("image")),
          ("/.slipway/mpi/libextra.so.1", directory("node")),
          (directory("node"), "/nonexistent"),
        ])
    }
  }

  private static func plan(
    _ words: String?, _ site: Site, image: String = "{}", variables: String = ""
  ) throws -> ContainerPlan {
    var configuration = Configuration()
    configuration.container.mpi = [site.place]
    var request = ContainerRequest()
    if !variables.isEmpty {
      request.variables = try ContainerVariable.list(variables, source: "--env")
    }
    let choice = try words.map { try InjectionChoice(parsing: $0, source: "--inject") } ?? .auto
    let user = ContainerPlanTests.user()
    let offer = InjectionOffer(
      for: choice, configuration.container,
      on: HostProfile(processor: Processor(architecture: .x86_64)), machine: MachineRoot(),
      files: try #require(RootFiles()), environment: user.environment)
    return try ContainerPlan(
      try ContainerPlanTests.image(image), request, for: user, configuration: configuration,
      injecting: choice, from: offer, exists: { _ in true })
  }

  private static func program(_ site: Site, kind: LaunchKind? = nil) -> InjectionProgram {
    InjectionProgram(
      candidates: [site.directory("none/app"), site.directory("bin/app")], kind: kind)
  }

  /// Plans and judges; gives the plan, and what LD_LIBRARY_PATH becomes.
  private static func judge(
    _ words: String?, _ site: Site, image: String = "{}", variables: String = "",
    kind: LaunchKind? = nil
  ) throws -> (plan: ContainerPlan, path: String?, environment: Environment) {
    var plan = try plan(words, site, image: image, variables: variables)
    var environment = plan.environment
    try plan.injectMPI(
      for: program(site, kind: kind), into: &environment, in: try site.world())
    return (plan, environment["LD_LIBRARY_PATH"], environment)
  }

  private static func with(_ body: (Site) throws -> Void) throws {
    try TemporaryDirectory.with { try body(Site(directory: $0)) }
  }

  @Test func `a program that works with the node's MPI gets it, with what the image lacks`() throws
  {
    try Self.with { site in
      try site.installMPI(needing: true)
      try site.installProgram()
      try site.directory.write("opt/site/bin/mpirun", "#!/bin/sh\n")
      let (plan, path, environment) = try Self.judge(
        nil, site, image: #"{"Env":["LD_LIBRARY_PATH=/opt/own","OPAL_PREFIX=/opt/own"]}"#)
      #expect(path == "\(site.place)/lib:/opt/own:/.slipway/mpi/libextra.so.1")
      #expect(environment["OPAL_PREFIX"] == nil)
      #expect(environment["PATH"]?.hasPrefix("\(site.place)/bin:") == true)
      let decision = try #require(plan.injections.last)
      #expect(decision.injectable == .mpi && decision.isInjected)
      #expect(decision.text.contains("for \(site.directory("bin/app")): OK"), "\(decision.text)")
      // By its own path and read-only, never over files of the image.
      let mounts = plan.sandbox.mounts
      let extra = try #require(mounts.first { $0.destination.contains("libextra") })
      #expect(extra.source == site.directory("node/libextra.so.1") && extra.isReadOnly)
      #expect(!mounts.contains { $0.destination.contains("libc.so") })
    }
  }

  @Test func `an MPI is mounted where it was installed to, and yields to the image`() throws {
    try Self.with { site in
      try site.installMPI()
      var offer = InjectionOffer()
      let bundle = try #require(MPIBundle.find(at: site.place, in: RootFiles()!).first)
      var mpi = MPIOffer(
        bundle, place: site.place, machine: MachineRoot(), files: RootFiles()!, loader: nil)
      mpi.directories = ["/opt/site"]
      offer.mpis = [mpi]
      let plan = try ContainerPlan(
        try ContainerPlanTests.image(), ContainerRequest(), for: ContainerPlanTests.user(),
        configuration: Configuration(), from: offer, exists: { _ in true })
      #expect(
        plan.sandbox.mounts.contains(
          .init("/opt/site", isReadOnly: true, isOptional: true, yields: true)))
    }
  }

  @Test func `an MPI below a mount of the user's own is mounted in it`() throws {
    try Self.with { site in
      try site.installMPI()
      let seen = try Self.plan(nil, site).sandbox.mounts.map(\.destination)
      #expect(!seen.contains(site.place), "/tmp shows it")
      var configuration = Configuration()
      configuration.container.mpi = [site.place]
      var request = ContainerRequest()
      request.binds = try BindMount.list("/data:\(site.directory("opt"))", source: "--bind")
      var offer = InjectionOffer()
      offer.mpis = try Self.plan(nil, site).mpis
      let plan = try ContainerPlan(
        try ContainerPlanTests.image(), request, for: ContainerPlanTests.user(),
        configuration: configuration, from: offer, exists: { _ in true })
      #expect(plan.sandbox.mounts.map(\.destination).contains(site.place))
    }
  }

  @Test(arguments: [(MPIFamily.openMPI, MPIFamily.mpich), (.mpich, .openMPI)])
  func `an MPI of another family is refused with the reason`(
    _ built: MPIFamily, _ installed: MPIFamily
  ) throws {
    try Self.with { site in
      try site.installMPI(installed)
      try site.installProgram(built)
      let error = #expect(throws: ContainerError.self) { try Self.judge("mpi", site) }
      #expect(error?.status == .launchMismatch)
      #expect(error?.cause.contains("is another ABI") == true, "\(error?.cause ?? "")")
      // Nobody has named it: the image's own stays, and that is no warning.
      let (plan, path, _) = try Self.judge(nil, site)
      #expect(path == nil && plan.warnings.isEmpty)
      #expect(plan.injections.last?.text.contains("NOT-APPLIED") == true)
    }
  }

  @Test func `a function that the node's MPI lacks keeps the image's own`() throws {
    try Self.with { site in
      try site.installMPI()
      try site.installProgram(adding: "int MPI_New(void) { return 0; }", calling: "MPI_New()")
      let (plan, path, _) = try Self.judge("mpi", site)
      #expect(path == nil)
      #expect(plan.warnings.contains { $0.contains("COND") && $0.contains("MPI_New") })
    }
  }

  @Test func `files of the image in the MPI's place are not judged for the node's`() throws {
    try Self.with { site in
      var site = site
      try site.installMPI()
      try site.installProgram()
      try FileManager.default.copyItem(atPath: site.place, toPath: site.directory("other"))
      site.binds = [(site.place, site.directory("other"))]
      let (plan, path, _) = try Self.judge("mpi", site)
      #expect(path == nil)
      #expect(plan.warnings.contains { $0.contains("the image has files of its own") })
    }
  }

  @Test func `what no verdict can be given on keeps the image's own`() throws {
    try Self.with { site in
      try site.installMPI()
      try site.installProgram()
      let own = try Self.judge("mpi", site, variables: "LD_LIBRARY_PATH=/mine")
      #expect(own.path == "/mine" && own.plan.warnings.contains { $0.contains("the user's own") })
      try site.directory.write("bin/app", "#!/bin/sh\n")
      let script = try Self.judge("mpi", site)
      #expect(script.path == nil && script.plan.warnings.contains { $0.contains("script") })
      try site.compile("bin/app", "int main(void) { return 0; }")
      let none = try Self.judge("mpi", site)
      #expect(none.path == nil && none.plan.warnings.contains { $0.contains("uses no MPI") })
      try FileManager.default.removeItem(atPath: site.directory("bin/app"))
      let gone = try Self.judge(nil, site)
      #expect(gone.path == nil && gone.plan.warnings.isEmpty)
    }
  }

  @Test func `a site that names none has none, unless it is asked for`() throws {
    try TemporaryDirectory.with { directory in
      let site = Site(directory: directory)
      let error = #expect(throws: ContainerError.self) { try Self.plan("mpi", site) }
      #expect(error?.status == .unavailable && error?.cause == "\(site.place) holds no MPI")
      let plan = try ContainerPlanTests.plan()
      #expect(plan.mpis.isEmpty && plan.injections.allSatisfy(\.isUnasked))
    }
  }

  @Test func `the job's directory is not one of the host's system`() throws {
    for directory in ["/", "/usr/share", "/etc", "//usr"] {
      let plan = try ContainerPlanTests.plan(user: ContainerPlanTests.user(directory: directory))
      #expect(!plan.sandbox.mounts.map(\.destination).contains(directory))
    }
  }

  @Test func `slipway-toml names MPIs by absolute paths`() throws {
    let set = try Configuration(toml: "[container]\nmpi = [\"/opt/a\", \"/opt/b\"]".utf8, file: "t")
    #expect(set.container.mpi == ["/opt/a", "/opt/b"])
    #expect(throws: ConfigurationError.self) {
      try Configuration(toml: "[container]\nmpi = [\"opt\"]".utf8, file: "t")
    }
    #expect(throws: ConfigurationError.self) {
      try Configuration(toml: "[container]\nmpi = \"/opt\"".utf8, file: "t")
    }
  }
}
