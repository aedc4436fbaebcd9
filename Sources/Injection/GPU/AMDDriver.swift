package import Host

/// AMD's driver of a machine: the device files that programs open.
///
/// Libraries of ROCm stay those of the stack: the host's break newer ones (apptainer/apptainer #1621,
/// #1622, #2606).
package struct AMDDriver: Equatable, Sendable {
  /// The version of the amdgpu module, `6.8.5`; nil for the kernel's own, which has none.
  package var version: String?
  package var devices: [Device]
  package var findings: [Finding]

  package struct Device: Equatable, Sendable {
    package var path: String
    package var isRequired: Bool
  }

  /// Directories of the kernel that ROCm reads its GPUs from.
  package static let directories = ["/sys/class/kfd", "/sys/devices/virtual/kfd"]

  /// Looks for the driver of a machine; nil where none runs.
  package static func find(on machine: MachineRoot) -> AMDDriver? {
    guard machine.exists("/dev/kfd") else { return nil }
    let names = machine.names(in: "/dev/dri")
    let render = names.filter { $0.hasPrefix("renderD") }
    let devices =
      [Device(path: "/dev/kfd", isRequired: true)]
      + render.map { Device(path: "/dev/dri/\($0)", isRequired: true) }
      + names.filter { $0.hasPrefix("card") }
      .map { Device(path: "/dev/dri/\($0)", isRequired: false) }
    var findings: [Finding] = []
    if render.isEmpty {
      findings.append(
        Finding(
          .driver, .fail, file: "/dev/dri", "there is /dev/kfd, but no device file of a GPU",
          remedy: "load the module amdgpu"))
    }
    return AMDDriver(
      version: machine.text(of: "/sys/module/amdgpu/version"), devices: devices,
      findings: findings)
  }

  /// What there is to say of a ROCm release, such as `6.2.4-120`, on the driver.
  ///
  /// AMD tests a driver with the two releases before it and the two after ("User and kernel-space
  /// support matrix"). nil where all is well, or where one of them is in no table.
  package func check(rocm: String) -> Finding? {
    guard let version, let driver = Self.release(ofModule: version),
      let used = CUDAVersion(rocm).map({ "\($0)" }),
      let a = Self.releases.firstIndex(of: driver), let b = Self.releases.firstIndex(of: used),
      abs(a - b) > 2
    else { return nil }
    return Finding(
      .driver, .warn, subject: "ROCm \(used)",
      "ROCm \(used) is not tested with the driver amdgpu \(version), which is that of ROCm \(driver)",
      remedy: "load software of a ROCm release nearer to \(driver), or have the driver updated")
  }

  private static let releases = [
    "5.0", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "6.0", "6.1", "6.2", "6.3", "6.4",
    "7.0",
    "7.1", "7.2",
  ]

  /// The ROCm release that a version of the module `amdgpu-dkms` came with.
  private static func release(ofModule version: String) -> String? {
    let modules = [
      "5.18": "5.4", "6.0": "5.5", "6.1": "5.6", "6.2": "5.7", "6.3": "6.0", "6.7": "6.1",
      "6.8": "6.2", "6.10": "6.3", "6.12": "6.4", "6.14": "7.0", "6.16": "7.1",
    ]
    return CUDAVersion(version).flatMap { modules["\($0)"] }
  }
}
