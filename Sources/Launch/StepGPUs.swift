package import Environment
package import Host

extension MachineRoot {
  /// The machine as the job step sees it that an environment belongs to.
  ///
  /// Which GPUs are the step's is looked up only where there are any.
  package func profile(
    for environment: Environment, askingDriver: Bool = true
  ) throws(HostError) -> HostProfile {
    var profile = try profile(askingDriver: askingDriver)
    if !profile.gpus.isEmpty {
      profile.allocate(GPUAllocation(environment, on: self))
    }
    return profile
  }
}

extension GPUAllocation {
  /// The GPUs of a machine that an environment names.
  package init(_ environment: Environment, on machine: MachineRoot) {
    self.init(environment) { SlurmGPUs(on: machine, file: $0, node: $1) }
  }

  /// The GPUs that an environment names; `slurm` is asked on a node of a job only.
  ///
  /// Measured with Slurm 22.05: on a node, slurmd sets SLURM_GPUS_ON_NODE, the number of the step's
  /// GPUs there, or unsets it and CUDA_VISIBLE_DEVICES and the like; it sets SLURM_STEP_GPUS for a
  /// step and SLURM_JOB_GPUS for a batch script, where their device files are known, and leaves the
  /// other one as it was: a step has that of the batch script's node, a script that was submitted
  /// within a step has that of the step. CUDA_VISIBLE_DEVICES counts within the step where devices
  /// are confined, so its numbers say nothing; its names do, and for parts of GPUs (MIG) Slurm
  /// writes names.
  package init(
    _ environment: Environment, slurm: (_ file: String?, _ node: String) -> SlurmGPUs
  ) {
    let visible = environment["CUDA_VISIBLE_DEVICES"].map(Self.words)
    if let visible, visible.contains(where: { $0.hasPrefix("MIG-") }) {
      self = .names(visible)
      return
    }
    // SLURMD_NODENAME is set for tasks only, the address in the topology before them, too.
    let node =
      environment.nonEmpty("SLURMD_NODENAME")
      ?? environment.nonEmpty("SLURM_TOPOLOGY_ADDR")?.split(separator: ".").last.map(String.init)
    if environment.nonEmpty("SLURM_JOB_ID") != nil, let node {
      let slurm = slurm(environment.nonEmpty("SLURM_CONF"), node)
      if let count = environment.nonEmpty("SLURM_GPUS_ON_NODE").flatMap({ Int($0) }), count > 0 {
        let numbers = Self.numbers(of: count, in: environment)
        self = numbers.map { .numbers($0, minors: slurm.minors) } ?? .undivided
        return
      }
      // With a share of a GPU (MPS, shard) there is no number, but there are these.
      let isSharing = ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"]
        .contains { environment.nonEmpty($0) != nil }
      if slurm.isManaging, !isSharing {
        self = .nothing
        return
      }
    }
    switch visible {
    case []?, ["-1"]?, ["NoDevFiles"]?: self = .nothing
    case let names? where names.allSatisfy { $0.hasPrefix("GPU-") }: self = .names(names)
    default: self = .undivided
    }
  }

  private static func numbers(of count: Int, in environment: Environment) -> [Int]? {
    func numbers(_ name: String) -> [Int]? {
      guard let words = environment.nonEmpty(name).map(words) else { return nil }
      let numbers = words.compactMap { Int($0) }
      return numbers.count == words.count ? numbers : nil
    }
    let (step, job) = (numbers("SLURM_STEP_GPUS"), numbers("SLURM_JOB_GPUS"))
    guard let step, let job else { return step ?? job }
    if step.count == count, job.count != count { return step }
    if job.count == count, step.count > count { return job }
    // One of them is another node's, and nothing tells which.
    return step + job.filter { !step.contains($0) }
  }

  private static func words(_ list: String) -> [String] {
    list.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
  }
}
