import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// The dynamic linker of this machine, and what it says of a program.
struct RealLoader: Sendable {
  /// Its own path.
  let path: String

  static let x86_64 = RealLoader(path: "/lib64/ld-linux-x86-64.so.2")
  static let i386 = RealLoader(path: "/lib/ld-linux.so.2")

  /// The tests are for machines whose linker is glibc's; others have none of these.
  static let isPresent = FileManager.default.isExecutableFile(atPath: x86_64.path)
  static let absence = "there is no \(x86_64.path) on this machine"

  /// The processor as the linker sees it, from what it prints of itself.
  var processor: LoaderProcessor {
    get throws {
      let result = try run([path, "--list-diagnostics"])
      var values: [String: String] = [:]
      for line in result.stdout.split(separator: "\n") {
        let parts = line.split(separator: "=", maxSplits: 1)
        if parts.count == 2 {
          values[String(parts[0])] = parts[1].trimmingCharacters(in: ["\""])
        }
      }
      let active = Int((values["dl_hwcaps_subdirs_active"] ?? "0x0").dropFirst(2), radix: 16) ?? 0
      let names = (values["dl_hwcaps_subdirs"] ?? "").split(separator: ":").map(String.init)
      let bits = Int((values["dl_hwcap"] ?? "0x0").dropFirst(2), radix: 16) ?? 0
      let subdirectories = names.enumerated().filter { active >> $0.offset & 1 == 1 }
      let known = ["sse2", "x86_64", "avx512_1"]
      return LoaderProcessor(
        level: subdirectories.count + 1,
        platform: values["dl_platform"] ?? values["auxv.AT_PLATFORM"] ?? "x86_64",
        subdirectories: subdirectories.map(\.element),
        capabilities: known.indices.filter { bits >> $0 & 1 == 1 }.map { known[$0] })
    }
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
  func listing(
    _ program: String, traces: Bool, libraryPath: String = "", preload: String = "",
    directory: String? = nil
  ) throws -> Listing {
    var argv = [path]
    if !traces { argv.append("--list") }
    if !libraryPath.isEmpty { argv += ["--library-path", libraryPath] }
    if !preload.isEmpty { argv += ["--preload", preload] }
    argv.append(program)
    // Through a shell that asks for the trace itself: a program that starts the linker would be
    // traced in its place.
    let script =
      "cd \"$1\" && shift && \(traces ? "export LD_TRACE_LOADED_OBJECTS=1 &&" : "") exec \"$@\""
    let result = try run(
      ["sh", "-c", script, "sh", directory ?? "/"] + argv,
      environment: ["LC_ALL": "C", "PATH": "/usr/bin:/bin"], seconds: 20)
    var listing = Listing(lines: [])
    for line in result.stdout.split(separator: "\n") where !line.hasPrefix("\tlinux-vdso.so") {
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
