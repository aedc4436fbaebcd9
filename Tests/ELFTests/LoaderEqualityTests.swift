import Dispatch
import ELF
import Foundation
import Injection
import Synchronization
import TestSupport
import Testing

/// The simulated linker against the real one, on the programs and libraries of this machine.
@Suite(.tags(.large), .enabled(if: RealLoader.isPresent, "\(RealLoader.absence)"))
struct LoaderEqualityTests {
  /// `SLIPWAY_LOADER_ALL` asks for every file of the machine; else it is a choice of so many.
  static let isComplete = ProcessInfo.processInfo.environment["SLIPWAY_LOADER_ALL"] != nil
  static let most = 1000

  /// ELF programs and libraries; links are left out, for what they lead to is there too.
  static func files() -> [String] {
    let flat = ["/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/usr/local/bin"]
    let deep = ["/usr/lib", "/usr/libexec", "/usr/games", "/usr/local", "/opt"]
    var paths = flat.flatMap { directory in
      ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
        .map { "\(directory)/\($0)" }
    }
    if isComplete {
      for directory in deep {
        paths += filesBelow(directory, ending: "").map { "\(directory)/\($0)" }
      }
    }
    paths = Array(Set(paths)).sorted()
    if !isComplete {
      // By name, so that the choice is the same everywhere where the files are.
      let libraries = paths.filter { $0.contains(".so") || $0.contains("bin/") }
      let step = UInt32(max(1, libraries.count / most))
      paths = libraries.filter { ELFWriter.gnuHash($0) % step == 0 }
    }
    return paths.filter(isObject)
  }

  private static func isObject(_ path: String) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      let file = FileHandle(forReadingAtPath: path),
      let start = try? file.read(upToCount: 18), start.count == 18
    else { return false }
    return start.prefix(4) == Data([0x7f, 0x45, 0x4c, 0x46]) && [2, 3].contains(start[16])
  }

  @Test func `what is loaded, from where, in which order, and what is missing`() throws {
    let paths = Self.files()
    try #require(paths.count > 200, "this machine has too few programs to tell anything")
    let files = try #require(RootFiles())
    let world = try RealLoader.native.world(in: files)
    let found = Mutex((differences: [String](), objects: 0, missing: 0, failures: 0))
    let workers = 4
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      let loader = Loader(world: world, files: files)
      for index in stride(from: worker, to: paths.count, by: workers) {
        let path = paths[index]
        let closure = loader.closure(of: path)
        // The real linker crashes on programs without a dynamic section.
        if let program = closure.objects.first?.object, !program.isDynamic { continue }
        found.withLock {
          $0.objects += closure.objects.count
          $0.missing += closure.missing.count
          $0.failures += closure.failure == nil ? 0 : 1
        }
        for traces in closure.missing.isEmpty && !Self.isComplete ? [false] : [false, true] {
          let real = Result { try RealLoader.native.listing(path, traces: traces) }
          let simulated = closure.listing(traces: traces)
          if case .success(simulated) = real { continue }
          found.withLock { $0.differences.append("\(path)\n\(real)\nnot\n\(simulated)") }
        }
      }
    }
    let result = found.withLock { $0 }
    print(
      "compared \(paths.count) files with \(result.objects) objects, \(result.missing) missing, "
        + "\(result.failures) failures")
    #expect(result.differences.isEmpty, "\(result.differences.prefix(10).joined(separator: "\n"))")
    #expect(result.objects > paths.count)
  }
}
