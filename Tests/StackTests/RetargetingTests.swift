import Environment
import Microarchitecture
import Stack
import TestSupport
import Testing

/// Paths of an environment that came from another node.
@Suite(.tags(.small))
struct RetargetingTests {
  static let zen2 = "\(Stacks.software)/x86_64/amd/zen2"
  static let haswell = "\(Stacks.software)/x86_64/intel/haswell"
  static let injected = "\(Stacks.root)/host_injections/2023.06/software/linux"

  /// What becomes of one variable on a haswell node.
  static func moved(
    _ value: String, _ name: String = "PATH", accelerator: String? = nil,
    on target: String = "x86_64/intel/haswell"
  ) throws -> String? {
    let stack = Stacks.software(with: ["\(haswell)/accel/nvidia/cc80/modules/all"])
    let selection = try Stacks.choose(
      on: target, Stacks.request(accelerator: accelerator), from: stack)
    let environment = Environment([name: value])
    return selection.retargeting(of: environment).applied(to: environment)[name]
  }

  @Test(arguments: ["PATH", "LD_LIBRARY_PATH", "EBROOTGCC", "CPATH", "PYTHONPATH", "MY_OWN"])
  func `a path of another subtree moves, whatever the variable's name`(name: String) throws {
    #expect(
      try Self.moved("\(Self.zen2)/software/GCC/12.3.0", name)
        == "\(Self.haswell)/software/GCC/12.3.0")
  }

  @Test func `every element moves and the order stays`() throws {
    let value = "/home/u/bin:\(Self.zen2)/software/A/bin:/usr/bin:\(Self.zen2)/software/B/bin:/bin"
    #expect(
      try Self.moved(value)
        == "/home/u/bin:\(Self.haswell)/software/A/bin:/usr/bin:\(Self.haswell)/software/B/bin:/bin"
    )
  }

  @Test func `the subtree's own directory moves`() throws {
    #expect(try Self.moved(Self.zen2) == Self.haswell)
    #expect(try Self.moved(Self.zen2 + "/") == Self.haswell + "/")
    #expect(
      try Self.moved("\(Stacks.software)/x86_64/generic/software/A") == "\(Self.haswell)/software/A"
    )
  }

  @Test func `what the site injected moves too`() throws {
    #expect(
      try Self.moved("\(Self.injected)/x86_64/amd/zen2/rpath_overrides/OpenMPI/lib")
        == "\(Self.injected)/x86_64/intel/haswell/rpath_overrides/OpenMPI/lib")
  }

  @Test func `an older name of a target moves too`() throws {
    #expect(
      try Self.moved(
        "\(Stacks.software)/aarch64/graviton3/software/A", on: "aarch64/neoverse_n1")
        == "\(Stacks.software)/aarch64/neoverse_n1/software/A")
  }

  @Test func `the compat layer of another architecture moves`() throws {
    #expect(
      try Self.moved("\(Stacks.prefix)/compat/linux/aarch64/usr/bin")
        == "\(Stacks.prefix)/compat/linux/x86_64/usr/bin")
    #expect(
      try Self.moved("\(Stacks.prefix)/compat/linux/aarch64")
        == "\(Stacks.prefix)/compat/linux/x86_64")
  }

  @Test(arguments: [
    "/usr/bin:/bin", "\(haswell)/software/A/bin", "\(Stacks.prefix)/init",
    "\(Stacks.prefix)/compat/linux/x86_64/bin",
    "\(Stacks.root)/versions/2025.06/software/linux/x86_64/amd/zen2/software/A/bin",
    "\(Stacks.root)/versions/2023.06-test/software/linux/x86_64/amd/zen2/software/A/bin",
    "/cvmfs/other.org/versions/2023.06/software/linux/x86_64/amd/zen2/software/A",
    "/home/u/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen2",
    "\(Stacks.software)/x86_64/made/up/software/A", "\(Stacks.software)/x86_64/amd/zen22/bin",
    "\(Stacks.software)", "\(Stacks.prefix)/compat/linux/sparc64/bin",
    "::/usr/bin:", "file:///a b:c", "",
  ])
  func `a path that is no other subtree of this version stays`(value: String) throws {
    #expect(try Self.moved(value) == value)
  }

  @Test func `Lmod's counts of list elements move with the elements`() throws {
    #expect(
      try Self.moved("/bin:1;\(Self.zen2)/software/A/bin:2;/usr/bin:1", "__LMOD_REF_COUNT_PATH")
        == "/bin:1;\(Self.haswell)/software/A/bin:2;/usr/bin:1")
  }

  @Test func `empty elements stay where they are`() throws {
    #expect(
      try Self.moved(":\(Self.zen2)/software/A/lib::/usr/lib:", "LD_LIBRARY_PATH")
        == ":\(Self.haswell)/software/A/lib::/usr/lib:")
  }

  @Test func `an element that is there already is not doubled`() throws {
    let both = try #require(
      try Self.moved("\(Self.zen2)/software/A/bin:/usr/bin:\(Self.haswell)/software/A/bin"))
    #expect(both.split(separator: ":").filter { $0 == "\(Self.haswell)/software/A/bin" }.count == 1)
    #expect(
      try Self.moved(
        "\(Self.zen2)/software/A/bin:\(Stacks.software)/x86_64/generic/software/A/bin")
        == "\(Self.haswell)/software/A/bin")
  }

  @Test func `doubles of a user's own stay`() throws {
    #expect(
      try Self.moved("/a:/a:\(Self.zen2)/software/A:/a") == "/a:/a:\(Self.haswell)/software/A:/a")
  }

  @Test func `an accelerator's paths are dropped on a node without one`() throws {
    let accelerated = "\(Self.zen2)/accel/nvidia/cc90/software/CUDA/bin"
    #expect(try Self.moved("\(accelerated):/usr/bin") == "/usr/bin")
    #expect(
      try Self.moved("/a:\(Self.zen2)/software/A:\(accelerated)")
        == "/a:\(Self.haswell)/software/A")
  }

  @Test func `an accelerator's paths move to this node's`() throws {
    #expect(
      try Self.moved(
        "\(Self.zen2)/accel/nvidia/cc90/software/CUDA/bin", accelerator: "accel/nvidia/cc80")
        == "\(Self.haswell)/accel/nvidia/cc80/software/CUDA/bin")
    #expect(
      try Self.moved(
        "\(Self.injected)/x86_64/amd/zen2/accel/nvidia/cc90/modules/all",
        accelerator: "accel/nvidia/cc86")
        == "\(Self.injected)/x86_64/intel/haswell/accel/nvidia/cc80/modules/all")
  }

  /// An empty list is not the same as none: GCC looks in the working directory for an empty
  /// `LIBRARY_PATH`.
  @Test(arguments: ["LIBRARY_PATH", "EBROOTCUDA"])
  func `a variable of which nothing is left is unset`(name: String) throws {
    #expect(
      try Self.moved("\(Self.zen2)/accel/nvidia/cc90/software/CUDA/12.1.1/lib", name) == nil)
  }

  @Test func `an environment of this node does not change`() throws {
    let selection = try Stacks.choose(on: "x86_64/intel/haswell", Stacks.request())
    let environment = selection.initialisation(of: Environment(), hasCertificates: true)
      .applied(to: Environment(["PATH": "/usr/bin"]))
    #expect(selection.retargeting(of: environment) == EnvironmentPatch())
  }

  @Test func `an environment initialised on one node becomes that of another`() throws {
    let user = Environment(["PATH": "/usr/bin", "MODULEPATH": "/home/u/modules", "HOME": "/home/u"])
    let stack = Stacks.software(with: ["\(Self.zen2)/accel/nvidia/cc80/modules/all"])
    let there = try Stacks.choose(
      on: "x86_64/amd/zen2", Stacks.request(accelerator: "accel/nvidia/cc80"), from: stack)
    let here = try Stacks.choose(on: "x86_64/intel/haswell", from: stack)
    let inherited = there.initialisation(of: user, hasCertificates: true).applied(to: user)
    let moved = here.retargeting(of: inherited).applied(to: inherited)
    let result = here.initialisation(of: moved, hasCertificates: true).applied(to: moved)
    let fresh = here.initialisation(of: user, hasCertificates: true).applied(to: user)
    #expect(fresh.changes(to: result) == [])
    #expect(result.names.allSatisfy { !result[$0]!.contains("zen2") })
  }

  @Test func `moving twice is moving once`() throws {
    let value = "\(Self.zen2)/software/A:/a::\(Self.zen2)/accel/nvidia/cc80/software/B"
    let once = try #require(try Self.moved(value))
    #expect(try Self.moved(once) == once)
  }
}
