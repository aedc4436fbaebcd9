import Digests
import Images
import TestSupport
import Testing

@testable import OCI

@Suite(.tags(.small))
struct ChallengeTests {
  private static func challenge(_ scheme: String, _ parameters: [String: String]) -> Challenge {
    Challenge(scheme: scheme, parameters: parameters)
  }

  @Test(
    arguments: [
      (
        ["Bearer realm=\"https://a/token\",service=\"s\",scope=\"repository:a/b:pull,push\""],
        [
          challenge(
            "bearer",
            ["realm": "https://a/token", "service": "s", "scope": "repository:a/b:pull,push"])
        ]
      ),
      (
        ["Basic realm=\"a, b\", BEARER Realm = \"x\\\"y\" , service=z"],
        [
          challenge("basic", ["realm": "a, b"]),
          challenge("bearer", ["realm": "x\"y", "service": "z"]),
        ]
      ),
      (
        ["Negotiate", "Basic realm=x"],
        [challenge("negotiate", [:]), challenge("basic", ["realm": "x"])]
      ),
      (
        ["Negotiate, Basic realm=x"],
        [challenge("negotiate", [:]), challenge("basic", ["realm": "x"])]
      ),
      (
        ["Negotiate YII/fg==, Bearer realm=r"],
        [challenge("negotiate", [:]), challenge("bearer", ["realm": "r"])]
      ),
      ([", , Basic realm=\"\",,"], [challenge("basic", ["realm": ""])]),
      (["Bearer realm=\"a\",realm=\"b\""], [challenge("bearer", ["realm": "a"])]),
      (["Bearer realm=\"without an end"], [challenge("bearer", [:])]),
      (["=\"x\""], []), ([""], []), ([], []),
    ] as [([String], [Challenge])])
  func `several challenges in one field or many are told apart`(
    fields: [String], challenges: [Challenge]
  ) {
    #expect(Challenge.all(in: fields) == challenges)
  }
}

@Suite(.tags(.small))
struct CredentialTests {
  private static let key = CredentialKey(registry: "r.io:5000", repository: "a/b")

  @Test func `the entry that names most of the path is taken`() throws {
    // user:r, user:a and user:ab in base64
    let file = try AuthFile(
      Array(
        """
        {"auths":{"r.io:5000":{"auth":"dXNlcjpy"},"r.io:5000/a":{"auth":"dXNlcjph"},
         "r.io:5000/a/bc":{"auth":"dXNlcjphYg=="},"https://index.docker.io/v1/":{"identitytoken":"t"},
         "empty.io":{}}}
        """.utf8))
    #expect(file.credential(for: Self.key) == .password(user: "user", password: "a"))
    #expect(
      file.credential(for: CredentialKey(registry: "r.io:5000", repository: "x"))
        == .password(user: "user", password: "r"))
    #expect(
      file.credential(for: CredentialKey(registry: "docker.io", repository: "library/a"))
        == .identityToken("t"))
    #expect(file.credential(for: CredentialKey(registry: "empty.io", repository: "a")) == nil)
    #expect(file.credential(for: CredentialKey(registry: "r.io", repository: "a/b")) == nil)
  }

  @Test func `a helper is a name and never a path`() throws {
    let file = try AuthFile(
      Array(
        """
        {"credHelpers":{"r.io:5000":"pass","evil.io":"../../tmp/x"},"credsStore":"a/b"}
        """.utf8))
    #expect(file.helper(for: Self.key) == "pass")
    #expect(file.helper(for: CredentialKey(registry: "evil.io", repository: "a")) == nil)
  }

  @Test(arguments: [
    "", "[]", "{\"auths\":{\"a\":{\"auth\":\"%\"}}}", "{\"auths\":{\"a\":{\"auth\":\"YQ==\"}}}",
  ])
  func `a damaged auth file is an error that shows no secret`(text: String) {
    let error = #expect(throws: ImageFormatError.self) { try AuthFile(Array(text.utf8)) }
    #expect(error.map { !"\($0)".contains("YQ") && !"\($0)".contains("%") } ?? false)
  }

  @Test func `no text of a credential holds it`() {
    for credential in [Credential.password(user: "me", password: "pw9"), .identityToken("tok9")] {
      var dumped = ""
      dump(credential, to: &dumped)
      for text in ["\(credential)", String(reflecting: credential), dumped] {
        #expect(!text.contains("pw9") && !text.contains("tok9") && !text.contains("me"))
      }
    }
  }

  @Test func `netrc is read as by curl, without its default`() {
    let text = """
      # machine r.io login no password no
      machine other login x password y
      machine r.io
        login me password s3
      default login d password d
      """
    #expect(Netrc.credential(for: "r.io", in: text) == .password(user: "me", password: "s3"))
    #expect(Netrc.credential(for: "unknown", in: text) == nil)
    #expect(Netrc.credential(for: "r.io", in: "machine r.io login") == nil)
  }

  @Test(
    arguments: [
      ("", []), ("Zg==", Array("f".utf8)), ("Zg", Array("f".utf8)), ("Zm8=", Array("fo".utf8)),
      ("Zm9vYg==", Array("foob".utf8)), ("Zm9vYmFy", Array("foobar".utf8)),
      ("Z", nil), ("Zg=", nil), ("Z===", nil), ("Zm9v====", nil), ("Zm 9", nil), ("=", nil),
    ] as [(String, [UInt8]?)])
  func `base64 is that of RFC 4648`(text: String, bytes: [UInt8]?) {
    #expect(Base64.bytes(of: text) == bytes)
    if let bytes { #expect(Base64.bytes(of: Base64.text(of: bytes)) == bytes) }
  }
}

@Suite(.tags(.small))
struct RegistriesTests {
  private static let text = """
    # a comment
    unqualified-search-registries = ["docker.io", 'quay.io'] # more
    short-name-mode = "enforcing"

    [[registry]]
    prefix = "docker.io"
    location = "docker.io"
    [[registry.mirror]]
    location = "harbor.site:8443/proxy-hub"
    [[registry.mirror]]
    location = 'localhost:5000'
    insecure = true
    pull-from-mirror = "digest-only"

    [[registry]]
    location = "docker.io/evil"
    blocked = true

    [[registry]]
    prefix = "*.example.com"
    insecure = true

    [[registry]]
    prefix = "quay.io/a"
    location = "in.site/q/a"
    mirror-by-digest-only = true
    mirror = [{ location = "m.site" }]
    """
  private static let digest = "sha256:" + String(repeating: "0", count: 64)

  @Test(arguments: [
    ("ubuntu:1", ["harbor.site:8443/proxy-hub/library/ubuntu", "docker.io/library/ubuntu"]),
    (
      "ubuntu@\(digest)",
      [
        "harbor.site:8443/proxy-hub/library/ubuntu", "!localhost:5000/library/ubuntu",
        "docker.io/library/ubuntu",
      ]
    ),
    ("docker.io/evilx/a", ["harbor.site:8443/proxy-hub/evilx/a", "docker.io/evilx/a"]),
    ("a.b.example.com/x", ["!a.b.example.com/x"]),
    ("example.com/x", ["example.com/x"]),
    ("quay.io/a/b", ["in.site/q/a/b"]),
    ("quay.io/a/b@\(digest)", ["m.site/b", "in.site/q/a/b"]),
    ("quay.io/ab/b", ["quay.io/ab/b"]),
    ("docker.io.evil.com/x", ["docker.io.evil.com/x"]),
  ])
  func `the longest prefix says where an image is fetched from`(
    name: String, places: [String]
  ) throws {
    let registries = try Registries(Array(Self.text.utf8))
    let endpoints = try registries.endpoints(for: try ImageReference(parsing: name))
    #expect(
      endpoints.map { "\($0.isInsecure ? "!" : "")\($0.registry)/\($0.repository)" } == places)
  }

  @Test func `a blocked place is refused with its name`() throws {
    let registries = try Registries(Array(Self.text.utf8))
    let error = #expect(throws: ImageError.self) {
      try registries.endpoints(for: try ImageReference(parsing: "docker.io/evil/a"))
    }
    #expect(error?.kind == .notPermitted)
  }

  @Test(arguments: [
    "[[registry]]\nlocation = ", "[[registry]]", "[[registry]]\nlocation = 5", "[.a]",
    "a = 1\na = 2",
    "[[registry]\n", "registry = 1", "[[registry]]\nlocation=\"a\"\nblocked=\"no\"", "a = \"\\q\"",
    "[[registry]]\nlocation=\"a\"\n[[registry.mirror]]\nlocation=\"b\"\npull-from-mirror=\"x\"",
    "a = [[[[[[[[[[[[1]]]]]]]]]]]]", "a = 1 b = 2", "= 1", "\u{0}",
  ])
  func `a file that is not understood is an error`(text: String) {
    #expect(throws: ImageFormatError.self) { try Registries(Array(text.utf8)) }
  }
}
