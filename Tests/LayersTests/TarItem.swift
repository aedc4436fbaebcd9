import Digests
import Foundation
import Hashing
import Layers
import TestSupport

/// One entry of a layer that a test makes.
struct TarItem: Sendable {
  var name: [UInt8]
  var type: UInt8 = UInt8(ascii: "0")
  var mode: UInt16 = 0o644
  var link: [UInt8] = []
  var contents: [UInt8] = []
  var seconds: Int64 = 1_000_000_000
  /// Further records of its pax header.
  var records: [(key: String, value: [UInt8])] = []
  /// What the header of a device says.
  var device: (major: Int, minor: Int) = (0, 0)

  static func file(_ name: String, _ contents: String = "ESC", _ mode: UInt16 = 0o644) -> Self {
    Self(name: Array(name.utf8), mode: mode, contents: Array(contents.utf8))
  }
  static func directory(_ name: String, _ mode: UInt16 = 0o755) -> Self {
    Self(name: Array(name.utf8), type: UInt8(ascii: "5"), mode: mode)
  }
  static func link(_ name: String, to text: String) -> Self {
    Self(name: Array(name.utf8), type: UInt8(ascii: "2"), mode: 0o777, link: Array(text.utf8))
  }
  static func hardLink(_ name: String, to text: String) -> Self {
    Self(name: Array(name.utf8), type: UInt8(ascii: "1"), link: Array(text.utf8))
  }
  static func node(
    _ name: String, _ type: String, _ major: Int = 0, _ minor: Int = 0, _ mode: UInt16 = 0o666
  ) -> Self {
    var item = Self(name: Array(name.utf8), type: type.utf8.first!, mode: mode)
    item.device = (major, minor)
    return item
  }
  func pax(_ key: String, _ value: String) -> Self {
    var item = self
    item.records.append((key, Array(value.utf8)))
    return item
  }

  /// The blocks of the entry.
  var blocks: [UInt8] {
    var records = records
    if name.count > 100 { records.append(("path", name)) }
    if link.count > 100 { records.append(("linkpath", link)) }
    var bytes: [UInt8] = []
    if !records.isEmpty {
      let text = records.flatMap { Self.record($0.key, $0.value) }
      bytes += header(name: Array("PaxHeader".utf8), type: UInt8(ascii: "x"), size: text.count)
      bytes += Self.filled(text)
    }
    let size = type == UInt8(ascii: "0") ? contents.count : 0
    return bytes + header(name: Array(name.prefix(100)), type: type, size: size)
      + Self.filled(contents)
  }

  static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = key.utf8.count + value.count + 3
    var length = rest + 1
    while String(length).utf8.count + rest != length { length += 1 }
    return Array("\(length) \(key)=".utf8) + value + [10]
  }

  static func filled(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
  }

  private func header(name: [UInt8], type: UInt8, size: Int) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Sequence<UInt8>, _ offset: Int) {
      for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
    }
    func octal(_ number: Int, _ digits: Int) -> [UInt8] {
      let text = String(number, radix: 8)
      return Array((String(repeating: "0", count: digits - text.count) + text).utf8)
    }
    put(name, 0)
    put(octal(Int(mode), 7), 100)
    put(octal(0, 7), 108)
    put(octal(0, 7), 116)
    put(octal(size, 11), 124)
    put(octal(Int(seconds), 11), 136)
    block[156] = type
    put(link.prefix(100), 157)
    put("ustar\u{0}00".utf8, 257)
    put(octal(device.major, 7), 329)
    put(octal(device.minor, 7), 337)
    return Self.summed(block)
  }

  /// A header block with the right checksum.
  static func summed(_ block: [UInt8]) -> [UInt8] {
    var block = block
    for index in 148..<156 { block[index] = UInt8(ascii: " ") }
    let text = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    let digits = Array((String(repeating: "0", count: 6 - text.count) + text).utf8) + [0, 32]
    block.replaceSubrange(148..<156, with: digits)
    return block
  }
}

/// Layers that a test makes, as files in a directory.
struct LayerFixture {
  static let tar = "application/vnd.oci.image.layer.v1.tar"
  static let gzip = "application/vnd.oci.image.layer.v1.tar+gzip"
  static let zstd = "application/vnd.oci.image.layer.v1.tar+zstd"

  let directory: TemporaryDirectory

  static func archive(_ items: [TarItem]) -> [UInt8] {
    items.flatMap(\.blocks) + [UInt8](repeating: 0, count: 1024)
  }

  func layer(_ items: [TarItem], type: String = gzip) throws -> Layer {
    let archive = Self.archive(items)
    return try layer(
      blob: try Self.compress(archive, type), type: type, diffID: Digest(of: archive))
  }

  func layer(blob: [UInt8], type: String, diffID: Digest? = nil) throws -> Layer {
    let digest = Digest(of: blob)
    let path = try directory.write("blobs/\(digest.hex)", blob)
    return Layer(
      path: path, mediaType: type, digest: digest, size: Int64(blob.count), diffID: diffID,
      checksBlob: true)
  }

  static func compress(_ bytes: [UInt8], _ type: String) throws -> [UInt8] {
    switch type {
    case gzip: try run(["gzip", "-nc"], input: bytes).output
    case zstd: try run(["zstd", "-qc"], input: bytes).output
    default: bytes
    }
  }
}
