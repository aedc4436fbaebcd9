import ELF
import Foundation
import TestSupport
import Testing

/// Hostile bytes never trap, never hang and never take memory that the file does not have.
///
/// A trap ends the whole test program. SLIPWAY_FUZZ_SECONDS says how long it goes on, SLIPWAY_FUZZ_SEED
/// where it begins; a failure names the seed and the round.
@Suite(.tags(.medium))
struct FuzzTests {
  private static let environment = ProcessInfo.processInfo.environment
  static let seconds = environment["SLIPWAY_FUZZ_SECONDS"].flatMap { Double($0) } ?? 10
  static let seed = environment["SLIPWAY_FUZZ_SEED"].flatMap { UInt64($0) } ?? 20_261_121

  /// Objects of every class and byte order with everything that is read of them, and real ones.
  static let objects: [[UInt8]] = {
    var objects: [[UInt8]] = []
    for is64Bit in [true, false] {
      for order in [ByteOrder.little, .big] {
        var writer = ELFWriter(soname: "libfuzz.so.1", needed: ["libc.so.6", "libmpi.so.40"])
        writer.is64Bit = is64Bit
        writer.order = order
        writer.rpath = "$ORIGIN/../lib:/opt/${LIB}"
        writer.requirements = [("libc.so.6", [("GLIBC_2.34", false), ("GLIBC_2.36", true)])]
        writer.definitions = ["FUZZ_1", "FUZZ_2"]
        writer.symbols = [
          .init(name: "puts", version: "GLIBC_2.34", isDefined: false),
          .init(name: "weak", isDefined: false, binding: 2),
          .init(name: "answer", version: "FUZZ_1"), .init(name: "answer", version: "FUZZ_2"),
          .init(name: "table", version: "FUZZ_2", kind: 1, size: 64),
        ]
        writer.notes = [(3, "GNU", [1, 2, 3, 4]), (1, "GNU", Array(repeating: 0, count: 16))]
        writer.relocations = [("puts", 7, true), ("table", 5, false)]
        writer.sections = [(".note.cuda.fwd_compatibility", Array("{}".utf8))]
        objects.append(writer.bytes)
      }
    }
    for path in [
      "/bin/true", "/lib/x86_64-linux-gnu/libdl.so.2", "/lib/x86_64-linux-gnu/libutil.so.1",
    ] {
      if let data = FileManager.default.contents(atPath: path) { objects.append([UInt8](data)) }
    }
    return objects
  }()

  static let cache: [UInt8] = {
    var writer = CacheWriter(
      (0..<20).map { ("libfuzz\($0 % 7).so.\($0 % 3)", "/usr/lib/x/libfuzz\($0).so") })
    writer.subdirectories = ["x86-64-v2", "x86-64-v3"]
    writer.entries[3].hwcap = CacheWriter.extended(1)
    writer.hasOld = true
    return writer.bytes
  }()

  /// Bytes with a few of them changed, mostly where numbers say how much there is.
  static func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    let numbers: [UInt64] = [
      0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff,
      0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, .max, UInt64(bytes.count),
    ]
    for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
      // The headers are the first few hundred bytes; the tables come soon after.
      let reach = [64, 512, 4096, bytes.count].randomElement(using: &random)!
      let at = Int.random(in: 0..<max(1, min(reach, bytes.count)), using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2, 3:
        let value =
          numbers.randomElement(using: &random)! &+ UInt64.random(in: 0...2, using: &random)
        let size = [1, 2, 4, 8].randomElement(using: &random)!
        let start = at / size * size
        for index in 0..<size where start + index < bytes.count {
          bytes[start + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
        }
      case 4: bytes.removeLast(Int.random(in: 0...bytes.count / 2, using: &random))
      default:
        let from = Int.random(in: 0..<bytes.count, using: &random)
        let count = min(Int.random(in: 1...64, using: &random), bytes.count - max(from, at))
        for index in 0..<max(0, count) { bytes[at + index] = bytes[from + index] }
      }
    }
    return bytes
  }

  /// Reads all that there is to read of an object.
  static func exercise(_ bytes: [UInt8]) -> Int {
    let source = ByteSource(bytes)
    guard let object = try? ELFObject(source) else { return 0 }
    var seen = object.needed.count + object.requirements.count + object.definitions.count
    for reference in object.symbols.references.prefix(200) {
      let name = SymbolName(reference.name)
      seen += object.symbols.definition(of: name, version: reference.version) == nil ? 0 : 1
    }
    for name in ["answer", "table", "puts", "", "MPI_Init"] {
      seen += object.symbols.definition(of: name) == nil ? 0 : 1
      seen += object.symbols.definition(of: SymbolName(name), version: "FUZZ_1") == nil ? 0 : 1
    }
    seen += object.symbols.exports.count
    seen += object.symbolUse(in: source).eager.count
    seen += object.section(named: ".note.cuda.fwd_compatibility", in: source)?.count ?? 0
    object.texts(in: source) { text in
      seen += text.count
      return true
    }
    return seen
  }

  @Test(.timeLimit(.minutes(60))) func hostileBytes() throws {
    #expect(Self.objects.allSatisfy { Self.exercise($0) > 0 })
    var random = SeededGenerator(seed: Self.seed)
    let end = ContinuousClock.now + .seconds(Self.seconds)
    var (round, read) = (0, 0)
    while round < 200 || ContinuousClock.now < end {
      let start = ContinuousClock.now
      let original = Self.objects.randomElement(using: &random)!
      read += Self.exercise(Self.mutated(original, &random)) > 0 ? 1 : 0
      let bytes = Self.mutated(Self.cache, &random)
      if let cache = LoaderCache(bytes, order: .little) {
        read += cache.entries.count
        _ = cache.subdirectories
      }
      round += 1
      // A hang and not a slow machine: a round takes milliseconds.
      let took = ContinuousClock.now - start
      try #require(took < .seconds(30), "seed \(Self.seed), round \(round) took \(took)")
    }
    // Else nothing was tried: most mutations leave something to read.
    #expect(read > round / 4)
    print("fuzz: \(round) rounds from seed \(Self.seed) in \(Self.seconds) s")
  }
}
