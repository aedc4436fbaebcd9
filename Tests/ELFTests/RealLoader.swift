import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// A dynamic linker of this machine, and what it says of a program.
struct RealLoader: Sendable {
  /// Its own path.
  var path: String
  /// What runs it where the machine is none of its own.
  var emulator: String?
  var is64Bit = true
  var order = ByteOrder.little
  var machine: UInt16 = 62
  var flags: UInt32 = 0

  /// The one of this machine, or another release's that `SLIPWAY_LINKER` names.
  static let native = RealLoader(
    path: ProcessInfo.processInfo.environment["SLIPWAY_LINKER"] ?? "/lib64/ld-linux-x86-64.so.2")

  /// The tests are for x86-64 machines with glibc; on others they have nothing to compare with.
  static let isPresent = FileManager.default.isExecutableFile(atPath: native.path)
  static let absence = "there is no \(native.path) on this machine"

  /// Whether it takes the real directory of a program for `$ORIGIN` in `ld.so PATH` too, as releases
  /// after 2.41 do.
  static let hasRealOrigin =
    (try? RootFiles().map { try native.world(in: $0).release > .init(2, 41) }) ?? false

  /// Those of other machines, which come with the cross compilers, and what is needed to run them.
  static let foreign: [RealLoader] = [
    RealLoader(path: "/usr/i686-linux-gnu/lib/ld-linux.so.2", is64Bit: false, machine: 3),
    RealLoader(
      path: "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1", emulator: "qemu-aarch64",
      machine: 183),
    RealLoader(
      path: "/usr/powerpc64le-linux-gnu/lib/ld64.so.2", emulator: "qemu-ppc64le", machine: 21,
      flags: 2),
    RealLoader(
      path: "/usr/powerpc64-linux-gnu/lib/ld64.so.1", emulator: "qemu-ppc64", order: .big,
      machine: 21, flags: 1),
    RealLoader(
      path: "/usr/riscv64-linux-gnu/lib/ld-linux-riscv64-lp64d.so.1", emulator: "qemu-riscv64",
      machine: 243, flags: 5),
    RealLoader(
      path: "/usr/s390x-linux-gnu/lib/ld64.so.1", emulator: "qemu-s390x", order: .big, machine: 22),
    RealLoader(
      path: "/usr/arm-linux-gnueabihf/lib/ld-linux-armhf.so.3", emulator: "qemu-arm",
      is64Bit: false, machine: 40, flags: 0x0500_0400),
  ]

  /// Whether it can be run here.
  var isRunnable: Bool {
    FileManager.default.fileExists(atPath: path) && emulator.map(Tool.isInstalled) ?? true
  }

  private var command: [String] { (emulator.map { [$0] } ?? []) + [path] }

  /// An object for its programs.
  func object(soname: String? = nil, needed: [String] = []) -> ELFWriter {
    var object = ELFWriter(soname: soname, needed: needed)
    (object.is64Bit, object.order) = (is64Bit, order)
    (object.machine, object.flags) = (machine, flags)
    return object
  }

  /// What it prints of itself; empty for releases that do not yet.
  func diagnostics() throws -> [String: String] {
    let result = try run(command + ["--list-diagnostics"])
    var values: [String: String] = [:]
    for line in result.stdout.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[String(parts[0])] = parts[1].trimmingCharacters(in: ["\""]) }
    }
    return values
  }

  private static let nativeProcessor = Result { try native.askedProcessor() }

  /// The processor as the linker sees it.
  func processor() throws -> LoaderProcessor {
    path == Self.native.path ? try Self.nativeProcessor.get() : try askedProcessor()
  }

  /// This machine's own for a linker that does not tell.
  private func askedProcessor() throws -> LoaderProcessor {
    let values = try diagnostics()
    guard
      let active = values["dl_hwcaps_subdirs_active"].flatMap({ Int($0.dropFirst(2), radix: 16) })
    else { return try RealLoader(path: "/lib64/ld-linux-x86-64.so.2").askedProcessor() }
    let names = (values["dl_hwcaps_subdirs"] ?? "").split(separator: ":").map(String.init)
    let subdirectories = names.enumerated().filter { active >> $0.offset & 1 == 1 }.map(\.element)
    // The last part of the help lists what it makes old subdirectories of, highest bits first.
    let help = try run(command + ["--help"]).stdout
    let legacy = help.range(of: "Legacy HWCAP").map { help[$0.upperBound...] } ?? ""
    let capabilities = legacy.split(separator: "\n").filter { $0.contains("searched)") }
      .filter { !$0.contains("AT_PLATFORM") }.compactMap { $0.split(separator: " ").first }
      .map(String.init).filter { $0 != "tls" }
    let platform = values["dl_platform"] ?? "0x0"
    return LoaderProcessor(
      level: machine == 62 ? subdirectories.count + 1 : 1,
      platform: platform == "0x0" ? nil : platform, subdirectories: subdirectories,
      capabilities: capabilities.reversed())
  }

  func world(in files: RootFiles, cache: String? = nil) throws -> LoaderWorld {
    try LoaderWorld.reading(
      interpreter: path, files: files, processor: try processor(), cache: cache)
  }

  /// What `ldd` prints, or what the linker ends with.
  struct Listing: Equatable, CustomStringConvertible {
    var lines: [String]
    var failure: String?

    var description: String {
      (lines + (failure.map { ["ends with \($0)"] } ?? [])).joined(separator: "\n")
    }
  }

  /// Asks the linker itself, without the kernel's own object and the addresses.
  ///
  /// `traces` as `ldd` does, which lists what is missing; else as `ld.so --list`, which ends there.
  /// `wrapper` is a command that runs it elsewhere.
  func listing(
    _ program: String, traces: Bool, libraryPath: String = "", preload: String = "",
    directory: String? = nil, wrapper: [String] = []
  ) throws -> Listing {
    var argv = command
    if traces, emulator != nil {
      argv.insert(contentsOf: ["-E", "LD_TRACE_LOADED_OBJECTS=1"], at: 1)
    }
    if !traces { argv.append("--list") }
    if !libraryPath.isEmpty { argv += ["--library-path", libraryPath] }
    if !preload.isEmpty { argv += ["--preload", preload] }
    argv.append(program)
    var environment = ["LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]
    let isTraced = traces && emulator == nil
    if directory == nil, wrapper.isEmpty || !isTraced {
      if isTraced { environment["LD_TRACE_LOADED_OBJECTS"] = "1" }
      argv = wrapper + argv
    } else {
      // A shell asks for the trace: a program that starts the linker would be traced in its place.
      let script =
        "cd \"$1\" && shift && \(isTraced ? "export LD_TRACE_LOADED_OBJECTS=1 &&" : "") exec \"$@\""
      argv = wrapper + ["sh", "-c", script, "sh", directory ?? "/"] + argv
    }
    let result = try run(argv, environment: environment, seconds: 20)
    var listing = Listing(lines: [])
    for line in result.stdout.split(separator: "\n") {
      if line.hasPrefix("\tlinux-vdso") || line.hasPrefix("\tlinux-gate")
        || line.hasPrefix("\t (0x")
      {
        continue
      }
      listing.lines.append(
        String(line.prefix(upTo: line.range(of: " (0x")?.lowerBound ?? line.endIndex)))
    }
    let ending = "error while loading shared libraries: "
    for line in result.stderr.split(separator: "\n") {
      if let range = line.range(of: ending) {
        listing = Listing(lines: [], failure: words(of: line[range.upperBound...]))
      }
    }
    if result.status != 0, listing.failure == nil {
      listing = Listing(lines: listing.lines, failure: "status \(result.status)")
    }
    return listing
  }

  /// The linker has texts for few errors, and says "Error 40" for the others.
  private func words(of failure: Substring) -> String {
    guard let range = failure.range(of: #"Error \d+$"#, options: .regularExpression),
      let code = Int32(failure[range].dropFirst("Error ".count))
    else { return String(failure) }
    return failure[..<range.lowerBound] + String(cString: strerror(code))
  }
}

extension Closure {
  /// The same lines as the linker's.
  func listing(traces: Bool) -> RealLoader.Listing {
    if let failure { return .init(lines: [], failure: failure.description) }
    if !traces, let first = missing.first {
      return .init(lines: [], failure: "\(first.name): \(first.reason)")
    }
    if objects[0].object.needed.isEmpty { return .init(lines: ["\tstatically linked"]) }
    var lines: [String] = []
    var missing = missing[...]
    for (index, loaded) in objects.enumerated() {
      while let next = missing.first, next.position == index {
        lines.append("\t\(next.name) => not found")
        missing.removeFirst()
      }
      if index <= filterCount { continue }
      lines.append(
        loaded.requestedName == loaded.path
          ? "\t\(loaded.path)" : "\t\(loaded.requestedName) => \(loaded.path)")
    }
    return .init(lines: lines + missing.map { "\t\($0.name) => not found" })
  }
}
