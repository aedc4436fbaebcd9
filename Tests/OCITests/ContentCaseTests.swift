import Digests
import Foundation
import Hashing
import Images
import TestSupport
import Testing

@testable import OCI

/// The 16 content cases: one base image, whose single layer holds `a` with `hello`, and one fault.
///
/// Each way of the image to the store ends as the table says, and what is refused leaves nothing.
@Suite(.tags(.large), .needs("sqfstar"))
struct ContentCaseTests {
  /// What becomes of a case: accepted, or refused with these words in the error.
  enum Outcome: Sendable {
    case accepted
    case refused(String)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var letter: Character
    var outcome: Outcome
    /// Builds the layout's files and gives the manifest or index.
    var build: @Sendable (TestLayout) throws -> JSON
    var testDescription: String { String(letter) }
  }

  private static let tar = TestTar().whole
  private static func gzip() throws -> [UInt8] { try packed(tar) }
  private static let diffID = "\(Digest(of: tar))"

  /// An image of one layer, all else right.
  private static func image(
    _ layout: TestLayout, layer: JSON, diffID: String = diffID, _ more: [String: JSON] = [:]
  ) throws -> JSON {
    let configuration = try layout.configuration(diffIDs: [diffID])
    return TestLayout.entry(
      try layout.manifest(configuration: configuration, layers: [layer], more), tag: "t")
  }

  private static func layer(_ layout: TestLayout, _ bytes: [UInt8], type: String? = nil) throws
    -> JSON
  {
    TestLayout.descriptor(try layout.blob(bytes), type ?? TestLayout.layerType)
  }

  static let cases: [Case] = [
    Case(letter: "A", outcome: .refused("digest")) { layout in
      var blob = try layout.blob(try gzip())
      let other = try packed(TestTar(["a": "other!"]).whole)
      try layout.replace(blob, other)
      blob.size = other.count
      return try image(layout, layer: TestLayout.descriptor(blob, TestLayout.layerType))
    },
    Case(letter: "B", outcome: .refused("bytes")) { layout in
      var blob = try layout.blob(try gzip())
      blob.size += 5
      return try image(layout, layer: TestLayout.descriptor(blob, TestLayout.layerType))
    },
    Case(letter: "C", outcome: .refused("sha256:../../../out/victim is not sha256:")) { layout in
      var blob = try layout.blob(try gzip())
      blob.digest = "sha256:../../../out/victim"
      return try image(layout, layer: TestLayout.descriptor(blob, TestLayout.layerType))
    },
    Case(letter: "D", outcome: .refused("digest")) { layout in
      var configuration = try layout.configuration(diffIDs: [diffID])
      let other = try layout.configuration(diffIDs: [diffID], command: "/evil")
      try layout.replace(
        configuration,
        Array(
          try Data(
            contentsOf: URL(
              filePath: "\(layout.path)/blobs/\(other.digest.replacing(":", with: "/"))"))))
      configuration.size = other.size
      return TestLayout.entry(
        try layout.manifest(
          configuration: configuration, layers: [try layer(layout, try gzip())]), tag: "t")
    },
    Case(letter: "E", outcome: .refused(String(repeating: "0", count: 64))) { layout in
      try image(
        layout, layer: try layer(layout, try gzip()),
        diffID: "sha256:" + String(repeating: "0", count: 64))
    },
    Case(letter: "F", outcome: .refused("digest")) { layout in
      var blob = try layout.image()
      let path = "\(layout.path)/blobs/\(blob.digest.replacing(":", with: "/"))"
      let bytes = Array(try Data(contentsOf: URL(filePath: path))) + Array(" ".utf8)
      try layout.replace(blob, bytes)
      blob.size += 1
      return TestLayout.entry(blob, tag: "t")
    },
    Case(letter: "G", outcome: .refused("digest")) { layout in
      let hex = String(repeating: "7", count: 64)
      var blob = TestLayout.Blob(digest: "sha256:\(hex)", size: 0)
      // Its own size is a fixed point: the number of its digits does not change.
      for _ in 0..<4 {
        blob.size = TestLayout.index([TestLayout.entry(blob, type: MediaType.ociIndex)]).bytes.count
      }
      try layout.replace(
        blob, TestLayout.index([TestLayout.entry(blob, type: MediaType.ociIndex)]).bytes)
      return TestLayout.entry(blob, tag: "t", type: MediaType.ociIndex)
    },
    Case(letter: "H", outcome: .refused("ambiguous")) { layout in
      try image(
        layout, layer: try layer(layout, try gzip()),
        ["manifests": []])
    },
    Case(letter: "I", outcome: .accepted) { layout in
      let blob = try layout.blob(try gzip(), .sha512)
      return try image(layout, layer: TestLayout.descriptor(blob, TestLayout.layerType))
    },
    Case(letter: "J", outcome: .refused("of the digits 0-9 and a-f")) { layout in
      let bytes = try gzip()
      let hex = Digest(of: bytes).hex.uppercased()
      let blob = TestLayout.Blob(digest: "sha256:\(hex)", size: bytes.count)
      try layout.replace(blob, bytes)
      return try image(layout, layer: TestLayout.descriptor(blob, TestLayout.layerType))
    },
    Case(letter: "K", outcome: .refused("bytes follow the end")) { layout in
      try image(layout, layer: try layer(layout, try gzip() + Array("garbage".utf8)))
    },
    Case(letter: "L", outcome: .accepted) { layout in
      let half = tar.count / 2
      let bytes = try packed(Array(tar[..<half])) + packed(Array(tar[half...]))
      return try image(layout, layer: try layer(layout, bytes))
    },
    Case(letter: "M", outcome: .refused("end")) { layout in
      try image(layout, layer: try layer(layout, try gzip().dropLast(12)))
    },
    Case(letter: "N", outcome: .refused("application/vnd.evil.layer+lzma")) { layout in
      try image(
        layout, layer: try layer(layout, try gzip(), type: "application/vnd.evil.layer+lzma"))
    },
    Case(letter: "O", outcome: .accepted) { layout in
      try image(
        layout,
        layer: try layer(
          layout, try packed(tar, with: "zstd"),
          type: "application/vnd.oci.image.layer.v1.tar+zstd"))
    },
  ]

  @Test(arguments: cases)
  func `a layout ends as the table says`(of item: Case) throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish([try item.build(layout)])
      try directory.write("out/victim", "ORIGINAL")
      try Self.judge(item, in: directory, source: "oci:\(layout.path):t")
      #expect(try String(contentsOfFile: directory("out/victim"), encoding: .utf8) == "ORIGINAL")
    }
  }

  @Test(arguments: cases)
  func `an archive ends as the table says`(of item: Case) throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish([try item.build(layout)])
      let tar = try run(["tar", "-C", layout.path, "-cf", directory("a.tar"), "."])
      #expect(tar.status == 0, "\(tar.stderr)")
      try Self.judge(item, in: directory, source: "oci-archive:\(directory("a.tar")):t")
    }
  }

  @Test(arguments: cases)
  func `a directory is built as a squashfs file is`(of item: Case) throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish([try item.build(layout)])
      try Self.judge(item, in: directory, source: "oci:\(layout.path):t", asDirectory: true)
    }
  }

  /// The registry takes what it is given, as one that was broken into would.
  @Test(arguments: cases)
  func `a registry that serves it ends as the table says`(of item: Case) throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let entry = try item.build(layout)
      try layout.finish([entry])
      let server = try LayoutServer(layout, entry: entry, directory)
      defer { server.stop() }
      try Self.judge(
        item, in: directory, source: "\(server.host)/case:t", insecure: [server.host])
    }
  }

  static func judge(
    _ item: Case, in directory: TemporaryDirectory, source: String, asDirectory: Bool = false,
    insecure: Set<String> = []
  ) throws {
    var store = try TestStore(directory)
    store.settings.asDirectory = asDirectory
    store.settings.insecure = insecure
    let clock = ContinuousClock()
    let start = clock.now
    switch item.outcome {
    case .accepted:
      let pulled = try store.pull(source)
      #expect(try store.file("a", of: pulled.image) == "hello")
      #expect(store.published == [pulled.digest.hex])
    case .refused(let words):
      let error = #expect(throws: ImageError.self) { try store.pull(source) }
      #expect(error?.kind == .badData)
      #expect(error.map { "\($0)".contains(words) } ?? false, "\(error.map { "\($0)" } ?? "")")
      #expect(store.published.isEmpty)
      let names = try ImageStore.list(store.settings.catalog)
      #expect(names.isEmpty)
    }
    #expect(clock.now - start < .seconds(30))
  }

  @Test func `P, a foreign layer's address is never asked`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let bytes = try Self.gzip()
      let listener = try LayoutServer(layout, entry: .null, directory)
      defer { listener.stop() }
      let layer: JSON = [
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": .text("\(Digest(of: bytes))"), "size": .integer(bytes.count),
        "urls": [.text("http://\(listener.host)/foreign")],
      ]
      let entry = try Self.image(layout, layer: layer)
      try layout.finish([entry])
      let server = try LayoutServer(layout, entry: entry, directory, name: "server")
      defer { server.stop() }
      var store = try TestStore(directory)
      store.settings.insecure = [server.host, listener.host]
      for source in ["oci:\(layout.path):t", "\(server.host)/case:t"] {
        let error = #expect(throws: ImageError.self) { try store.pull(source) }
        #expect(error.map { "\($0)".contains("\(Digest(of: bytes))") } ?? false)
      }
      #expect(store.published.isEmpty)
      #expect(server.log.contains("/blobs/\(Digest(of: bytes))"))
      #expect(listener.log == "")
    }
  }

  @Test(arguments: [(4, true), (5, false)])
  func `indexes in each other are followed four deep`(depth: Int, isAccepted: Bool) throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      var blob = try layout.image()
      var type = MediaType.ociManifest
      for _ in 0..<depth {
        blob = try layout.index([TestLayout.entry(blob, platform: "linux/amd64", type: type)])
        type = MediaType.ociIndex
      }
      try layout.finish([TestLayout.entry(blob, tag: "t", type: type)])
      let store = try TestStore(directory)
      if isAccepted {
        #expect(try store.pull("oci:\(layout.path):t").top == Digest(blob.digest))
      } else {
        let error = #expect(throws: ImageError.self) { try store.pull("oci:\(layout.path):t") }
        #expect(error?.cause.contains("more than 4") ?? false)
      }
    }
  }
}
