import Glibc
package import Microarchitecture

/// One machine: its processor, kernel, C library and GPUs.
package struct HostProfile: Equatable, Sendable {
  package var processor: Processor
  /// All GPUs of the machine.
  package var gpus: [GPU]
  /// The places in ``gpus`` of those that may be used; nil where nobody divides them.
  package var allocation: [Int]?
  /// The version of the NVIDIA driver that runs; nil without a GPU of NVIDIA's.
  package var nvidiaDriver: String?

  package init(
    processor: Processor, gpus: [GPU] = [], allocation: [Int]? = nil, nvidiaDriver: String? = nil
  ) {
    self.processor = processor
    self.gpus = gpus
    self.allocation = allocation
    self.nvidiaDriver = nvidiaDriver
  }

  /// The GPUs that may be used.
  package var allocatedGPUs: [GPU] { allocation.map { $0.map { gpus[$0] } } ?? gpus }

  /// The accelerator that builds for the allocated GPUs may use, as `accel/nvidia/cc80`.
  ///
  /// The lowest compute capability that all of them share; nil where there is none, where one is not
  /// known, where AMD models differ, or where NVIDIA's differ in their major number, whose machine
  /// code is incompatible.
  package var accelerator: String? {
    let nvidia = allocatedGPUs.filter { $0.vendor == .nvidia }.map(\.computeCapability)
    if !nvidia.isEmpty {
      let known = nvidia.compactMap { $0 }
      guard known.count == nvidia.count, let lowest = known.min(),
        known.allSatisfy({ $0.major == lowest.major })
      else { return nil }
      return "accel/nvidia/cc\(lowest.major)\(lowest.minor)"
    }
    let models = Set(allocatedGPUs.compactMap(\.gfx))
    return models.count == 1 ? "accel/amd/\(models.first!)" : nil
  }

  /// What a user should know about GPUs that no single accelerator fits.
  package var warnings: [String] {
    let gpus = allocatedGPUs
    let who = allocation == nil ? "this node has" : "this step was given"
    let majors = Set(gpus.compactMap(\.computeCapability?.major))
    if majors.count > 1 {
      return ["\(who) GPUs of \(majors.count) generations; no accelerator subtree fits all"]
    }
    guard gpus.contains(where: { $0.vendor == .nvidia && $0.computeCapability == nil }) else {
      return []
    }
    return [
      "\(who) an NVIDIA GPU that slipway's table does not know, so no accelerator subtree is "
        + "used; remedy: set EESSI_ACCELERATOR_TARGET_OVERRIDE=accel/nvidia/ccNN"
    ]
  }
}

/// Why a machine could not be read.
package enum HostError: Error, Equatable, CustomStringConvertible {
  case unsupportedArchitecture(String)
  case unreadable(String)

  package var description: String {
    switch self {
    case .unsupportedArchitecture(let name):
      "no software target exists for the architecture \"\(name)\"; remedy: run on x86_64, "
        + "aarch64, ppc64le or riscv64"
    case .unreadable(let path):
      "\(path) cannot be read as a processor description; remedy: name "
        + "its architecture with --arch, or give the text of a /proc/cpuinfo"
    }
  }
}

extension MachineRoot {
  /// The machine's processor.
  ///
  /// A machine that hides its processor (no `/proc`, an empty list) has no features, so only the
  /// generic target fits it.
  package func processor(architecture named: Architecture? = nil) throws(HostError) -> Processor {
    var architecture = named
    if architecture == nil && isThisMachine {
      architecture = Architecture(rawValue: Self.machineName)
      if architecture == nil { throw .unsupportedArchitecture(Self.machineName) }
    }
    let kernel = kernelRelease.flatMap { KernelRelease(parsing: $0) }
    let text = contents(of: "/proc/cpuinfo") ?? []
    if let processor = CPUInfo.processor(in: text, architecture: architecture, kernel: kernel) {
      return processor
    }
    guard let architecture else { throw .unreadable("\(path)/proc/cpuinfo") }
    return Processor(architecture: architecture, kernel: kernel)
  }

  /// The kernel's release, such as `6.1.0-18-amd64`.
  package var kernelRelease: String? { text(of: "/proc/sys/kernel/osrelease") }

  /// What the scheduler of the hot path needs: the processor and the GPUs.
  package func profile(
    architecture: Architecture? = nil, askingDriver: Bool = true
  ) throws(HostError) -> HostProfile {
    let gpus = gpus(askingDriver: askingDriver)
    return HostProfile(
      processor: try processor(architecture: architecture), gpus: gpus,
      nvidiaDriver: gpus.contains { $0.vendor == .nvidia } ? nvidiaDriverVersion : nil)
  }

  private static var machineName: String {
    var name = utsname()
    uname(&name)
    return withUnsafeBytes(of: &name.machine) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
