import Glibc

/// A GPU of a machine.
package struct GPU: Equatable, Sendable {
  package var vendor: Vendor
  /// The PCI address, `0000:65:00.0`, where it is known.
  package var address: String?
  package var name: String?
  /// NVIDIA: what the model computes with.
  package var computeCapability: ComputeCapability?
  /// AMD: the name that compilers use, `gfx90a`.
  package var gfx: String?
  package var numaNode: Int?
  package var source: Source

  package init(
    vendor: Vendor, address: String? = nil, name: String? = nil,
    computeCapability: ComputeCapability? = nil, gfx: String? = nil, numaNode: Int? = nil,
    source: Source
  ) {
    self.vendor = vendor
    self.address = address
    self.name = name
    self.computeCapability = computeCapability
    self.gfx = gfx
    self.numaNode = numaNode
    self.source = source
  }

  package enum Vendor: String, Codable, Sendable { case nvidia, amd }

  /// Who told of the GPU.
  package enum Source: String, Codable, Sendable {
    case nvml = "NVML"
    case pci = "PCI id table"
    case kfd = "KFD topology"
  }
}

/// The compute capability of an NVIDIA GPU, such as 8.6.
package struct ComputeCapability: Comparable, Hashable, Sendable, CustomStringConvertible {
  package var major: Int
  package var minor: Int

  package init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  package static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
  package var description: String { "\(major).\(minor)" }
}

extension MachineRoot {
  /// The GPUs that programs on the machine can use.
  ///
  /// With `askingDriver`, NVIDIA's are asked of NVML, which sees what the driver serves and takes
  /// from 20 ms to seconds to start; otherwise, on another machine, and where NVML fails, of the PCI
  /// bus. A machine without a driver's device files has no usable GPU and costs two system calls.
  package func gpus(askingDriver: Bool) -> [GPU] {
    var gpus: [GPU] = []
    if exists("/dev/nvidiactl") || exists("/dev/dxg") || (!isThisMachine && hasNVIDIADriver) {
      gpus += (isThisMachine && askingDriver ? NVML.gpus() : nil) ?? pciGPUs()
    }
    if exists("/dev/kfd") || (!isThisMachine && exists(Self.kfdNodes)) { gpus += kfdGPUs() }
    return gpus
  }

  /// The version of the NVIDIA driver that runs, such as `535.261.03`.
  package var nvidiaDriverVersion: String? {
    if let version = text(of: "/sys/module/nvidia/version") { return version }
    // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.261.03  …"
    return text(of: "/proc/driver/nvidia/version")?.split(whereSeparator: \.isWhitespace)
      .first { word in
        word.contains(".") && word.allSatisfy { $0.isNumber || $0 == "." }
      }.map(String.init)
  }

  /// The GPU device files, for `slipway detect`.
  package var gpuDevices: [String] {
    let devices = names(in: "/dev").filter {
      $0 == "kfd" || $0 == "dxg" || $0.hasPrefix("nvidia")
    }
    let render = names(in: "/dev/dri").filter { $0.hasPrefix("renderD") }.map { "dri/\($0)" }
    return (devices + render).map { "/dev/\($0)" }
  }

  private var hasNVIDIADriver: Bool { nvidiaDriverVersion != nil }

  private static let kfdNodes = "/sys/class/kfd/kfd/topology/nodes"
  private static let pciDevices = "/sys/bus/pci/devices"

  /// NVIDIA's display and 3D controllers (class 0x0300, 0x0302) on the PCI bus.
  private func pciGPUs() -> [GPU] {
    names(in: Self.pciDevices).compactMap { address in
      let device = "\(Self.pciDevices)/\(address)"
      guard text(of: "\(device)/vendor") == "0x10de",
        let kind = text(of: "\(device)/class"),
        kind.hasPrefix("0x0300") || kind.hasPrefix("0x0302"),
        let id = text(of: "\(device)/device").flatMap({ Int($0.dropFirst(2), radix: 16) })
      else { return nil }
      let chip = NVIDIAChip.of(pciDevice: id)
      return GPU(
        vendor: .nvidia, address: address, name: chip?.name, computeCapability: chip?.capability,
        numaNode: text(of: "\(device)/numa_node").flatMap(Int.init), source: .pci)
    }
  }

  /// AMD's GPUs as the kernel's compute driver lists them.
  ///
  /// `gfx_target_version` is major·10000 + minor·100 + stepping, 0 for a CPU; the name prints the
  /// last two in hexadecimal. Source: drivers/gpu/drm/amd/amdkfd/kfd_topology.c.
  private func kfdGPUs() -> [GPU] {
    names(in: Self.kfdNodes).compactMap { node in
      guard let properties = text(of: "\(Self.kfdNodes)/\(node)/properties") else { return nil }
      for line in properties.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard words.count == 2, words[0] == "gfx_target_version", let version = Int(words[1]),
          version > 0
        else { continue }
        let hex = { (number: Int) in String(number, radix: 16) }
        return GPU(
          vendor: .amd,
          gfx: "gfx\(version / 10000)\(hex(version / 100 % 100))\(hex(version % 100))",
          source: .kfd)
      }
      return nil
    }
  }
}

/// An NVIDIA chip, known by the range of its PCI device ids.
struct NVIDIAChip: Sendable {
  var ids: ClosedRange<Int>
  var name: String
  var capability: ComputeCapability

  static func of(pciDevice id: Int) -> NVIDIAChip? { table.first { $0.ids.contains(id) } }

  private init(_ ids: ClosedRange<Int>, _ name: String, _ major: Int, _ minor: Int) {
    self.ids = ids
    self.name = name
    capability = ComputeCapability(major, minor)
  }

  // Sources: the device ids of pci.ids and of NVIDIA's open-gpu-kernel-modules; compute
  // capabilities of NVIDIA's table "CUDA GPUs".
  private static let table = [
    NVIDIAChip(0x15f0...0x15ff, "GP100", 6, 0), NVIDIAChip(0x1b00...0x1b7f, "GP102", 6, 1),
    NVIDIAChip(0x1b80...0x1bff, "GP104", 6, 1), NVIDIAChip(0x1c00...0x1c7f, "GP106", 6, 1),
    NVIDIAChip(0x1c80...0x1cff, "GP107", 6, 1), NVIDIAChip(0x1d80...0x1dff, "GV100", 7, 0),
    NVIDIAChip(0x1e00...0x1e7f, "TU102", 7, 5), NVIDIAChip(0x1e80...0x1eff, "TU104", 7, 5),
    NVIDIAChip(0x1f00...0x1fff, "TU106", 7, 5), NVIDIAChip(0x2180...0x21ff, "TU116", 7, 5),
    NVIDIAChip(0x2080...0x20ff, "GA100", 8, 0), NVIDIAChip(0x2200...0x227f, "GA102", 8, 6),
    NVIDIAChip(0x2300...0x237f, "GH100", 9, 0), NVIDIAChip(0x2400...0x24ff, "GA104", 8, 6),
    NVIDIAChip(0x2500...0x257f, "GA106", 8, 6), NVIDIAChip(0x2580...0x25ff, "GA107", 8, 6),
    NVIDIAChip(0x2680...0x26ff, "AD102", 8, 9), NVIDIAChip(0x2700...0x277f, "AD103", 8, 9),
    NVIDIAChip(0x2780...0x27ff, "AD104", 8, 9), NVIDIAChip(0x2800...0x287f, "AD106", 8, 9),
    NVIDIAChip(0x2880...0x28ff, "AD107", 8, 9), NVIDIAChip(0x2900...0x29ff, "GB100", 10, 0),
    NVIDIAChip(0x2b80...0x2bff, "GB202", 12, 0), NVIDIAChip(0x2c00...0x2c7f, "GB203", 12, 0),
    NVIDIAChip(0x2d00...0x2d7f, "GB206", 12, 0), NVIDIAChip(0x2d80...0x2dff, "GB207", 12, 0),
    NVIDIAChip(0x2e00...0x2e7f, "GB10", 12, 1), NVIDIAChip(0x2f00...0x2f7f, "GB205", 12, 0),
    NVIDIAChip(0x3180...0x31ff, "GB110", 10, 3),
  ]
}

/// NVIDIA's management library, loaded while it is asked.
///
/// Source: nvml.h of the CUDA toolkit. A call that fails (9 driver not loaded, 999 unknown) ends
/// the reading; what the driver does not serve, no program can use.
private enum NVML {
  /// The GPUs that the driver serves; nil when the library or the driver does not answer.
  static func gpus() -> [GPU]? {
    guard
      let library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)
        ?? dlopen("/usr/lib/wsl/lib/libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)
    else { return nil }
    defer { dlclose(library) }
    func symbol<Function>(_ name: String, as type: Function.Type) -> Function? {
      dlsym(library, name).map { unsafeBitCast($0, to: type) }
    }
    typealias Plain = @convention(c) () -> CInt
    typealias Count = @convention(c) (UnsafeMutablePointer<CUnsignedInt>) -> CInt
    typealias Handle = @convention(c) (CUnsignedInt, UnsafeMutablePointer<OpaquePointer?>) -> CInt
    typealias Capability =
      @convention(c) (
        OpaquePointer, UnsafeMutablePointer<CInt>, UnsafeMutablePointer<CInt>
      ) -> CInt
    typealias Name =
      @convention(c) (OpaquePointer, UnsafeMutablePointer<CChar>, CUnsignedInt) -> CInt
    guard let start = symbol("nvmlInit_v2", as: Plain.self),
      let stop = symbol("nvmlShutdown", as: Plain.self),
      let count = symbol("nvmlDeviceGetCount_v2", as: Count.self),
      let handle = symbol("nvmlDeviceGetHandleByIndex_v2", as: Handle.self),
      let capability = symbol("nvmlDeviceGetCudaComputeCapability", as: Capability.self),
      start() == 0
    else { return nil }
    defer { _ = stop() }
    var number: CUnsignedInt = 0
    guard count(&number) == 0 else { return nil }
    let name = symbol("nvmlDeviceGetName", as: Name.self)
    return (0..<number).compactMap { index in
      var device: OpaquePointer?
      var (major, minor): (CInt, CInt) = (0, 0)
      guard handle(index, &device) == 0, let device, capability(device, &major, &minor) == 0 else {
        return nil
      }
      // nvml.h, NVML_DEVICE_NAME_V2_BUFFER_SIZE: a name fits 96 bytes.
      var text = [CChar](repeating: 0, count: 96)
      let named = name?(device, &text, 96) == 0
      return GPU(
        vendor: .nvidia,
        name: named
          ? String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
          : nil,
        computeCapability: ComputeCapability(Int(major), Int(minor)), source: .nvml)
    }
  }
}
