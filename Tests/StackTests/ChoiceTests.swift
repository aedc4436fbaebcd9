import Environment
import Microarchitecture
import Stack
import TestSupport
import Testing

/// Which subtree is chosen, and why.
@Suite(.tags(.small))
struct ChoiceTests {
  @Test(arguments: [
    ("x86_64/amd/zen3", "x86_64/amd/zen3"), ("x86_64/amd/zen5", "x86_64/amd/zen3"),
    ("x86_64/intel/icelake", "x86_64/intel/skylake_avx512"),
    ("x86_64/intel/haswell", "x86_64/intel/haswell"), ("x86_64/generic", "x86_64/generic"),
    ("aarch64/neoverse_v1", "aarch64/neoverse_n1"), ("aarch64/a64fx", "aarch64/generic"),
    ("aarch64/google/axion", "aarch64/nvidia/grace"), ("ppc64le/power9le", "ppc64le/generic"),
  ])
  func `the best subtree that exists is chosen`(target: String, answer: String) throws {
    let selection = try Stacks.choose(on: target)
    #expect(selection.subdirectory == answer)
    #expect(selection.softwarePath == "\(Stacks.software)/\(answer)")
    #expect(selection.cpuFamily == answer.split(separator: "/").first.map(String.init))
  }

  @Test func `every step down gives its reason`() throws {
    let selection = try Stacks.choose(on: "x86_64/amd/zen4")
    #expect(selection.subdirectory == "x86_64/amd/zen3")
    #expect(selection.steppedOver.map(\.subdirectory) == ["x86_64/amd/zen5", "x86_64/amd/zen4"])
    #expect(selection.steppedOver[0].reason.hasPrefix("missing: avx512_vp2intersect"))
    #expect(selection.steppedOver[1].reason == "not in this version")
    #expect(selection.steppedOver.map(\.isOwnLine) == [true, true])
    #expect(selection.reason == "has every feature")
  }

  @Test func `another vendor's target is stepped over with the reason`() throws {
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen2", from: Stacks.software(without: ["x86_64/amd/zen2"]))
    #expect(selection.subdirectory == "x86_64/generic")
    let step = try #require(
      selection.steppedOver.first { $0.subdirectory == "x86_64/intel/haswell" })
    #expect(step.reason.contains("another vendor"))
    #expect(!step.isOwnLine)
  }

  @Test func `a site's consent lets zen2 use haswell where zen2 is not built`() throws {
    let policy = SelectionPolicy(crossVendor: ["x86_64/intel/haswell"])
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen2", Stacks.request(policy: policy),
      from: Stacks.software(without: ["x86_64/amd/zen2"]))
    #expect(selection.subdirectory == "x86_64/intel/haswell")
  }

  @Test func `all suitable targets are told, those that are not built too`() throws {
    let selection = try Stacks.choose(on: "x86_64/amd/zen4")
    #expect(
      selection.suitable == [
        "x86_64/amd/zen4", "x86_64/amd/zen3", "x86_64/amd/zen2", "x86_64/generic",
      ])
  }

  @Test func `a subtree counts only when it holds software`() throws {
    // An interrupted publication, or a subtree with modules only.
    let stack = Stacks.software(
      without: ["x86_64/amd/zen3"], with: ["\(Stacks.software)/x86_64/amd/zen3/modules/all"])
    #expect(try Stacks.choose(on: "x86_64/amd/zen3", from: stack).subdirectory == "x86_64/amd/zen2")
  }

  @Test func `a file in a subtree's place is no subtree`() throws {
    var stack = Stacks.software(without: ["x86_64/amd/zen3"])
    stack.add(file: "\(Stacks.software)/x86_64/amd/zen3/software")
    #expect(try Stacks.choose(on: "x86_64/amd/zen3", from: stack).subdirectory == "x86_64/amd/zen2")
  }

  @Test func `a pilot repository's older name serves where only it exists`() throws {
    let pilot = "/cvmfs/pilot.eessi-hpc.org/versions/2021.12"
    let stack = MemoryStack(directories: [
      "\(pilot)/compat/linux/aarch64", "\(pilot)/software/linux/aarch64/graviton2/software",
      "\(pilot)/software/linux/aarch64/generic/software",
    ])
    let request = StackRequest(repository: "pilot.eessi-hpc.org", version: "2021.12")
    let selection = try Stacks.choose(on: "aarch64/neoverse_n1", request, from: stack)
    #expect(selection.subdirectory == "aarch64/graviton2")
    #expect(selection.suitable == ["aarch64/neoverse_n1", "aarch64/generic"])
    #expect(selection.repository.isPilot)
  }

  @Test func `today's name goes before the older one`() throws {
    let stack = Stacks.software(with: ["\(Stacks.software)/aarch64/graviton2/software"])
    let selection = try Stacks.choose(on: "aarch64/neoverse_n1", from: stack)
    #expect(selection.subdirectory == "aarch64/neoverse_n1")
  }

  @Test func `no subtree at all is an error that names what was looked for`() {
    let stack = Stacks.software(without: Stacks.subtrees)
    let error = #expect(throws: StackError.self) {
      try Stacks.choose(on: "x86_64/amd/zen2", from: stack)
    }
    #expect(error == .noSubtree(Stacks.software, tried: ["x86_64/amd/zen2", "x86_64/generic"]))
    #expect("\(error!)".contains("remedy"))
  }

  @Test func `what the reader throws comes through`() {
    struct Hung: Error {}
    let selection = Selection(for: Stacks.processor("x86_64/amd/zen2"))
    let reader = StackReader(kind: { _ in throw Hung() }, names: { _ in throw Hung() })
    #expect(throws: Hung.self) {
      try StackSelection(StackRequest(), on: selection, environment: Environment(), reading: reader)
    }
  }
}
