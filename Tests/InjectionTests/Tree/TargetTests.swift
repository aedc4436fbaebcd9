import Foundation
import Host
import Injection
import TestSupport
import Testing

@Suite(.tags(.medium))
struct TargetTests {
  private static let nvidia = InjectionTarget.VariantLink.nvidia(
    version: "2025.06", architecture: "x86_64")
  private static let compat = "cvmfs/software.eessi.io/versions/2025.06/compat/linux/x86_64/lib"

  private func find(_ link: InjectionTarget.VariantLink, _ site: Site) throws -> InjectionTarget {
    try InjectionTarget(link, of: site.repository, files: GuardedFiles(seconds: 10))
  }

  /// A site whose `host_injections` leads elsewhere.
  private func with(_ text: String?, _ body: (Site) throws -> Void) throws {
    try Site.with { site in
      unlink("\(site.repository)/host_injections")
      if let text {
        try site.directory.link(
          "cvmfs/software.eessi.io/host_injections",
          to: text.replacing("{}", with: site.directory.path))
      }
      try body(site)
    }
  }

  @Test func followed() throws {
    try with("{}/opt/eessi") { site in
      try site.directory.link("opt/eessi", to: "../shared/eessi")
      try site.directory.makeDirectory("real/eessi")
      try site.directory.link("shared", to: "\(site.directory.path)/./real/../real")
      let target = try find(.hostInjections, site)
      #expect(target.path == site.directory("real/eessi"))
      #expect(
        target.chain.map(\.link) == [
          "\(site.repository)/host_injections", site.directory("opt/eessi"),
          site.directory("shared"),
        ])
      #expect(try InjectionTarget(named: site.directory("opt/eessi")).path == target.path)
    }
  }

  @Test(arguments: ["/dev/null", nil])
  func notConfigured(_ text: String?) throws {
    try with(text) { site in
      let error = InjectionTreeError.notConfigured(
        link: "\(site.repository)/host_injections", target: text ?? "nothing",
        settings: ["EESSI_HOST_INJECTIONS"])
      #expect(throws: error) { try find(.hostInjections, site) }
      #expect(
        "\(error)".contains(
          "set EESSI_HOST_INJECTIONS=DIRECTORY in /etc/cvmfs/domain.d/eessi.io.local and run "
            + "cvmfs_config reload"))
    }
  }

  @Test func notMadeYet() throws {
    try with("{}/opt/eessi") { site in
      let error = InjectionTreeError.missingTarget(
        site.directory("opt/eessi"), link: "\(site.repository)/host_injections")
      #expect(throws: error) { try find(.hostInjections, site) }
      #expect("\(error)".hasSuffix("install -d -m 755 \(site.directory("opt/eessi"))"))
      try site.directory.write("opt/eessi", "a file")
      #expect(throws: InjectionTreeError.notADirectory(site.directory("opt/eessi"))) {
        try find(.hostInjections, site)
      }
    }
  }

  @Test func loops() throws {
    try with("{}/loop") { site in
      try site.directory.link("loop", to: "loop")
      #expect(throws: InjectionTreeError.tooManyLinks("\(site.repository)/host_injections")) {
        try find(.hostInjections, site)
      }
    }
  }

  @Test func noRepository() throws {
    try Site.with { site in
      let root = site.directory("cvmfs/nowhere")
      #expect(throws: InjectionTreeError.noRepository(root)) {
        try InjectionTarget(.hostInjections, of: root, files: GuardedFiles(seconds: 10))
      }
    }
  }

  // MARK: Drivers, from 2025.06 on

  @Test func driversByTheDefault() throws {
    try Site.with { site in
      try site.directory.link("\(Self.compat)/nvidia", to: "\(site.repository)/defaults/nvidia")
      let defaults = "cvmfs/software.eessi.io/defaults/nvidia"
      try site.directory.link(defaults, to: "/dev/null")
      let error = InjectionTreeError.notConfigured(
        link: "\(site.directory(Self.compat))/nvidia", target: "/dev/null",
        settings: ["EESSI_NVIDIA_OVERRIDE_DEFAULT", "EESSI_202506_NVIDIA_OVERRIDE"])
      #expect(throws: error) { try find(Self.nvidia, site) }
      unlink(site.directory(defaults))
      try site.directory.link(defaults, to: site.directory("drivers"))
      try site.directory.makeDirectory("drivers")
      let target = try find(Self.nvidia, site)
      #expect(target.path == site.directory("drivers") && target.chain.count == 2)
      #expect(target.place(below: try find(.hostInjections, site)) == nil)
    }
  }

  /// Below `host_injections` it is a place of that target, also when slipway has filled it.
  @Test func driversBelowHostInjections() throws {
    try Site.with { site in
      try site.directory.link(
        "\(Self.compat)/nvidia", to: "\(site.repository)/host_injections/\(Site.host)")
      try site.directory.makeDirectory("target/\(Site.host)")
      for _ in 0..<2 {
        let target = try find(Self.nvidia, site)
        #expect(target.path == "\(site.target)/\(Site.host)")
        #expect(target.place(below: try find(.hostInjections, site)) == Site.host)
        _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      }
      // As a target it would be a generation of the real one.
      let error = #expect(throws: InjectionTreeError.self) {
        try site.writer(target: "\(site.target)/\(Site.host)").apply(InjectionTree([site.mpi]))
      }
      #expect("\(error!)".contains("lies in what slipway keeps of another target"))
    }
  }

  @Test func settings() {
    let override = InjectionTarget.VariantLink.override(version: "2026.06", architecture: "aarch64")
    #expect(override.path == "versions/2026.06/compat/linux/aarch64/lib/override")
    #expect(override.settings == ["EESSI_LIB_OVERRIDE_DEFAULT", "EESSI_202606_LIB_OVERRIDE"])
  }
}
