import Host
import Microarchitecture
import TestSupport
import Testing

/// Which GPUs of a node a step may use.
@Suite(.tags(.small))
struct GPUAllocationTests {
  /// An A100 and an H100 whose minor numbers are not in the order of the bus, as on nodes where
  /// people have met that.
  static let mixed = [
    gpu(0x17, minor: 1, capability: ComputeCapability(8, 0)),
    gpu(0x65, minor: 0, capability: ComputeCapability(9, 0)),
    gpu(0xb1, minor: 2, capability: ComputeCapability(9, 0)),
  ]

  static func gpu(_ bus: Int, minor: Int?, capability: ComputeCapability?) -> GPU {
    let bus = String(bus, radix: 16)
    return GPU(
      vendor: .nvidia, address: "0000:\(bus):00.0", computeCapability: capability, minor: minor,
      uuid: "GPU-\(bus)000000-1234", source: .pci)
  }

  static func profile(
    _ allocation: GPUAllocation, of gpus: [GPU] = mixed
  ) -> HostProfile {
    var profile = HostProfile(processor: Processor(architecture: .x86_64), gpus: gpus)
    profile.allocate(allocation)
    return profile
  }

  @Test func `where nobody divides them all are usable`() {
    let profile = Self.profile(.undivided)
    #expect(profile.allocation == nil)
    #expect(profile.allocatedGPUs == Self.mixed)
    #expect(profile.accelerator == nil)
    #expect(
      profile.warnings == ["this node has GPUs of 2 generations; no accelerator subtree fits all"])
  }

  @Test func `a step without GPUs has no accelerator and no warning`() {
    let profile = Self.profile(.nothing)
    #expect(profile.allocation == [])
    #expect(profile.accelerator == nil)
    #expect(profile.warnings == [])
  }

  @Test(arguments: [
    ([0], [0], "accel/nvidia/cc80"), ([1], [1], "accel/nvidia/cc90"),
    ([2], [2], "accel/nvidia/cc90"),
    ([1, 2], [1, 2], "accel/nvidia/cc90"), ([2, 1], [1, 2], "accel/nvidia/cc90"),
  ])
  func `a number is a place in Slurm's list where that is known`(
    numbers: [Int], places: [Int], accelerator: String
  ) {
    let profile = Self.profile(.numbers(numbers, minors: [1, 0, 2]))
    #expect(profile.allocation == places)
    #expect(profile.accelerator == accelerator)
    #expect(profile.warnings == [])
  }

  /// Number 0 is the A100 by its address and an H100 by its minor number: neither is trusted.
  static let unlisted: [([Int], [Int], String?)] = [
    ([2], [2], "accel/nvidia/cc90"), ([0], [0, 1], nil), ([1], [0, 1], nil),
    ([0, 1], [0, 1], nil),
    ([1, 2], [0, 1, 2], nil),
  ]

  @Test(arguments: unlisted)
  func `where the list is not known, both orders count`(
    numbers: [Int], places: [Int], accelerator: String?
  ) {
    let profile = Self.profile(.numbers(numbers, minors: nil))
    #expect(profile.allocation == places)
    #expect(profile.accelerator == accelerator)
    if accelerator == nil {
      #expect(profile.warnings.first?.hasPrefix("this step was given GPUs of 2 ge") == true)
    }
  }

  /// NVML shows a confined process its own GPUs only.
  @Test func `numbers beyond what is seen are minor numbers`() {
    let seen = [Self.mixed[2]]
    #expect(Self.profile(.numbers([2], minors: nil), of: seen).allocation == [0])
    #expect(Self.profile(.numbers([2], minors: [0, 1, 2]), of: seen).allocation == [0])
  }

  @Test(arguments: [[7], [0, 7], [-1], [Int.max], [Int.min, 1]])
  func `numbers that mean no GPU mean all`(numbers: [Int]) {
    #expect(Self.profile(.numbers(numbers, minors: nil)).allocation == nil)
    #expect(Self.profile(.numbers(numbers, minors: [1, 0, 2])).allocation == nil)
    #expect(Self.profile(.numbers(numbers, minors: [9, 9, 9])).allocation == nil)
  }

  static let named: [([String], [Int]?)] = [
    (["GPU-17000000-1234"], [0]), (["GPU-17"], [0]), (["GPU-b1000000-1234", "GPU-65"], [1, 2]),
    (["MIG-GPU-65000000-1234/1/0"], [1]), (["MIG-GPU-17000000-1234/7/0", "GPU-17"], [0]),
    // Nobody's, of several, a name alone, a newer part of a GPU, and none at all.
    (["GPU-99"], nil), (["GPU-17", "GPU-99"], nil), (["GPU-"], nil), (["G"], nil), ([""], nil),
    (["MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f"], nil), (["MIG-GPU-"], nil), ([], nil),
  ]

  @Test(arguments: named)
  func `a name is a UUID or the beginning of one`(names: [String], places: [Int]?) {
    #expect(Self.profile(.names(names)).allocation == places)
  }

  @Test func `AMD GPUs are numbered by their nodes, or by Slurm's list of render nodes`() {
    let gpus = [("gfx90a", 128), ("gfx942", 129)].map {
      GPU(vendor: .amd, gfx: $0.0, minor: $0.1, source: .kfd)
    }
    #expect(Self.profile(.undivided, of: gpus).accelerator == nil)
    #expect(Self.profile(.numbers([1], minors: nil), of: gpus).accelerator == "accel/amd/gfx942")
    #expect(
      Self.profile(.numbers([1], minors: [129, 128]), of: gpus).accelerator == "accel/amd/gfx90a")
  }

  @Test func `a GPU that no table knows counts only where it may be used`() {
    let gpus = [
      Self.gpu(1, minor: 0, capability: ComputeCapability(8, 0)),
      Self.gpu(2, minor: 1, capability: nil),
    ]
    #expect(Self.profile(.numbers([0], minors: nil), of: gpus).accelerator == "accel/nvidia/cc80")
    let profile = Self.profile(.numbers([1], minors: nil), of: gpus)
    #expect(profile.accelerator == nil)
    #expect(profile.warnings.first?.contains("this step was given an NVIDIA GPU") == true)
  }
}

/// Slurm's own files.
@Suite(.tags(.medium))
struct SlurmGPUsTests {
  private func read(
    slurm: String? = "GresTypes=gpu\n", gres: String? = nil, node: String = "n1",
    in directory: String = "etc/slurm", file: String? = nil
  ) throws -> SlurmGPUs {
    try FakeMachine.with { machine in
      if let slurm { try machine.directory.write("\(directory)/slurm.conf", slurm) }
      if let gres { try machine.directory.write("\(directory)/gres.conf", gres) }
      return SlurmGPUs(on: machine.root, file: file, node: node)
    }
  }

  @Test(arguments: [
    ("GresTypes=gpu", true), ("ClusterName=x\n  grestypes=craynetwork,gpu  # ours\n", true),
    ("GresTypes=gpu,mps,shard", true), ("# GresTypes=gpu", false), ("GresTypes=nic", false),
    ("GresTypes=gpus", false), ("", false), ("NodeName=n1 Gres=gpu:4", false),
  ])
  func `Slurm hands out GPUs where its configuration says so`(
    text: String, isManaging: Bool
  ) throws {
    #expect(try read(slurm: text).isManaging == isManaging)
  }

  @Test func `the configuration is where it is said to be, or where Slurm keeps it`() throws {
    #expect(try read(in: "run/slurm/conf").isManaging)
    #expect(try read(in: "opt/slurm/etc").isManaging == false)
    #expect(try read(in: "opt/slurm/etc", file: "/opt/slurm/etc/slurm.conf").isManaging)
    #expect(try read(file: "/nowhere/slurm.conf").isManaging == false)
    #expect(try read(file: "slurm.conf").isManaging == false)
    #expect(try read(slurm: nil).isManaging == false)
  }

  static let orders: [(String, [Int]?)] = [
    ("Name=gpu File=/dev/nvidia[0-3]", [0, 1, 2, 3]),
    (
      "Name=gpu Type=h100 File=/dev/nvidia[2-3]\nName=gpu Type=a100 File=/dev/nvidia1\n", [2, 3, 1]
    ),
    (
      "# ours\nNAME=GPU  file=/dev/nvidia0 Cores=0-15 # first\nName=gpu File=/dev/nvidia5,/dev/nvidia3",
      [0, 5, 3]
    ),
    ("Name=gpu \\\n  File=/dev/nvidia1\n", [1]),
    ("Name=gpu File=/dev/dri/renderD[128-129]", [128, 129]),
    ("Name=nic File=/dev/mlx0\nName=gpu File=/dev/nvidia0", [0]),
    (
      "NodeName=n[1-4] Name=gpu File=/dev/nvidia[1-2]\nNodeName=m1 Name=gpu File=/dev/nvidia0",
      [1, 2]
    ),
    ("NodeName=m1 AutoDetect=nvml\nNodeName=n1 Name=gpu File=/dev/nvidia0", [0]),
    ("AutoDetect=off\nName=gpu File=/dev/nvidia0", [0]),
    // What tells no order.
    ("AutoDetect=nvml", nil), ("AutoDetect=nvml\nName=gpu Type=a100 File=/dev/nvidia0", nil),
    ("NodeName=n1 AutoDetect=nvml\nNodeName=n1 Name=gpu File=/dev/nvidia0", nil),
    ("Name=gpu Count=4", nil), ("Name=gpu File=/dev/null", nil), ("", nil),
    ("NodeName=m[1-9] Name=gpu File=/dev/nvidia0", nil),
    ("Name=gpu MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap21 File=/dev/nvidia0", nil),
    ("Name=gpu File=/dev/nvidia99999999999999999999", nil), ("Name=gpu File=/dev/nvidia[0-", nil),
    ("Name=gpu File=/dev/nvidia[3-0]", nil), ("Name=gpu File=/dev/nvidia[0-999999999]", nil),
    ("Name=gpu File=/dev/nvidia[]", nil), ("Name=gpu File=", nil),
    ("\u{0}\u{1}=\n====\n[[[]]]", nil),
  ]

  @Test(arguments: orders)
  func `the order of GPUs is that of gres.conf`(text: String, minors: [Int]?) throws {
    #expect(try read(gres: text).minors == minors)
  }

  @Test func `without gres.conf the order is not known`() throws {
    #expect(try read().minors == nil)
    #expect(try read(slurm: "", gres: "Name=gpu File=/dev/nvidia0").minors == nil)
  }

  @Test(arguments: [
    ("n1", true), ("n01", false), ("rack1n07", true), ("rack2n12", true), ("rack3n07", false),
    ("rack1n7", false), ("login", true), ("node100", true), ("node99", false),
  ])
  func `a list of hosts names the node`(node: String, isNamed: Bool) throws {
    let text = "NodeName=n[1-3,7],rack[1-2]n[07-12],login,node[100-9000] Name=gpu File=/dev/nvidia0"
    #expect(try read(gres: text, node: node).minors == (isNamed ? [0] : nil))
  }
}
