import ELF
import Foundation
import Host
import Injection
import Microarchitecture
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// Drivers of made machines: every library is a real one, compiled for its tree.
@Suite(.tags(.large), .enabled(if: DriverTree.isX86, DriverTree.needsX86))
struct NVIDIADriverTests {
  @Test func `a machine without a driver has none`() throws {
    try DriverTree.with(running: nil) { tree in
      #expect(tree.find() == nil)
      try tree.install()
      #expect(tree.find() == nil, "libraries alone are no driver that runs")
    }
  }

  @Test func `the libraries of the running driver are linked by their own names`() throws {
    try DriverTree.with { tree in
      try tree.install()
      let driver = try #require(tree.find())
      #expect(driver.kind == .linux)
      #expect(driver.version == "535.261.03")
      #expect(driver.cudaVersion == CUDAVersion(12, 2))
      #expect(driver.directory == "/usr/lib/x86_64-linux-gnu")
      #expect(driver.findings == [])
      #expect(driver.verdict == .ok)
      #expect(driver.missing == [])
      #expect(
        Dictionary(uniqueKeysWithValues: driver.links.map { ($0.name, $0.target) }) == [
          "libcuda.so": "libcuda.so.1",
          "libcuda.so.1": "/usr/lib/x86_64-linux-gnu/libcuda.so.535.261.03",
          "libnvidia-ml.so.1": "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.261.03",
          "libnvidia-ptxjitcompiler.so.1":
            "/usr/lib/x86_64-linux-gnu/libnvidia-ptxjitcompiler.so.535.261.03",
          "libnvidia-nvvm.so.4": "/usr/lib/x86_64-linux-gnu/libnvidia-nvvm.so.535.261.03",
        ])
      #expect(driver.links.allSatisfy { !$0.why.isEmpty })
    }
  }

  /// The version in /proc serves where the module tells none.
  @Test func `the version is that of /proc, too`() throws {
    try DriverTree.with { tree in
      try FileManager.default.removeItem(atPath: tree.directory("sys/module/nvidia/version"))
      try tree.install()
      #expect(tree.find()?.version == "535.261.03")
    }
  }

  @Test func `a version that is none is told`() throws {
    try DriverTree.with(running: "../../etc") { tree in
      try tree.install()
      let driver = try #require(tree.find())
      #expect(driver.verdict == .fail)
      #expect(driver.links.isEmpty)
    }
  }

  @Test(arguments: [
    ("libnvidia-gpucomp", "libnvidia-gpucomp.so.535.261.03"),
    ("libcudadebugger", "libcudadebugger.so.1"), ("libnvidia-cfg", "libnvidia-cfg.so.1"),
    ("libnvidia-allocator", "libnvidia-allocator.so.1"),
    ("libnvidia-opencl", "libnvidia-opencl.so.1"),
    ("libnvidia-pkcs11", "libnvidia-pkcs11.so.535.261.03"),
    ("libnvidia-pkcs11-openssl3", "libnvidia-pkcs11-openssl3.so.535.261.03"),
    ("libnvidia-nscq", "libnvidia-nscq.so.2"),
    ("libnvidia-tileiras", "libnvidia-tileiras.so.535.261.03"),
  ])
  func `an optional library is linked where the driver has it`(name: String, soname: String) throws
  {
    try DriverTree.with { tree in
      try tree.install()
      let path = "\(DriverTree.multiarch)/\(name).so.535.261.03"
      try tree.add(path, soname: soname)
      let driver = try #require(tree.find())
      #expect(driver.links.contains { $0.name == soname && $0.target == "/\(path)" })
      #expect(driver.findings == [])
    }
  }

  /// These have the driver's version or lie beside it in some distributions.
  @Test(arguments: [
    "libGL", "libGLX", "libGLdispatch", "libEGL", "libOpenGL", "libOpenCL", "libGLX_nvidia",
    "libEGL_nvidia", "libnvidia-glcore", "libnvidia-eglcore", "libnvidia-tls", "libnvidia-rtcore",
    "libnvoptix", "libnvcuvid", "libnvidia-encode", "libcudart", "libnccl",
  ])
  func `graphics, video, the distribution's and the toolkit's libraries stay out`(
    name: String
  ) throws {
    try DriverTree.with { tree in
      try tree.install()
      for version in ["1", "535.261.03"] {
        try tree.add("\(DriverTree.multiarch)/\(name).so.\(version)", soname: "\(name).so.1")
      }
      let driver = try #require(tree.find())
      #expect(!driver.links.contains { $0.name.hasPrefix(name + ".") })
      #expect(driver.links.count == 5)
    }
  }

  @Test func `the one that compiles for older toolkits has a version of its own`() throws {
    try DriverTree.with { tree in
      try tree.install()
      try tree.add(
        "\(DriverTree.multiarch)/libnvidia-nvvm70.so.4", soname: "libnvidia-nvvm70.so.4")
      #expect(try #require(tree.find()).links.contains { $0.name == "libnvidia-nvvm70.so.4" })
    }
  }

  @Test func `an older driver compiles with another library`() throws {
    try DriverTree.with(running: "418.226.00") { tree in
      try tree.install("418.226.00")
      try FileManager.default.removeItem(
        atPath: tree.directory("\(DriverTree.multiarch)/libnvidia-nvvm.so.418.226.00"))
      #expect(try #require(tree.find()).missing == ["libnvidia-nvvm"])
      try tree.add(
        "\(DriverTree.multiarch)/libnvidia-compiler.so.418.226.00",
        soname: "libnvidia-compiler.so.418.226.00")
      let driver = try #require(tree.find())
      #expect(driver.missing == [])
      #expect(driver.findings == [])
      #expect(driver.cudaVersion == CUDAVersion(10, 1))
    }
  }

  // MARK: Places

  @Test(arguments: [
    "usr/lib64", "usr/lib64/nvidia", "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/nvidia/current", "lib64", "lib/x86_64-linux-gnu",
    "lib/x86_64-linux-gnu/nvidia/current", "usr/local/nvidia/lib64", "usr/local/nvidia/lib",
    "run/opengl-driver/lib", "usr/lib/wsl/lib", ".singularity.d/libs",
  ])
  func `libraries are found in the directory`(place: String) throws {
    try DriverTree.with { tree in
      try tree.install(in: place)
      let driver = try #require(tree.find())
      #expect(driver.directory == "/\(place)")
      #expect(driver.verdict == .ok)
    }
  }

  @Test(
    .enabled(if: getuid() == 0, "needs root: ldconfig makes a cache for another root by chroot(2)"))
  func `a site's directory goes first, then what tools name, then the cache`() throws {
    try DriverTree.with { tree in
      let places = ["site", "container", "cdi", "cached", "usr/lib64"]
      for place in places { try tree.install(in: place) }
      try tree.directory.write("etc/cdi/nvidia.yaml", CDIText.specification(directory: "/cdi"))
      try tree.directory.write("etc/ld.so.conf", "/cached\n")
      let made = try run(["ldconfig", "-r", tree.directory.path])
      try #require(made.status == 0, "\(made.stderr)")
      let search = NVIDIADriver.Search(
        directories: ["/missing", "/site"], containerDirectory: "/container")
      var found: [String?] = []
      for place in places {
        found.append(tree.find(search)?.directory)
        for name in DriverTree.needed.keys {
          try FileManager.default.removeItem(
            atPath: tree.directory("\(place)/\(name).so.535.261.03"))
        }
      }
      #expect(found == places.map { "/\($0)" })
      #expect(tree.find(search)?.directory == nil)
    }
  }

  @Test(arguments: ["", "ld.so-1.7.0", "glibc-ld.so.cache1.1", "no cache at all"])
  func `a cache that is none is as good as absent`(text: String) throws {
    try DriverTree.with { tree in
      try tree.install()
      try tree.directory.write("etc/ld.so.cache", text)
      #expect(try #require(tree.find()).verdict == .ok)
    }
  }

  @Test func `a library that is elsewhere is taken from there`() throws {
    try DriverTree.with { tree in
      try tree.install()
      let name = "libnvidia-ml.so.535.261.03"
      try FileManager.default.moveItem(
        atPath: tree.directory("\(DriverTree.multiarch)/\(name)"),
        toPath: try tree.directory.makeDirectory("lib64") + "/" + name)
      let driver = try #require(tree.find())
      #expect(driver.links.first { $0.name == "libnvidia-ml.so.1" }?.target == "/lib64/\(name)")
      #expect(driver.missing == [])
    }
  }

  /// Debian's alternatives: absolute links that leave a fixture's root if they are not kept in it.
  @Test func `links are followed within the machine`() throws {
    try DriverTree.with { tree in
      try tree.install(in: "usr/lib/x86_64-linux-gnu/nvidia/tesla-535")
      try tree.directory.link(
        "etc/alternatives/nvidia", to: "/usr/lib/x86_64-linux-gnu/nvidia/tesla-535")
      try tree.directory.link(
        "usr/lib/x86_64-linux-gnu/nvidia/current", to: "/etc/alternatives/nvidia")
      let driver = try #require(tree.find())
      #expect(driver.directory == "/usr/lib/x86_64-linux-gnu/nvidia/tesla-535")
      #expect(driver.verdict == .ok)
    }
  }

  @Test func `a directory of links by SONAME serves`() throws {
    try DriverTree.with { tree in
      try tree.install(in: "opt/driver")
      for (name, soname) in DriverTree.needed {
        try tree.directory.link("links/\(soname)", to: "../opt/driver/\(name).so.535.261.03")
      }
      let driver = try #require(tree.find(.init(directories: ["/links"])))
      #expect(driver.directory == "/opt/driver")
      #expect(driver.verdict == .ok)
    }
  }

  @Test(arguments: [Architecture.aarch64, .ppc64le, .riscv64])
  func `another architecture has its own directories and libraries`(
    architecture: Architecture
  ) throws {
    try DriverTree.with { tree in
      try tree.install()
      let driver = try #require(tree.find(architecture: architecture))
      #expect(driver.missing.contains("libcuda"))
      guard architecture == .aarch64, DriverTree.Target.aarch64.isCompiled else { return }
      for (name, soname) in DriverTree.needed {
        try tree.add(
          "usr/lib/aarch64-linux-gnu/\(name).so.535.261.03", soname: soname, for: .aarch64)
      }
      #expect(tree.find(architecture: .aarch64)?.directory == "/usr/lib/aarch64-linux-gnu")
    }
  }

  // MARK: What is wrong

  @Test(arguments: ["550.54.15", "525.147.05", "535.54.03"])
  func `libraries of another version are a mismatch that names both`(installed: String) throws {
    try DriverTree.with { tree in
      try tree.install(installed)
      let driver = try #require(tree.find())
      #expect(driver.verdict == .fail)
      #expect(driver.links.isEmpty)
      #expect(driver.missing.contains("libcuda"))
      let finding = try #require(driver.findings.about("libcuda"))
      #expect(finding.verdict == .fail)
      #expect(finding.message.contains("Driver/library version mismatch"))
      #expect(finding.message.contains("535.261.03"))
      #expect(finding.message.contains(installed))
      #expect(finding.file == "/\(DriverTree.multiarch)/libcuda.so.\(installed)")
      #expect(finding.remedy != nil)
    }
  }

  @Test func `of two versions side by side the running one is taken`() throws {
    try DriverTree.with { tree in
      try tree.install("550.54.15")
      try tree.install()
      let driver = try #require(tree.find())
      #expect(driver.verdict == .ok)
      #expect(driver.files.allSatisfy { $0.path.hasSuffix(".so.535.261.03") })
    }
  }

  /// An update that was only half done.
  @Test func `a library of another version beside the right libcuda is told`() throws {
    try DriverTree.with { tree in
      try tree.install()
      let directory = tree.directory(DriverTree.multiarch)
      try FileManager.default.moveItem(
        atPath: "\(directory)/libnvidia-ptxjitcompiler.so.535.261.03",
        toPath: "\(directory)/libnvidia-ptxjitcompiler.so.550.54.15")
      let driver = try #require(tree.find())
      #expect(driver.verdict == .conditional)
      #expect(driver.missing == ["libnvidia-ptxjitcompiler"])
      let message = driver.findings.about("libnvidia-ptxjitcompiler")?.message
      #expect(message?.contains("550.54.15") == true)
    }
  }

  /// One needed library taken away at a time.
  @Test(arguments: DriverTree.needed.keys.sorted())
  func `a library that is missing is named`(name: String) throws {
    try DriverTree.with { tree in
      try tree.install()
      try FileManager.default.removeItem(
        atPath: tree.directory("\(DriverTree.multiarch)/\(name).so.535.261.03"))
      let driver = try #require(tree.find())
      #expect(driver.missing == [name])
      #expect(driver.verdict == (name == "libcuda" ? .fail : .conditional))
      #expect(driver.findings.count == 1)
      #expect(driver.findings.about(name)?.message.contains("\(name).so.535.261.03") == true)
    }
  }

  @Test(
    .enabled(
      if: DriverTree.Target.allCases.allSatisfy(\.isCompiled),
      "needs gcc -m32 and aarch64-linux-gnu-gcc"),
    arguments: [DriverTree.Target.i386, .aarch64])
  func `a library of another architecture is stepped over, or told`(
    target: DriverTree.Target
  ) throws {
    try DriverTree.with { tree in
      for (name, soname) in DriverTree.needed {
        try tree.add("usr/lib64/\(name).so.535.261.03", soname: soname, for: target)
      }
      let alone = try #require(tree.find())
      #expect(alone.verdict == .fail)
      #expect(alone.links.isEmpty)
      #expect(alone.findings.about("libcuda")?.message.contains(target.rawValue) == true)
      try tree.install()
      let driver = try #require(tree.find())
      #expect(driver.findings == [])
      #expect(driver.directory == "/\(DriverTree.multiarch)")
    }
  }

  /// What stands in the place of libcuda, by a name for the test.
  enum Damage: String, CaseIterable {
    case empty, short, text, truncated, noSONAME, foreignSONAME, pathSONAME, loop, dangling,
      directory
    case pipe
  }

  @Test(arguments: Damage.allCases)
  func `a damaged library is told, and nothing links to it`(damage: Damage) throws {
    try DriverTree.with { tree in
      try tree.install()
      let path = "\(DriverTree.multiarch)/libcuda.so.535.261.03"
      let whole = try DriverTree.Target.host.library(soname: "libcuda.so.1")
      let file = tree.directory(path)
      try FileManager.default.removeItem(atPath: file)
      switch damage {
      case .empty: try tree.directory.write(path, "")
      case .short: try tree.directory.write(path, whole.prefix(40))
      case .text: try tree.directory.write(path, String(repeating: "no library ", count: 20))
      case .truncated: try tree.directory.write(path, whole.prefix(whole.count / 8))
      case .noSONAME: try tree.add(path, soname: nil)
      case .foreignSONAME: try tree.add(path, soname: "libcudart.so.12")
      case .pathSONAME: try tree.add(path, soname: "libcuda.so/../../../etc/passwd")
      case .loop: try tree.directory.link(path, to: "libcuda.so.535.261.03")
      case .dangling: try tree.directory.link(path, to: "/nowhere/libcuda.so.535.261.03")
      case .directory: try tree.directory.makeDirectory(path)
      case .pipe: #expect(mkfifo(file, 0o644) == 0)
      }
      let driver = try #require(tree.find())
      #expect(driver.verdict == .fail)
      #expect(driver.missing == ["libcuda"])
      #expect(driver.directory == nil)
      #expect(!driver.links.contains { $0.name.hasPrefix("libcuda.") })
      let finding = try #require(driver.findings.about("libcuda"))
      #expect(finding.file == "/\(path)")
      #expect(finding.remedy != nil)
      // The same library whole in a later place is taken, and nothing is told.
      try tree.add("lib64/libcuda.so.535.261.03", soname: "libcuda.so.1")
      let healed = try #require(tree.find())
      #expect(healed.directory == "/lib64")
      #expect(healed.verdict == .ok)
    }
  }

  @Test func `a damaged optional library is a warning`() throws {
    try DriverTree.with { tree in
      try tree.install()
      try tree.directory.write("\(DriverTree.multiarch)/libnvidia-cfg.so.535.261.03", "x")
      let driver = try #require(tree.find())
      #expect(driver.verdict == .warn)
      #expect(driver.missing == [])
    }
  }

  @Test func `places that cannot be entered are as good as absent`() throws {
    try DriverTree.with { tree in
      try tree.install()
      try tree.directory.link("a", to: "b")
      try tree.directory.link("b", to: "a")
      try tree.directory.write("file", "")
      try tree.install(in: "closed")
      chmod(tree.directory("closed"), 0)
      defer { chmod(tree.directory("closed"), 0o755) }
      let places = ["/a", "/a/x", "/file", "/file/x", "/none"] + (getuid() == 0 ? [] : ["/closed"])
      let driver = try #require(tree.find(.init(directories: places)))
      #expect(driver.directory == "/\(DriverTree.multiarch)")
      #expect(driver.verdict == .ok)
    }
  }

  /// The version is written by another thread all the time; what is said must always be consistent.
  @Test func `a driver that changes while it is looked at is told`() throws {
    try DriverTree.with { tree in
      let versions = ["535.261.03", "550.54.15"]
      for version in versions { try tree.install(version) }
      let isOver = Atomic(false)
      try withExtendedLifetime(isOver) {
        let file = tree.directory("sys/module/nvidia/version")
        let writer = Thread {
          var turn = 0
          while !isOver.load(ordering: .relaxed) {
            // Renamed into its place: a reader sees one version or the other.
            try? (versions[turn] + "\n").write(toFile: file, atomically: true, encoding: .utf8)
            turn = 1 - turn
          }
        }
        writer.start()
        defer {
          isOver.store(true, ordering: .relaxed)
          while !writer.isFinished { sched_yield() }
        }
        let deadline = ContinuousClock.now + .seconds(30)
        var changes = 0
        while changes < 3, ContinuousClock.now < deadline {
          let driver = try #require(tree.find())
          let version = try #require(driver.version)
          #expect(driver.files.allSatisfy { $0.path.hasSuffix(".so.\(version)") })
          guard let finding = driver.findings.first(where: { $0.verdict == .fail }) else {
            continue
          }
          #expect(finding.message.contains("changed from \(version) to"))
          changes += 1
        }
        #expect(changes == 3)
      }
    }
  }

  // MARK: A site's additions

  @Test func `a site adds libraries, and what must not be injected stays out`() throws {
    let text = """
      # video for the rendering nodes
      libnvidia-encode
      libnvcuvid.so.1   # a comment
      libcuda
      libGL
      libcudart.so.12
      lib/../../etc
      two words
      libnvidia-encode.so.1
      """
    let (libraries, findings) = NVIDIALibrary.additions(in: text, file: "/etc/slipway/nvidia")
    #expect(libraries.map(\.name) == ["libnvidia-encode", "libnvcuvid"])
    #expect(findings.map(\.subject) == ["libGL", "libcudart", "lib/../../etc", "two words"])
    #expect(findings.allSatisfy { $0.verdict == .warn && $0.remedy != nil })
    try DriverTree.with { tree in
      try tree.install()
      try tree.add(
        "\(DriverTree.multiarch)/libnvidia-encode.so.535.261.03", soname: "libnvidia-encode.so.1")
      let driver = try #require(tree.find(.init(additions: libraries)))
      #expect(driver.links.contains { $0.name == "libnvidia-encode.so.1" })
      #expect(driver.findings.map(\.subject) == ["libnvcuvid"])
      #expect(driver.verdict == .warn)
      #expect(driver.missing == [])
    }
  }

  // MARK: Other systems

  @Test func `under WSL2 both directories are needed, and names have no version`() throws {
    try DriverTree.with(running: nil) { tree in
      try tree.directory.write("dev/dxg", "")
      #expect(tree.find() == nil, "a kernel that could, without a driver")
      for (name, soname) in [
        "libcuda.so.1": "libcuda.so.1", "libcuda.so": "libcuda.so.1",
        "libcuda.so.1.1": "libcuda.so.1", "libdxcore.so": "libdxcore.so",
        "libnvidia-ml.so.1": "libnvidia-ml.so.1",
      ] {
        try tree.add("usr/lib/wsl/lib/\(name)", soname: soname)
      }
      #expect(tree.find()?.verdict == .fail, "the store of Windows is missing")
      try tree.directory.makeDirectory("usr/lib/wsl/drivers/nvlti.inf_amd64_0123456789abcdef")
      let driver = try #require(tree.find())
      #expect(driver.kind == .wsl)
      #expect(driver.version == nil)
      #expect(driver.cudaVersion == nil)
      #expect(driver.findings == [])
      #expect(driver.missing == [])
      #expect(
        Set(driver.links.map(\.name)) == [
          "libcuda.so", "libcuda.so.1", "libdxcore.so", "libnvidia-ml.so.1",
        ])
      #expect(
        driver.visible == [
          "/usr/lib/wsl/lib", "/usr/lib/wsl/drivers/nvlti.inf_amd64_0123456789abcdef",
        ])
      try FileManager.default.removeItem(atPath: tree.directory("usr/lib/wsl/lib/libdxcore.so"))
      #expect(tree.find()?.missing == ["libdxcore"])
      #expect(tree.find()?.verdict == .fail)
    }
  }

  @Test(arguments: ["etc/nv_tegra_release", "dev/nvmap"])
  func `Jetson is said to be unsupported`(mark: String) throws {
    for version in [nil, "540.2.0"] {
      try DriverTree.with(running: version) { tree in
        try tree.directory.write(mark, "")
        try tree.install(version ?? "540.2.0")
        let driver = try #require(tree.find())
        #expect(driver.kind == .tegra)
        #expect(driver.verdict == .fail)
        #expect(driver.links.isEmpty)
        #expect(driver.findings.first?.message.contains("not supported") == true)
      }
    }
  }

  // MARK: The links at work

  /// A program that opens libraries as CUDA's runtime does, in a directory of the links.
  static func open(_ driver: NVIDIADriver, below root: String) throws -> [String: String] {
    try TemporaryDirectory.with { directory in
      for link in driver.links {
        let target = link.target.hasPrefix("/") ? root + link.target : link.target
        try directory.link("lib/\(link.name)", to: target)
      }
      let source = try directory.write(
        "open.c",
        """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <limits.h>
        #include <stdio.h>
        #include <stdlib.h>
        int main(int argc, char **argv) {
          for (int i = 1; i < argc; i++) {
            void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
            if (!library) { printf("%s=%s\\n", argv[i], dlerror()); continue; }
            struct { void *a; char *path; } *map = library; /* struct link_map: l_addr, l_name */
            char real[PATH_MAX];
            printf("%s=%s\\n", argv[i], realpath(map->path, real) ? real : "?");
            int (*version)(int *) = dlsym(library, "cuDriverGetVersion"), number = 0;
            if (version && argv[i][3] == 'c' && argv[i][6] == 'a' && argv[i][7] == '.'
                && !version(&number)) printf("%s version=%d\\n", argv[i], number);
          }
        }
        """)
      let built = try run(["gcc", "-o", directory("open"), source, "-ldl"])
      try #require(built.status == 0, "\(built.stderr)")
      let result = try run(
        [directory("open")] + driver.links.map(\.name),
        environment: ["LD_LIBRARY_PATH": directory("lib")])
      try #require(result.status == 0, "\(result.stderr)")
      var opened: [String: String] = [:]
      for line in result.stdout.split(separator: "\n") {
        let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
        opened[parts[0]] = parts.last
      }
      return opened
    }
  }

  @Test func `programs open the linked libraries by every name`() throws {
    try DriverTree.with { tree in
      try tree.install()
      let driver = try #require(tree.find())
      let opened = try Self.open(driver, below: tree.directory.path)
      for file in driver.files {
        #expect(opened[file.soname] == tree.directory.path + file.path)
      }
      #expect(opened["libcuda.so"] == opened["libcuda.so.1"])
      #expect(opened["libcuda.so.1 version"] == "12020")
    }
  }

  /// The same for real.
  @Test(
    .enabled(
      if: MachineRoot().nvidiaDriverVersion != nil && MachineRoot().exists("/dev/nvidiactl"),
      "no NVIDIA driver runs on this machine, so there are no libraries of one to find"))
  func `the driver of this machine is found, and programs open it`() throws {
    let machine = MachineRoot()
    let driver = try #require(
      NVIDIADriver.find(on: machine, architecture: try machine.processor().architecture))
    #expect(driver.version == machine.nvidiaDriverVersion)
    #expect(driver.verdict < .notApplied, "\(driver.findings)")
    #expect(driver.directory != nil)
    let opened = try Self.open(driver, below: "")
    for file in driver.files where file.need != .optional {
      #expect(opened[file.soname] == file.path)
    }
    if let version = opened["libcuda.so.1 version"].flatMap({ Int($0) }),
      let known = driver.cudaVersion
    {
      #expect(known == CUDAVersion(version / 1000, version % 1000 / 10))
    }
  }
}
