import Environment
import Injection
import TestSupport
import Testing

/// Which CUDA runs on which driver.
@Suite(.tags(.small))
struct CUDATests {
  @Test(arguments: [
    ("384.81", "9.0"), ("390.157", "9.1"), ("410.48", "10.0"), ("418.226.00", "10.1"),
    ("440.33.01", "10.2"), ("450.80.02", "11.0"), ("460.106.00", "11.2"), ("470.256.02", "11.4"),
    ("515.105.01", "11.7"), ("520.61.05", "11.8"), ("525.60.13", "12.0"), ("530.30.02", "12.1"),
    ("535.261.03", "12.2"), ("545.23.08", "12.3"), ("550.163.01", "12.4"), ("555.58.02", "12.5"),
    ("560.35.05", "12.6"), ("565.57.01", "12.7"), ("570.133.20", "12.8"), ("575.57.08", "12.9"),
    ("580.95.05", "13.0"), ("590.44.01", "13.1"), ("595.58.03", "13.2"),
    // Between two branches of the table; older and newer than all of it.
    ("585.10.01", "13.0"), ("375.26", nil), ("999.10", nil),
  ])
  func `a driver's branch serves a CUDA`(driver: String, cuda: String?) throws {
    let newest = CUDACompatibility.newest(servedBy: try #require(DriverVersion(driver)))
    #expect(newest?.description == cuda)
  }

  @Test(arguments: [
    // CUDA, driver, verdict
    ("11.0", "450.80.02", nil), ("11.0", "450.51.06", Verdict.fail), ("11.8", "450.80.02", .warn),
    ("11.8", "520.61.05", nil), ("11.8", "535.261.03", nil), ("11.4", "418.226.00", .fail),
    ("12.0", "525.60.13", nil), ("12.0", "525.53", .fail), ("12.1", "525.147.05", .warn),
    ("12.4", "470.256.02", .fail), ("12.4", "535.261.03", .warn), ("12.4", "550.54.15", nil),
    ("12.9", "575.51.03", nil), ("12.9", "580.65.06", nil), ("12.6", "999.10", nil),
    ("13.0", "575.57.08", .fail), ("13.0", "580.65.06", nil), ("13.1", "580.95.05", .warn),
    ("13.9", "999.10", nil), ("14.0", "595.58.03", .fail), ("14.0", "999.10", nil),
    ("10.0", "410.48", nil), ("10.1", "410.48", .fail), ("10.2", "418.39", .fail),
    ("10.2", "375.26", .fail), ("9.2", "535.261.03", nil), ("9.2", "390.46", .warn),
  ])
  func `CUDA on a driver`(cuda: String, driver: String, verdict: Verdict?) throws {
    let finding = CUDACompatibility.check(
      try #require(CUDAVersion(cuda)), on: try #require(DriverVersion(driver)))
    #expect(finding?.verdict == verdict)
    guard let finding else { return }
    #expect(finding.message.contains(cuda))
    #expect(finding.message.contains(driver), "a person needs both numbers")
    #expect(finding.remedy != nil)
  }

  @Test func `what fails names the driver that is needed`() throws {
    let finding = CUDACompatibility.check(
      CUDAVersion(12, 4), on: try #require(DriverVersion("470.256.02")))
    #expect(
      finding?.text == "CUDA 12.4 needs an NVIDIA driver of at least 525.60.13, and this node's "
        + "NVIDIA driver 470.256.02 serves CUDA up to 11.4; remedy: load software of an older CUDA, "
        + "or have the driver updated")
  }

  @Test(arguments: [
    "", "12", "12.", ".4", "12.x", "-1.2", "１２.4", "12.99999", "99999.1", "1e3.0", "NaN",
  ])
  func `what is no CUDA release is none`(text: String) {
    #expect(CUDAVersion(text) == nil)
  }

  @Test(arguments: ["12.4", "12.4.1", "12.4.1-GCC-13.3.0", "12.4-beta"])
  func `a release is read from the beginning of a version`(text: String) {
    #expect(CUDAVersion(text) == CUDAVersion(12, 4))
  }

  @Test(arguments: [
    "", "535", "535.", ".1", "535..1", "535.a", "535.261.03.1", "535.-1", "535.1234567",
    "535.261.03 ",
    "../535.1", "٥٣٥.١",
  ])
  func `what is no driver release is none`(text: String) {
    #expect(DriverVersion(text) == nil)
  }

  @Test func `driver releases are ordered by their numbers`() throws {
    let order = ["99.9", "450.51", "450.51.06", "450.80.02", "525.60.13", "525.147.05", "1000.1"]
    let versions = order.compactMap { DriverVersion($0) }
    #expect(versions.count == order.count)
    #expect(versions.shuffled().sorted().map(\.description) == order)
  }

  // MARK: Environments

  private func check(_ variables: [String: String], driver: String = "535.261.03") -> Verdict? {
    CUDACompatibility.check(Environment(variables), driver: driver)?.verdict
  }

  @Test func `the CUDA of an environment is that of its modules`() {
    let root = "/cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen3"
    #expect(check([:]) == nil)
    #expect(check(["EESSICUDAVERSION": "12.1.1"]) == nil)
    #expect(check(["EESSICUDAVERSION": "12.4.0"]) == .warn)
    #expect(check(["EESSICUDAVERSION": "13.0.0"]) == .fail)
    #expect(check(["EBROOTCUDA": "\(root)/accel/nvidia/cc80/software/CUDA/12.4.0"]) == .warn)
    #expect(check(["EBROOTCUDA": "\(root)/software/CUDA/13.0.0/"]) == .fail)
    #expect(check(["EBROOTCUDA": "/usr/local/cuda"]) == nil)
    #expect(check(["EBROOTCUDA": ""]) == nil)
    #expect(check(["EESSICUDAVERSION": "13.0.0"], driver: "no version") == nil)
  }

  @Test func `EESSI's variables silence and correct`() {
    let tooNew = ["EESSICUDAVERSION": "13.0.0"]
    let newer = ["EESSICUDAVERSION": "12.4.0"]
    func with(_ more: [String: String], _ base: [String: String]) -> Verdict? {
      check(base.merging(more) { $1 })
    }
    #expect(with(["EESSI_OVERRIDE_GPU_CHECK": "1"], tooNew) == nil)
    #expect(with(["EESSI_OVERRIDE_GPU_CHECK": ""], newer) == nil)
    #expect(with(["EESSI_CUDA_DRIVER_VERSION_SUPPRESS_WARNING": "1"], newer) == nil)
    #expect(with(["EESSI_CUDA_DRIVER_VERSION_SUPPRESS_WARNING": "1"], tooNew) == .fail)
    #expect(with(["EESSI_CUDA_DRIVER_VERSION": "12.4"], newer) == nil)
    #expect(with(["EESSI_CUDA_DRIVER_VERSION": "13.0"], tooNew) == nil)
    #expect(with(["EESSI_CUDA_DRIVER_VERSION": "11.4"], newer) == .fail)
    #expect(with(["EESSI_CUDA_DRIVER_VERSION": "junk"], newer) == .warn)
    #expect(with(["EBROOTCUDACOMPAT": "/x/CUDAcompat/12.4"], tooNew) == nil)
  }
}

/// AMD's driver.
@Suite(.tags(.medium))
struct AMDDriverTests {
  private func driver(
    version: String? = nil, devices: [String] = ["kfd", "dri/renderD128", "dri/card0"]
  ) throws -> AMDDriver? {
    try DriverTree.with(running: nil) { tree in
      for device in devices { try tree.directory.write("dev/\(device)", "") }
      if let version { try tree.directory.write("sys/module/amdgpu/version", version + "\n") }
      return AMDDriver.find(on: tree.root)
    }
  }

  @Test func `only devices are the driver's`() throws {
    let found = try #require(try driver())
    #expect(found.version == nil)
    #expect(found.devices.filter(\.isRequired).map(\.path) == ["/dev/kfd", "/dev/dri/renderD128"])
    #expect(found.devices.filter { !$0.isRequired }.map(\.path) == ["/dev/dri/card0"])
    #expect(found.findings == [])
    #expect(found.check(rocm: "6.2.4") == nil)
    #expect(try driver(devices: ["dri/renderD128"]) == nil)
    #expect(try driver(devices: ["kfd"])?.findings.first?.verdict == .fail)
  }

  @Test(arguments: [
    ("6.3.6", "6.0.2-115", false), ("6.3.6", "5.6.1", false), ("6.3.6", "6.2.0", false),
    ("6.3.6", "6.3.0", true), ("6.3.6", "5.5.0", true), ("5.18.13", "6.1.0", true),
    ("6.16.6", "6.4.1", false), ("6.16.6", "6.3.4", true), ("99.1.1", "6.4.1", false),
    ("6.16.6", "nonsense", false), ("6.16.6", "9.9.9", false),
  ])
  func `a ROCm release more than two away is a warning`(
    module: String, rocm: String, isWarned: Bool
  ) throws {
    let finding = try #require(try driver(version: module)).check(rocm: rocm)
    #expect((finding?.verdict == .warn) == isWarned)
    #expect((finding != nil) == isWarned)
    if let finding { #expect(finding.message.contains(module)) }
  }
}
