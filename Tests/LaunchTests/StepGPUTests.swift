import Environment
import Host
import Launch
import SystemPackage
import TestSupport
import Testing

/// What the environment of a step says of its GPUs; the cases were measured with Slurm 22.05.
@Suite(.tags(.small))
struct StepGPUTests {
  private static let listed = SlurmGPUs(isManaging: true, minors: [2, 3, 1])

  private func allocation(
    _ variables: [String: String], slurm: SlurmGPUs = listed
  ) -> GPUAllocation {
    GPUAllocation(Environment(variables)) { _, _ in slurm }
  }

  /// What every step has.
  private func step(_ variables: [String: String]) -> [String: String] {
    ["SLURM_JOB_ID": "1", "SLURM_STEP_ID": "0", "SLURM_TOPOLOGY_ADDR": "root.leaf.n1"]
      .merging(variables) { $1 }
  }

  @Test func `outside of Slurm nobody divides GPUs`() {
    #expect(allocation([:]) == .undivided)
    #expect(allocation(["CUDA_VISIBLE_DEVICES": "0,1"]) == .undivided)
    #expect(allocation(["SLURM_STEP_GPUS": "1", "SLURM_GPUS_ON_NODE": "1"]) == .undivided)
    // The shell of salloc on the login node.
    #expect(allocation(["SLURM_JOB_ID": "1", "SLURM_GPUS": "4"]) == .undivided)
  }

  @Test(arguments: ["", "-1", "NoDevFiles", ","])
  func `who hides all GPUs has none`(value: String) {
    #expect(allocation(["CUDA_VISIBLE_DEVICES": value]) == .nothing)
  }

  @Test func `names are names everywhere`() {
    #expect(
      allocation(["CUDA_VISIBLE_DEVICES": "GPU-8932f937, GPU-0123"])
        == .names(["GPU-8932f937", "GPU-0123"]))
    #expect(allocation(["CUDA_VISIBLE_DEVICES": "GPU-8932f937,0"]) == .undivided)
    let mig = "MIG-GPU-8932f937-d72c/1/0"
    #expect(
      allocation(
        step([
          "SLURM_GPUS_ON_NODE": "1", "SLURM_STEP_GPUS": "5", "CUDA_VISIBLE_DEVICES": mig,
        ])) == .names([mig]))
  }

  static let numbered: [(step: String?, job: String?, count: Int, numbers: [Int])] = [
    ("0,1", nil, 2, [0, 1]), ("2", nil, 1, [2]), (nil, "0,2", 2, [0, 2]),
    // A step of a job with more; its list is the step's.
    ("0", "0,1,2", 1, [0]), ("1,2", "0,1,2", 2, [1, 2]),
    // A step on the second node: the job's list is that of the first.
    ("0", "0,1", 1, [0]),
    // Within a task that is bound to one of the step's two.
    ("1", nil, 2, [1]), ("1", "0,1,2", 2, [1, 0, 2]),
    // A script that was submitted within a step of another job.
    ("0,1,2", "2", 1, [2]), ("9", "2", 1, [9, 2]),
    ("0,1", "0,1", 2, [0, 1]),
  ]

  @Test(arguments: numbered)
  func `numbers are those of the step`(
    step: String?, job: String?, count: Int, numbers: [Int]
  ) {
    var variables = self.step(["SLURM_GPUS_ON_NODE": "\(count)", "CUDA_VISIBLE_DEVICES": "0,1"])
    variables["SLURM_STEP_GPUS"] = step
    variables["SLURM_JOB_GPUS"] = job
    #expect(allocation(variables) == .numbers(numbers, minors: [2, 3, 1]))
  }

  @Test func `a number of GPUs without files may be any of them`() {
    #expect(allocation(step(["SLURM_GPUS_ON_NODE": "2"])) == .undivided)
    #expect(
      allocation(step(["SLURM_GPUS_ON_NODE": "1", "SLURM_STEP_GPUS": "a100"])) == .undivided)
  }

  @Test func `a step without GPUs has none where Slurm hands them out`() {
    #expect(allocation(step([:])) == .nothing)
    #expect(allocation(step(["SLURM_GPUS_ON_NODE": "0"])) == .nothing)
    // The batch script's, on another node or not; left over from another job.
    #expect(allocation(step(["SLURM_JOB_GPUS": "0,1"])) == .nothing)
    #expect(allocation(step(["SLURM_STEP_GPUS": "3"])) == .nothing)
    #expect(
      allocation(["SLURM_JOB_ID": "1", "SLURMD_NODENAME": "n1", "SLURM_STEP_ID": "0"]) == .nothing)
    #expect(allocation(step([:]), slurm: SlurmGPUs(isManaging: false)) == .undivided)
    #expect(
      allocation(step(["SLURM_JOB_GPUS": "0"]), slurm: SlurmGPUs(isManaging: false)) == .undivided)
  }

  @Test(arguments: ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"])
  func `a share of a GPU is no step without one`(name: String) {
    #expect(allocation(step([name: "0"])) == .undivided)
  }

  @Test func `the node and the file are those of the environment`() {
    func asked(_ variables: [String: String]) -> [String?] {
      var asked: [String?] = []
      _ = GPUAllocation(Environment(variables)) { file, node in
        asked = [file, node]
        return SlurmGPUs(isManaging: false)
      }
      return asked
    }
    #expect(asked(["SLURM_CONF": "/x/slurm.conf"]) == [])
    #expect(asked(step(["SLURM_CONF": "/x/slurm.conf"])) == ["/x/slurm.conf", "n1"])
    #expect(asked(step(["SLURMD_NODENAME": "n7"])) == [nil, "n7"])
  }
}

/// The profile of a made node for a step.
@Suite(.tags(.medium))
struct StepProfileTests {
  /// Makes a node with an A100 and two H100 whose minor numbers are not in the order of the bus.
  private func accelerator(_ variables: [String: String]) throws -> String? {
    try TemporaryDirectory.with { directory in
      try directory.write("dev/nvidiactl", "")
      try directory.write("sys/module/nvidia/version", "550.54.15\n")
      try directory.write("proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t: sse2\n")
      for (address, device, minor) in [
        ("0000:17:00.0", "0x20b0", 1), ("0000:65:00.0", "0x2330", 0), ("0000:b1:00.0", "0x2330", 2),
      ] {
        for (name, value) in ["vendor": "0x10de", "class": "0x030200", "device": device] {
          try directory.write("sys/bus/pci/devices/\(address)/\(name)", value + "\n")
        }
        try directory.write(
          "proc/driver/nvidia/gpus/\(address)/information",
          "GPU UUID: \t GPU-\(minor)\nDevice Minor: \t \(minor)\n")
      }
      try directory.write(
        "etc/slurm/slurm.conf", "GresTypes=gpu\nNodeName=gpu[1-9] Gres=gpu:h100:2,gpu:a100:1\n")
      try directory.write(
        "etc/slurm/gres.conf",
        "NodeName=gpu[1-9] Name=gpu Type=h100 File=/dev/nvidia0,/dev/nvidia2\n"
          + "NodeName=gpu[1-9] Name=gpu Type=a100 File=/dev/nvidia1\n")
      let profile = try MachineRoot(FilePath(directory.path)).profile(
        for: Environment(variables), askingDriver: false)
      #expect(profile.gpus.count == 3)
      #expect(profile.nvidiaDriver == "550.54.15")
      return profile.accelerator
    }
  }

  private func step(_ gpus: String?) -> [String: String] {
    var variables = ["SLURM_JOB_ID": "1", "SLURMD_NODENAME": "gpu3"]
    variables["SLURM_STEP_GPUS"] = gpus
    variables["SLURM_GPUS_ON_NODE"] = gpus.map { "\($0.split(separator: ",").count)" }
    return variables
  }

  @Test func `the accelerator is that of the step's GPUs`() throws {
    #expect(try accelerator([:]) == nil, "two generations")
    #expect(try accelerator(step("0,1")) == "accel/nvidia/cc90")
    #expect(try accelerator(step("2")) == "accel/nvidia/cc80")
    #expect(try accelerator(step("1,2")) == nil)
    #expect(try accelerator(step(nil)) == nil)
    #expect(try accelerator(["CUDA_VISIBLE_DEVICES": "GPU-1"]) == "accel/nvidia/cc80")
  }
}
