import Digests
import Images
import TestSupport
import Testing

@testable import OCI

@Suite(.tags(.small))
struct ManifestTests {
  private static let hex = String(repeating: "a", count: 64)
  private static let config =
    "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"size\":2,"
    + "\"digest\":\"sha256:\(hex)\"}"
  private static func layer(_ type: String, _ digest: String = "sha256:\(hex)") -> String {
    "{\"mediaType\":\"application/vnd.\(type)\",\"size\":3,\"digest\":\"\(digest)\"}"
  }
  private static func manifest(_ layers: String, _ more: String = "") -> [UInt8] {
    Array("{\"schemaVersion\":2,\(config),\"layers\":[\(layers)]\(more)}".utf8)
  }

  @Test func `a manifest without a type is what it holds`() throws {
    let document = try ManifestDocument(
      Self.manifest(Self.layer("oci.image.layer.v1.tar+zstd")), announced: nil)
    guard case .manifest(let manifest) = document else {
      Issue.record("it is no manifest")
      return
    }
    #expect(manifest.layers.map(\.size) == [3] && manifest.configuration.size == 2)
    guard
      case .index(let index) = try ManifestDocument(
        Array("{\"schemaVersion\":2,\"manifests\":[]}".utf8), announced: nil)
    else {
      Issue.record("it is no index")
      return
    }
    #expect(index.entries.isEmpty)
  }

  @Test(
    arguments: [
      ("an unknown layer", manifest(layer("evil.layer+lzma")), nil),
      (
        "a digest with a path",
        manifest(layer("oci.image.layer.v1.tar", "sha256:../../../out/victim")), nil
      ),
      ("upper case", manifest(layer("oci.image.layer.v1.tar", "sha256:\(hex.uppercased())")), nil),
      ("both", manifest("", ",\"manifests\":[]"), nil),
      ("both, one null", manifest("", ",\"manifests\":null"), nil),
      ("a name twice", manifest("", ",\"layers\":[]"), nil),
      ("another announced", manifest(""), MediaType.ociIndex),
      (
        "another than it says", manifest("", ",\"mediaType\":\"\(MediaType.ociManifest)\""),
        MediaType.dockerManifest
      ),
      ("a type that is no text", manifest("", ",\"mediaType\":7"), nil),
      ("version 1", Array("{\"schemaVersion\":1,\"fsLayers\":[]}".utf8), nil),
      ("no object", Array("[]".utf8), nil),
      (
        "a chart",
        Array(
          String(decoding: manifest(""), as: UTF8.self).replacing(
            "vnd.oci.image.config.v1+json", with: "vnd.cncf.helm.config.v1+json"
          ).utf8), nil
      ),
      (
        "a negative size",
        Array(
          String(decoding: manifest(""), as: UTF8.self).replacing(":2,\"d", with: ":-2,\"d").utf8),
        nil
      ),
      (
        "sizes beyond all measure",
        Array(
          String(
            decoding: manifest(
              [layer("oci.image.layer.v1.tar"), layer("oci.image.layer.v1.tar")]
                .joined(separator: ",")), as: UTF8.self
          ).replacing("\"size\":3", with: "\"size\":9223372036854775807").utf8), nil
      ),
      ("too large", manifest("", ",\"x\":\"" + String(repeating: "x", count: 4 << 20) + "\""), nil),
    ] as [(String, [UInt8], String?)])
  func `what is no manifest, or could be two, is refused`(
    what: String, bytes: [UInt8], announced: String?
  ) {
    #expect(throws: ImageFormatError.self, "\(what)") {
      try ManifestDocument(bytes, announced: announced)
    }
  }

  @Test func `unknown entries and attestations of an index are passed over`() throws {
    func entry(_ more: String, type: String = MediaType.ociManifest) -> String {
      "{\"mediaType\":\"\(type)\",\"size\":3,\"digest\":\"sha256:\(Self.hex)\"\(more)}"
    }
    let text =
      "{\"schemaVersion\":2,\"manifests\":["
      + [
        "{\"mediaType\":\"application/vnd.new\",\"digest\":\"blake9:x\"}",
        entry(",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}"),
        entry(",\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}"),
        entry(",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v2\"}"),
        entry(",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}"),
      ].joined(separator: ",") + "]}"
    guard
      case .index(let index) = try ManifestDocument(
        Array(text.utf8), announced: MediaType.ociIndex)
    else {
      Issue.record("it is no index")
      return
    }
    #expect(index.entries.map { $0.platform?.description } == ["linux/amd64/v2", "linux/arm64"])
    #expect(
      index.choice(for: Platform(architecture: "amd64", variant: "v3"))?.platform?.variant == "v2")
    #expect(index.choice(for: Platform(architecture: "ppc64le")) == nil)
  }

  @Test func `content in a descriptor is of its size`() throws {
    let json = { (text: String) in JSON(Array(text.utf8)) }
    let start = "{\"mediaType\":\"x\",\"digest\":\"sha256:\(Self.hex)\",\"size\":3,\"data\":"
    #expect(try Descriptor(json("\(start)\"Zm9v\"}"), "x").data == Array("foo".utf8))
    #expect(throws: ImageFormatError.self) { try Descriptor(json("\(start)\"Zm8=\"}"), "x") }
    #expect(throws: ImageFormatError.self) { try Descriptor(json("\(start)\"?\"}"), "x") }
  }
}
