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

  @Test(arguments: [[0], [1], [0, 1], [0, 1, 2]])
  func `where the list is not known, any GPU may be meant`(numbers: [Int]) {
    let profile = Self.profile(.numbers(numbers, minors: nil))
    #expect(profile.allocation == nil)
    #expect(profile.accelerator == nil)
  }

  /// NVML shows a confined process its own GPUs only.
  @Test func `of those that are seen some may not be in the list, and some not be seen`() {
    let seen = [Self.mixed[2]]
    #expect(Self.profile(.numbers([2], minors: [0, 1, 2]), of: seen).allocation == [0])
    #expect(Self.profile(.numbers([1], minors: [0, 1, 2]), of: seen).allocation == nil)
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

  @Test func `AMD GPUs are numbered by their render nodes`() {
    let gpus = [("gfx90a", 128), ("gfx942", 129)].map {
      GPU(vendor: .amd, gfx: $0.0, minor: $0.1, source: .kfd)
    }
    #expect(Self.profile(.undivided, of: gpus).accelerator == nil)
    #expect(
      Self.profile(.numbers([1], minors: [128, 129]), of: gpus).accelerator == "accel/amd/gfx942")
    #expect(
      Self.profile(.numbers([1], minors: [129, 128]), of: gpus).accelerator == "accel/amd/gfx90a")
  }

  @Test func `a GPU that no table knows counts only where it may be used`() {
    let gpus = [
      Self.gpu(1, minor: 0, capability: ComputeCapability(8, 0)),
      Self.gpu(2, minor: 1, capability: nil),
    ]
    #expect(
      Self.profile(.numbers([0], minors: [0, 1]), of: gpus).accelerator == "accel/nvidia/cc80")
    let profile = Self.profile(.numbers([1], minors: [0, 1]), of: gpus)
    #expect(profile.accelerator == nil)
    #expect(profile.warnings.first?.contains("this step was given an NVIDIA GPU") == true)
  }
}

/// Slurm's own files; the orders were measured with Slurm 22.05.
@Suite(.tags(.medium))
struct SlurmGPUsTests {
  private func read(
    slurm: String? = "GresTypes=gpu\nNodeName=n1 Gres=gpu:4\n", gres: String? = nil,
    node: String = "n1", in directory: String = "etc/slurm", file: String? = nil,
    with more: (FakeMachine) throws -> Void = { _ in }
  ) throws -> SlurmGPUs {
    try FakeMachine.with { machine in
      if let slurm { try machine.directory.write("\(directory)/slurm.conf", slurm) }
      if let gres { try machine.directory.write("\(directory)/gres.conf", gres) }
      try more(machine)
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

  static let orders: [(gres: String, minors: [Int]?)] = [
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
    ("AutoDetect=nvml\nNodeName=n1 AutoDetect=off Name=gpu File=/dev/nvidia0", [0]),
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
    ("Name=gpu File=/dev/nvidia0\nInclude missing.conf", nil),
  ]

  @Test(arguments: orders)
  func `the order of GPUs is that of gres.conf`(gres: String, minors: [Int]?) throws {
    #expect(try read(gres: gres).minors == minors)
  }

  static let types: [(slurm: String, minors: [Int]?)] = [
    ("NodeName=n1 Gres=gpu:h100:2,gpu:a100:1", [2, 0, 1]),
    ("NodeName=n1 Gres=gpu:a100:1,gpu:h100:2", [1, 2, 0]),
    ("NodeName=n[1-9] CPUs=8 gres=craynetwork:4,GPU:A100,gpu:h100:2", [1, 2, 0]),
    ("NodeName=n1 Gres=gpu:3", [2, 0, 1]), ("NodeName=n1 Gres=gpu", [2, 0, 1]),
    (
      "NodeName=DEFAULT Gres=gpu:a100:1,gpu:h100:2\nNodeName=m1 Gres=gpu:h100:8\nNodeName=n1 CPUs=1",
      [1, 2, 0]
    ),
    ("NodeName=n1 \\\n Gres=gpu:a100:1,gpu:h100:2", [1, 2, 0]), ("Include nodes.conf", [1, 2, 0]),
    // A type that one of the files lacks; a node that is in none that can be read.
    ("NodeName=n1 Gres=gpu:h100:2", nil), ("NodeName=n1 Gres=gpu:h100:2,gpu:v100:1", nil),
    ("NodeName=m1 Gres=gpu:3", nil), ("Include missing.conf", nil), ("Include slurm.conf", nil),
  ]

  @Test(arguments: types)
  func `types are in the order of the node's line in slurm.conf`(
    slurm: String, minors: [Int]?
  ) throws {
    let found = try read(
      slurm: "GresTypes=gpu\n\(slurm)\n",
      gres: """
        Name=gpu Type=h100 File=/dev/nvidia2
        Name=gpu Type=h100 File=/dev/nvidia0
        Name=gpu Type=a100 File=/dev/nvidia1
        """
    ) {
      try $0.directory.write(
        "etc/slurm/nodes.conf", "NodeName=n[1-3] Gres=gpu:a100:1,gpu:h100:2\n")
    }
    #expect(found.isManaging)
    #expect(found.minors == minors)
  }

  @Test(arguments: [
    ("AutoDetect=nvml", [1, 0, 2]), ("AutoDetect=nvml\nName=gpu File=/dev/nvidia[0,2]", [0, 2]),
    ("AutoDetect=off\nNodeName=n1 AutoDetect=nvml", [1, 0, 2]),
    (
      "AutoDetect=nvml\nName=gpu Type=h100 File=/dev/nvidia0\nName=gpu Type=a100 File=/dev/nvidia1",
      [1, 0]
    ),
  ])
  func `what Slurm finds by itself is in the order of the bus`(gres: String, minors: [Int]) throws {
    let found = try read(
      slurm: "GresTypes=gpu\nNodeName=n1 Gres=gpu:h100:2,gpu:a100:1\n", gres: gres
    ) { machine in
      for (address, minor) in [("0000:17:00.0", 1), ("0000:65:00.0", 0), ("0000:b1:00.0", 2)] {
        try machine.addInformation(address, minor: minor, uuid: "GPU-\(minor)")
      }
    }
    #expect(found.minors == minors)
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
