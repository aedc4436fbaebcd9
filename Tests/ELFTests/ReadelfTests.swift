import Dispatch
import ELF
import Foundation
import Injection
import Synchronization
import TestSupport
import Testing

/// What is read of real objects against readelf(1) of binutils.
@Suite(.tags(.large), .needs("readelf"))
struct ReadelfTests {
  /// What is compared of one object.
  struct Facts: Equatable {
    var needed: [String] = []
    var names: [String: String] = [:]
    var versions: [String] = []
    var definitions: [String] = []
    var references: [String] = []
    var exports: [String] = []
    var buildID = ""
  }

  static func facts(of object: ELFObject) -> Facts {
    var facts = Facts(needed: object.needed)
    for (tag, name) in [
      ("SONAME", object.soname), ("RPATH", object.rpath), ("RUNPATH", object.runpath),
    ] {
      facts.names[tag] = name
    }
    facts.versions = object.requirements.flatMap { requirement in
      requirement.versions.map { "\(requirement.file) \($0.name)\($0.isWeak ? " weak" : "")" }
    }
    facts.definitions = object.definitions.map { "\($0.name)\($0.isBase ? " base" : "")" }
    facts.references = object.symbols.references.map {
      "\($0.description)\($0.isWeak ? " weak" : "")"
    }
    facts.exports = object.symbols.exports.sorted()
    facts.buildID = (object.notes.buildID ?? []).map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }.joined()
    return facts
  }

  /// From the text of `readelf -dVnW --dyn-syms`.
  static func facts(in text: String) -> Facts {
    var facts = Facts()
    var file = ""
    var isDefinition = false
    // The binding 10 is GNU's, which not every file says that it is for.
    for line in text.replacing("<OS specific>: 10", with: "UNIQUE").split(separator: "\n") {
      let words = line.split(separator: " ")
      if let start = line.range(of: "library: ["), line.contains("(NEEDED)") {
        facts.needed.append(String(line[start.upperBound...].dropLast()))
      } else if let start = line.range(of: ": ["),
        let tag = ["SONAME", "RPATH", "RUNPATH"].first(where: { line.contains("(\($0))") })
      {
        // The last one counts.
        facts.names[tag] = String(line[start.upperBound...].dropLast())
      } else if line.hasPrefix("Version definition") {
        isDefinition = true
      } else if line.hasPrefix("Version needs") {
        isDefinition = false
      } else if let at = words.firstIndex(of: "File:"), words.contains("Cnt:") {
        file = String(words[at + 1])
      } else if let at = words.firstIndex(of: "Name:"), words.contains("Flags:") {
        let flags = line[line.range(of: "Flags: ")!.upperBound...]
        if isDefinition {
          if words[0] != "Parent" {
            facts.definitions.append("\(words[at + 1])\(flags.hasPrefix("BASE") ? " base" : "")")
          }
        } else {
          facts.versions.append("\(file) \(words[at + 1])\(flags.hasPrefix("WEAK") ? " weak" : "")")
        }
      } else if let at = line.range(of: "Build ID: ") {
        facts.buildID = String(line[at.upperBound...])
      } else if words.count >= 8, words[0].last == ":", Int(words[0].dropLast()) ?? 0 > 0 {
        let (value, kind, binding, visibility) = (words[1], words[3], words[4], words[5])
        guard ["GLOBAL", "WEAK", "UNIQUE"].contains(binding) else { continue }
        // Some machines have more to say of a symbol, in brackets.
        let place =
          words[6].hasPrefix("[")
          ? words[7...].drop { !$0.hasSuffix("]") }.dropFirst() : words[6...]
        guard let section = place.first, let full = place.dropFirst().first else { continue }
        let name = full.split(separator: "@", maxSplits: 1)
        if section == "UND" {
          facts.references.append("\(full)\(binding == "WEAK" ? " weak" : "")")
        } else if ["NOTYPE", "OBJECT", "FUNC", "COMMON", "TLS", "IFUNC"].contains(kind),
          visibility == "DEFAULT" || visibility == "PROTECTED",
          value.contains(where: { $0 != "0" }) || section == "ABS" || kind == "TLS"
        {
          facts.exports.append(String(name[0]))
        }
      }
    }
    facts.exports.sort()
    return facts
  }

  static func compare(_ paths: [String]) throws -> (count: Int, differences: [String]) {
    let files = try #require(RootFiles())
    let found = Mutex((count: 0, differences: [String]()))
    DispatchQueue.concurrentPerform(iterations: 4) { worker in
      for index in stride(from: worker, to: paths.count, by: 4) {
        guard case .object(let object, _) = files.file(at: paths[index]), object.isDynamic,
          let text = try? run(
            ["readelf", "-dVnW", "--dyn-syms", paths[index]],
            environment: ["LC_ALL": "C", "PATH": "/usr/bin:/bin"])
        else { continue }
        let (ours, theirs) = (facts(of: object), facts(in: text.stdout))
        // Every name is found again, in its version.
        let symbols = object.symbols
        let versions = object.definitions.map(\.name)
        let lost = ours.exports.first { name in
          let name = SymbolName(name)
          return symbols.definition(of: name, version: nil) == nil
            && !versions.contains { symbols.definition(of: name, version: $0) != nil }
        }
        found.withLock { found in
          found.count += 1
          if ours != theirs {
            found.differences.append("\(paths[index]): \(difference(ours, theirs))")
          } else if let lost {
            found.differences.append("\(paths[index]): \(lost) is not found")
          }
        }
      }
    }
    return found.withLock { $0 }
  }

  private static func difference(_ ours: Facts, _ theirs: Facts) -> String {
    for (name, a, b) in [
      ("needed", ours.needed, theirs.needed), ("versions", ours.versions, theirs.versions),
      ("definitions", ours.definitions, theirs.definitions),
      ("references", ours.references, theirs.references), ("exports", ours.exports, theirs.exports),
    ] where a != b {
      return
        "\(name): ours \(Array(Set(a).subtracting(b).prefix(5))), readelf's \(Array(Set(b).subtracting(a).prefix(5)))"
    }
    return "\(ours.names) \(ours.buildID) \(theirs.names) \(theirs.buildID)"
  }

  @Test func `objects of this machine`() throws {
    let paths = LoaderEqualityTests.files()
    let chosen =
      LoaderEqualityTests.isComplete
      ? paths : paths.enumerated().filter { $0.offset % 4 == 0 }.map(\.element)
    let result = try Self.compare(chosen)
    print("compared \(result.count) objects with readelf")
    #expect(result.differences.isEmpty, "\(result.differences.prefix(20).joined(separator: "\n"))")
    #expect(result.count > 50)
  }

  static let foreign = RealLoader.foreign.map {
    URL(filePath: $0.path).deletingLastPathComponent().path
  }
  .filter { FileManager.default.fileExists(atPath: $0) }

  @Test(
    .enabled(
      if: !foreign.isEmpty, "no library of another machine is here; install gcc-*-linux-gnu"),
    arguments: foreign)
  func `objects of other machines`(directory: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    let result = try Self.compare(names.filter { $0.contains(".so") }.map { "\(directory)/\($0)" })
    #expect(result.differences.isEmpty, "\(result.differences.prefix(20).joined(separator: "\n"))")
    #expect(result.count > 5)
  }
}
