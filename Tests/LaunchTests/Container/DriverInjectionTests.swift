import Configuration
import Environment
import Foundation
import Host
import Injection
import Launch
import Microarchitecture
import Sandbox
import SystemPackage
import TestSupport
import Testing

private let isX86 = (try? run(["uname", "-m"]).stdout) == "x86_64\n"

/// The libraries of a GPU driver as parts of a plan; the machine is a tree of files.
@Suite(
  .tags(.medium), .needs("gcc"),
  .enabled(if: isX86, "the trees are of x86_64"))
struct DriverInjectionTests {
  static let version = "535.261.03"
  static let libraries = "/usr/lib/x86_64-linux-gnu"

  /// A machine that runs the driver and has some of its libraries.
  private static func machine<Result>(
    having names: [String], _ body: (MachineRoot) throws -> Result
  ) throws -> Result {
    try TemporaryDirectory.with { directory in
      try directory.write("sys/module/nvidia/version", "\(version)\n")
      try directory.write(
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  \(version)  Thu Jul 11 2026\n")
      try directory.makeDirectory("usr/lib/x86_64-linux-gnu")
      try directory.makeDirectory("usr/bin")
      let source = try directory.write("a.c", "int cuInit(void) { return 0; }\n")
      for name in names {
        let soname = name == "libnvidia-nvvm" ? "\(name).so.4" : "\(name).so.1"
        let result = try run([
          "gcc", "-nostdlib", "-shared", "-fPIC", "-Wl,-soname,\(soname)", source, "-o",
          directory("\(libraries)/\(name).so.\(version)"),
        ])
        try #require(result.status == 0, "\(result.stderr)")
      }
      try FileManager.default.copyItem(
        atPath: "/usr/bin/true", toPath: directory("usr/bin/nvidia-smi"))
      return try body(MachineRoot(FilePath(directory.path)))
    }
  }

  static let needed = [
    "libcuda", "libnvidia-ml", "libnvidia-ptxjitcompiler", "libnvidia-nvvm", "libnvidia-gpucomp",
  ]

  private static func host(gpus: Int) -> HostProfile {
    HostProfile(
      processor: Processor(architecture: .x86_64),
      gpus: Array(repeating: GPU(vendor: .nvidia, source: .pci), count: gpus))
  }

  private static func plan(
    _ choice: InjectionChoice, on machine: MachineRoot, gpus: Int,
    request: ContainerRequest = ContainerRequest(), image: String = "{}"
  ) throws -> ContainerPlan {
    let user = ContainerPlanTests.user()
    let files = try #require(RootFiles(root: machine.path.string))
    let offer = InjectionOffer(
      for: choice, Configuration().container, on: host(gpus: gpus), machine: machine, files: files,
      environment: user.environment)
    return try ContainerPlan(
      try ContainerPlanTests.image(image), request, for: user, configuration: .init(),
      injecting: choice, from: offer, exists: { _ in true })
  }

  @Test func `libraries are mounted one by one, and searched before the image's`() throws {
    try Self.machine(having: Self.needed) { machine in
      var request = ContainerRequest()
      request.variables = try ContainerVariable.list("A=1", source: "--env")
      let plan = try Self.plan(
        .auto, on: machine, gpus: 1, request: request,
        image: #"{"Env":["LD_LIBRARY_PATH=/usr/local/cuda/compat","PATH=/bin"]}"#)
      let mounts = plan.sandbox.mounts.filter { $0.destination.hasPrefix("/.slipway/cuda/") }
      #expect(
        Set(mounts.map(\.destination)) == [
          "/.slipway/cuda/libcuda.so", "/.slipway/cuda/libcuda.so.1",
          "/.slipway/cuda/libnvidia-ml.so.1", "/.slipway/cuda/libnvidia-ptxjitcompiler.so.1",
          "/.slipway/cuda/libnvidia-nvvm.so.4", "/.slipway/cuda/libnvidia-gpucomp.so.1",
          "/.slipway/cuda/nvidia-smi",
        ])
      #expect(mounts.allSatisfy { $0.isReadOnly && !$0.isOptional })
      let file = "\(Self.libraries)/libcuda.so.\(Self.version)"
      #expect(
        mounts.filter { $0.destination.contains("libcuda.so") }.map(\.source) == [file, file])
      #expect(plan.environment["LD_LIBRARY_PATH"] == "/.slipway/cuda:/usr/local/cuda/compat")
      #expect(plan.environment["PATH"] == "/bin:/.slipway/cuda")
      let decision = try #require(plan.injections.first { $0.injectable == .cuda })
      #expect(decision.isInjected && decision.text.contains("535.261.03, CUDA up to 12.2"))
    }
  }

  @Test func `the user's own library path is the user's`() throws {
    try Self.machine(having: Self.needed) { machine in
      var request = ContainerRequest()
      request.variables = try ContainerVariable.list("LD_LIBRARY_PATH=/mine", source: "--env")
      let plan = try Self.plan(.auto, on: machine, gpus: 1, request: request)
      #expect(plan.environment["LD_LIBRARY_PATH"] == "/mine")
    }
  }

  @Test(arguments: [
    ("auto", 0, false), ("auto", 1, true), ("cuda", 0, true), ("off", 1, false),
  ])
  func `a driver goes in where GPUs were given or it was named`(
    _ words: String, _ gpus: Int, _ isInjected: Bool
  ) throws {
    try Self.machine(having: Self.needed) { machine in
      let choice = try InjectionChoice(parsing: words, source: "--inject")
      let plan = try Self.plan(choice, on: machine, gpus: gpus)
      let places = plan.sandbox.mounts.map(\.destination)
      #expect(places.contains("/.slipway/cuda/libcuda.so.1") == isInjected)
      #expect((plan.environment["LD_LIBRARY_PATH"] != nil) == isInjected)
      #expect(plan.warnings.isEmpty)
    }
  }

  @Test func `what a driver lacks is told, and without libcuda there is none`() throws {
    let named = try InjectionChoice(parsing: "cuda", source: "--inject")
    try Self.machine(having: ["libcuda", "libnvidia-nvvm", "libnvidia-gpucomp"]) { machine in
      let plan = try Self.plan(.auto, on: machine, gpus: 2)
      #expect(plan.warnings.contains { $0.contains("libnvidia-ml") }, "\(plan.warnings)")
      #expect(plan.environment["LD_LIBRARY_PATH"] == "/.slipway/cuda")
    }
    try Self.machine(having: ["libnvidia-ml"]) { machine in
      let error = #expect(throws: ContainerError.self) {
        try Self.plan(named, on: machine, gpus: 0)
      }
      #expect(error?.status == .unavailable && error?.cause.contains("libcuda") == true)
      // Who was given GPUs is told why they will not be found; the step goes on.
      let plan = try Self.plan(.auto, on: machine, gpus: 1)
      #expect(plan.warnings.contains { $0.contains("libcuda") }, "\(plan.warnings)")
      #expect(plan.environment["LD_LIBRARY_PATH"] == nil)
      #expect(!plan.sandbox.mounts.contains { $0.destination.hasPrefix("/.slipway") })
    }
  }

  @Test func `a node without a driver refuses only who has named it`() throws {
    try TemporaryDirectory.with { directory in
      let machine = MachineRoot(FilePath(directory.path))
      let error = #expect(throws: ContainerError.self) {
        try Self.plan(
          try InjectionChoice(parsing: "cuda", source: "--inject"), on: machine, gpus: 0)
      }
      #expect(error?.status == .unavailable && error?.remedy.contains("leave out cuda") == true)
      let plan = try Self.plan(.auto, on: machine, gpus: 0)
      #expect(plan.warnings.isEmpty && plan.injections.allSatisfy { !$0.isInjected })
    }
  }
}
