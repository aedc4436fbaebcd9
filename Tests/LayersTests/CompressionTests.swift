import Digests
import Foundation
import Hashing
import Layers
import TestSupport
import Testing

/// What a blob may be: cases I and K to O of the content cases, and what belongs to them.
@Suite(.tags(.large), .needs("gzip", "zstd"))
struct CompressionTests {
  private static let archive = LayerFixture.archive([.file("a", "hello")])

  private func unpack(
    _ blob: [UInt8], _ type: String, diffID: Digest? = Digest(of: archive),
    _ change: (inout Layer) -> Void = { _ in }
  ) throws -> [String: String] {
    try TemporaryDirectory.with { directory in
      var layer = try LayerFixture(directory: directory).layer(
        blob: blob, type: type, diffID: diffID)
      change(&layer)
      let root = directory("rootfs")
      defer { #expect(TreeReading.mode(root) == 0 || TreeReading.read(root).count == 1) }
      _ = try ImageBuilder().unpack([layer], into: root)
      return TreeReading.read(root)
    }
  }

  private static let tree = ["a": "f 644 hello"]

  @Test(arguments: [
    LayerFixture.tar, LayerFixture.gzip, LayerFixture.zstd,
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  ])
  func `a layer of a known type is read`(type: String) throws {
    let format = type.hasSuffix("gzip") ? LayerFixture.gzip : type
    #expect(try unpack(try LayerFixture.compress(Self.archive, format), type) == Self.tree)
  }

  @Test func `gzip may have several members, and zstd several frames and skippable ones`() throws {
    let (one, two) = (Array(Self.archive.prefix(700)), Array(Self.archive.dropFirst(700)))
    for type in [LayerFixture.gzip, LayerFixture.zstd] {
      let parts = try LayerFixture.compress(one, type) + LayerFixture.compress(two, type)
      #expect(try unpack(parts, type) == Self.tree)
    }
    let skipped: [UInt8] = [0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
    let frame = try LayerFixture.compress(Self.archive, LayerFixture.zstd)
    #expect(try unpack(skipped + frame + skipped, LayerFixture.zstd) == Self.tree)
  }

  @Test(arguments: [LayerFixture.gzip, LayerFixture.zstd])
  func `a stream that is cut or has a tail is refused`(type: String) throws {
    let whole = try LayerFixture.compress(Self.archive, type)
    var error = #expect(throws: LayerError.self) {
      try unpack(Array(whole.dropLast(12)), type, diffID: nil)
    }
    #expect(error?.cause == .truncated("the compressed stream ends too early"))
    error = #expect(throws: LayerError.self) {
      try unpack(whole + Array("GARBAGE".utf8), type, diffID: nil)
    }
    #expect(error?.cause == .trailingGarbage)
    // What looks like the beginning of another member is none either.
    #expect(throws: LayerError.self) {
      try unpack(whole + [whole[0]], type, diffID: nil)
    }
    #expect(throws: LayerError.self) { try unpack([], type, diffID: nil) }
    var damaged = whole
    damaged[whole.count / 2] ^= 0x55
    #expect(throws: LayerError.self) { try unpack(damaged, type, diffID: nil) }
  }

  @Test func `the media type decides, and never the bytes`() throws {
    let blob = try LayerFixture.compress(Self.archive, LayerFixture.gzip)
    let error = #expect(throws: LayerError.self) {
      try unpack(blob, "application/vnd.evil.layer+lzma")
    }
    #expect(error?.description.contains("lzma") == true)
    #expect(throws: LayerError.self) { try unpack(blob, LayerFixture.tar) }
    #expect(throws: LayerError.self) { try unpack(blob, LayerFixture.zstd) }
    #expect(!Layer.isSupported(mediaType: "application/vnd.oci.image.layer.v1.tar+xz"))
  }

  @Test func `digests, size and diff_id are checked`() throws {
    let blob = try LayerFixture.compress(Self.archive, LayerFixture.gzip)
    let zeros = Digest(.sha256, hex: String(repeating: "0", count: 64))!
    #expect(throws: LayerError.self) { try unpack(blob, LayerFixture.gzip) { $0.digest = zeros } }
    #expect(throws: LayerError.self) { try unpack(blob, LayerFixture.gzip) { $0.size = 5 } }
    let error = #expect(throws: LayerError.self) {
      try unpack(blob, LayerFixture.gzip, diffID: zeros)
    }
    guard case .mismatch = error?.cause else {
      Issue.record("\(String(describing: error))")
      return
    }
    // Whoever has verified the blob need not have it done again.
    #expect(
      try unpack(blob, LayerFixture.gzip) { ($0.digest, $0.checksBlob) = (zeros, false) }
        == Self.tree)
    #expect(
      try unpack(blob, LayerFixture.gzip) { $0.digest = Digest(of: blob, .sha512) } == Self.tree)
    #expect(
      try unpack(blob, LayerFixture.gzip) { $0.diffID = Digest(of: Self.archive, .sha512) }
        == Self.tree)
    // That it is another blob says more than what is wrong in it.
    let other = #expect(throws: LayerError.self) {
      try unpack([1, 2, 3], LayerFixture.gzip) { $0.digest = zeros }
    }
    guard case .mismatch("digest", _, _) = other?.cause else {
      Issue.record("\(String(describing: other))")
      return
    }
  }

  @Test func `a zstd window above 128 MiB is refused`() throws {
    let blob = try run(
      ["zstd", "-qc", "--long=28", "-1", "--single-thread"], input: Self.archive
    ).output
    let error = #expect(throws: LayerError.self) { try unpack(blob, LayerFixture.zstd) }
    guard case .limit = error?.cause else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
