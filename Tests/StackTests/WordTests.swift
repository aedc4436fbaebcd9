import Stack
import TestSupport
import Testing

/// A word that must never become part of a path; a report shows its start only.
struct HostileWord: CustomTestStringConvertible {
  var text: String
  var testDescription: String { String(text.debugDescription.prefix(40)) }

  static let all = [
    "..", "../..", "a/../b", "a//b", "//", "/etc", "a/", "./a", "a/.", "-rf", "a/-b", ".hidden",
    "a\nb", "a\0b", "a b", "a\tb", "a;b", "a$(b)", "a`b`", "a'b", "a\"b", "a\\b", "a*b", "a:b",
    "a/é", "２０２３.06", "a\u{200B}b", "a\u{301}/b", "\u{1B}[31m",
    String(repeating: "a", count: 1 << 20), String(repeating: "a/", count: 500) + "a",
  ].map(HostileWord.init)
}

@Suite(.tags(.small))
struct WordTests {
  @Test(arguments: HostileWord.all)
  func `a hostile word names nothing`(word: HostileWord) {
    let accepted = [
      isVersionName(word.text), isRepositoryName(word.text), isSubdirectoryName(word.text),
      isAcceleratorName(word.text), isVersionName("2023.06/" + word.text),
      isSubdirectoryName("x86_64/" + word.text), isRepositoryName("software.eessi.io/" + word.text),
      isAcceleratorName("accel/nvidia/cc80" + word.text),
      isAcceleratorName("accel/amd/" + word.text),
    ]
    #expect(!accepted.contains(true))
  }

  @Test func `an empty word names nothing`() {
    #expect(!isVersionName(""))
    #expect(!isRepositoryName(""))
    #expect(!isSubdirectoryName(""))
    #expect(!isAcceleratorName(""))
  }

  @Test(arguments: ["2023.06", "20240402", "2021.12-test", "2025.06-001", "2023.06+site"])
  func `a version is a number and what follows it`(word: String) { #expect(isVersionName(word)) }

  @Test(arguments: ["latest", "README", "v2023", ".2023", "-2023"])
  func `a version starts with a digit`(word: String) { #expect(!isVersionName(word)) }

  @Test(arguments: [
    "software.eessi.io", "dev.eessi.io/riscv", "pilot.eessi-hpc.org", "my_site.org",
  ])
  func `a repository is a domain name and a path in it`(word: String) {
    #expect(isRepositoryName(word))
  }

  @Test(arguments: ["x86_64/amd/zen2", "aarch64/generic", "riscv64/spacemit/x60-k6.6"])
  func `a subdirectory has two components at least`(word: String) {
    #expect(isSubdirectoryName(word))
    #expect(!isSubdirectoryName(word.split(separator: "/")[0]))
  }

  @Test(arguments: [
    "accel/nvidia/cc80", "accel/nvidia/cc120", "accel/amd/gfx90a", "accel/amd/gfx1100",
  ])
  func `an accelerator is a vendor and a model`(word: String) { #expect(isAcceleratorName(word)) }

  @Test(arguments: [
    "accel/nvidia/cc", "accel/nvidia/80", "accel/nvidia/cc8x", "accel/nvidia/CC80", "accel/amd/gfx",
    "accel/amd/gfx90A", "accel/amd/gfx90g", "accel/amd/90a", "nvidia/cc80", "accel/intel/cc80",
    "accel/nvidia/cc٨٠", "accel/nvidia/cc80 ", " accel/nvidia/cc80", "accel/amd/gfx90a/",
  ])
  func `anything near an accelerator's name is none`(word: String) {
    #expect(!isAcceleratorName(word))
  }

  @Test func `an accelerator's name has an end`() {
    let long = String(repeating: "9", count: 1 << 20)
    let accepted = [
      isAcceleratorName("accel/nvidia/cc" + long), isAcceleratorName("accel/amd/gfx" + long),
    ]
    #expect(accepted == [false, false])
  }

  @Test func `a repository override that leaves its path is refused or harmless`() throws {
    // A path that a user gives is a path; it is checked for existence only.
    #expect(throws: StackError.self) {
      try Stacks.choose(
        on: "x86_64/generic", StackRequest(version: "2023.06"), ["EESSI_CVMFS_REPO_OVERRIDE": "/"])
    }
  }
}
