import CDI
import Host
import Injection
import Microarchitecture
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// A machine with a driver of NVIDIA's: a tree of files, its libraries compiled for it.
struct DriverTree {
  let directory: TemporaryDirectory

  static let running = "535.261.03"
  static let multiarch = "usr/lib/x86_64-linux-gnu"

  var root: MachineRoot { MachineRoot(FilePath(directory.path)) }

  /// Its files as they are now; what was looked at is remembered.
  var files: RootFiles { RootFiles(root: directory.path)! }

  /// Makes a machine that runs a driver, hands it to the closure and removes it.
  static func with<Result>(
    running version: String? = running, _ body: (DriverTree) throws -> Result
  ) throws -> Result {
    try TemporaryDirectory.with { directory in
      let tree = DriverTree(directory: directory)
      if let version { try tree.boot(version) }
      return try body(tree)
    }
  }

  /// Writes what the kernel says of the driver that runs, as a whole.
  func boot(_ version: String) throws {
    try directory.write("sys/module/nvidia/version", version + "\n")
    try directory.write(
      "proc/driver/nvidia/version",
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  \(version)  Thu Jul 11 04:00:00 UTC 2026\n")
  }

  /// The libraries that programs that compute need, and their SONAMEs.
  static let needed = [
    "libcuda": "libcuda.so.1", "libnvidia-ml": "libnvidia-ml.so.1",
    "libnvidia-ptxjitcompiler": "libnvidia-ptxjitcompiler.so.1",
    "libnvidia-nvvm": "libnvidia-nvvm.so.4",
  ]

  /// Installs the needed libraries of a version in a directory.
  func install(_ version: String = running, in place: String = multiarch) throws {
    for (name, soname) in Self.needed {
      try add("\(place)/\(name).so.\(version)", soname: soname)
    }
  }

  /// Installs a library.
  @discardableResult
  func add(_ path: String, soname: String?, for target: Target = .host) throws -> String {
    try directory.write(path, try target.library(soname: soname))
  }

  func find(
    _ search: NVIDIADriver.Search = .init(), architecture: Architecture = .x86_64
  ) -> NVIDIADriver? {
    var search = search
    search.specifications = CDISpecification.all(of: files).specifications
    return NVIDIADriver.find(on: root, architecture: architecture, search: search)
  }

  /// Whom a library is compiled for.
  enum Target: String, CaseIterable, CustomTestStringConvertible {
    case host, i386, aarch64

    private var compiler: [String] {
      switch self {
      case .host: ["gcc"]
      case .i386: ["gcc", "-m32"]
      case .aarch64: ["aarch64-linux-gnu-gcc"]
      }
    }

    /// The bytes of a library, compiled once.
    func library(soname: String?) throws -> [UInt8] {
      let key = "\(rawValue) \(soname ?? "")"
      if let bytes = Self.libraries.withLock({ $0[key] }) { return bytes }
      let bytes = try TemporaryDirectory.with { directory in
        // What the driver API says of itself: CUDA 12.2.
        let source = try directory.write(
          "library.c",
          """
          int cuDriverGetVersion(int *version) { *version = 12020; return 0; }
          const char *slipway_name(void) { return "\(soname ?? "")"; }
          """)
        let output = directory("library.so")
        let result = try run(
          compiler + ["-nostdlib", "-shared", "-fPIC", "-Os"]
            + (soname.map { ["-Wl,-soname,\($0)"] } ?? []) + ["-o", output, source])
        try #require(result.status == 0, "\(result.stderr)")
        return Array(try #require(MachineRoot().contents(of: output)))
      }
      Self.libraries.withLock { $0[key] = bytes }
      return bytes
    }

    private static let libraries = Mutex<[String: [UInt8]]>([:])

    var isCompiled: Bool { (try? library(soname: "libprobe.so.1")) != nil }
    var testDescription: String { rawValue }
  }

  static let isX86 = (try? run(["uname", "-m"]).stdout) == "x86_64\n"
  static let needsX86: Comment = "the trees of these tests are of x86_64"
}

extension [Finding] {
  /// The worst finding about a subject.
  func about(_ subject: String) -> Finding? {
    filter { $0.subject == subject }.max { $0.verdict < $1.verdict }
  }
}
