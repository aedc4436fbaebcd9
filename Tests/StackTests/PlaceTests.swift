import Environment
import Microarchitecture
import Stack
import TestSupport
import Testing

/// Repositories and versions that are not there, and the default among those that are.
@Suite(.tags(.small))
struct PlaceTests {
  @Test func `a repository that is not mounted is named with its remedy`() throws {
    let error = try #require(
      #expect(throws: StackError.self) {
        try Stacks.choose(
          on: "x86_64/generic", StackRequest(repository: "my.site.org", version: "2023.06"))
      })
    #expect(
      error == .missingRepository(Repository(name: "my.site.org", root: "/cvmfs/my.site.org")))
    #expect("\(error)".contains("mount the repository"))
  }

  @Test func `a version that is not there comes with those that are`() throws {
    let error = try #require(
      #expect(throws: StackError.self) {
        try Stacks.choose(on: "x86_64/generic", StackRequest(version: "2031.01"))
      })
    #expect("\(error)".contains("2023.06 2025.06"))
    #expect(!"\(error)".contains("README"))
    #expect(!"\(error)".contains("latest"))
  }

  @Test func `the newest version is the default`() throws {
    #expect(try Stacks.choose(on: "x86_64/generic", StackRequest()).version == "2025.06")
  }

  @Test func `the site's version goes before the newest`() throws {
    let request = StackRequest(site: SiteDefaults(version: "2023.06"))
    #expect(try Stacks.choose(on: "x86_64/generic", request).version == "2023.06")
  }

  @Test func `a repository without versions is an error`() {
    let stack = MemoryStack(directories: ["/cvmfs/software.eessi.io/versions/latest"])
    #expect(
      throws: StackError.noVersion(
        Repository(name: "software.eessi.io", root: "/cvmfs/software.eessi.io"))
    ) { try Stacks.choose(on: "x86_64/generic", StackRequest(), from: stack) }
  }

  @Test func `a version without a compat layer for the architecture is an error`() {
    var stack = Stacks.software()
    stack.remove("\(Stacks.prefix)/compat/linux/aarch64")
    #expect(throws: StackError.missingCompatLayer("\(Stacks.prefix)/compat/linux/aarch64")) {
      try Stacks.choose(on: "aarch64/neoverse_n1", from: stack)
    }
  }

  @Test func `CVMFS may be mounted elsewhere, and a repository too`() throws {
    let stack = MemoryStack(directories: [
      "/net/cvmfs/software.eessi.io/versions/2023.06/compat/linux/x86_64",
      "/net/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/generic/software",
      "/scratch/mirror/versions/2023.06/compat/linux/x86_64",
      "/scratch/mirror/versions/2023.06/software/linux/x86_64/generic/software",
    ])
    let mount = StackRequest(site: SiteDefaults(cvmfs: "/net/cvmfs"))
    #expect(
      try Stacks.choose(on: "x86_64/generic", mount, from: stack).prefix
        == "/net/cvmfs/software.eessi.io/versions/2023.06")
    let roots = StackRequest(
      site: SiteDefaults(roots: ["software.eessi.io": "/scratch/mirror"]))
    #expect(
      try Stacks.choose(on: "x86_64/generic", roots, from: stack).prefix
        == "/scratch/mirror/versions/2023.06")
  }

  @Test(arguments: HostileWord.all.filter { !$0.text.hasPrefix("/") })
  func `a hostile repository name is refused`(word: HostileWord) {
    #expect(throws: StackError.self) {
      try Stacks.choose(
        on: "x86_64/generic",
        StackRequest(repository: .init(word.text, source: "an option"), version: "2023.06"))
    }
  }

  @Test(arguments: ["2023.06", "20240402"])
  func `RISC-V builds of 2023.06 stand in riscv.eessi.io`(version: String) throws {
    let root = "/cvmfs/riscv.eessi.io/versions/20240402"
    let stack = MemoryStack(directories: [
      "\(root)/compat/linux/riscv64", "\(root)/software/linux/riscv64/generic/software",
    ])
    let selection = try Stacks.choose(
      on: "riscv64/sifive/p550", StackRequest(version: .init(version, source: "an option")),
      from: stack)
    #expect(selection.prefix == root)
    #expect(selection.version == "20240402")
    #expect(selection.eprefix == "\(root)/compat/linux/riscv64")
  }

  @Test func `RISC-V builds of 2025.06 stand in dev.eessi.io and their compat layer does not`()
    throws
  {
    let software = "/cvmfs/dev.eessi.io/riscv/versions/2025.06/software/linux"
    let stack = MemoryStack(directories: [
      "\(Stacks.root)/versions/2025.06/compat/linux/riscv64",
      "\(software)/riscv64/generic/software",
    ])
    let selection = try Stacks.choose(
      on: "riscv64/generic", StackRequest(version: "2025.06"), from: stack)
    #expect(selection.softwarePath == "\(software)/riscv64/generic")
    #expect(selection.eprefix == "\(Stacks.root)/versions/2025.06/compat/linux/riscv64")
    #expect(selection.initPrefix == "\(Stacks.root)/versions/2025.06/init")
  }

  @Test func `an error shows no control characters of a hostile word`() {
    let word = "x86_64/\u{1B}[31m\u{7}red\n"
    let requests = [
      Stacks.request(word),
      StackRequest(repository: .init(word, source: "an option"), version: "2023.06"),
      StackRequest(version: .init(word, source: "an option")), Stacks.request(accelerator: word),
      StackRequest(repository: .init("/tmp/\(word)", source: "an option"), version: "2023.06"),
      StackRequest(repository: .init("/tmp/\(word)", source: "an option")),
    ]
    for request in requests {
      let error = #expect(throws: StackError.self) {
        try Stacks.choose(on: "x86_64/generic", request)
      }
      #expect("\(error!)".unicodeScalars.allSatisfy { $0.value >= 0x20 })
    }
    let error = #expect(throws: StackError.self) {
      try Stacks.choose(
        on: "x86_64/generic", Stacks.request(), ["EESSI_ARCHDETECT_OPTIONS_OVERRIDE": word])
    }
    #expect("\(error!)".unicodeScalars.allSatisfy { $0.value >= 0x20 })
  }

  @Test func `an error names who gave the word`() {
    #expect(
      throws: StackError.invalidWord(what: "version", value: "..", source: "EESSI_VERSION_OVERRIDE")
    ) {
      try Stacks.choose(on: "x86_64/generic", StackRequest(), ["EESSI_VERSION_OVERRIDE": ".."])
    }
    #expect(throws: StackError.invalidWord(what: "version", value: "..", source: "slipway.toml")) {
      try Stacks.choose(on: "x86_64/generic", StackRequest(site: SiteDefaults(version: "..")))
    }
    #expect(
      throws: StackError.invalidWord(
        what: "repository name", value: "..", source: "EESSI_CVMFS_REPO_OVERRIDE")
    ) {
      try Stacks.choose(on: "x86_64/generic", StackRequest(), ["EESSI_CVMFS_REPO_OVERRIDE": ".."])
    }
    #expect(
      throws: StackError.invalidWord(
        what: "accelerator", value: "..", source: "EESSI_ACCELERATOR_TARGET_OVERRIDE")
    ) {
      try Stacks.choose(
        on: "x86_64/generic", Stacks.request(), ["EESSI_ACCELERATOR_TARGET_OVERRIDE": ".."])
    }
  }
}
