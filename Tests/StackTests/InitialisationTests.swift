import Environment
import Microarchitecture
import Stack
import TestSupport
import Testing

/// The environment that a selection is initialised with.
@Suite(.tags(.small))
struct InitialisationTests {
  static let zen3 = "\(Stacks.software)/x86_64/amd/zen3"
  static let site = "\(Stacks.root)/host_injections/2023.06/software/linux/x86_64/amd/zen3"
  static let accelerator = "accel/nvidia/cc80"

  static func selection(
    accelerator: String? = nil, _ variables: [String: String] = [:]
  ) throws -> StackSelection {
    let stack = Stacks.software(with: ["\(zen3)/\(Self.accelerator)/modules/all"])
    return try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(accelerator: accelerator), variables, from: stack)
  }

  static func environment(
    accelerator: String? = nil, _ variables: [String: String] = [:], hasCertificates: Bool = false
  ) throws -> Environment {
    let before = Environment(variables)
    return try selection(accelerator: accelerator, variables)
      .initialisation(of: before, hasCertificates: hasCertificates).applied(to: before)
  }

  /// The table of eessi.md, one line each.
  static let table: [(name: String, value: String)] = [
    ("EESSI_VERSION", "2023.06"), ("EESSI_VERSION_DEFAULT", "2023.06"),
    ("EESSI_CVMFS_REPO", "/cvmfs/software.eessi.io"), ("EESSI_OS_TYPE", "linux"),
    ("EESSI_PREFIX", "/cvmfs/software.eessi.io/versions/2023.06"),
    ("EESSI_INIT_PREFIX", "/cvmfs/software.eessi.io/versions/2023.06/init"),
    ("EESSI_CPU_FAMILY", "x86_64"),
    ("EPREFIX", "/cvmfs/software.eessi.io/versions/2023.06/compat/linux/x86_64"),
    ("EESSI_EPREFIX", "/cvmfs/software.eessi.io/versions/2023.06/compat/linux/x86_64"),
    ("EESSI_ARCHDETECT_OPTIONS", "x86_64/amd/zen3:x86_64/amd/zen2:x86_64/generic"),
    ("EESSI_SOFTWARE_SUBDIR", "x86_64/amd/zen3"),
    (
      "EESSI_SOFTWARE_PATH",
      "/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen3"
    ),
    ("EESSI_SOFTWARE_LAYER_VERSION_SUFFIX", ""),
    (
      "EESSI_MODULEPATH",
      "/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen3/modules/all"
    ),
    (
      "EESSI_SITE_SOFTWARE_PATH",
      "/cvmfs/software.eessi.io/host_injections/2023.06/software/linux/x86_64/amd/zen3"
    ),
    (
      "EESSI_SITE_MODULEPATH",
      "/cvmfs/software.eessi.io/host_injections/2023.06/software/linux/x86_64/amd/zen3/modules/all"
    ),
    ("EESSI_USE_ARCHDETECT", "1"), ("EESSI_USE_ARCHSPEC", "0"),
    (
      "LMOD_CONFIG_DIR",
      "/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen3/.lmod"
    ),
    (
      "LMOD_PACKAGE_PATH",
      "/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen3/.lmod"
    ),
  ]

  @Test(arguments: table.map(\.name))
  func `every variable has EESSI's value`(name: String) throws {
    let value = try #require(Self.table.first { $0.name == name }).value
    #expect(try Self.environment()[name] == value)
  }

  @Test func `no other variable is set`() throws {
    let lists = ["PATH", "MODULEPATH", "LMOD_RC"]
    #expect(Set(try Self.environment().names) == Set(Self.table.map(\.name) + lists))
  }

  @Test func `the lists start in EESSI's order and end with the user's`() throws {
    let environment = try Self.environment(
      accelerator: Self.accelerator,
      [
        "PATH": "/home/u/bin:/usr/bin", "MODULEPATH": "/home/u/modules",
        "LMOD_RC": "/home/u/rc.lua",
      ])
    let compat = "\(Stacks.prefix)/compat/linux/x86_64"
    #expect(environment["PATH"] == "\(compat)/usr/bin:\(compat)/bin:/home/u/bin:/usr/bin")
    let modulePath = [
      "\(Self.site)/\(Self.accelerator)/modules/all", "\(Self.site)/modules/all",
      "\(Self.zen3)/\(Self.accelerator)/modules/all", "\(Self.zen3)/modules/all", "/home/u/modules",
    ]
    #expect(environment["MODULEPATH"] == modulePath.joined(separator: ":"))
    #expect(
      environment["LMOD_RC"]
        == "\(Self.site)/.lmod/lmodrc.lua:\(Self.zen3)/.lmod/lmodrc.lua:/home/u/rc.lua")
  }

  @Test func `an accelerator sets its four variables`() throws {
    let environment = try Self.environment(accelerator: "accel/nvidia/cc86")
    #expect(environment["EESSI_ACCEL_SUBDIR"] == "accel/nvidia/cc86")
    #expect(environment["EESSI_ACCELERATOR_TARGET"] == "accel/nvidia/cc80")
    #expect(
      environment["EESSI_MODULEPATH_ACCEL"] == "\(Self.zen3)/accel/nvidia/cc80/modules/all")
    #expect(
      environment["EESSI_SITE_MODULEPATH_ACCEL"] == "\(Self.site)/accel/nvidia/cc80/modules/all")
  }

  @Test func `an accelerator without a subtree is named and nothing more`() throws {
    let environment = try Self.environment(accelerator: "accel/nvidia/cc90")
    #expect(environment["EESSI_ACCEL_SUBDIR"] == "accel/nvidia/cc90")
    #expect(environment["EESSI_ACCELERATOR_TARGET"] == nil)
    #expect(environment["MODULEPATH"]?.contains("accel") == false)
  }

  @Test func `what another node's accelerator left does not stay`() throws {
    let left = [
      "EESSI_ACCEL_SUBDIR": "accel/nvidia/cc80", "EESSI_ACCELERATOR_TARGET": "accel/nvidia/cc80",
      "EESSI_MODULEPATH_ACCEL": "/x", "EESSI_SITE_MODULEPATH_ACCEL": "/y",
    ]
    let environment = try Self.environment(left)
    for name in left.keys { #expect(environment[name] == nil, "\(name)") }
  }

  @Test func `certificates are named only where the host has them`() throws {
    for name in ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
      #expect(try Self.environment()[name] == nil)
      #expect(
        try Self.environment(hasCertificates: true)[name] == "/etc/pki/tls/certs/ca-bundle.crt")
    }
  }

  @Test func `EESSI_BASIC_ENV leaves the modules alone`() throws {
    let environment = try Self.environment(
      accelerator: Self.accelerator, ["EESSI_BASIC_ENV": "1", "MODULEPATH": "/home/u/modules"])
    #expect(environment["MODULEPATH"] == "/home/u/modules")
    #expect(environment["EESSI_MODULEPATH"] == nil)
    #expect(environment["EESSI_SITE_SOFTWARE_PATH"] == nil)
    #expect(environment["EESSI_SOFTWARE_PATH"] == Self.zen3)
  }

  @Test func `EESSI_SITE_SOFTWARE_PREFIX moves the site's software`() throws {
    let environment = try Self.environment(
      accelerator: Self.accelerator, ["EESSI_SITE_SOFTWARE_PREFIX": "/apps/eessi"])
    let site = "/apps/eessi/versions/2023.06/software/linux/x86_64/amd/zen3"
    #expect(environment["EESSI_SITE_SOFTWARE_PATH"] == site)
    #expect(environment["EESSI_SITE_MODULEPATH"] == "\(site)/modules/all")
    #expect(
      environment["EESSI_SITE_MODULEPATH_ACCEL"] == "\(site)/\(Self.accelerator)/modules/all")
    #expect(environment["LMOD_RC"]?.hasPrefix("\(site)/.lmod/lmodrc.lua:") == true)
  }

  @Test func `EESSI_MODULE_SUBDIR and EESSI_CUSTOM_MODULEPATH name other modules`() throws {
    #expect(
      try Self.environment(["EESSI_MODULE_SUBDIR": "modules/bio"])["EESSI_MODULEPATH"]
        == "\(Self.zen3)/modules/bio")
    #expect(
      try Self.environment(["EESSI_CUSTOM_MODULEPATH": "/m"])["EESSI_MODULEPATH"] == "/m")
  }

  @Test(arguments: [nil, accelerator])
  func `initialising twice changes nothing`(accelerator: String?) throws {
    let user = ["PATH": "/usr/bin:/bin", "MODULEPATH": "/home/u/modules", "HOME": "/home/u"]
    let once = try Self.environment(accelerator: accelerator, user, hasCertificates: true)
    let variables = Dictionary(uniqueKeysWithValues: once.names.map { ($0, once[$0]!) })
    let twice = try Self.environment(accelerator: accelerator, variables, hasCertificates: true)
    #expect(once.changes(to: twice) == [])
  }

  @Test func `initialising twice does not double a custom module path of two directories`() throws {
    let once = try Self.environment(["EESSI_CUSTOM_MODULEPATH": "/a:/b"])
    let variables = Dictionary(uniqueKeysWithValues: once.names.map { ($0, once[$0]!) })
    #expect(try Self.environment(variables)["MODULEPATH"] == once["MODULEPATH"])
  }

  @Test func `what a user put in front stays in front`() throws {
    let once = try Self.environment(["PATH": "/usr/bin"])
    var variables = Dictionary(uniqueKeysWithValues: once.names.map { ($0, once[$0]!) })
    variables["PATH"] = "/home/u/bin:" + variables["PATH"]!
    #expect(try Self.environment(variables)["PATH"] == variables["PATH"])
  }

  @Test func `nothing but EESSI's and Lmod's variables is touched`() throws {
    let user = ["HOME": "/home/u", "SLURM_JOB_ID": "7", "LD_LIBRARY_PATH": "/opt/lib", "EMPTY": ""]
    let environment = try Self.environment(user)
    for (name, value) in user { #expect(environment[name] == value) }
  }

  @Test func `a pilot repository sets its own variable too`() throws {
    let pilot = "/cvmfs/pilot.eessi-hpc.org/versions/2023.06"
    let stack = MemoryStack(directories: [
      "\(pilot)/compat/linux/x86_64", "\(pilot)/software/linux/x86_64/generic/software",
    ])
    let selection = try Stacks.choose(
      on: "x86_64/generic",
      StackRequest(repository: "pilot.eessi-hpc.org", version: "2023.06"), from: stack)
    let environment = selection.initialisation(of: Environment(), hasCertificates: false)
      .applied(to: Environment())
    #expect(environment["EESSI_PILOT_VERSION"] == "2023.06")
    #expect(environment["EESSI_CVMFS_REPO"] == "/cvmfs/pilot.eessi-hpc.org")
  }
}
