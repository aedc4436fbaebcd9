import Digests
import Foundation
import Images
import TestSupport
import Testing

@testable import OCI

/// Hostile texts against everything that reads what registries, archives and users write; serial, for
/// its time is measured.
@Suite(.tags(.medium), .serialized)
struct FuzzImagesSerialTests {
  @Test func `texts that lie trap nowhere, and every read of them ends soon`() throws {
    let fuzzing = Fuzzing()
    try TemporaryDirectory.with { directory in
      let fuzzer = ImageFuzzer(seed: fuzzing.seed, archive: directory("archive.tar"))
      var accepted: [String: Int] = [:]
      let report = fuzzing.run("texts") { number in
        let kind = fuzzer.iteration(number)
        if kind.isAccepted { accepted[kind.name, default: 0] += 1 }
        return kind.isAccepted ? 1 : 0
      }
      #expect(report.count > 500)
      #expect(report.slowest < .seconds(10), "\(report.again)")
      // A change so small that the reader goes on is the one that finds its faults.
      #expect(Set(accepted.keys) == Set(ImageFuzzer.kinds), "\(accepted)")
    }
  }
}

/// Makes texts of all kinds that are read, and breaks them.
private struct ImageFuzzer {
  static let kinds = [
    "reference", "challenge", "manifest", "configuration", "auth", "name", "registries", "archive",
    "netrc", "base64", "platform",
  ]
  private static let hex = String(repeating: "0123456789abcdef", count: 4)
  private static let seeds: [String: [String]] = [
    "reference": [
      "ubuntu", "h.x:5000/a/b-c__d.e:t-1@sha256:\(hex)", "[::1]:5000/a", "oci-archive:a:b",
      "docker://quay.io/a/b", "localhost/a:1",
    ],
    "challenge": [
      "Bearer realm=\"https://a/t\",service=\"s, t\",scope=\"repository:a:pull\", Basic realm=x",
      "Negotiate YII==, Basic realm=\"\\\"\"",
    ],
    "manifest": [
      """
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{
      "mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:\(hex)","size":2,
      "data":"e30="},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",
      "digest":"sha512:\(hex)\(hex)","size":9223372036854775807,"urls":["http://x"],
      "annotations":{"a":"b"}}]}
      """,
      """
      {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",
      "digest":"sha256:\(hex)","size":3,"platform":{"os":"linux","architecture":"amd64",
      "variant":"v3"}},{"mediaType":"application/vnd.oci.image.index.v1+json",
      "digest":"sha256:\(hex)","size":1e3}]}
      """,
    ],
    "configuration": [
      """
      {"os":"linux","architecture":"arm64","variant":"v8","config":{"Env":["A=b","\\u00e9=\\ud83d\\ude00"],
      "Entrypoint":["/a"],"Cmd":null,"WorkingDir":"/w","User":"1:2","Labels":{"a":"b"}},
      "rootfs":{"type":"layers","diff_ids":["sha256:\(hex)"]}}
      """
    ],
    "auth": [
      """
      {"auths":{"h.x":{"auth":"dXNlcjpwYXNz"},"https://index.docker.io/v1/":{"identitytoken":"t"}},
      "credHelpers":{"a.b":"pass"},"credsStore":"secret"}
      """
    ],
    "name": [
      """
      {"digest":"sha256:\(hex)","manifests":{"linux/amd64/v3":"sha256:\(hex)"},
      "reference":"docker.io/library/a:1","schema":1,"time":5}
      """
    ],
    "registries": [
      """
      unqualified-search-registries = ["docker.io", 'quay.io'] # x
      [[registry]]
      prefix = "docker.io"
      location = "h.x:1/p"
      [[registry.mirror]]
      location = 'm.x'
      insecure = true
      mirror = [{ location = "q" }, { location = "r\\t" }]
      """
    ],
    "netrc": ["machine h.x login me password s\nmacdef a\nmachine b\ndefault login x password y\n"],
    "base64": ["Zm9vYmFyMTIzNDU2Nzg5MA=="], "platform": ["linux/arm64/v9.1"],
  ]

  let seed: UInt64
  let archive: String

  /// Reads one broken text; says of which kind and whether it was taken.
  func iteration(_ number: UInt64) -> (name: String, isAccepted: Bool) {
    var random = SeededGenerator(seed: seed &+ number &* 0x9E37_79B9_7F4A_7C15)
    let kind = Self.kinds[Int(number % UInt64(Self.kinds.count))]
    var bytes: [UInt8]
    if kind == "archive" {
      var tar = TestTar(["oci-layout": "{}", "index.json": "{}"])
      tar.add("x", Array("30 path=some/long/name/here.a\n".utf8), type: "x")
      tar.add("short", Array("content".utf8))
      tar.add("link", [], type: "2", target: "../short")
      tar.add("loop", [], type: "1", target: "loop")
      bytes = tar.whole
    } else {
      bytes = Array(Self.seeds[kind]!.randomElement(using: &random)!.utf8)
    }
    for _ in 0..<Int.random(in: 0...6, using: &random) { Self.mutate(&bytes, &random) }
    return (kind, read(bytes, kind))
  }

  private static let words: [[UInt8]] =
    [
      "\"", "{", "}", "[", "]", ",", ":", "=", "\\", "\\u0000", "\\ud800", "null", "-1", "1e99",
      "..",
      "/", "@", "%", "sha256:", "99999999999999999999", "\n", "\u{0}", "\u{e9}", "\u{301}", "#",
      "'",
      " ", "\t", "0", "7777777", "\u{2028}",
    ].map { Array($0.utf8) } + [[0xff], [0x80, 0xff], [0xed, 0xa0, 0x80]]

  private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    let place = Int.random(in: 0..<bytes.count, using: &random)
    let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
    switch Int.random(in: 0..<7, using: &random) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: bytes.removeSubrange(place..<end)
    case 3: bytes.insert(contentsOf: words.randomElement(using: &random)!, at: place)
    case 4: bytes.replaceSubrange(place..<end, with: words.randomElement(using: &random)!)
    case 5: bytes.removeSubrange(place...)
    default:
      let part = Array(bytes[place..<end])
      let times = Int.random(in: 1...200, using: &random)
      bytes.insert(contentsOf: (0..<times).flatMap { _ in part }, at: place)
    }
  }

  private func read(_ bytes: [UInt8], _ kind: String) -> Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    switch kind {
    case "reference":
      guard let source = try? ImageSource(parsing: text) else { return false }
      // What is taken is the same when it is read again, and names a file beneath its folder.
      precondition(
        (try? ImageSource(parsing: source.description)) == source, "\(text.debugDescription)")
      if case .registry(let reference) = source {
        let file = ImageName.file(of: reference)
        precondition(!file.contains("/") && !file.hasPrefix(".") && file.utf8.count <= 255)
      }
      return true
    case "challenge": return !Challenge.all(in: [text, text]).isEmpty
    case "manifest":
      guard let document = try? ManifestDocument(bytes, announced: nil) else { return false }
      if case .index(let index) = document {
        _ = index.choice(for: Platform(architecture: "amd64", variant: "v3"))
      } else if case .manifest(let manifest) = document {
        _ = try? manifest.files()
      }
      return true
    case "configuration": return (try? ImageConfiguration(bytes)) != nil
    case "auth":
      guard let file = try? AuthFile(bytes) else { return false }
      _ = file.credential(for: CredentialKey(registry: "h.x", repository: "a/b"))
      return true
    case "name":
      guard let json = JSON(bytes) else { return false }
      precondition(JSON(json.bytes) == json, "\(text.debugDescription)")
      return ImageName(bytes, file: "docker.io+library+a:1.json") != nil
    case "registries":
      guard let registries = try? Registries(bytes) else { return false }
      _ = try? registries.endpoints(for: ImageReference(parsing: "a:1"))
      return true
    case "netrc": return Netrc.credential(for: "h.x", in: text) != nil
    case "base64": return Base64.bytes(of: text) != nil
    case "platform":
      guard let platform = Platform(parsing: text) else { return false }
      _ = platform.choice(among: [platform, nil, Platform(architecture: "arm64", variant: "v8")])
      return true
    default:
      let file = open(archive, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      write(file, bytes, bytes.count)
      close(file)
      guard let files = try? TarFiles(archive) else { return false }
      for name in ["short", "link", "loop", "some/long/name/here", "index.json"] {
        _ = try? files.contents(name, limit: 1 << 12)
      }
      return true
    }
  }
}
