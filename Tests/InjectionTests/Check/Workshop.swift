import ELF
import Foundation
import Injection
import TestSupport

/// Libraries and programs that gcc makes for one test.
///
/// They stand for MPIs only in what their files say; lab/mpi-swaps runs the real ones.
final class Workshop {
  private let directory: String

  init() throws {
    directory =
      FileManager.default.temporaryDirectory.path + "/slipway-workshop-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// What one family's C library is made of.
  enum MPI: String {
    case openMPI, mpich

    var soname: String { self == .openMPI ? "libmpi.so.40" : "libmpi.so.12" }
    var source: String {
      """
      #ifdef INIT
      int MPI_Init(int *a, char ***b) { return !a || !b; }
      int PMPI_Init(int *a, char ***b) { return !a || !b; }
      #endif
      int MPI_Send(void) { return 0; }
      """
        + (self == .openMPI ? "\nchar ompi_mpi_comm_world[512];\n" : "\n")
    }
  }

  /// An MPI's library directory: its C library, with more or other code.
  @discardableResult
  func mpi(
    _ family: MPI, in place: String, soname: String? = nil, adding: String = "",
    flags: [String] = []
  ) throws -> String {
    let name = soname ?? family.soname
    return try library(
      "\(place)/\(name)", source: "#define INIT\n" + family.source + adding, flags: flags)
  }

  @discardableResult
  func library(_ name: String, soname: String? = nil, source: String, flags: [String] = []) throws
    -> String
  {
    try compile(
      name, source,
      [
        "-shared", "-fPIC",
        "-Wl,-soname,\(soname ?? name.split(separator: "/").last.map(String.init)!)",
      ]
        + flags)
  }

  /// A program that calls an MPI; `source` is put before main, `calls` into it.
  @discardableResult
  func program(
    _ name: String, source: String = "", calls: String = "", flags: [String]
  ) throws -> String {
    try compile(
      name,
      """
      int MPI_Init(int *, char ***);
      \(source)
      int main(int argc, char **argv) { \(calls); return MPI_Init(&argc, &argv); }
      """, flags)
  }

  private func compile(_ name: String, _ source: String, _ flags: [String]) throws -> String {
    let target = path(name)
    try FileManager.default.createDirectory(
      atPath: URL(filePath: target).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    let result = try run(
      ["gcc", "-o", target, "-x", "c", "-", "-x", "none"] + flags, input: Array(source.utf8))
    guard result.status == 0 else { throw Failure(message: result.stderr) }
    return target
  }

  struct Failure: Error { var message: String }

  /// The verdict on a program of this workshop.
  func check(
    _ program: String, with place: String?, via method: InjectionMethod? = .libraryPath,
    libraryPath: [String] = [], level: Int = 4
  ) throws -> ConsumerCheck {
    let files = RootFiles()!
    // A machine on which nothing but the C library is installed.
    let machine = "/lib/x86_64-linux-gnu"
    if !FileManager.default.fileExists(atPath: path("machine")) {
      try FileManager.default.createDirectory(
        atPath: path("machine"), withIntermediateDirectories: true)
      for name in ["libc.so.6", "libm.so.6"] {
        try FileManager.default.createSymbolicLink(
          atPath: path("machine/\(name)"), withDestinationPath: "\(machine)/\(name)")
      }
    }
    let world = World(
      name: "host", files: files, interpreter: "/lib64/ld-linux-x86-64.so.2",
      processor: .x86_64(level: level, isIntel: true)
    ).binding([
      ("/etc/ld.so.cache", "/nonexistent"), (machine, path("machine")),
      ("/usr\(machine)", path("machine")),
    ])
    let bundles = place.map { MPIBundle.find(at: path($0), in: files) } ?? []
    return ABIChecker(
      world: world, bundles: bundles, method: place == nil ? .present : method,
      libraryPath: libraryPath.map(path)
    ).check(path(program))
  }
}
