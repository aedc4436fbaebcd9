import Foundation
import TestSupport

@testable import Layers

/// Archives and streams that lie: mutations of small honest ones, and everything that reads them.
///
/// Every iteration depends on its number and the seed alone, so that one can be run again.
struct LayerFuzzer {
  let seed: UInt64
  private let archives: [[UInt8]]
  private let streams: [(type: Compression, bytes: [UInt8])]

  init(seed: UInt64) throws {
    self.seed = seed
    archives =
      LayerCase.all(outside: "/tmp/out").flatMap { $0.layers.map(LayerFixture.archive) }
      + [Self.sparse(), Self.long()]
    var streams: [(type: Compression, bytes: [UInt8])] = []
    for archive in archives.prefix(12) {
      streams.append((.gzip, try LayerFixture.compress(archive, LayerFixture.gzip)))
      streams.append((.zstd, try LayerFixture.compress(archive, LayerFixture.zstd)))
    }
    self.streams = streams
  }

  /// The sparse formats, with headers as GNU tar writes them.
  private static func sparse() -> [UInt8] {
    let map = Array("2\n0\n512\n4096\n512\n".utf8)
    var one = TarItem.file("GNUSparseFile.0/s").pax("GNU.sparse.major", "1")
      .pax("GNU.sparse.minor", "0").pax("GNU.sparse.name", "s1")
      .pax("GNU.sparse.realsize", "8192")
    one.contents = TarItem.filled(map) + [UInt8](repeating: 7, count: 1024)
    var two = TarItem.file("s2").pax("GNU.sparse.size", "8192").pax("GNU.sparse.numblocks", "1")
      .pax("GNU.sparse.map", "100,512")
    two.contents = [UInt8](repeating: 7, count: 512)
    var old = TarItem.file("s3")
    old.contents = [UInt8](repeating: 7, count: 512)
    var blocks = old.blocks
    blocks[156] = UInt8(ascii: "S")
    blocks.replaceSubrange(257..<265, with: "ustar  \0".utf8)
    blocks.replaceSubrange(386..<397, with: "00000001000".utf8)
    blocks.replaceSubrange(398..<409, with: "00000001000".utf8)
    blocks.replaceSubrange(483..<494, with: "00000010000".utf8)
    blocks.replaceSubrange(0..<512, with: TarItem.summed(Array(blocks[..<512])))
    return one.blocks + two.blocks + blocks + [UInt8](repeating: 0, count: 1024)
  }

  /// Long names by GNU's headers and by pax, attributes, times, devices.
  private static func long() -> [UInt8] {
    var name = TarItem.file("././@LongLink", String(repeating: "l/", count: 100))
    name.type = UInt8(ascii: "L")
    var header = name.blocks
    header.replaceSubrange(124..<135, with: "00000000310".utf8)
    header.replaceSubrange(0..<512, with: TarItem.summed(Array(header[..<512])))
    let items: [TarItem] = [
      .file("short"), .file("x").pax("SCHILY.xattr.user.a", "b").pax("mtime", "-1.5"),
      .file("y").pax("size", "3").pax("linkpath", "z"), .node("dev", "3", 1, 8),
      .link("a", to: "b/c/d"), .link("b", to: "a"), .file("a/x"), .hardLink("h", to: "x"),
    ]
    return header + LayerFixture.archive(items)
  }

  /// Reads one mutated input; gives something that depends on what was read.
  func iteration(_ number: UInt64) -> Int {
    var random = SeededGenerator(seed: seed &* 0x1_0000_0001 &+ number)
    var sum = 0
    if number % 4 == 3 {
      let stream = streams[Int(random.next() % UInt64(streams.count))]
      var bytes = stream.bytes
      mutate(&bytes, &random)
      sum &+= read(bytes, stream.type, &random)
    } else {
      let tree = LayerTree(Self.limits)
      for _ in 0..<(1 + random.next() % 3) {
        var bytes = archives[Int(random.next() % UInt64(archives.count))]
        if random.next() % 8 != 0 { mutate(&bytes, &random) }
        if random.next() % 4 != 0 { mend(&bytes) }
        tree.beginLayer()
        sum &+= apply(bytes, to: tree, &random)
      }
      check(tree)
    }
    return sum
  }

  private static let limits: LayerLimits = {
    var limits = LayerLimits()
    (limits.entries, limits.depth, limits.steps) = (2000, 64, 200_000)
    (limits.bytes, limits.metadataBytes) = (1 << 40, 1 << 20)
    return limits
  }()

  private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    let interesting: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0x2f, 0x2e, 0x30, 0x37, 0x20, 0x0a, 0x3d]
    for _ in 0..<(1 + random.next() % 6) where !bytes.isEmpty {
      let place = Int(random.next() % UInt64(bytes.count))
      switch random.next() % 8 {
      case 0: bytes[place] ^= UInt8(1 << (random.next() % 8))
      case 1, 2: bytes[place] = interesting[Int(random.next() % UInt64(interesting.count))]
      case 3:
        // A field of a header.
        let field = [0, 100, 124, 136, 156, 157, 257, 345, 386, 398, 482, 483][
          Int(random.next() % 12)]
        let at = place / 512 * 512 + field
        if at < bytes.count {
          bytes[at] = interesting[Int(random.next() % UInt64(interesting.count))]
        }
      case 4: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.next() % 600)))
      case 5:
        let end = min(bytes.count, place + 512)
        bytes.insert(contentsOf: Array(bytes[place..<end]), at: Int(random.next() % UInt64(end)))
      case 6: bytes.removeLast(min(bytes.count, Int(random.next() % 700)))
      default:
        let types = Array("0123456SLKxgX7".utf8)
        let at = place / 512 * 512 + 156
        if at < bytes.count { bytes[at] = types[Int(random.next() % UInt64(types.count))] }
      }
    }
  }

  /// Gives every block that may be a header its right checksum.
  private func mend(_ bytes: inout [UInt8]) {
    for start in stride(from: 0, to: bytes.count - 511, by: 512)
    where bytes[start + 257] == UInt8(ascii: "u") {
      bytes.replaceSubrange(
        start..<start + 512, with: TarItem.summed(Array(bytes[start..<start + 512])))
    }
  }

  private func apply(
    _ bytes: [UInt8], to tree: LayerTree, _ random: inout SeededGenerator
  ) -> Int {
    let handler = Applier(tree)
    var reader = TarReader(Self.limits)
    var start = 0
    do {
      while start < bytes.count {
        let end = min(bytes.count, start + 1 + Int(random.next() % 3000))
        try bytes[start..<end].withUnsafeBytes { try reader.push($0, to: handler) }
        start = end
      }
      try reader.finish()
    } catch {
      // One line, whatever the names.
      precondition(!"\(error)".utf8.contains(10), "\(error)")
      return handler.count &+ 1
    }
    return handler.count
  }

  private func read(
    _ bytes: [UInt8], _ type: Compression, _ random: inout SeededGenerator
  ) -> Int {
    var (start, sum) = (0, 0)
    do {
      let decompressor = try Decompressor(type)
      while start < bytes.count {
        let end = min(bytes.count, start + 1 + Int(random.next() % 700))
        try bytes[start..<end].withUnsafeBytes { piece in
          try decompressor.push(piece) { sum &+= $0.count }
        }
        start = end
      }
      try decompressor.finish()
    } catch {
      sum &+= 1
    }
    return sum
  }

  /// What must hold of every tree, whatever came in.
  private func check(_ tree: LayerTree) {
    let directories = tree.directories
    precondition(Set(directories).count == directories.count)
    var links: [Int32: Int32] = [LayerTree.root: 1]
    for directory in [LayerTree.root] + directories.map({ tree.names[Int($0)].node }) {
      var names: Set<[UInt8]> = []
      tree.forEachChild(of: directory) { name in
        let bytes = Array(tree.bytes(name))
        precondition(names.insert(bytes).inserted)
        precondition(tree.find(bytes[...], in: directory) == name)
        precondition(!bytes.isEmpty && !bytes.contains(0) && !bytes.contains(0x2f))
        precondition(bytes != [0x2e] && bytes != [0x2e, 0x2e] && !bytes.starts(with: ".wh.".utf8))
        precondition(tree.path(of: name).count <= Self.limits.pathBytes)
        precondition(tree.path(of: name).count == Int(tree.names[Int(name)].pathBytes))
        links[tree.names[Int(name)].node, default: 0] += 1
      }
    }
    for (node, count) in links { precondition(tree.nodes[Int(node)].links == count) }
    _ = tree.report
    for part in tree.contents(of: 3) {
      precondition(zip(part, part.dropFirst()).allSatisfy { $0.ordinal < $1.ordinal })
    }
  }

  private final class Applier: TarHandler {
    private let tree: LayerTree
    private let quota = LayerQuota(LayerFuzzer.limits)
    private(set) var count = 0
    private var left: Int64 = 0

    init(_ tree: LayerTree) { self.tree = tree }

    func entry(_ entry: TarEntry) throws(LayerError) {
      precondition(left == 0, "the file before is not over")
      try quota.count(entry)
      _ = try tree.apply(entry, ordinal: Int32(count))
      count += 1
      left = entry.size
    }
    func data(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {
      precondition(!bytes.isEmpty && Int64(bytes.count) <= left)
      left -= Int64(bytes.count)
    }
    func hole(_ count: Int64) throws(LayerError) {
      precondition(count > 0 && count <= left)
      try quota.count(bytes: count)
      left -= count
    }
    func endFile() throws(LayerError) { precondition(left == 0) }
  }
}
