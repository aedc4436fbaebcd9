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
  /// The number in the name of its device file: 3 of `/dev/nvidia3`, 128 of `/dev/dri/renderD128`.
  package var minor: Int?
  /// The driver's own name for it, `GPU-…`.
  package var uuid: String?
  package var source: Source

  package init(
    vendor: Vendor, address: String? = nil, name: String? = nil,
    computeCapability: ComputeCapability? = nil, gfx: String? = nil, numaNode: Int? = nil,
    minor: Int? = nil, uuid: String? = nil, source: Source
  ) {
    self.vendor = vendor
    self.address = address
    self.name = name
    self.computeCapability = computeCapability
    self.gfx = gfx
    self.numaNode = numaNode
    self.minor = minor
    self.uuid = uuid
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
      let information = nvidiaInformation(of: address)
      return GPU(
        vendor: .nvidia, address: address, name: chip?.name, computeCapability: chip?.capability,
        numaNode: text(of: "\(device)/numa_node").flatMap(Int.init),
        minor: information["Device Minor"].flatMap { Int($0) },
        uuid: information["GPU UUID"].map(String.init), source: .pci)
    }
  }

  /// What the driver says of a GPU: `Device Minor`, `GPU UUID` and other names with their values.
  private func nvidiaInformation(of address: String) -> [Substring: Substring] {
    let lines = text(of: "\(Self.nvidiaGPUs)/\(address)/information") ?? ""
    let fields = lines.split(separator: "\n").compactMap { line -> (Substring, Substring)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      return (line[..<colon], line[line.index(after: colon)...].trimmingPrefix { $0.isWhitespace })
    }
    return Dictionary(fields, uniquingKeysWith: { first, _ in first })
  }

  /// The minor numbers of NVIDIA's GPUs in the order of their PCI addresses.
  ///
  /// Those that this process may not use, too. nil where the driver does not tell of one.
  var nvidiaMinors: [Int]? {
    let addresses = names(in: Self.nvidiaGPUs)
    let minors = addresses.compactMap { address in
      nvidiaInformation(of: address)["Device Minor"].flatMap { Int($0) }
    }
    return minors.isEmpty || minors.count < addresses.count ? nil : minors
  }

  private static let nvidiaGPUs = "/proc/driver/nvidia/gpus"

  /// AMD's GPUs as the kernel's compute driver lists them.
  ///
  /// `gfx_target_version` is major·10000 + minor·100 + stepping, 0 for a CPU; the name prints the
  /// last two in hexadecimal. Source: drivers/gpu/drm/amd/amdkfd/kfd_topology.c; for the UUID, which
  /// is that of ROCR_VISIBLE_DEVICES, ROCm's "GPU isolation techniques".
  private func kfdGPUs() -> [GPU] {
    names(in: Self.kfdNodes).sorted { (Int($0) ?? .max) < (Int($1) ?? .max) }.compactMap { node in
      guard let properties = text(of: "\(Self.kfdNodes)/\(node)/properties") else { return nil }
      var values: [Substring: Substring] = [:]
      for line in properties.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 2 { values[words[0]] = words[1] }
      }
      guard let version = values["gfx_target_version"].flatMap({ Int($0) }), version > 0 else {
        return nil
      }
      let hex = { (number: Int) in String(number, radix: 16) }
      let identifier = values["unique_id"].flatMap { UInt64($0) } ?? 0
      let digits = String(identifier, radix: 16)
      return GPU(
        vendor: .amd,
        gfx: "gfx\(version / 10000)\(hex(version / 100 % 100))\(hex(version % 100))",
        minor: values["drm_render_minor"].flatMap { Int($0) },
        uuid: identifier == 0
          ? nil : "GPU-" + String(repeating: "0", count: 16 - digits.count) + digits,
        source: .kfd)
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
    typealias Text =
      @convention(c) (OpaquePointer, UnsafeMutablePointer<CChar>, CUnsignedInt) -> CInt
    typealias Minor = @convention(c) (OpaquePointer, UnsafeMutablePointer<CUnsignedInt>) -> CInt
    typealias PCI = @convention(c) (OpaquePointer, UnsafeMutableRawPointer) -> CInt
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
    let name = symbol("nvmlDeviceGetName", as: Text.self)
    let uuid = symbol("nvmlDeviceGetUUID", as: Text.self)
    let minor = symbol("nvmlDeviceGetMinorNumber", as: Minor.self)
    let pci = symbol("nvmlDeviceGetPciInfo_v3", as: PCI.self)
    return (0..<number).compactMap { index in
      var device: OpaquePointer?
      var (major, least): (CInt, CInt) = (0, 0)
      guard handle(index, &device) == 0, let device, capability(device, &major, &least) == 0 else {
        return nil
      }
      // nvml.h, NVML_DEVICE_NAME_V2_BUFFER_SIZE, NVML_DEVICE_UUID_V2_BUFFER_SIZE: 96 bytes.
      func text(_ ask: Text?) -> String? {
        var text = [CChar](repeating: 0, count: 96)
        guard let ask, ask(device, &text, 96) == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      }
      var node: CUnsignedInt = 0
      let hasNode = minor?(device, &node) == 0
      return GPU(
        vendor: .nvidia, address: address(of: device, asking: pci), name: text(name),
        computeCapability: ComputeCapability(Int(major), Int(least)),
        minor: hasNode ? Int(node) : nil, uuid: text(uuid), source: .nvml)
    }
  }

  /// The PCI address of a device as the kernel writes it.
  ///
  /// nvml.h, nvmlPciInfo_t: 16 bytes of text, then domain, bus, device, each 32 bits; 68 bytes.
  private static func address(
    of device: OpaquePointer,
    asking pci: (@convention(c) (OpaquePointer, UnsafeMutableRawPointer) -> CInt)?
  ) -> String? {
    var words = [UInt32](repeating: 0, count: 32)
    guard let pci, words.withUnsafeMutableBytes({ pci(device, $0.baseAddress!) }) == 0 else {
      return nil
    }
    func hex(_ number: UInt32, _ width: Int) -> String {
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(hex(words[4], 4)):\(hex(words[5], 2)):\(hex(words[6], 2)).0"
  }
}
