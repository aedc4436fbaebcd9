import Environment
import Stack
import TestSupport
import Testing

/// What a module does, and takes back.
@Suite(.tags(.small))
struct ModuleInitialisationTests {
  private static let user = ["PATH": "/usr/bin", "MODULEPATH": "/site/modules"]

  private func patch(
    _ variables: [String: String] = user, accelerator: String? = nil, hasCertificates: Bool = true
  ) throws -> EnvironmentPatch {
    try InitialisationTests.selection(accelerator: accelerator, variables)
      .initialisation(of: Environment(variables), hasCertificates: hasCertificates)
  }

  @Test(arguments: [nil, InitialisationTests.accelerator, "accel/nvidia/cc90"])
  func `an environment shows all that its initialisation did`(accelerator: String?) throws {
    for hasCertificates in [true, false] {
      for variables in [
        [:], ["EESSI_BASIC_ENV": "1"], ["EESSI_CUSTOM_MODULEPATH": "/a:/b"],
        ["EESSI_SITE_SOFTWARE_PREFIX": "/site", "EESSI_MODULE_SUBDIR": "modules/some"],
      ] {
        let before = Self.user.merging(variables) { $1 }
        let done = try patch(before, accelerator: accelerator, hasCertificates: hasCertificates)
        var after = done.applied(to: Environment(before))
        // What steered the initialisation may be gone.
        for name in variables.keys { after[name] = nil }
        let shown = StackSelection.initialisation(shownBy: after)
        func steps(_ patch: EnvironmentPatch) -> [String] {
          patch.operations.filter { if case .unset = $0 { false } else { true } }
            .map { "\($0)" }.sorted()
        }
        #expect(steps(shown) == steps(done))
      }
    }
  }

  @Test func `an environment that is not initialised shows nothing`() {
    #expect(
      StackSelection.initialisation(shownBy: Environment(["EESSI_VERSION": "1", "PATH": "/bin"]))
        == EnvironmentPatch())
  }

  @Test func `what others may have set comes back and Lmod keeps its settings`() throws {
    let records = try StackSelection.moduleRecords(of: patch())
    let lmod = "\(InitialisationTests.zen3)/.lmod"
    #expect(records.contains(.push("LMOD_PACKAGE_PATH", lmod)))
    #expect(records.contains(.push("SSL_CERT_FILE", StackSelection.certificates)))
    #expect(records.contains(.set("EESSI_VERSION", "2023.06")))
    #expect(!records.contains { $0.assignment?.name == "LMOD_CONFIG_DIR" })
  }

  @Test func `PATH is only added to`() throws {
    let records = try StackSelection.moduleRecords(of: patch([:]))
    let path = records.filter { $0.assignment?.name == "PATH" }
    let compat = "\(Stacks.prefix)/compat/linux/x86_64"
    #expect(path == [.prepend("PATH", "\(compat)/bin"), .prepend("PATH", "\(compat)/usr/bin")])
  }

  @Test func `a value that a module system would have executed is refused`() throws {
    let patch = try patch(["PATH": "/bin", "EESSI_SITE_SOFTWARE_PREFIX": "/x\nreboot"])
    #expect(throws: StackError.self) { try StackSelection.moduleRecords(of: patch) }
  }
}
