import ELF
import Foundation
import Injection
import TestSupport

/// Files that lie: mutations of small honest ones, and everything that reads them.
///
/// Every iteration depends on its number and the seed alone, so that one can be run again.
struct Fuzzer {
  let seed: UInt64
  private let objects: [[UInt8]]
  private let caches: [[UInt8]]
  private let interpreter: [UInt8]

  init(seed: UInt64) {
    self.seed = seed
    objects = Self.objects() + Self.ownObjects()
    caches = LoaderCacheTests.caches(below: "/lib").map(\.bytes)
    interpreter = LoaderWorldTests.compat(release: "2.36")
  }

  /// Of both classes and orders, with everything that is read.
  private static func objects() -> [[UInt8]] {
    var objects: [[UInt8]] = []
    for is64Bit in [true, false] {
      for order in [ByteOrder.little, .big] {
        for hashes in [[.gnu], [.sysv], [.gnu, .sysv]] as [Set<ELFWriter.Hash>] {
          var writer = ELFWriter(
            soname: "libx.so.1", needed: ["liba.so", "$ORIGIN/libb.so", "libc.so"])
          (writer.is64Bit, writer.order, writer.hashes) = (is64Bit, order, hashes)
          writer.interpreter = "/lib/ld.so"
          writer.rpath = "$ORIGIN:/lib:$LIB/$PLATFORM:relative:"
          writer.dependencies += [(0x7fff_fffd, "libaux.so"), (0x7fff_ffff, "libfilter.so")]
          writer.definitions = ["X_1", "X_2"]
          writer.requirements = [
            ("libc.so", [("C_1", false), ("C_2", true)]), ("liba.so", [("A", false)]),
          ]
          writer.symbols = (0..<12).map {
            .init(
              name: "symbol\($0)", version: ["X_1", "X_2", nil][$0 % 3], isHidden: $0 % 4 == 0,
              kind: UInt8($0 % 4), size: UInt64($0))
          }
          writer.symbols += (0..<6).map {
            .init(name: "asked\($0)", version: ["C_1", "C_2", "A"][$0 % 3], isDefined: false)
          }
          writer.relocations = [("asked0", 6, false), ("asked1", 7, true), ("symbol1", 5, false)]
          writer.notes = [
            (1, "GNU", [UInt8](repeating: 0, count: 16)), (3, "GNU", [1, 2, 3, 4]),
            (5, "GNU", [2, 0x80, 0, 0xc0, 4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]),
          ]
          writer.sections = [
            (".note.cuda.fwd_compatibility", Array("{\"format\":1}".utf8)), (".x", []),
          ]
          objects.append(writer.bytes)
        }
      }
    }
    return objects
  }

  /// Small ones that compilers made.
  private static func ownObjects() -> [[UInt8]] {
    [
      "/usr/bin/true", "/usr/lib/x86_64-linux-gnu/libdl.so.2",
      "/usr/aarch64-linux-gnu/lib/libdl.so.2",
    ]
    .compactMap { try? Data(contentsOf: URL(filePath: $0)) }.filter { $0.count < 1 << 17 }
    .map { Array($0) }
  }

  // MARK: mutation

  private static let numbers: [UInt64] = [
    0, 1, 2, 3, 4, 7, 8, 16, 0x7f, 0x80, 0xff, 0x100, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff,
    0x1_0000,
    0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000, 0xffff_ffff_ffff_fff8, 0xffff_ffff_ffff_ffff, 0x6fff_fffb, 0x6fff_fffe,
  ]

  /// Where a file's headers and tables are, so that more than the text of names is hit.
  private static func place(in bytes: [UInt8], using random: inout SeededGenerator) -> Int {
    guard !bytes.isEmpty else { return 0 }
    switch Int.random(in: 0..<10, using: &random) {
    case 0...1: return Int.random(in: 0..<min(64, bytes.count), using: &random)
    case 2...3: return Int.random(in: 0..<min(400, bytes.count), using: &random)
    // The tables that the tests' own objects have at their ends: names, dynamic section, sections.
    case 4...6: return Int.random(in: max(0, bytes.count - 1500)..<bytes.count, using: &random)
    default: return Int.random(in: 0..<bytes.count, using: &random)
    }
  }

  static func mutated(_ original: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let at = place(in: bytes, using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0 where !bytes.isEmpty: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1 where !bytes.isEmpty: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 2: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
      case 3: bytes += [UInt8](repeating: 0xff, count: Int.random(in: 1...64, using: &random))
      case 4:
        // A piece of the file over another one.
        let length = min(Int.random(in: 1...64, using: &random), bytes.count)
        let from = Int.random(in: 0...(bytes.count - length), using: &random)
        let to = Int.random(in: 0...(bytes.count - length), using: &random)
        bytes.replaceSubrange(to..<(to + length), with: Array(bytes[from..<(from + length)]))
      default:
        let size = [2, 4, 4, 8, 8][Int.random(in: 0..<5, using: &random)]
        let unit = at / size * size
        guard unit + size <= bytes.count else { continue }
        var number = numbers[Int.random(in: 0..<numbers.count, using: &random)]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: number = UInt64(bytes.count) &+ number
        case 1: number = UInt64(Int.random(in: 0...bytes.count, using: &random))
        default: break
        }
        let isBig = Bool.random(using: &random)
        for index in 0..<size {
          let shift = UInt64(isBig ? size - 1 - index : index) * 8
          bytes[unit + index] = UInt8(truncatingIfNeeded: number >> shift)
        }
      }
    }
    return bytes
  }

  // MARK: iterations

  /// Reads one file that lies, in every way; traps, or does not end, where that is wrong.
  ///
  /// Gives something of all that was read, so that nothing is left out by the compiler.
  func iteration(_ number: UInt64) -> Int {
    var random = SeededGenerator(seed: seed &* 0x9e37_79b9 &+ number)
    var sum = 0
    switch number % 8 {
    case 0:
      let bytes = Self.mutated(caches.randomElement(using: &random)!, using: &random)
      for order in [ByteOrder.little, .big] { sum += Self.read(cache: bytes, order: order) }
    case 1, 2: sum += load(using: &random)
    default:
      sum += Self.read(
        object: Self.mutated(objects.randomElement(using: &random)!, using: &random))
    }
    return sum
  }

  static func read(object bytes: [UInt8]) -> Int {
    let source = ByteSource(bytes)
    guard let object = try? ELFObject(source) else { return 0 }
    var sum =
      object.needed.count + (object.interpreter?.utf8.count ?? 0) + object.dependencies.count
    sum += object.requirements.count + object.definitions.count + (object.notes.buildID?.count ?? 0)
    let symbols = object.symbols
    let references = symbols.references
    for reference in references.prefix(200) {
      let name = SymbolName(reference.name)
      sum += symbols.definition(of: name, version: reference.version)?.index ?? 0
      sum += symbols.name(reference.index)?.utf8.count ?? 0
    }
    for name in symbols.exports.prefix(200) {
      sum += symbols.definition(of: SymbolName(name), version: "X_2")?.index ?? 0
      sum += symbols.definition(of: name).map { Int(truncatingIfNeeded: $0.size & 0xff) } ?? 0
    }
    let use = object.symbolUse(in: source)
    sum += use.eager.count + use.copied.count
    sum += object.section(named: ".note.cuda.fwd_compatibility", in: source)?.count ?? 0
    object.texts(in: source) { text in
      sum += text.count
      return true
    }
    for linker in [
      ELFIdentity(is64Bit: true, order: .little, machine: .x86_64),
      ELFIdentity(is64Bit: false, order: .big, machine: .arm, flags: 0x400),
    ] {
      if case .fatal(let reason) = object.header.refusal(by: linker) { sum += reason.utf8.count }
    }
    return sum
  }

  static func read(cache bytes: [UInt8], order: ByteOrder) -> Int {
    guard let cache = LoaderCache(bytes, order: order) else { return 0 }
    var sum = cache.count + cache.entries.count
    for level in [1, 4] {
      let demand = LoaderCache.Demand(
        flags: [0x0303, 3],
        subdirectories: LoaderProcessor.x86_64(level: level, isIntel: true).subdirectories,
        level: level, capabilities: level == 1 ? nil : 6, platform: 1 << 50)
      for name in ["libx.so", "liba.so", "libz.so.9", "libz.so.010", "", "9"] {
        sum += cache.path(of: name, for: demand)?.utf8.count ?? 0
      }
    }
    return sum
  }

  /// A directory of files that lie, and a program in it.
  private func load(using random: inout SeededGenerator) -> Int {
    let files = MemoryFiles()
    func honest() -> [UInt8] { objects.randomElement(using: &random)! }
    let linker =
      Bool.random(using: &random) ? Self.mutated(interpreter, using: &random) : interpreter
    files.contents["/lib/ld.so"] = linker
    files.contents["/etc/ld.so.cache"] = Self.mutated(
      caches.randomElement(using: &random)!, using: &random)
    files.contents["/etc/ld.so.preload"] =
      Bool.random(using: &random) ? Array("liba.so:#\u{0}\n libz".utf8) : nil
    let names = [
      "liba.so", "libb.so", "libc.so", "libaux.so", "libfilter.so", "libx.so", "program",
    ]
    for name in names {
      var bytes = ELFWriter(
        soname: names.randomElement(using: &random),
        needed: (0..<Int.random(in: 0...4, using: &random)).map { _ in
          names.randomElement(using: &random)!
        })
      if Bool.random(using: &random) { bytes.runpath = "$ORIGIN:/lib/$PLATFORM::" }
      if Bool.random(using: &random) {
        bytes.dependencies.append(
          (
            Bool.random(using: &random) ? 0x7fff_fffd : 0x7fff_ffff,
            names.randomElement(using: &random)!
          ))
      }
      bytes.rpath = Bool.random(using: &random) ? "/lib:here" : nil
      let lies = Int.random(in: 0..<3, using: &random) == 0
      files.contents["/lib/\(name)"] =
        lies ? Self.mutated(bytes.bytes, using: &random) : bytes.bytes
    }
    guard
      var world = try? LoaderWorld.reading(
        interpreter: "/lib/ld.so", files: files, processor: .x86_64(level: 4, isIntel: true),
        cache: "/etc/ld.so.cache")
    else { return 0 }
    world.systemDirectories.append("/lib/")
    let loader = Loader(world: world, files: files)
    let closure = loader.closure(
      of: "/lib/program", libraryPath: Loader.libraryPath(of: "/lib;:$LIB"),
      preload: Loader.preloads(of: "libx.so libb.so"))
    let opened = loader.closure(closure, opening: "/lib/libaux.so")
    return closure.objects.count + closure.missing.count + opened.objects.count
  }
}

/// Files that are nowhere.
final class MemoryFiles: LoaderFiles, @unchecked Sendable {
  // One test on one thread fills it and then reads it.
  var contents: [String: [UInt8]] = [:]

  func file(at path: String) -> LoaderFile {
    guard let bytes = contents[path] else { return .absent }
    do throws(ELFError) {
      let object = try ELFObject(ByteSource(bytes))
      let number = UInt64(ELFWriter.gnuHash(path))
      return .object(object, FileIdentity(device: 1, inode: number, size: 0, modified: 0))
    } catch {
      return .unusable(error)
    }
  }

  func names(in directory: String) -> LoaderDirectory {
    let names = contents.keys.filter { $0.hasPrefix(directory) }.map {
      String($0.dropFirst(directory.count))
    }
    .filter { !$0.isEmpty && !$0.contains("/") }
    return names.isEmpty ? .absent : .names(Set(names))
  }

  func source(at path: String) -> ByteSource? { contents[path].map { ByteSource($0) } }
}
