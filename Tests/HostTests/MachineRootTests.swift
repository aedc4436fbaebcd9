import Foundation
import Host
import Microarchitecture
import SystemPackage
import TestSupport
import Testing

/// A machine that exists as a tree of files only.
struct FakeMachine {
  let directory: TemporaryDirectory

  var root: MachineRoot { MachineRoot(FilePath(directory.path)) }

  /// Makes a machine, hands it to the closure and removes it.
  static func with<Result>(_ body: (FakeMachine) throws -> Result) throws -> Result {
    try TemporaryDirectory.with { try body(FakeMachine(directory: $0)) }
  }

  /// Puts a device on the PCI bus.
  func addPCI(
    _ address: String, device: String, vendor: String = "0x10de", kind: String = "0x030200",
    node: String = "1"
  ) throws {
    let device = [("vendor", vendor), ("device", device), ("class", kind), ("numa_node", node)]
    for (name, value) in device {
      try directory.write("sys/bus/pci/devices/\(address)/\(name)", value + "\n")
    }
  }

  func addKFD(_ node: Int, version: Int, more: String = "") throws {
    try directory.write(
      "sys/class/kfd/kfd/topology/nodes/\(node)/properties",
      "cpu_cores_count 0\nsimd_count 440\ngfx_target_version \(version)\nvendor_id 4098\n\(more)")
  }

  /// Lets the driver tell of a device on the bus.
  func addInformation(_ address: String, minor: Int, uuid: String) throws {
    try directory.write(
      "proc/driver/nvidia/gpus/\(address)/information",
      """
      Model: \t\t NVIDIA A100-SXM4-40GB
      IRQ:   \t\t 187
      GPU UUID: \t \(uuid)
      Video BIOS: \t 92.00.19.00.01
      Bus Type: \t PCIe
      DMA Mask: \t 0x7fffffffffff
      Bus Location: \t \(address)
      Device Minor: \t \(minor)
      GPU Excluded:\t No

      """)
  }

  func addNVIDIADriver() throws {
    try directory.write("dev/nvidiactl", "")
    try directory.write("sys/module/nvidia/version", "550.54.15\n")
  }
}

@Suite(.tags(.medium))
struct MachineRootTests {
  @Test func `processor and kernel are those below the root`() throws {
    try FakeMachine.with { machine in
      try machine.directory.write("proc/cpuinfo", CPUInfoTests.zen2)
      try machine.directory.write("proc/sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n")
      let processor = try machine.root.processor()
      #expect(processor.vendor == "AuthenticAMD")
      #expect(processor.kernel == KernelRelease(3, 10))
      #expect(machine.root.kernelRelease == "3.10.0-1160.el7.x86_64")
      #expect(!machine.root.isThisMachine)
    }
  }

  @Test func `an empty root tells nothing, and its architecture must be named`() throws {
    try FakeMachine.with { machine in
      #expect(throws: HostError.unreadable("\(machine.directory.path)/proc/cpuinfo")) {
        try machine.root.processor()
      }
      let profile = try machine.root.profile(architecture: .aarch64)
      #expect(profile == HostProfile(processor: Processor(architecture: .aarch64)))
      #expect(machine.root.kernelRelease == nil)
      #expect(machine.root.glibcVersion == nil)
      #expect(machine.root.nvidiaDriverVersion == nil)
      #expect(machine.root.gpuDevices == [])
      #expect(machine.root.names(in: "/sys") == [])
    }
  }

  @Test func `this machine has an architecture and a kernel`() throws {
    #expect(MachineRoot().isThisMachine)
    #expect(try MachineRoot().processor().kernel != nil)
    #expect(MachineRoot().glibcVersion?.contains(".") == true)
  }

  @Test func `what cannot be read is as good as absent`() throws {
    try FakeMachine.with { machine in
      try machine.directory.link("proc/cpuinfo", to: "cpuinfo")
      try machine.directory.makeDirectory("proc/sys/kernel/osrelease")
      try machine.directory.link("sys/bus/pci/devices", to: "devices")
      try machine.addNVIDIADriver()
      #expect(machine.root.contents(of: "/proc/cpuinfo") == nil)
      #expect(machine.root.kernelRelease == nil)
      #expect(machine.root.gpus(askingDriver: true) == [])
      #expect(!machine.root.exists("/proc/cpuinfo"))
      #expect(machine.root.text(of: "/proc/sys/kernel/osrelease/file") == nil)
    }
  }

  @Test func `a file without permission is as good as absent`() throws {
    try FakeMachine.with { machine in
      let file = try machine.directory.write("proc/cpuinfo", CPUInfoTests.zen2)
      chmod(machine.directory.path, 0o755)
      #expect(try asNobody { machine.root.contents(of: "/proc/cpuinfo") } != nil)
      chmod(file, 0)
      #expect(try asNobody { machine.root.contents(of: "/proc/cpuinfo") } == nil)
    }
  }

  @Test func `reading stops soon after the limit`() throws {
    try FakeMachine.with { machine in
      try machine.directory.write("big", [UInt8](repeating: 1, count: 1 << 20))
      let bytes = try #require(machine.root.contents(of: "/big", limit: 100_000))
      #expect((100_000..<200_000).contains(bytes.count))
      #expect(machine.root.contents(of: "/big")?.count == 1 << 20)
    }
  }

  @Test func `a text ends before its white space, and an empty one is empty`() throws {
    try FakeMachine.with { machine in
      try machine.directory.write("a", " text \t\r\n\n")
      try machine.directory.write("b", "\n\n")
      try machine.directory.write("c", [0xFF, 0x0A])
      #expect(machine.root.text(of: "/a") == " text")
      #expect(machine.root.text(of: "/b") == "")
      #expect(machine.root.text(of: "/c") == "\u{FFFD}")
    }
  }

  @Test func `names are sorted and hold neither dot nor dot-dot`() throws {
    try FakeMachine.with { machine in
      for name in ["b", "a", ".hidden", "ä"] { try machine.directory.write("d/\(name)", "") }
      #expect(machine.root.names(in: "/d") == [".hidden", "a", "b", "ä"])
    }
  }

  @Test func `a path cannot leave the root by dots`() throws {
    try FakeMachine.with { machine in
      let inner = MachineRoot(FilePath(machine.directory("inner")))
      try machine.directory.write("secret", "outside")
      try machine.directory.makeDirectory("inner")
      withKnownIssue("only slipway's own constant paths are asked, so nobody can write dots") {
        #expect(inner.contents(of: "/../secret") == nil)
      }
    }
  }

  @Test func `links are followed within the root`() throws {
    try FakeMachine.with { machine in
      let directory = machine.directory
      try directory.write("usr/lib/nvidia/libcuda.so.535", "")
      try directory.link("usr/lib/current", to: "nvidia")
      try directory.link("usr/lib/libcuda.so", to: "/usr/lib/libcuda.so.1")
      try directory.link("usr/lib/libcuda.so.1", to: "../../etc/alternatives/cuda")
      try directory.link("etc/alternatives/cuda", to: "/usr/lib/current/libcuda.so.535")
      try directory.link("up", to: "../../../../usr/lib/./nvidia//libcuda.so.535")
      for path in ["/usr/lib/libcuda.so", "/usr/lib/current/../libcuda.so.1", "/up", "/../up"] {
        #expect(machine.root.realPath(of: path) == "/usr/lib/nvidia/libcuda.so.535")
      }
      #expect(machine.root.realPath(of: "/") == "/")
      #expect(machine.root.realPath(of: "/usr/lib/current/") == "/usr/lib/nvidia")
    }
  }

  @Test func `what leads nowhere has no real path`() throws {
    try FakeMachine.with { machine in
      let directory = machine.directory
      try directory.link("self", to: "self")
      try directory.link("a", to: "b/x")
      try directory.link("b", to: "a/y")
      try directory.link("dangling", to: "/missing")
      try directory.write("file", "")
      // path_resolution(7): 40 links in a row are the most.
      try directory.write("chain0", "")
      for link in 1...41 { try directory.link("chain\(link)", to: "chain\(link - 1)") }
      for path in [
        "/self", "/self/x", "/a", "/b", "/dangling", "/missing", "/file/x", "/file/../file",
        "/chain41",
      ] {
        #expect(machine.root.realPath(of: path) == nil, "\(path)")
      }
      #expect(machine.root.realPath(of: "/chain40") == "/chain0")
    }
  }

  @Test(arguments: ["/usr/bin/env", "/lib64", "/proc/self/exe", "/bin/sh", "/etc/../etc/passwd"])
  func `on this machine the real path is that of the C library`(path: String) throws {
    let known = try #require(realpath(path, nil))
    defer { free(known) }
    #expect(MachineRoot().realPath(of: path) == String(cString: known))
  }

  @Test(arguments: [
    ("lib64", "GNU C Library (GNU libc) stable release version 2.28.\nCopyright", "2.28"),
    (
      "lib/x86_64-linux-gnu",
      "GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.", "2.36"
    ),
    (
      "lib/aarch64-linux-gnu",
      "GNU C Library (Ubuntu GLIBC 2.39-0ubuntu8) stable release version 2.39.\n", "2.39"
    ),
    ("usr/lib64", "GNU C Library (GNU libc) development release version 2.34.9000.\n", "2.34.9000"),
    ("lib64", "GNU C Library but nothing follows", nil), ("lib64", "", nil),
    ("lib64", "GNU C Librar", nil), ("lib64", "GGGGNU C Library release version 2.5.", "2.5"),
    ("lib64", "GNU C Library release version unknown", nil),
    ("lib64", "musl libc (x86_64)\nVersion 1.2.4", nil),
  ])
  func `the C library's version is in its banner`(
    place: String, banner: String, version: String?
  ) throws {
    try FakeMachine.with { machine in
      var random = SeededGenerator(seed: 3)
      let noise = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
      try machine.directory.write("\(place)/libc.so.6", noise + Array(banner.utf8) + [0])
      #expect(machine.root.glibcVersion == version)
    }
  }
}

/// GPUs of made machines.
@Suite(.tags(.medium))
struct GPUTests {
  @Test(arguments: [
    ("0x20b0", "8.0", "accel/nvidia/cc80"), ("0x20b5", "8.0", "accel/nvidia/cc80"),
    ("0x2335", "9.0", "accel/nvidia/cc90"), ("0x2330", "9.0", "accel/nvidia/cc90"),
    ("0x2342", "9.0", "accel/nvidia/cc90"), ("0x1eb8", "7.5", "accel/nvidia/cc75"),
    ("0x1db6", "7.0", "accel/nvidia/cc70"), ("0x15f8", "6.0", "accel/nvidia/cc60"),
    ("0x2235", "8.6", "accel/nvidia/cc86"), ("0x26b9", "8.9", "accel/nvidia/cc89"),
    ("0x27b8", "8.9", "accel/nvidia/cc89"), ("0x2901", "10.0", "accel/nvidia/cc100"),
    ("0x3182", "10.3", "accel/nvidia/cc103"), ("0x2b85", "12.0", "accel/nvidia/cc120"),
    ("0x2e12", "12.1", "accel/nvidia/cc121"), ("0x20bb", "8.0", "accel/nvidia/cc80"),
  ])
  func `an NVIDIA GPU is known by its PCI id`(
    device: String, capability: String, accelerator: String
  ) throws {
    try FakeMachine.with { machine in
      try machine.addNVIDIADriver()
      try machine.addPCI("0000:65:00.0", device: device)
      let gpu = try #require(machine.root.gpus(askingDriver: true).first)
      #expect(gpu.computeCapability?.description == capability)
      #expect(gpu.address == "0000:65:00.0")
      #expect(gpu.numaNode == 1)
      #expect(gpu.source == .pci)
      let profile = try machine.root.profile(architecture: .x86_64)
      #expect(profile.accelerator == accelerator)
      #expect(profile.warnings == [])
    }
  }

  static func accelerator(of devices: [String]) throws -> (String?, warnings: [String]) {
    try FakeMachine.with { machine in
      try machine.addNVIDIADriver()
      for (index, device) in devices.enumerated() {
        try machine.addPCI("0000:0\(index):00.0", device: device)
      }
      let profile = try machine.root.profile(architecture: .x86_64)
      #expect(profile.gpus.count == devices.count)
      return (profile.accelerator, profile.warnings)
    }
  }

  @Test func `of one generation the lowest serves all`() throws {
    #expect(try Self.accelerator(of: ["0x2235", "0x20b0", "0x26b9"]) == ("accel/nvidia/cc80", []))
  }

  @Test func `no accelerator fits two generations, and a warning says so`() throws {
    let (accelerator, warnings) = try Self.accelerator(of: ["0x1eb8", "0x20b0"])
    #expect(accelerator == nil)
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("2 generations") == true)
  }

  @Test func `a GPU of an unknown model alone gives no accelerator`() throws {
    let (accelerator, warnings) = try Self.accelerator(of: ["0xfff0"])
    #expect(accelerator == nil)
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("EESSI_ACCELERATOR_TARGET_OVERRIDE") == true)
  }

  /// A K80 (0x102d) or M60 (0x13f2) runs no build for cc80.
  @Test(arguments: ["0x102d", "0x13f2", "0xfff0"])
  func `beside a GPU that nobody knows, no accelerator is promised`(unknown: String) throws {
    #expect(try Self.accelerator(of: ["0x20b0", unknown]).0 == nil)
  }

  @Test func `the driver's own names of a GPU are read where it tells them`() throws {
    try FakeMachine.with { machine in
      try machine.addNVIDIADriver()
      try machine.addPCI("0000:65:00.0", device: "0x20b0")
      try machine.addPCI("0000:b1:00.0", device: "0x20b0")
      try machine.addInformation("0000:65:00.0", minor: 3, uuid: "GPU-e3f822b9-8c5f-95a5")
      try machine.directory.write("proc/driver/nvidia/gpus/0000:b1:00.0/information", "junk\n:\n")
      let gpus = machine.root.gpus(askingDriver: false)
      #expect(gpus.map(\.minor) == [3, nil])
      #expect(gpus.map(\.uuid) == ["GPU-e3f822b9-8c5f-95a5", nil])
      #expect(try machine.root.profile(architecture: .x86_64).nvidiaDriver == "550.54.15")
    }
  }

  @Test func `AMD GPUs are in the order of their nodes`() throws {
    try FakeMachine.with { machine in
      try machine.addKFD(2, version: 90010, more: "drm_render_minor 128\nunique_id 255\n")
      try machine.addKFD(10, version: 90402, more: "drm_render_minor 129\nunique_id 0\n")
      let gpus = machine.root.gpus(askingDriver: false)
      #expect(gpus.map(\.gfx) == ["gfx90a", "gfx942"])
      #expect(gpus.map(\.minor) == [128, 129])
      #expect(gpus.map(\.uuid) == ["GPU-00000000000000ff", nil])
      #expect(try machine.root.profile(architecture: .x86_64).nvidiaDriver == nil)
    }
  }

  @Test func `only display and 3D controllers of NVIDIA count`() throws {
    try FakeMachine.with { machine in
      try machine.addNVIDIADriver()
      try machine.addPCI("0000:01:00.0", device: "0x2335")
      try machine.addPCI("0000:01:00.1", device: "0x22ba", kind: "0x040300")
      try machine.addPCI("0000:02:00.0", device: "0x22a3", kind: "0x068000")
      try machine.addPCI("0000:03:00.0", device: "0x1528", vendor: "0x8086", kind: "0x020000")
      try machine.addPCI("0000:04:00.0", device: "0x2000", vendor: "0x1a03", kind: "0x030000")
      #expect(machine.root.gpus(askingDriver: true).map(\.address) == ["0000:01:00.0"])
    }
  }

  @Test(arguments: ["", "0x", "garbage", "0xzzzz", "8368"])
  func `a damaged device id is no GPU or an unknown one`(device: String) throws {
    try FakeMachine.with { machine in
      try machine.addNVIDIADriver()
      try machine.addPCI("0000:01:00.0", device: device)
      #expect(try machine.root.profile(architecture: .x86_64).accelerator == nil)
    }
  }

  @Test func `a GPU without its driver is no GPU`() throws {
    try FakeMachine.with { machine in
      try machine.addPCI("0000:01:00.0", device: "0x2335")
      #expect(machine.root.gpus(askingDriver: true) == [])
    }
  }

  @Test(arguments: [
    (90010, "gfx90a"), (90402, "gfx942"), (110000, "gfx1100"), (90006, "gfx906"),
    (90008, "gfx908"), (100302, "gfx1032"), (120001, "gfx1201"), (90500, "gfx950"),
  ])
  func `an AMD GPU's version is its compiler name`(version: Int, name: String) throws {
    try FakeMachine.with { machine in
      try machine.addKFD(0, version: 0)
      try machine.addKFD(1, version: version)
      try machine.addKFD(2, version: version)
      #expect(machine.root.gpus(askingDriver: true).map(\.gfx) == [name, name])
      #expect(
        try machine.root.profile(architecture: .x86_64).accelerator == "accel/amd/\(name)")
    }
  }

  @Test func `AMD models that differ share no accelerator`() throws {
    try FakeMachine.with { machine in
      try machine.addKFD(1, version: 90010)
      try machine.addKFD(2, version: 90402)
      #expect(try machine.root.profile(architecture: .x86_64).accelerator == nil)
    }
  }

  @Test(arguments: [
    "", "gfx_target_version", "gfx_target_version x", "gfx_target_version -5", "\0",
  ])
  func `damaged KFD properties are no GPU`(text: String) throws {
    try FakeMachine.with { machine in
      try machine.directory.write("sys/class/kfd/kfd/topology/nodes/1/properties", text)
      #expect(machine.root.gpus(askingDriver: true) == [])
    }
  }

  @Test(arguments: [
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.261.03  Thu Jul 11 04:00:00 UTC 2026\nGCC version:  gcc version 12.2.0",
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.261.03  Release Build  (dvs-builder@U16)",
  ])
  func `the driver's version is in its banner where the module tells none`(banner: String) throws {
    try FakeMachine.with { machine in
      try machine.directory.write("proc/driver/nvidia/version", banner)
      #expect(machine.root.nvidiaDriverVersion == "535.261.03")
    }
  }

  @Test func `the device files of GPUs are listed`() throws {
    try FakeMachine.with { machine in
      for name in ["nvidia0", "nvidiactl", "kfd", "dri/renderD128", "dri/card0", "null", "dxg"] {
        try machine.directory.write("dev/\(name)", "")
      }
      #expect(
        machine.root.gpuDevices
          == ["/dev/dxg", "/dev/kfd", "/dev/nvidia0", "/dev/nvidiactl", "/dev/dri/renderD128"])
    }
  }
}
