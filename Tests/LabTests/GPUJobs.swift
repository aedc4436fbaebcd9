import Foundation
import TestSupport
import Testing

/// The accelerator is that of the GPUs that Slurm gave the step.
///
/// All four nodes have two H100 and an A100, says Slurm's configuration, in an order that is neither
/// that of the bus nor that of the minor numbers. On n1 there are files that say so, too.
@Suite(
  .serialized, .tags(.large), .enabled(if: Lab.isRoot, Lab.needsRoot),
  .gpuLab("h100:2 h100:0 a100:1"))
struct GPUJobs {
  var lab: Lab { Lab.current }

  init() throws {
    // Seen by the node only: mounts of its own namespace, over the machine's devices.
    try lab.onNode(
      "n1", "sh", "-euc",
      """
      [ ! -e /dev/nvidiactl ] || exit 0
      cd "$1"; mkdir -p fake/pci fake/driver/nvidia/gpus fake/dev fake/work
      gpu() {
        mkdir -p "fake/pci/$1" "fake/driver/nvidia/gpus/$1"
        echo 0x10de >"fake/pci/$1/vendor"; echo 0x030200 >"fake/pci/$1/class"
        echo "$2" >"fake/pci/$1/device"
        printf 'GPU UUID:\\t GPU-%s\\nDevice Minor:\\t %s\\n' "$3" "$3" \\
          >"fake/driver/nvidia/gpus/$1/information"
      }
      gpu 0000:17:00.0 0x20b0 1; gpu 0000:65:00.0 0x2330 0; gpu 0000:b1:00.0 0x2330 2
      echo 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.261.03  Thu Jul 11' \\
        >fake/driver/nvidia/version
      mount --bind fake/pci /sys/bus/pci/devices
      mount --bind fake/driver /proc/driver
      mount -t overlay -o "lowerdir=/dev,upperdir=$1/fake/dev,workdir=$1/fake/work" overlay /dev
      : >/dev/nvidiactl
      """, "sh", lab.directory)
  }

  private func accelerator(
    _ options: String..., on node: String = "n1", environment: [String] = []
  ) throws -> (accelerator: String, said: String) {
    let result = try lab.shell(
      "srun -w \(node) -N1 -n1 --eessi=2023.06 \(options.joined(separator: " ")) "
        + "sh -c 'echo \"=$EESSI_ACCEL_SUBDIR\"'", environment: environment)
    #expect(result.status == 0, "\(result.stderr)")
    return (result.lines.first.map { String($0.dropFirst()) } ?? "", result.stderr)
  }

  @Test(arguments: [
    ("--gres=gpu:a100:1", "accel/nvidia/cc80"), ("--gres=gpu:h100:1", "accel/nvidia/cc90"),
    ("--gres=gpu:h100:2", "accel/nvidia/cc90"), ("--gpus=h100:1", "accel/nvidia/cc90"),
    ("--gpus-per-task=a100:1", "accel/nvidia/cc80"),
  ])
  func `a step has the accelerator of its GPUs`(option: String, accelerator: String) throws {
    let (found, said) = try self.accelerator(option)
    #expect(found == accelerator)
    #expect(said.isEmpty, "\(said)")
  }

  @Test func `no accelerator fits two generations`() throws {
    let (found, said) = try accelerator("--gres=gpu:3")
    #expect(found == "")
    #expect(said.contains("this step was given GPUs of 2 generations"))
  }

  @Test func `a step without GPUs has none, and hears nothing`() throws {
    let (found, said) = try accelerator(environment: ["SLURM_JOB_GPUS=1", "SLURM_STEP_GPUS=0"])
    #expect(found == "")
    #expect(said.isEmpty, "\(said)")
    #expect(try accelerator("--eessi-verbose").said.contains("the step was given no GPU"))
  }

  @Test func `a node without GPUs has none, and hears nothing`() throws {
    let (found, said) = try accelerator("--gres=gpu:a100:1", on: "n2")
    #expect(found == "")
    #expect(said.isEmpty, "\(said)")
  }

  @Test func `a batch script and its steps have their own`() throws {
    let script = "echo \"$0 =$EESSI_ACCEL_SUBDIR\""
    let result = try lab.shell(
      """
      cat >job.sh <<'END'
      #!/bin/sh
      sh -c '\(script)' script
      for gres in h100:1 h100:2; do
        srun -n1 --gres=gpu:$gres sh -c '\(script)' $gres
      done
      srun -n1 --gres=none sh -c '\(script)' none
      # What the step has stays in the environment of a job that is submitted within it, and nothing
      # tells whose it is: a subtree that may be wrong is not taken.
      srun -n1 --gres=gpu:h100:1 sbatch -Q -W -w n1 -o inner.out --eessi=2023.06 \\
        --gres=gpu:a100:1 --wrap 'sh -c '"'"'\(script)'"'"' inner'
      END
      sbatch -Q -W -w n1 -n2 -o outer.out --eessi=2023.06 --gres=gpu:h100:2 job.sh
      cat outer.out inner.out; rm -f job.sh outer.out inner.out
      """)
    #expect(
      result.lines.filter { $0.contains(" =") } == [
        "script =accel/nvidia/cc90", "h100:1 =accel/nvidia/cc90", "h100:2 =accel/nvidia/cc90",
        "none =", "inner =",
      ], "\(result.stdout)\(result.stderr)")
  }

  @Test func `a CUDA that the driver does not serve is told where there is a GPU`() throws {
    let cuda = ["EESSICUDAVERSION=13.0.0"]
    let said = try accelerator("--gres=gpu:a100:1", environment: cuda).said
    #expect(said.contains("CUDA 13.0 needs an NVIDIA driver of at least 580.65.06"))
    #expect(said.contains("535.261.03"))
    #expect(try accelerator(environment: cuda).said.isEmpty)
    #expect(try accelerator("--gres=gpu:a100:1", on: "n2", environment: cuda).said.isEmpty)
  }
}
