import Digests
import Images
import TestSupport
import Testing

private let hex = String(repeating: "0123456789abcdef", count: 4)

@Suite(.tags(.small))
struct ReferenceTests {
  @Test(arguments: [
    ("ubuntu", "docker.io/library/ubuntu:latest"),
    ("ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
    ("docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
    ("index.docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
    ("registry-1.docker.io/a/b", "docker.io/a/b:latest"),
    ("a/b", "docker.io/a/b:latest"),
    ("localhost/a", "localhost/a:latest"),
    ("localhost:5000/a", "localhost:5000/a:latest"),
    ("localhost:5000", "docker.io/library/localhost:5000"),
    ("Quay.IO/a/b-c__d.e_f--g:V1.0_x-", "quay.io/a/b-c__d.e_f--g:V1.0_x-"),
    ("[::1]:5000/a/b:t", "[::1]:5000/a/b:t"),
    ("ghcr.io/a/b/c/d", "ghcr.io/a/b/c/d:latest"),
    ("ubuntu@sha256:\(hex)", "docker.io/library/ubuntu@sha256:\(hex)"),
    ("h.x:1/a:t@sha256:\(hex)", "h.x:1/a:t@sha256:\(hex)"),
    ("a@sha512:\(hex)\(hex)", "docker.io/library/a@sha512:\(hex)\(hex)"),
  ])
  func `a reference is written out with its defaults`(text: String, canonical: String) throws {
    let reference = try ImageReference(parsing: text)
    #expect(reference.description == canonical)
    #expect(try ImageReference(parsing: canonical) == reference)
  }

  @Test(arguments: [
    ("", 1), ("Ubuntu", 1),
    ("Host/a", 1), ("a//b", 3), ("a/", 3), ("a/.", 3), ("a/..", 3), ("../a", 1),
    ("a..b", 1), ("a___b", 1), ("-a", 1), ("a:", 3), ("a:-t", 3), ("a:t t", 3), ("a b", 1),
    ("a@sha256:abc", 3), ("a@sha256:" + hex.uppercased(), 3), ("a@md5:\(hex)", 3),
    ("a@sha256:../../../out/victim", 3), ("h:0/a", 1), ("h:70000/a", 1), ("h:+80/a", 1),
    ("[::g]/a", 1), ("-h.x/a", 1), ("h..x/a", 1), ("h.x/A", 5), ("h.x/a:t@", 9), ("h.x/é", 5),
    ("\u{212A}.x/a", 1), ("a\0", 1), ("a:" + String(repeating: "t", count: 129), 3),
    (String(repeating: "a/", count: 130) + "a", 1), ("a@\u{301}sha256:\(hex)", 1),
  ])
  func `what is no reference is refused with its place`(text: String, place: Int) throws {
    let error = try #require(throws: ImageError.self) { try ImageReference(parsing: text) }
    #expect(error.kind == .usage)
    #expect(error.description.contains("at character \(place):"), "\(error)")
    #expect(error.description.contains("remedy: "))
    #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
  }

  @Test func `the files of two names are never one, and none leads elsewhere`() throws {
    let texts = [
      "a", "a:a", "a/a", "a/a:a", "h.x/a", "h.x:1/a", "h.x/a:1", "localhost/a/b", "localhost/a_b",
      "localhost/a-b", "localhost/a.b",
    ]
    let files = try texts.map { ImageName.file(of: try ImageReference(parsing: $0)) }
    #expect(Set(files).count == texts.count)
    let longest = "h.x/" + String(repeating: "a", count: 240 - 4 - 7)
    for file in files + [ImageName.file(of: try ImageReference(parsing: longest))] {
      #expect(!file.contains("/") && !file.hasPrefix(".") && file.utf8.count <= 255)
    }
  }

  @Test(arguments: [
    ("oci:/a/b", ImageSource.layout(path: "/a/b", tag: nil)),
    ("oci:b:t", .layout(path: "b", tag: "t")),
    ("oci-archive:a.tar:v:1", .ociArchive(path: "a.tar", tag: "v:1")),
    ("docker-archive:a.tar:x/y:1", .dockerArchive(path: "a.tar", tag: "x/y:1")),
    ("/a/x.squashfs", .path("/a/x.squashfs")),
    ("./x", .path("./x")),
    ("../x", .path("../x")),
  ])
  func `a source is what its beginning says`(text: String, source: ImageSource) throws {
    #expect(try ImageSource(parsing: text) == source)
    #expect(source.description == text)
  }

  @Test func `a name may be written as skopeo writes it`() throws {
    let reference = try ImageReference(parsing: "quay.io/a/b:c")
    #expect(try ImageSource(parsing: "docker://quay.io/a/b:c") == .registry(reference))
  }

  @Test(arguments: ["oci:", "oci::t", "oci:a:", "docker-archive:", "/a\0b"])
  func `a source without its parts is refused`(text: String) {
    #expect(throws: ImageError.self) { try ImageSource(parsing: text) }
  }
}
