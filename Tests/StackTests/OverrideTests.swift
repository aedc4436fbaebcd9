import Environment
import Microarchitecture
import Stack
import TestSupport
import Testing

/// Overrides by a user.
@Suite(.tags(.small))
struct OverrideTests {
  @Test func `a target that the node runs is taken although a better one exists`() throws {
    let selection = try Stacks.choose(on: "x86_64/amd/zen3", Stacks.request("x86_64/amd/zen2"))
    #expect(selection.subdirectory == "x86_64/amd/zen2")
    #expect(selection.reason.contains("--eessi-arch"))
    #expect(selection.warnings == [])
  }

  @Test func `another vendor's target is taken where every feature is there`() throws {
    let selection = try Stacks.choose(on: "x86_64/amd/zen2", Stacks.request("x86_64/intel/haswell"))
    #expect(selection.subdirectory == "x86_64/intel/haswell")
    #expect(selection.reason.contains("another vendor"))
  }

  @Test func `a target that the node lacks features for is refused by name of the feature`() throws
  {
    let error = try #require(
      #expect(throws: StackError.self) {
        try Stacks.choose(on: "x86_64/amd/zen2", Stacks.request("x86_64/amd/zen3"))
      })
    #expect(
      error
        == .unsafeSubtree(
          "x86_64/amd/zen3", reason: "missing: vaes vpclmulqdq", source: "--eessi-arch"))
    #expect("\(error)".contains("allow_unsafe_override"))
  }

  @Test func `a site can allow it, and a warning says what may happen`() throws {
    let policy = SelectionPolicy(allowsUnsafeOverride: true)
    let selection = try Stacks.choose(
      on: "x86_64/amd/zen2", Stacks.request("x86_64/amd/zen3", policy: policy))
    #expect(selection.subdirectory == "x86_64/amd/zen3")
    #expect(selection.warnings.count == 1)
    #expect(selection.warnings.first?.contains("vaes vpclmulqdq") == true)
    #expect(selection.warnings.first?.contains("illegal instruction") == true)
  }

  @Test func `an unknown target is refused because nobody can judge it`() {
    #expect(throws: StackError.unknownSubtree("x86_64/amd/zen9", source: "--eessi-arch")) {
      try Stacks.choose(on: "x86_64/amd/zen5", Stacks.request("x86_64/amd/zen9"))
    }
  }

  @Test func `an unknown target that the site allows must still exist`() throws {
    let policy = SelectionPolicy(allowsUnsafeOverride: true)
    let request = Stacks.request("x86_64/amd/zen9", policy: policy)
    #expect(
      throws: StackError.missingSubtree(
        "\(Stacks.software)/x86_64/amd/zen9", override: "--eessi-arch")
    ) { try Stacks.choose(on: "x86_64/amd/zen5", request) }
    let stack = Stacks.software(with: ["\(Stacks.software)/x86_64/amd/zen9/software"])
    let selection = try Stacks.choose(on: "x86_64/amd/zen5", request, from: stack)
    #expect(selection.subdirectory == "x86_64/amd/zen9")
    #expect(selection.warnings.first?.contains("cannot tell") == true)
  }

  @Test func `another architecture is refused`() {
    #expect(
      throws: StackError.unsafeSubtree(
        "aarch64/neoverse_n1", reason: "another architecture", source: "--eessi-arch")
    ) { try Stacks.choose(on: "x86_64/amd/zen5", Stacks.request("aarch64/neoverse_n1")) }
  }

  @Test func `a target that fits and is not built is no reason to take another`() {
    #expect(throws: StackError.self) {
      try Stacks.choose(on: "x86_64/amd/zen5", Stacks.request("x86_64/amd/zen4"))
    }
  }

  @Test func `an older name that exists is judged as the target of today`() throws {
    let stack = Stacks.software(with: ["\(Stacks.software)/aarch64/graviton3/software"])
    let fits = try Stacks.choose(
      on: "aarch64/neoverse_v1", Stacks.request("aarch64/graviton3"), from: stack)
    #expect(fits.subdirectory == "aarch64/graviton3")
    #expect(throws: StackError.self) {
      try Stacks.choose(on: "aarch64/neoverse_n1", Stacks.request("aarch64/graviton3"), from: stack)
    }
  }

  @Test(arguments: HostileWord.all)
  func `a word that is no subdirectory is refused before anything is looked at`(word: HostileWord) {
    #expect(throws: StackError.self) {
      try Stacks.choose(on: "x86_64/amd/zen5", Stacks.request(word.text))
    }
  }

  @Test func `allowing the unsafe does not allow a word that leaves the repository`() {
    let policy = SelectionPolicy(allowsUnsafeOverride: true)
    let stack = Stacks.software(with: ["\(Stacks.software)/../../../../tmp/evil/software"])
    #expect(throws: StackError.self) {
      try Stacks.choose(
        on: "x86_64/amd/zen5", Stacks.request("../../../../tmp/evil", policy: policy), from: stack)
    }
  }
}
