import Host
import Microarchitecture
import TestSupport
import Testing

/// EESSI's own detection is the judge on the machines that EESSI tests it with.
@Suite(.tags(.medium), .enabled(if: Corpora.isPresent, "\(Corpora.absence)"))
struct ArchdetectTests {
  static let machines = Corpora.files(in: "archdetect", ending: ".cpuinfo")

  @Test func `the corpus has its 21 machines`() {
    #expect(Self.machines.count == 21)
  }

  @Test(arguments: machines)
  func `the targets are those that EESSI's script answers`(machine: String) throws {
    let stem = "archdetect/" + machine.dropLast(".cpuinfo".count)
    let family = try #require(machine.split(separator: "/").first)
    let processor = try #require(
      CPUInfo.processor(
        in: try Corpora.contents(of: "archdetect/\(machine)"),
        architecture: Architecture(rawValue: String(family))))
    let suitable = Selection(for: processor).suitable.map(\.subdirectory)
    #expect(suitable.first == (try Corpora.text(of: stem + ".output")))
    #expect(suitable.joined(separator: ":") == (try Corpora.text(of: stem + ".all.output")))
  }

  @Test(arguments: machines)
  func `the architecture is told from the text alone`(machine: String) throws {
    let processor = CPUInfo.processor(in: try Corpora.contents(of: "archdetect/\(machine)"))
    // A POWER or RISC-V text names no architecture, but its lines are like no other's.
    #expect(
      processor?.architecture.rawValue == machine.split(separator: "/").first.map(String.init))
  }
}

/// Processors whose `/proc/cpuinfo` was computed from a CPUID dump.
@Suite(.tags(.medium), .enabled(if: Corpora.isPresent, "\(Corpora.absence)"))
struct DumpedProcessorTests {
  static let answers = [
    "AMD-17h-Zen-2xEpyc-7451": "generic", "AMD-19h-Zen3-2xEpyc-7763": "amd/zen3",
    "Hygon-Dhyana-32cores": "generic", "Intel-Haswell-2xXeon-E5-2680v3": "intel/haswell",
    "Intel-KnightsLanding-XeonPhi-7210": "intel/haswell",
    "Intel-SandyBridge-2xXeon-E5-2650": "generic",
    "Intel-Skylake-2xXeon6140": "intel/skylake_avx512",
  ]
  static let dumps = Corpora.files(in: "hwloc/cpuinfo-from-cpuid", ending: ".cpuinfo")

  static func processor(_ dump: String) throws -> Processor {
    try #require(
      CPUInfo.processor(in: try Corpora.contents(of: "hwloc/cpuinfo-from-cpuid/\(dump)")))
  }

  @Test(arguments: dumps)
  func `the best target is the one that the processor can run`(dump: String) throws {
    let answer = try #require(Self.answers[String(dump.dropLast(".cpuinfo".count))])
    let best = Selection(for: try Self.processor(dump)).suitable.first
    #expect(best?.subdirectory == "x86_64/\(answer)")
  }

  @Test func `Zen 1 may use haswell where the site allows it, and never zen2`() throws {
    let zen1 = try Self.processor("AMD-17h-Zen-2xEpyc-7451.cpuinfo")
    let policy = SelectionPolicy(crossVendor: ["x86_64/intel/haswell", "x86_64/amd/zen2"])
    let suitable = Selection(for: zen1, policy: policy).suitable.map(\.subdirectory)
    #expect(suitable == ["x86_64/intel/haswell", "x86_64/generic"])
  }

  @Test func `Hygon gets no haswell even where the site allows it, for want of pclmulqdq`() throws {
    let hygon = try Self.processor("Hygon-Dhyana-32cores.cpuinfo")
    let policy = SelectionPolicy(crossVendor: ["x86_64/intel/haswell"])
    let suitable = Selection(for: hygon, policy: policy).suitable.map(\.subdirectory)
    #expect(suitable == ["x86_64/generic"])
  }
}
