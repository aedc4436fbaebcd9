import CSpank
import TestSupport
import Testing

/// The words of users and administrators, as the plugin checks them.
@Suite(.tags(.small))
struct WordsTests {
  private func text<T>(_ field: T) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  @Test(arguments: [nil, "", "(null)"])
  func aBareOptionIsOneValueInThreeShapes(_ value: String?) {
    var request = slipway_request()
    #expect(slipway_take_version(&request, value))
    #expect(request.wanted && text(request.version).isEmpty)
  }

  @Test(arguments: ["2023.06", "20240402", "2021.12-test", "2"])
  func versionsAreTaken(_ value: String) {
    var request = slipway_request()
    #expect(slipway_take_version(&request, value))
    #expect(request.wanted && text(request.version) == value)
  }

  @Test func offRefusesTheStack() {
    var request = slipway_request()
    #expect(slipway_take_version(&request, "2023.06"))
    #expect(slipway_take_version(&request, "off"))
    #expect(request.refused && !request.wanted && text(request.version).isEmpty)
    #expect(slipway_take_version(&request, nil))
    #expect(!request.refused && request.wanted)
  }

  @Test(arguments: [
    "x", "-1", "2023.06/..", "2023 06", "2023.06\n", "2023.06;id", "$(id)", "2023.06'", "é", "..",
    String(repeating: "1", count: 65), String(repeating: "1", count: 1_000_000),
  ])
  func wordsThatAreNoVersionLeaveTheRequestAlone(_ value: String) {
    var request = slipway_request()
    #expect(!slipway_take_version(&request, value))
    #expect(!request.wanted && text(request.version).isEmpty)
  }

  @Test(arguments: ["software.eessi.io", "dev.eessi.io/riscv", "pilot.eessi-hpc.org"])
  func repositoriesAreTaken(_ value: String) {
    var request = slipway_request()
    #expect(slipway_take_repository(&request, value))
    #expect(text(request.repository) == value)
  }

  @Test(arguments: [
    nil, "", "(null)", "/cvmfs/x", "a//b", "a/", "a/../b", "./a", "a b", "a\tb", ".hidden",
    String(repeating: "a/", count: 64) + "a",
  ])
  func wordsThatAreNoRepositoryAreRefused(_ value: String?) {
    var request = slipway_request()
    #expect(!slipway_take_repository(&request, value))
    #expect(text(request.repository).isEmpty)
  }

  @Test func aSubdirectoryHasAnArchitecture() {
    var request = slipway_request()
    #expect(slipway_take_arch(&request, "x86_64/amd/zen2"))
    #expect(text(request.arch) == "x86_64/amd/zen2")
    #expect(!slipway_take_arch(&request, "zen2"))
    #expect(!slipway_take_arch(&request, nil))
    #expect(!slipway_take_arch(&request, "x86_64/../../etc"))
  }

  @Test(arguments: [
    "GROMACS", "GROMACS/2024.4-foss-2023b,R", "_x", "a/b/c+1,d",
    String(repeating: "a,", count: 999) + "a",
  ])
  func modulesAreTaken(_ value: String) {
    var request = slipway_request()
    #expect(slipway_take_modules(&request, value))
    #expect(request.detailed && text(request.modules) == value)
  }

  @Test(arguments: [
    nil, "", "(null)", ",", "a,", ",a", "a,,b", "a b", "-q", "a,-q", "a;b", "$(id)", "../a", "/a",
    "a/",
    "é", "a\nb", String(repeating: "x", count: 257), String(repeating: "a,", count: 4096),
  ])
  func otherWordsAreNoModules(_ value: String?) {
    var request = slipway_request()
    #expect(!slipway_take_modules(&request, value))
    #expect(text(request.modules).isEmpty)
  }

  @Test func everySettingIsTaken() {
    var settings = slipway_settings()
    slipway_settings_default(&settings)
    #expect(settings.deadline == 10 && settings.guard == SLIPWAY_GUARD_STRICT && !settings.always)
    #expect(settings.load_deadline == 60 && settings.probe_deadline == 20)
    for word in [
      "node=/opt/n", "config=/etc/c.toml", "deadline=30", "load-deadline=90",
      "probe-deadline=5", "guard=warn", "default=on",
    ] {
      #expect(slipway_take_setting(&settings, word))
    }
    #expect(settings.load_deadline == 90 && settings.probe_deadline == 5)
    #expect(text(settings.node) == "/opt/n" && text(settings.config) == "/etc/c.toml")
    #expect(settings.deadline == 30 && settings.guard == SLIPWAY_GUARD_WARN && settings.always)
    #expect(slipway_take_setting(&settings, "default=off") && !settings.always)
    #expect(slipway_take_setting(&settings, "guard=off") && settings.guard == SLIPWAY_GUARD_OFF)
  }

  @Test(arguments: [
    "", "node", "node=", "node=relative", "nodes=/x", "deadline=0", "deadline=-1", "deadline=3601",
    "deadline=1x", "deadline=", "load-deadline=0", "load-deadline=",
    "load_deadline=5", "probe-deadline=0", "probe-deadline=", "probe=1", "guard=", "guard=maybe",
    "default=yes", "=x",
    "node=/" + String(repeating: "x", count: 5000),
  ])
  func otherWordsAreNoSettings(_ word: String) {
    var settings = slipway_settings()
    slipway_settings_default(&settings)
    #expect(!slipway_take_setting(&settings, word))
    #expect(text(settings.node) == "/usr/libexec/slipway/slipway-node" && settings.deadline == 10)
  }
}
