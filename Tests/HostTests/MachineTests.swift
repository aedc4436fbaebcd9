import Foundation
import Host
import Microarchitecture
import TestSupport
import Testing

/// Machines written from facts; the directory of a file is its expected answer.
@Suite(.tags(.medium))
struct MachineTests {
  static let directory = Bundle.module.bundlePath + "/Machines"
  static let machines = filesBelow(directory, ending: ".cpuinfo")

  static func processor(_ machine: String) throws -> Processor {
    let family = machine.prefix { $0 != "/" }
    let text = try Data(contentsOf: URL(filePath: "\(directory)/\(machine)"))
    return try #require(
      CPUInfo.processor(in: Array(text), architecture: Architecture(rawValue: String(family))))
  }

  @Test func `the folder has machines of every architecture`() {
    let families = Set(Self.machines.map { String($0.prefix { $0 != "/" }) })
    #expect(families == Set(Architecture.allCases.map(\.rawValue)))
    #expect(Self.machines.count > 60)
  }

  @Test(arguments: machines)
  func `the best target is the folder that the machine lies in`(machine: String) throws {
    let answer = URL(filePath: "/\(machine)").deletingLastPathComponent().path.dropFirst()
    let suitable = Selection(for: try Self.processor(machine)).suitable
    #expect(suitable.first?.subdirectory == String(answer))
  }

  /// A virtual machine may show less than its model has; these are the real ones.
  @Test(arguments: machines.filter { !$0.contains("differ") && !$0.contains("no-f") })
  func `the table of models claims nothing that the machine does not show`(
    machine: String
  ) throws {
    let processor = try Self.processor(machine)
    guard !processor.isVirtual, let model = KnownModel.of(processor) else { return }
    let claimed = model.features.subtracting(["amx_fp16"]).subtracting(processor.features)
    // What a new kernel switches on (AMX) a kernel before 5.16 hides from programs.
    let hidden = machine.contains("without-amx") ? claimed.filter { $0.hasPrefix("amx") } : []
    #expect(claimed.subtracting(hidden) == [], "\(model.name) does not have them")
  }
}
