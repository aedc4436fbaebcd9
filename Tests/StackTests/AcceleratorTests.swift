import Environment
import Microarchitecture
import Stack
import TestSupport
import Testing

/// Accelerator subtrees.
@Suite(.tags(.small))
struct AcceleratorTests {
  static let zen3 = "\(Stacks.software)/x86_64/amd/zen3"

  func subtree(_ accelerator: String?, existing: [String]) throws -> String? {
    let stack = Stacks.software(with: existing.map { "\(Self.zen3)/\($0)/modules/all" })
    return try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(accelerator: accelerator), from: stack
    ).acceleratorSubtree
  }

  @Test(arguments: [
    ("accel/nvidia/cc80", "accel/nvidia/cc80"), ("accel/nvidia/cc86", "accel/nvidia/cc80"),
    ("accel/nvidia/cc89", "accel/nvidia/cc80"), ("accel/nvidia/cc75", "accel/nvidia/cc70"),
    ("accel/nvidia/cc90", "accel/nvidia/cc90"), ("accel/nvidia/cc121", "accel/nvidia/cc120"),
  ])
  func `a model without a tree of its own takes its generation's first`(
    model: String, answer: String
  ) throws {
    let existing = [
      "accel/nvidia/cc70", "accel/nvidia/cc80", "accel/nvidia/cc90", "accel/nvidia/cc120",
    ]
    #expect(try subtree(model, existing: existing) == answer)
  }

  @Test func `the model's own tree goes before the generation's first`() throws {
    #expect(
      try subtree("accel/nvidia/cc86", existing: ["accel/nvidia/cc80", "accel/nvidia/cc86"])
        == "accel/nvidia/cc86")
  }

  @Test(arguments: ["accel/nvidia/cc90", "accel/nvidia/cc70", "accel/nvidia/cc121"])
  func `another generation's tree never serves`(model: String) throws {
    #expect(try subtree(model, existing: ["accel/nvidia/cc80"]) == nil)
  }

  @Test func `AMD models have no first model to fall back to`() throws {
    #expect(try subtree("accel/amd/gfx90a", existing: ["accel/amd/gfx90a"]) == "accel/amd/gfx90a")
    #expect(try subtree("accel/amd/gfx942", existing: ["accel/amd/gfx940"]) == nil)
  }

  @Test func `a node without an accelerator takes none`() throws {
    #expect(try subtree(nil, existing: ["accel/nvidia/cc80"]) == nil)
  }

  @Test func `EESSI_ACCELERATOR_TARGET_OVERRIDE goes before what was found`() throws {
    let stack = Stacks.software(with: ["\(Self.zen3)/accel/nvidia/cc80/modules/all"])
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(accelerator: "accel/nvidia/cc90"),
      ["EESSI_ACCELERATOR_TARGET_OVERRIDE": "accel/nvidia/cc80"], from: stack)
    #expect(selection.accelerator == "accel/nvidia/cc80")
    #expect(selection.acceleratorSubtree == "accel/nvidia/cc80")
  }

  @Test func `EESSI_ACCEL_SOFTWARE_SUBDIR_OVERRIDE names another parent`() throws {
    let stack = Stacks.software(
      with: ["\(Stacks.software)/x86_64/amd/zen2/accel/nvidia/cc80/modules/all"])
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen3", Stacks.request(accelerator: "accel/nvidia/cc80"),
      ["EESSI_ACCEL_SOFTWARE_SUBDIR_OVERRIDE": "x86_64/amd/zen2"], from: stack)
    #expect(selection.subdirectory == "x86_64/amd/zen3")
    #expect(
      selection.acceleratorPath == "\(Stacks.software)/x86_64/amd/zen2/accel/nvidia/cc80")
  }

  @Test(arguments: HostileWord.all)
  func `a word that is no accelerator is refused`(word: HostileWord) {
    #expect(throws: StackError.self) {
      try Stacks.choose(on: "x86_64/amd/zen3", Stacks.request(accelerator: word.text))
    }
  }
}
