import Foundation
import Injection
import TestSupport
import Testing

/// A target with a repository whose variant symlink leads to it, and a host with drivers and an MPI.
struct Site {
  let directory: TemporaryDirectory
  var target: String { directory("target") }
  /// Stands for `/cvmfs/software.eessi.io`, with the variant symlinks as the client expands them.
  var repository: String { directory("cvmfs/software.eessi.io") }
  var prefix: String { directory("usr/lib64/openmpi") }

  static let host = "nvidia/x86_64/host"
  static let trusted = "2023.06/compat/linux/x86_64/lib"
  static let override = "2023.06/software/linux/x86_64/amd/zen2/rpath_overrides/OpenMPI/system"

  static func with<Result>(_ body: (Site) throws -> Result) throws -> Result {
    try TemporaryDirectory.with { directory in
      let site = Site(directory: directory)
      try directory.makeDirectory("target")
      try directory.link("cvmfs/software.eessi.io/host_injections", to: site.target)
      try directory.write("usr/lib64/openmpi/lib/libmpi.so.40", "Open MPI 4.1.4")
      try directory.write("usr/lib64/openmpi/lib/openmpi/mca_btl_vader.so", "a plugin")
      try directory.link("usr/lib64/openmpi/lib/libmpi.so", to: "libmpi.so.40")
      return try body(site)
    }
  }

  // MARK: What is injected

  func writer(
    target: String? = nil, now: Int = 1_795_275_840, patience: Double = 10
  ) -> InjectionWriter {
    InjectionWriter(
      target: target ?? self.target, author: "root on login1", release: "1.0", now: { now },
      patience: patience)
  }

  static let libraries = ["libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1"]

  /// Makes the files of a driver.
  @discardableResult
  func install(driver version: String) throws -> [String: String] {
    var files: [String: String] = [:]
    for name in Self.libraries {
      let file = name.replacing(".so.1", with: ".so.\(version)")
      files[name] = try directory.write("usr/lib64/\(file)", "\(name) of \(version)")
    }
    // As names change from driver to driver.
    let own = "libnvidia-gpucomp.so.\(version)"
    files[own] = try directory.write("usr/lib64/\(own)", "\(own) of \(version)")
    return files
  }

  func driver(
    _ version: String, cuda: String = "12.2", place: String = Site.host,
    versions: [String] = ["2023.06"]
  ) throws -> Injection {
    let libraries = try install(driver: version)
    return .nvidia(
      InjectionRecord(
        kind: .cuda, place: place, version: version, cuda: cuda, verdict: .ok,
        reason: "the running driver",
        sources: libraries.values.sorted().compactMap { SourceMark(of: $0, buildID: "ab12") }),
      libraries: libraries,
      links: place == Self.host
        ? InjectionLayout.nvidiaLinks(
          versions: versions, architecture: "x86_64", repository: repository) : [])
  }

  var record: InjectionRecord {
    InjectionRecord(
      kind: .mpi, place: Self.override, family: .openMPI, version: "4.1.4", pmi: [.pmix],
      verdict: .warn, reason: "plugins of another install",
      sources: [SourceMark(of: "\(prefix)/lib/libmpi.so.40")!])
  }

  var mpi: Injection { .mpi(record, prefix: prefix) }

  /// The MPI as a tree of its own.
  var copiedMPI: Injection {
    Injection(
      record,
      entries: [
        .init("lib/libmpi.so.40", .copy(of: "\(prefix)/lib/libmpi.so.40"), reason: "MPI"),
        .init("lib/libmpi.so", .link("libmpi.so.40"), reason: "MPI"),
        .init("lib64", .link("lib"), reason: "the RPATH names both"),
        .init(
          "lib/openmpi/mca_btl_vader.so", .copy(of: "\(prefix)/lib/openmpi/mca_btl_vader.so"),
          reason: "plugin"),
      ])
  }

  // MARK: What others made

  /// What EESSI's script makes for 2023.06, by its facts: links to the host's libraries, two version
  /// files, and the links to their directory.
  func runEESSIScript(driver version: String) throws {
    let libraries = try install(driver: version)
    for (name, file) in libraries { try directory.link("target/\(Self.host)/\(name)", to: file) }
    try directory.link("target/\(Self.host)/libGL.so.1", to: "/lib64/libGL.so.1")
    try directory.write("target/\(Self.host)/driver_version.txt", "\(version)\n")
    // Its "CUDA version" is the compute capability.
    try directory.write("target/\(Self.host)/cuda_version.txt", "9.0\n")
    try directory.link("target/nvidia/x86_64/latest", to: "host")
    try directory.link(
      "target/\(Self.trusted)", to: "\(repository)/host_injections/nvidia/x86_64/latest")
  }

  // MARK: Looking

  /// All that is in the target and its modes: texts of links, bytes and times of files; but for the
  /// lock, which names who held it last.
  ///
  /// - Parameter store: whether what slipway keeps is among it.
  func snapshot(store: Bool = true) throws -> [String: String] {
    var snapshot: [String: String] = [:]
    let paths = try FileManager.default.subpathsOfDirectory(atPath: target)
    for path in paths where store || path.split(separator: "/")[0] != ".slipway" {
      if path == ".slipway/lock" { continue }
      var status = stat()
      try #require(lstat("\(target)/\(path)", &status) == 0)
      let mode = String(status.st_mode, radix: 8)
      switch status.st_mode & S_IFMT {
      case S_IFLNK:
        snapshot[path] = "-> " + (try text(ofLink: path)!)
      case S_IFREG:
        let bytes = try Data(contentsOf: URL(filePath: "\(target)/\(path)"))
        snapshot[path] =
          "\(mode) \(status.st_mtim.tv_nsec) \(String(decoding: bytes, as: UTF8.self))"
      default: snapshot[path] = mode
      }
    }
    return snapshot
  }

  func text(ofLink path: String) throws -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "\(target)/\(path)")
  }

  /// What a program reads that opens a path of the target; nil when there is nothing.
  func read(_ path: String) -> String? {
    try? String(contentsOfFile: "\(target)/\(path)", encoding: .utf8)
  }

  /// Everything that programs read in a directory, by name.
  func readAll(_ path: String) -> [String: String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(target)/\(path)")) ?? []
    return Dictionary(
      uniqueKeysWithValues: names.compactMap { name in read("\(path)/\(name)").map { (name, $0) } })
  }

  func exists(_ path: String) -> Bool { access("\(target)/\(path)", F_OK) == 0 }
}
