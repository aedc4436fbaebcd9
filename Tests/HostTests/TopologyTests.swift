import Foundation
import Microarchitecture
import TestSupport
import Testing
import Topology

/// Machines that hwloc describes, through the executable: libhwloc takes its source from variables
/// of the process.
@Suite(.tags(.large))
struct TopologyTests {
  static let slipway = Package.executable("slipway")

  func detect(_ arguments: [String]) throws -> ToolResult {
    try run(
      [try #require(Self.slipway), "detect"] + arguments, environment: ["PATH": "/usr/bin:/bin"],
      seconds: 30)
  }

  /// Unpacks a tarball of the corpora and hands over its only directory.
  func unpacking(_ tarball: String, _ body: (String) throws -> Void) throws {
    try TemporaryDirectory.with { directory in
      let result = try run(
        ["tar", "-xjf", "\(Corpora.root)/hwloc/\(tarball)", "-C", directory.path])
      try #require(result.status == 0, "\(result.stderr)")
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      try body(directory(try #require(names.first)))
    }
  }

  static let identities: [(dump: String, vendor: String, family: Int, model: Int, target: String)] =
    [
      ("Intel-Haswell-2xXeon-E5-2680v3", "GenuineIntel", 6, 63, "x86_64/intel/haswell"),
      ("Intel-Skylake-2xXeon6140", "GenuineIntel", 6, 85, "x86_64/intel/skylake_avx512"),
      ("Intel-KnightsLanding-XeonPhi-7210", "GenuineIntel", 6, 87, "x86_64/intel/haswell"),
      ("AMD-19h-Zen3-2xEpyc-7763", "AuthenticAMD", 25, 1, "x86_64/amd/zen3"),
      ("AMD-17h-Zen-2xEpyc-7451", "AuthenticAMD", 23, 1, "x86_64/generic"),
      ("Hygon-Dhyana-32cores", "HygonGenuine", 24, 0, "x86_64/generic"),
    ]

  @Test(
    .enabled(if: Corpora.isPresent, "\(Corpora.absence)"),
    arguments: identities.map(\.dump))
  func `a CPUID dump gives the identity and the target that the model can run`(
    dump: String
  ) throws {
    let answer = try #require(Self.identities.first { $0.dump == dump })
    try unpacking("x86/\(dump).tar.bz2") { directory in
      let best = try detect(["--hwloc-cpuid", directory, "--format", "eessi"])
      #expect(best.status == 0, "\(best.stderr)")
      #expect(best.stdout == "\(answer.target)\n")
      let text = try detect(["--hwloc-cpuid", directory])
      #expect(text.stdout.contains("by its model, no flags were read"))
      let json = try detect(["--hwloc-cpuid", directory, "--json"])
      let document = try #require(
        try JSONSerialization.jsonObject(with: Data(json.output)) as? [String: Any])
      let processor = try #require(document["processor"] as? [String: Any])
      #expect(processor["vendor"] as? String == answer.vendor)
      #expect(processor["family"] as? Int == answer.family)
      #expect(processor["model"] as? Int == answer.model)
    }
  }

  @Test(
    .enabled(if: Corpora.isPresent, "\(Corpora.absence)"),
    arguments: [
      ("nvidiagpunumanodes", "ppc64le", "ppc64le/power9le"),
      ("64amd64-4s2n4ca2co", "x86_64", "x86_64/generic"),
      ("offline-cpu0-node0", "x86_64", "x86_64/intel/haswell"),
      // A Kunpeng 920, without lrcpc; and a GB10, whose kernel hides ssbs.
      ("128arm-2pa2n8cluster4co", "aarch64", "aarch64/generic"),
      ("nvidia-dgx-gb10", "aarch64", "aarch64/nvidia/grace"),
    ])
  func `a gathered root gives the target`(
    name: String, architecture: String, target: String
  ) throws {
    try unpacking("linux/\(name).tar.bz2") { directory in
      let result = try detect(["--root", directory, "--format", "eessi", "--arch", architecture])
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.stdout == "\(target)\n")
    }
  }

  /// A machine as `lstopo --of xml` writes it, with one package of a processor.
  static func xml(_ infos: [String: String]) -> String {
    let lines = infos.map { "<info name=\"\($0.key)\" value=\"\($0.value)\"/>" }.joined()
    let set = """
      cpuset="0x00000001" complete_cpuset="0x00000001" nodeset="0x00000001" \
      complete_nodeset="0x00000001"
      """
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <!DOCTYPE topology SYSTEM "hwloc2.dtd">
      <topology version="2.0">
        <object type="Machine" os_index="0" allowed_cpuset="0x00000001" \
      allowed_nodeset="0x00000001" \(set) gp_index="1">
          <object type="NUMANode" os_index="0" \(set) gp_index="2" local_memory="1024"/>
          <object type="Package" os_index="0" \(set) gp_index="3">
            \(lines)
            <object type="Core" os_index="0" \(set) gp_index="4">
              <object type="PU" os_index="0" \(set) gp_index="5"/>
            </object>
          </object>
        </object>
      </topology>
      """
  }

  @Test(
    arguments: [
      (
        ["CPUVendor": "AuthenticAMD", "CPUFamilyNumber": "23", "CPUModelNumber": "49"],
        "x86_64/amd/zen2"
      ),
      (
        ["CPUVendor": "AuthenticAMD", "CPUFamilyNumber": "23", "CPUModelNumber": "1"],
        "x86_64/generic"
      ),
      (
        ["CPUVendor": "GenuineIntel", "CPUFamilyNumber": "6", "CPUModelNumber": "106"],
        "x86_64/intel/icelake"
      ),
      (
        [
          "CPUVendor": "GenuineIntel", "CPUFamilyNumber": "6", "CPUModelNumber": "85",
          "CPUStepping": "7",
        ],
        "x86_64/intel/cascadelake"
      ),
      (["CPUVendor": "GenuineIntel"], "x86_64/generic"),
      (["CPUImplementer": "0x41", "CPUPart": "0xd0c"], "aarch64/neoverse_n1"),
      (["CPUImplementer": "0x41", "CPUPart": "0xd4f"], "aarch64/nvidia/grace"),
      (["CPUImplementer": "0x41", "CPUPart": "nonsense"], "aarch64/generic"),
      (["CPUModel": "POWER9 (architected), altivec supported"], "ppc64le/power9le"),
      (["CPUModel": "POWER8"], "ppc64le/generic"),
    ])
  func `an XML file gives the target that the model can run`(
    infos: [String: String], target: String
  ) throws {
    try TemporaryDirectory.with { directory in
      let file = try directory.write("machine.xml", Self.xml(infos))
      let result = try detect(["--hwloc-xml", file, "--format", "eessi"])
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.stdout == "\(target)\n")
    }
  }

  @Test(
    arguments: ["", "garbage", "<topology version=\"2.0\"></topology>", "<?xml version=\"1.0\"?>"])
  func `a file that is no topology is an error with a remedy`(text: String) throws {
    try TemporaryDirectory.with { directory in
      let file = try directory.write("machine.xml", text)
      let result = try detect(["--hwloc-xml", file, "--format", "eessi"])
      #expect(result.status != 0)
      #expect(result.status < 128, "a signal ended it")
      #expect(result.stdout == "")
      #expect(result.stderr.contains("remedy"))
    }
  }

  @Test
  func `a machine without a processor's identity is an error`() throws {
    try TemporaryDirectory.with { directory in
      let file = try directory.write("machine.xml", Self.xml(["Foo": "bar"]))
      let result = try detect(["--hwloc-xml", file])
      #expect(result.status != 0)
      #expect(result.stderr.contains("remedy"))
    }
  }
}
