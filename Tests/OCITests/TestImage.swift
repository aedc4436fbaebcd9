import Digests
import Foundation
import Hashing
import Images
import TestSupport

@testable import OCI

/// A tar stream, written here so that its bytes are known.
struct TestTar {
  private(set) var bytes: [UInt8] = []

  init(_ files: [String: String] = ["a": "hello"]) {
    for (name, text) in files.sorted(by: { $0.key < $1.key }) { add(name, Array(text.utf8)) }
  }

  mutating func add(_ name: String, _ content: [UInt8], type: Character = "0", target: String = "")
  {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at place: Int) {
      header.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
    }
    func octal(_ number: Int, _ digits: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: digits - text.count) + text
    }
    put(name, at: 0)
    put(octal(0o644, 7), at: 100)
    put(octal(0, 7), at: 108)
    put(octal(0, 7), at: 116)
    put(octal(content.count, 11), at: 124)
    put(octal(1_700_000_000, 11), at: 136)
    put("        ", at: 148)
    put(String(type), at: 156)
    put(target, at: 157)
    put("ustar\u{0}00", at: 257)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", at: 148)
    bytes += header + content
    bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  /// The stream with its end.
  var whole: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}

/// Packs bytes with a program of the system.
func packed(_ bytes: [UInt8], with program: String = "gzip") throws -> [UInt8] {
  try run([program, "-c"], input: bytes).output
}

/// An OCI layout that is built file by file, right or wrong.
struct TestLayout {
  let path: String
  private let directory: TemporaryDirectory
  private let name: String

  struct Blob {
    var digest: String
    var size: Int
    var json: JSON { ["digest": .text(digest), "size": .integer(size)] }
  }

  init(_ directory: TemporaryDirectory, _ name: String = "layout") throws {
    self.directory = directory
    self.name = name
    path = directory(name)
    try directory.write("\(name)/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
  }

  @discardableResult
  func blob(_ bytes: [UInt8], _ algorithm: Digest.Algorithm = .sha256) throws -> Blob {
    let digest = Digest(of: bytes, algorithm)
    try directory.write("\(name)/blobs/\(algorithm)/\(digest.hex)", bytes)
    return Blob(digest: "\(digest)", size: bytes.count)
  }

  /// Replaces the bytes of a blob, whose name stays.
  func replace(_ blob: Blob, _ bytes: [UInt8]) throws {
    try directory.write("\(name)/blobs/\(blob.digest.replacing(":", with: "/"))", bytes)
  }

  static func descriptor(_ blob: Blob, _ type: String, _ more: [String: JSON] = [:]) -> JSON {
    .object(
      [
        "mediaType": .text(type), "digest": .text(blob.digest), "size": .integer(blob.size),
      ].merging(more) { $1 })
  }

  static let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"

  func configuration(
    diffIDs: [String], architecture: String = "amd64", command: String = "/a"
  ) throws -> Blob {
    let json: JSON = [
      "architecture": .text(architecture), "os": "linux",
      "config": ["Cmd": [.text(command)], "Env": ["PATH=/bin"]],
      "rootfs": ["type": "layers", "diff_ids": .list(diffIDs.map(JSON.text))],
    ]
    return try blob(json.bytes)
  }

  func manifest(
    configuration: Blob, layers: [JSON], _ more: [String: JSON] = [:]
  ) throws -> Blob {
    let json: [String: JSON] = [
      "schemaVersion": 2, "mediaType": .text(MediaType.ociManifest),
      "config": Self.descriptor(configuration, MediaType.ociConfiguration),
      "layers": .list(layers),
    ]
    return try blob(JSON.object(json.merging(more) { $1 }).bytes)
  }

  /// A whole image of files.
  func image(
    _ files: [[String: String]] = [["a": "hello"]], packer: String = "gzip",
    type: String = layerType, architecture: String = "amd64"
  ) throws -> Blob {
    var (layers, diffIDs): ([JSON], [String]) = ([], [])
    for files in files {
      let tar = TestTar(files).whole
      layers.append(Self.descriptor(try blob(try packed(tar, with: packer)), type))
      diffIDs.append("\(Digest(of: tar))")
    }
    return try manifest(
      configuration: try configuration(diffIDs: diffIDs, architecture: architecture),
      layers: layers)
  }

  /// A whole image of one file that does not pack.
  func imageOfNoise(_ count: Int) throws -> Blob {
    var generator = SeededGenerator(seed: 1)
    var tar = TestTar([:])
    tar.add("a", (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    let layer = Self.descriptor(try blob(try packed(tar.whole)), Self.layerType)
    return try manifest(
      configuration: try configuration(diffIDs: ["\(Digest(of: tar.whole))"]), layers: [layer])
  }

  func index(_ entries: [JSON]) throws -> Blob {
    try blob(Self.index(entries).bytes)
  }

  static func index(_ entries: [JSON]) -> JSON {
    [
      "schemaVersion": 2, "mediaType": .text(MediaType.ociIndex), "manifests": .list(entries),
    ]
  }

  static func entry(
    _ blob: Blob, platform: String? = nil, tag: String? = nil, type: String = MediaType.ociManifest
  ) -> JSON {
    var more: [String: JSON] = [:]
    if let platform, let value = Platform(parsing: platform) {
      var json: [String: JSON] = [
        "os": .text(value.os), "architecture": .text(value.architecture),
      ]
      if let variant = value.variant { json["variant"] = .text(variant) }
      more["platform"] = .object(json)
    }
    if let tag { more["annotations"] = ["org.opencontainers.image.ref.name": .text(tag)] }
    return descriptor(blob, type, more)
  }

  /// Writes what the layout holds.
  func finish(_ entries: [JSON]) throws {
    try directory.write("\(name)/index.json", Self.index(entries).bytes)
  }

  func finish(_ manifest: Blob, tag: String = "t") throws {
    try finish([Self.entry(manifest, tag: tag)])
  }
}

/// The store of a test.
struct TestStore {
  let directory: TemporaryDirectory
  var settings: ImageStoreSettings

  init(
    _ directory: TemporaryDirectory, platform: String = "linux/amd64/v3",
    environment: [String: String] = [:]
  ) throws {
    self.directory = directory
    var variables = ["HOME": directory("home"), "PATH": "/usr/bin:/bin"]
    variables["CONTAINERS_REGISTRIES_CONF"] = try directory.write("registries.conf", "")
    settings = ImageStoreSettings(
      store: directory("store"), platform: Platform(parsing: platform)!,
      environment: variables.merging(environment) { $1 })
    settings.deadline = 60
  }

  /// Names the mirrors of a registry, each with the pulls that it is for; nil says nothing of them.
  func mirror(_ registry: Server, by mirrors: [(place: String, pulls: String?)]) throws {
    try directory.write(
      "registries.conf",
      "[[registry]]\nlocation = \"\(registry.host)\"\ninsecure = true\n"
        + mirrors.map { place, pulls in
          "[[registry.mirror]]\nlocation = \"\(place)\"\ninsecure = true\n"
            + (pulls.map { "pull-from-mirror = \"\($0)\"\n" } ?? "")
        }.joined())
  }

  func store(warn: @escaping (String) -> Void = { _ in }) throws -> ImageStore {
    try ImageStore(settings, warn: warn)
  }

  func pull(_ text: String, as name: String? = nil) throws -> ImageStore.Pulled {
    try store().pull(
      try ImageSource(parsing: text), as: try name.map { try ImageReference(parsing: $0) })
  }

  /// A file of an image as it was built.
  func file(_ name: String, of image: Image) throws -> String {
    switch image.root {
    case .squashfs(let path): try run(["unsquashfs", "-cat", path, name]).stdout
    case .directory(let path): try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }
  }

  /// What is under `images/`, which only whole images are.
  var published: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory("store/images/sha256"))) ?? []
  }
}
