import Configuration
import Environment
import Host
import Launch
import Microarchitecture
import Stack
import TestSupport
import Testing

@Suite(.tags(.small))
struct LaunchPlanTests {
  private static let prefix = "/cvmfs/software.eessi.io/versions/2023.06"
  private let files = StackReader.inMemory(directories: [
    "\(prefix)/compat/linux/x86_64", "\(prefix)/software/linux/x86_64/generic/software",
    "\(prefix)/software/linux/x86_64/intel/haswell/software",
    "\(prefix)/software/linux/x86_64/intel/haswell/accel/nvidia/cc80/modules/all",
    "\(prefix)/software/linux/x86_64/amd/zen2/software",
  ])

  private func host(
    _ target: String, vendor: String = "GenuineIntel", gpus: [GPU] = [], allocation: [Int]? = nil,
    driver: String? = nil
  ) -> HostProfile {
    HostProfile(
      processor: Processor(
        architecture: .x86_64, vendor: vendor, name: "a processor",
        features: Catalog.target(named: target)!.features), gpus: gpus, allocation: allocation,
      nvidiaDriver: driver)
  }

  private func plan(
    _ request: LaunchRequest = LaunchRequest(argv: ["true"]), environment: [String: String] = [:],
    host: HostProfile
  ) throws -> LaunchPlan {
    try LaunchPlan(
      request, environment: Environment(environment), configuration: Configuration(), host: host,
      files: files)
  }

  @Test func aPlanIsTheSameValueForTheSameInputs() throws {
    let one = try plan(host: host("x86_64/intel/haswell"))
    #expect(try one == plan(host: host("x86_64/intel/haswell")))
    #expect(one.argv == ["true"])
    #expect(one.selection.subdirectory == "x86_64/intel/haswell")
    #expect(one.environment["EESSI_SOFTWARE_SUBDIR"] == "x86_64/intel/haswell")
    #expect(one.warnings.isEmpty)
  }

  @Test func aPlanOfItsOwnResultChangesNothing() throws {
    let first = try plan(
      environment: ["PATH": "/bin", "HOME": "/h"], host: host("x86_64/intel/haswell"))
    let second = try LaunchPlan(
      LaunchRequest(), environment: first.environment, configuration: Configuration(),
      host: host("x86_64/intel/haswell"), files: files)
    #expect(second.changes.isEmpty)
  }

  @Test func anEnvironmentMovesFromNodeToNodeAndBack() throws {
    let haswell = try plan(environment: ["PATH": "/bin"], host: host("x86_64/intel/haswell"))
    let zen2 = try LaunchPlan(
      LaunchRequest(), environment: haswell.environment, configuration: Configuration(),
      host: host("x86_64/amd/zen2", vendor: "AuthenticAMD"), files: files)
    #expect(
      !zen2.environment.entries.contains {
        String(decoding: $0, as: UTF8.self).contains("haswell")
          && !String(decoding: $0, as: UTF8.self).hasPrefix("EESSI_ARCHDETECT_OPTIONS")
      })
    let back = try LaunchPlan(
      LaunchRequest(), environment: zen2.environment, configuration: Configuration(),
      host: host("x86_64/intel/haswell"), files: files)
    #expect(back.environment == haswell.environment)
  }

  @Test func whatAnotherNodeInitialisedCanBeUndoneHere() throws {
    let before = Environment(["PATH": "/bin", "HOME": "/h"])
    let zen2 = try plan(
      environment: ["PATH": "/bin", "HOME": "/h"],
      host: host("x86_64/amd/zen2", vendor: "AuthenticAMD"))
    var shell = zen2.environment
    shell[EnvironmentUndo.variable] =
      EnvironmentUndo(from: before, to: shell, hadModuleTable: false).text
    let haswell = try LaunchPlan(
      LaunchRequest(), environment: shell, configuration: Configuration(),
      host: host("x86_64/intel/haswell"), files: files
    ).environment
    #expect(haswell["EESSI_SOFTWARE_SUBDIR"] == "x86_64/intel/haswell")
    #expect(try EnvironmentUndo(of: haswell)?.undone(haswell) == before)
    // Damage is left for deinit to refuse; a job does not fail of it.
    shell[EnvironmentUndo.variable] = "damaged"
    let damaged = try LaunchPlan(
      LaunchRequest(), environment: shell, configuration: Configuration(),
      host: host("x86_64/intel/haswell"), files: files)
    #expect(damaged.environment[EnvironmentUndo.variable] == "damaged")
  }

  @Test func theAcceleratorOfTheHostIsUsed() throws {
    let gpu = GPU(vendor: .nvidia, computeCapability: ComputeCapability(8, 6), source: .nvml)
    let plan = try plan(host: host("x86_64/intel/haswell", gpus: [gpu]))
    #expect(plan.environment["EESSI_ACCELERATOR_TARGET"] == "accel/nvidia/cc80")
    #expect(plan.environment["EESSI_ACCEL_SUBDIR"] == "accel/nvidia/cc86")
  }

  @Test func aGPUThatNoTableKnowsIsSaidAndUsesNoAcceleratorSubtree() throws {
    let gpus = [
      GPU(vendor: .nvidia, computeCapability: ComputeCapability(8, 0), source: .pci),
      GPU(vendor: .nvidia, source: .pci),
    ]
    let plan = try plan(host: host("x86_64/intel/haswell", gpus: gpus))
    #expect(plan.environment["EESSI_ACCELERATOR_TARGET"] == nil)
    #expect(plan.warnings.count { $0.contains("EESSI_ACCELERATOR_TARGET_OVERRIDE") } == 1)
  }

  private static let gpus = [
    GPU(vendor: .nvidia, computeCapability: ComputeCapability(9, 0), source: .nvml),
    GPU(vendor: .nvidia, computeCapability: ComputeCapability(8, 6), source: .nvml),
  ]

  @Test func `the accelerator is that of the GPUs that the step was given`() throws {
    let all = try plan(host: host("x86_64/intel/haswell", gpus: Self.gpus))
    #expect(all.environment["EESSI_ACCELERATOR_TARGET"] == nil)
    #expect(all.warnings.count { $0.contains("2 generations") } == 1)
    let one = try plan(host: host("x86_64/intel/haswell", gpus: Self.gpus, allocation: [1]))
    #expect(one.environment["EESSI_ACCELERATOR_TARGET"] == "accel/nvidia/cc80")
    #expect(one.warnings == [])
    let none = try plan(host: host("x86_64/intel/haswell", gpus: Self.gpus, allocation: []))
    #expect(none.environment["EESSI_ACCELERATOR_TARGET"] == nil)
    #expect(none.environment["EESSI_ACCEL_SUBDIR"] == nil)
    #expect(none.warnings == [])
    #expect(none.summary.contains("the step was given no GPU"))
  }

  @Test func `a CUDA that the driver does not serve is told with both numbers`() throws {
    func warnings(
      _ cuda: String, allocation: [Int]? = [1], driver: String? = "535.261.03"
    ) throws -> [String] {
      try plan(
        environment: ["EESSICUDAVERSION": cuda],
        host: host(
          "x86_64/intel/haswell", gpus: Self.gpus, allocation: allocation, driver: driver)
      ).warnings
    }
    #expect(try warnings("12.2.0") == [])
    let tooNew = try warnings("13.0.0")
    #expect(tooNew.count == 1)
    for part in ["CUDA 13.0", "580.65.06", "535.261.03", "remedy: "] {
      #expect(tooNew.first?.contains(part) == true)
    }
    #expect(try warnings("12.4.0").count == 1)
    #expect(try warnings("13.0.0", allocation: []) == [])
    #expect(try warnings("13.0.0", driver: nil) == [])
  }

  @Test func theSummaryNamesTheChoiceAndTheNextBetterOfTheOwnLine() throws {
    let summary = try plan(host: host("x86_64/intel/haswell")).summary
    #expect(summary.hasPrefix("x86_64/intel/haswell of \(Self.prefix) (has every feature; "))
    #expect(summary.contains("not x86_64/intel/skylake_avx512: missing: adx "))
  }

  @Test func everyErrorHasItsDocumentedCode() {
    let repository = Repository(named: "r", below: "/cvmfs")
    let cases: [(any Error, Launch.ExitStatus)] = [
      (StackError.missingRepository(repository), .unavailable),
      (StackError.missingVersion("1", in: repository, present: []), .unavailable),
      (StackError.noVersion(repository), .unavailable),
      (StackError.missingCompatLayer("/x"), .unavailable),
      (StackError.noSubtree("/x", tried: []), .unavailable),
      (StackError.missingSubtree("/x", override: "s"), .unavailable),
      (StackError.invalidWord(what: "w", value: "v", source: "s"), .usage),
      (StackError.unsafeSubtree("x", reason: "r", source: "s"), .notPermitted),
      (StackError.unknownSubtree("x", source: "s"), .notPermitted),
      (FileError(path: "/x", code: 110, seconds: 10), .tryAgain),
      (FileError(path: "/x", code: 107, seconds: 10), .unavailable),
      (FileError(path: "/x", code: 13, seconds: 10), .unavailable),
      (HostError.unreadable("/x"), .badData),
      (HostError.unsupportedArchitecture("s390x"), .unavailable),
      (ConfigurationError(file: "f", problem: "p"), .configuration),
    ]
    for (error, status) in cases {
      #expect(Launch.ExitStatus(error) == status, "\(error)")
      #expect("\(error)".contains("remedy: "), "\(error)")
    }
  }
}
