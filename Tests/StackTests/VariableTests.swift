import Environment
import Microarchitecture
import Stack
import TestSupport
import Testing

/// The variables that EESSI's own scripts honour.
@Suite(.tags(.small))
struct VariableTests {
  @Test func `EESSI_SOFTWARE_SUBDIR_OVERRIDE names a subdirectory, judged like an option`() throws {
    let variables = ["EESSI_SOFTWARE_SUBDIR_OVERRIDE": "x86_64/amd/zen2"]
    let selection = try Stacks.choose(on: "x86_64/amd/zen3", Stacks.request(), variables)
    #expect(selection.subdirectory == "x86_64/amd/zen2")
    #expect(selection.reason.contains("EESSI_SOFTWARE_SUBDIR_OVERRIDE"))
    #expect(throws: StackError.self) {
      try Stacks.choose(on: "x86_64/intel/haswell", Stacks.request(), variables)
    }
  }

  @Test func `an option goes before the variable`() throws {
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request("x86_64/generic"),
      ["EESSI_SOFTWARE_SUBDIR_OVERRIDE": "x86_64/amd/zen2"])
    #expect(selection.subdirectory == "x86_64/generic")
  }

  @Test func `an empty variable is as good as none`() throws {
    let names = [
      "EESSI_SOFTWARE_SUBDIR_OVERRIDE", "EESSI_VERSION_OVERRIDE", "EESSI_CVMFS_REPO_OVERRIDE",
      "EESSI_ARCHDETECT_OPTIONS_OVERRIDE", "EESSI_ACCELERATOR_TARGET_OVERRIDE",
      "EESSI_CPU_FAMILY_OVERRIDE", "EESSI_COMPAT_LAYER_DIR",
      "EESSI_ACCEL_SOFTWARE_SUBDIR_OVERRIDE", "EESSI_SOFTWARE_LAYER_VERSION_SUFFIX",
    ]
    let empty = Dictionary(uniqueKeysWithValues: names.map { ($0, "") })
    #expect(
      try Stacks.choose(on: "x86_64/amd/zen3", Stacks.request(), empty)
        == Stacks.choose(on: "x86_64/amd/zen3", Stacks.request()))
  }

  @Test func `EESSI_VERSION_OVERRIDE goes before the site's default and behind the option`() throws
  {
    let variables = ["EESSI_VERSION_OVERRIDE": "2025.06"]
    let site = SiteDefaults(version: "2023.06")
    #expect(
      try Stacks.choose(on: "x86_64/generic", StackRequest(site: site), variables).version
        == "2025.06")
    #expect(
      try Stacks.choose(
        on: "x86_64/generic",
        StackRequest(version: .init("2023.06", source: "--eessi"), site: site), variables
      ).version == "2023.06")
  }

  @Test func `an initialised environment keeps its version`() throws {
    let variables = ["EESSI_PREFIX": Stacks.prefix, "EESSI_VERSION": "2023.06"]
    #expect(
      try Stacks.choose(on: "x86_64/generic", StackRequest(), variables).version == "2023.06")
    // A version alone is no initialised environment.
    #expect(
      try Stacks.choose(on: "x86_64/generic", StackRequest(), ["EESSI_VERSION": "2023.06"]).version
        == "2025.06")
  }

  @Test func `another version than the environment's is taken with a warning`() throws {
    let variables = ["EESSI_PREFIX": Stacks.prefix, "EESSI_VERSION": "2023.06"]
    let selection = try Stacks.choose(
      on: "x86_64/generic", StackRequest(version: "2025.06"), variables)
    #expect(selection.version == "2025.06")
    #expect(selection.warnings.count == 1)
    #expect(selection.warnings.first?.contains(Stacks.prefix) == true)
  }

  @Test func `EESSI_CVMFS_REPO_OVERRIDE is a path`() throws {
    let stack = MemoryStack(directories: [
      "/srv/stack/versions/2023.06/compat/linux/x86_64",
      "/srv/stack/versions/2023.06/software/linux/x86_64/generic/software",
    ])
    for path in ["/srv/stack", "/srv/stack/"] {
      let selection = try Stacks.choose(
        on: "x86_64/amd/zen3", StackRequest(), ["EESSI_CVMFS_REPO_OVERRIDE": path], from: stack)
      #expect(selection.repository == Repository(name: "/srv/stack", root: "/srv/stack"))
      #expect(selection.prefix == "/srv/stack/versions/2023.06")
    }
  }

  @Test func `EESSI_CVMFS_REPO_OVERRIDE below the mount directory is the repository's name`() throws
  {
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(), ["EESSI_CVMFS_REPO_OVERRIDE": Stacks.root])
    #expect(selection.repository.name == "software.eessi.io")
  }

  @Test func `EESSI_ARCHDETECT_OPTIONS_OVERRIDE is tried in its order`() throws {
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(),
      ["EESSI_ARCHDETECT_OPTIONS_OVERRIDE": "x86_64/amd/zen5:x86_64/amd/zen4:x86_64/amd/zen2"])
    #expect(selection.subdirectory == "x86_64/amd/zen2")
    #expect(selection.steppedOver.map(\.subdirectory) == ["x86_64/amd/zen5", "x86_64/amd/zen4"])
    #expect(selection.reason.contains("EESSI_ARCHDETECT_OPTIONS_OVERRIDE"))
  }

  @Test func `EESSI_ARCHDETECT_OPTIONS_OVERRIDE cannot name what the node does not run`() throws {
    let names = "x86_64/intel/haswell:x86_64/made_up:x86_64/generic"
    let selection = try Stacks.choose(
      on: "x86_64/generic", Stacks.request(), ["EESSI_ARCHDETECT_OPTIONS_OVERRIDE": names])
    #expect(selection.subdirectory == "x86_64/generic")
    #expect(selection.steppedOver.last?.reason == "unknown target")
    #expect(throws: StackError.noSubtree(Stacks.software, tried: ["x86_64/intel/haswell"])) {
      try Stacks.choose(
        on: "x86_64/generic", Stacks.request(),
        ["EESSI_ARCHDETECT_OPTIONS_OVERRIDE": "x86_64/intel/haswell"])
    }
  }

  @Test func `EESSI_CPU_FAMILY_OVERRIDE and EESSI_COMPAT_LAYER_DIR choose the compat layer`() throws
  {
    let family = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(), ["EESSI_CPU_FAMILY_OVERRIDE": "aarch64"])
    #expect(family.eprefix == "\(Stacks.prefix)/compat/linux/aarch64")
    let stack = Stacks.software(with: ["/opt/compat"])
    let layer = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(), ["EESSI_COMPAT_LAYER_DIR": "/opt/compat"],
      from: stack)
    #expect(layer.eprefix == "/opt/compat")
    #expect(throws: StackError.missingCompatLayer("/opt/compat")) {
      try Stacks.choose(
        on: "x86_64/amd/zen3", Stacks.request(), ["EESSI_COMPAT_LAYER_DIR": "/opt/compat"])
    }
  }

  @Test func `EESSI_SOFTWARE_LAYER_VERSION_SUFFIX is appended in paths and not to the version`()
    throws
  {
    let versions = "\(Stacks.root)/versions/2023.06-test"
    let stack = Stacks.software(with: [
      "\(versions)/compat/linux/x86_64", "\(versions)/software/linux/x86_64/generic/software",
    ])
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(),
      ["EESSI_SOFTWARE_LAYER_VERSION_SUFFIX": "-test"], from: stack)
    #expect(selection.version == "2023.06")
    #expect(selection.prefix == versions)
    #expect(selection.subdirectory == "x86_64/generic")
  }

  @Test(arguments: ["/../../../tmp", "-a/b", "\n", "..", "a b", String(repeating: "x", count: 99)])
  func `a suffix that leaves its directory is refused`(suffix: String) {
    // ".." alone stays inside: "2023.06..".
    guard suffix != ".." else { return }
    #expect(throws: StackError.self) {
      try Stacks.choose(
        on: "x86_64/amd/zen3", Stacks.request(), ["EESSI_SOFTWARE_LAYER_VERSION_SUFFIX": suffix])
    }
  }

  @Test func `the newest version is looked for among those that carry the suffix`() throws {
    let stack = MemoryStack(
      directories: ["2023.06", "2025.06-test"].flatMap {
        [
          "\(Stacks.root)/versions/\($0)/compat/linux/x86_64",
          "\(Stacks.root)/versions/\($0)/software/linux/x86_64/generic/software",
        ]
      })
    let selection = try Stacks.choose(
      on: "x86_64/generic", StackRequest(), ["EESSI_SOFTWARE_LAYER_VERSION_SUFFIX": "-test"],
      from: stack)
    #expect(selection.prefix == "\(Stacks.root)/versions/2025.06-test")
  }

  @Test(arguments: HostileWord.all)
  func `a hostile version is refused`(word: HostileWord) {
    #expect(throws: StackError.self) {
      try Stacks.choose(
        on: "x86_64/amd/zen3", StackRequest(), ["EESSI_VERSION_OVERRIDE": word.text])
    }
  }

  @Test(arguments: [
    "../x86_64/amd/zen2", "x86_64/../../..", "/tmp", "x86_64/amd\n/zen2", "x86_64//generic",
  ])
  func `a hostile EESSI_ACCEL_SOFTWARE_SUBDIR_OVERRIDE is refused`(word: String) {
    let stack = Stacks.software(with: ["\(Stacks.software)/\(word)/accel/nvidia/cc80/modules/all"])
    #expect(throws: StackError.self) {
      try Stacks.choose(
        on: "x86_64/amd/zen3", Stacks.request(accelerator: "accel/nvidia/cc80"),
        ["EESSI_ACCEL_SOFTWARE_SUBDIR_OVERRIDE": word], from: stack)
    }
  }
}
