import Configuration
import Foundation
import Launch
import TestSupport
import Testing

@Suite(.tags(.small))
struct ConfigurationTests {
  @Test func anEmptyFileMeansTheDefaults() throws {
    #expect(try Configuration(toml: "".utf8, file: "f") == Configuration())
  }

  @Test func everyKeyIsRead() throws {
    let configuration = try Configuration(
      toml: """
        deadline = 2.5
        [stack]
        repository = "dev.eessi.io/riscv"
        version = "2023.06"
        cvmfs = "/mnt/cvmfs"
        [stack.roots]
        "stack.example.org" = "/sw/stack"
        [selection]
        cross_vendor = ["x86_64/intel/haswell"]
        allow_unsafe_override = true
        [modules]
        deadline = 120
        capsules = "/scratch/{uid}"
        """.utf8, file: "f")
    #expect(configuration.modules.deadline == 120)
    #expect(configuration.modules.capsules == "/scratch/{uid}")
    #expect(configuration.modules.keepsCapsules)
    #expect(configuration.deadline == 2.5)
    #expect(configuration.stack.repository == "dev.eessi.io/riscv")
    #expect(configuration.stack.version == "2023.06")
    #expect(configuration.stack.cvmfs == "/mnt/cvmfs")
    #expect(configuration.stack.roots == ["stack.example.org": "/sw/stack"])
    #expect(configuration.selection.crossVendor == ["x86_64/intel/haswell"])
    #expect(configuration.selection.allowUnsafeOverride)
  }

  @Test(arguments: [
    ("deadline = 0", "deadline must be"), ("deadline = \"x\"", "deadline must be"),
    ("deadlin = 3", "unknown key deadlin"),
    ("[stack]\nverison = \"x\"", "unknown key stack.verison"),
    ("stack = 3", "stack must be a table"),
    ("[stack]\nversion = 2023.06", "stack.version must be a text"),
    ("[stack]\ncvmfs = \"cvmfs\"", "stack.cvmfs must be an absolute path"),
    ("[stack]\ncvmfs = \"/cvmfs/\"", "stack.cvmfs must be an absolute path"),
    ("[selection]\ncross_vendor = \"x\"", "must be a list of texts"),
    ("[selection]\ncross_vendor = [3]", "must be a text"),
    ("[selection]\nallow_unsafe_override = 1", "must be true or false"),
    ("[modules]\ndeadline = 0", "modules.deadline must be"),
    ("[modules]\ncapsules = \"mine\"", "modules.capsules must be an absolute path"),
    ("[modules]\ncapsules = true", "modules.capsules must be"),
    ("[modules]\ncapsule = \"/x\"", "unknown key modules.capsule"),
    ("[stack", "not TOML"), ("a = \u{1}", "not TOML"),
  ])
  func aMistakeIsNamed(_ text: String, _ problem: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration(toml: text.utf8, file: "/etc/x.toml")
    }
    #expect(error?.description.contains(problem) == true, "\(String(describing: error))")
    #expect(error?.description.contains("/etc/x.toml") == true)
    #expect(error?.description.contains("remedy: ") == true)
  }

  @Test func capsulesCanBeLeftOut() throws {
    let configuration = try Configuration(toml: "[modules]\ncapsules = false".utf8, file: "f")
    #expect(!configuration.modules.keepsCapsules)
  }

  @Test func aNULDoesNotHideWhatStandsBehindIt() {
    #expect(throws: ConfigurationError.self) {
      try Configuration(toml: "deadline = 3\n\0deadlin = 4".utf8, file: "f")
    }
  }

  @Test func theShippedFileIsTheDefaultsAndNamesEveryKey() throws {
    let text = try String(contentsOfFile: "\(Package.root)/etc/slipway.toml", encoding: .utf8)
    #expect(try Configuration(toml: text.utf8, file: "etc/slipway.toml") == Configuration())
    for key in [
      "deadline", "repository", "version", "cvmfs", "roots", "cross_vendor",
      "allow_unsafe_override", "capsules",
    ] {
      #expect(text.contains(key))
    }
  }

  @Test func aNamedFileMustBeThere() {
    #expect(throws: ConfigurationError.self) { try Configuration.load(named: "/nonexistent.toml") }
  }
}
