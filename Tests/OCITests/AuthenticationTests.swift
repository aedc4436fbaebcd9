import Digests
import Foundation
import Images
import TestSupport
import Testing

@testable import OCI

/// Proofs of who one is, against docker-registry as its manual sets it up.
@Suite(
  .tags(.large),
  .needs("docker-registry", "skopeo", "sqfstar", "openssl", "htpasswd"))
struct AuthenticationTests {
  private static let password = "p4ss-w0rd-of-me"
  private static let refresh = "r3fresh-t0ken-of-me"

  /// A certificate authority and a server's certificate for 127.0.0.1 and localhost.
  private static func certificates(_ directory: TemporaryDirectory) throws {
    let script = """
      cd "$1"
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
      openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
      printf 'subjectAltName=IP:127.0.0.1,DNS:localhost' >extension
      openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
        -extfile extension -out server.pem
      """
    let result = try run(["sh", "-ec", script, "sh", directory.path])
    #expect(result.status == 0, "\(result.stderr)")
  }

  private static func login(
    _ directory: TemporaryDirectory, _ host: String, _ entry: String, mode: String = "600"
  ) throws {
    let path = try directory.write("home/.docker/config.json", "{\"auths\":{\"\(host)\":\(entry)}}")
    _ = try run(["chmod", mode, path])
  }

  private static func basicEntry(_ password: String = password) -> String {
    "{\"auth\":\"\(Base64.text(of: Array("me:\(password)".utf8)))\"}"
  }

  private static func basicRegistry(
    _ directory: TemporaryDirectory, http: String = ""
  ) throws -> Server {
    let words = try run(["htpasswd", "-Bbn", "me", password]).stdout
    let file = try directory.write("htpasswd", words)
    return try Server.registry(
      directory, more: "auth: {htpasswd: {realm: \"a, b\", path: \(file)}}", http: http)
  }

  @Test func `TLS with a site's own authority and basic authentication`() throws {
    try TemporaryDirectory.with { directory in
      try Self.certificates(directory)
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let registry = try Self.basicRegistry(
        directory,
        http: "  tls: {certificate: \(directory("server.pem")), key: \(directory("server.key"))}")
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      var store = try TestStore(directory)
      let source = "\(registry.host)/app:1"
      // An authority that nobody knows.
      let unknown = #expect(throws: ImageError.self) { try store.pull(source) }
      #expect(unknown?.kind == .unavailable, "\(unknown.map { "\($0)" } ?? "")")
      store.settings.caFile = directory("ca.pem")
      let anonymous = #expect(throws: ImageError.self) { try store.pull(source) }
      #expect(anonymous?.kind == .notPermitted && anonymous?.remedy.contains("login") ?? false)
      try Self.login(directory, registry.host, Self.basicEntry("wrong-secret"))
      let wrong = #expect(throws: ImageError.self) { try store.pull(source) }
      #expect(wrong?.kind == .notPermitted && !"\(wrong!)".contains("wrong-secret"))
      try Self.login(directory, registry.host, Self.basicEntry(), mode: "644")
      var warnings: [String] = []
      let pulled = try ImageStore(store.settings) { warnings.append($0) }
        .pull(try ImageSource(parsing: source))
      #expect(try store.file("a", of: pulled.image) == "hello")
      #expect(warnings.count == 1 && warnings[0].contains("chmod 600"))
      _ = try store.store().remove(source)
      // Without a check of the certificate, where the site says so.
      store.settings.caFile = nil
      store.settings.insecure = [registry.host]
      #expect(!(try store.pull(source).wasPresent))
    }
  }

  @Test func `a helper is asked for the host and nothing shows what it says`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let registry = try Self.basicRegistry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      try directory.write(
        "bin/docker-credential-test",
        """
        #!/bin/sh
        read -r host
        echo "$# $1 $host" >>"\(directory("asked"))"
        [ "$host" = "\(registry.host)" ] || { echo 'credentials not found in native keychain'; exit 1; }
        printf '{"ServerURL":"%s","Username":"me","Secret":"\(Self.password)"}' "$host"
        """)
      _ = try run(["chmod", "755", directory("bin/docker-credential-test")])
      let path = try directory.write(
        "home/.docker/config.json", "{\"auths\":{\"\(registry.host)\":{}},\"credsStore\":\"test\"}")
      _ = try run(["chmod", "600", path])
      var store = try TestStore(
        directory, environment: ["PATH": "\(directory("bin")):/usr/bin:/bin"])
      store.settings.insecure = [registry.host]
      #expect(!(try store.pull("\(registry.host)/app:1").wasPresent))
      let asked = try String(contentsOfFile: directory("asked"), encoding: .utf8)
      #expect(asked == "1 get \(registry.host)\n")
      _ = try store.store().remove("\(registry.host)/app:1")
      // One that never answers, one that is not there.
      try directory.write("bin/docker-credential-test", "#!/bin/sh\nexec sleep 1000\n")
      let credentials = CredentialSource(
        environment: store.settings.environment, patience: 0.3, warn: { _ in })
      let key = CredentialKey(registry: registry.host, repository: "app")
      let slow = #expect(throws: ImageError.self) { try credentials.credential(for: key) }
      #expect(slow?.cause.contains("did not answer") ?? false)
      try FileManager.default.removeItem(atPath: directory("bin/docker-credential-test"))
      let absent = #expect(throws: ImageError.self) { try store.pull("\(registry.host)/app:1") }
      #expect(absent?.cause.contains("not in PATH") ?? false)
    }
  }

  private static func push(_ layout: TestLayout, to name: String) throws {
    try RegistryTests.push(layout, to: name, ["--dest-creds", "me:\(password)"])
  }

  /// A registry that asks for tokens of a service, which asks for a password or takes none.
  private static func tokenRegistry(
    _ directory: TemporaryDirectory, account: String?
  ) throws -> (registry: Server, service: Server) {
    try certificates(directory)
    let log = directory("token.log")
    let service = try Server(
      ["token", directory("ca.pem"), directory("ca.key"), log] + (account.map { [$0] } ?? []),
      log: log)
    let registry = try Server.registry(
      directory,
      more: """
        auth:
          token:
            realm: http://\(service.host)/token
            service: "the registry, of tests"
            issuer: issuer
            rootcertbundle: \(directory("ca.pem"))
        """)
    return (registry, service)
  }

  @Test func `tokens are fetched without and with a password, or for an identity token`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image([["a": "hello"], ["b": "b"]]))
      let (registry, service) = try Self.tokenRegistry(
        directory, account: "me:\(Self.password):\(Self.refresh)")
      defer {
        registry.stop()
        service.stop()
      }
      try Self.push(layout, to: "\(registry.host)/site/app:1")
      var store = try TestStore(directory)
      store.settings.insecure = [registry.host]
      let source = "\(registry.host)/site/app:1"
      let anonymous = #expect(throws: ImageError.self) { try store.pull(source) }
      #expect(anonymous?.kind == .notPermitted, "\(anonymous.map { "\($0)" } ?? "")")
      let before = service.log.split(separator: "\n").count
      try Self.login(directory, registry.host, Self.basicEntry())
      #expect(!(try store.pull(source).wasPresent))
      let requests = service.log.split(separator: "\n").dropFirst(before)
      // One token for the manifest and all layers.
      #expect(requests.count == 1)
      #expect(requests.last?.contains("scope=repository%3Asite%2Fapp%3Apull") ?? false)
      #expect(requests.last?.contains("account=me") ?? false)
      _ = try store.store().remove(source)
      try Self.login(directory, registry.host, "{\"identitytoken\":\"\(Self.refresh)\"}")
      #expect(!(try store.pull(source).wasPresent))
      let last = try #require(service.log.split(separator: "\n").last)
      #expect(last.contains("\"POST\"") && last.contains("grant_type=refresh_token"))
      #expect(!last.contains("\"authorization\""))
      _ = try store.store().remove(source)
      try Self.login(directory, registry.host, "{\"identitytoken\":\"wrong-token\"}")
      let wrong = #expect(throws: ImageError.self) { try store.pull(source) }
      #expect(wrong?.kind == .notPermitted && !"\(wrong!)".contains("wrong-token"))
    }
  }

  @Test func `an open token service needs no account`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let (registry, service) = try Self.tokenRegistry(directory, account: nil)
      defer {
        registry.stop()
        service.stop()
      }
      try RegistryTests.push(layout, to: "\(registry.host)/app:1")
      var store = try TestStore(directory)
      store.settings.insecure = [registry.host]
      #expect(!(try store.pull("\(registry.host)/app:1").wasPresent))
      #expect(!service.log.contains("grant_type"))
    }
  }

  @Test func `a token that is over while layers wait is renewed once for all`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let image = try layout.image((0..<40).map { ["f\($0)": "\($0)"] })
      let server = try LayoutServer(
        layout, entry: TestLayout.entry(image), directory, tokens: true)
      defer { server.stop() }
      var store = try TestStore(directory)
      store.settings.insecure = [server.host]
      let pulled = try store.pull("\(server.host)/case:t")
      #expect(try store.file("f39", of: pulled.image) == "39")
      let lines = server.log.split(separator: "\n")
      #expect(lines.count { $0.contains("/token?") } == 2)
      #expect(lines.count { $0.contains("/blobs/") && $0.contains("Bearer t2") } == 41)
    }
  }

  @Test func `a mirror gets none of the origin's credentials`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let registry = try Self.basicRegistry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      let mirror = try Server.proxy(directory, to: registry.host, fault: "none")
      defer { mirror.stop() }
      try Self.login(directory, registry.host, Self.basicEntry())
      let store = try TestStore(directory)
      try store.mirror(registry, by: [(mirror.host, nil)])
      #expect(!(try store.pull("\(registry.host)/app:1").wasPresent))
      #expect(mirror.log.contains("/manifests/1") && !mirror.log.contains("authorization"))
    }
  }

  @Test(arguments: ["redirect", "lure"])
  func `nothing that proves who one is goes to another host`(fault: String) throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let (registry, service) = try Self.tokenRegistry(
        directory, account: "me:\(Self.password):\(Self.refresh)")
      defer {
        registry.stop()
        service.stop()
      }
      try Self.push(layout, to: "\(registry.host)/app:1")
      let proxy = try Server.proxy(directory, to: registry.host, fault: fault)
      defer { proxy.stop() }
      try Self.login(directory, proxy.host, Self.basicEntry())
      var store = try TestStore(directory)
      store.settings.insecure = [proxy.host]
      // The other host passes on to a registry that wants a token too: it never gets one.
      let error = #expect(throws: ImageError.self) { try store.pull("\(proxy.host)/app:1") }
      #expect(error != nil)
      let lines = proxy.log.split(separator: "\n")
      let others = lines.filter { $0.contains("\"where\": \"other\"") }
      #expect(!others.isEmpty && others.allSatisfy { !$0.contains("authorization") })
      #expect(others.allSatisfy { !$0.contains("/token") })
      #expect(lines.contains { $0.contains("\"where\": \"registry\"") && $0.contains("Bearer ") })
      #expect(!"\(error!)".contains(Self.password) && !"\(error!)".contains("eyJ"))
    }
  }

  @Test func `blobs behind a redirect come without a proof`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try RegistryTests.push(layout, to: "\(registry.host)/app:1")
      let proxy = try Server.proxy(directory, to: registry.host, fault: "redirect")
      defer { proxy.stop() }
      var store = try TestStore(directory)
      store.settings.insecure = [proxy.host]
      #expect(try store.file("a", of: try store.pull("\(proxy.host)/app:1").image) == "hello")
      #expect(proxy.log.contains("\"where\": \"other\""))
    }
  }

  @Test func `a registry with TLS cannot send credentials to a service without`() throws {
    try TemporaryDirectory.with { directory in
      try Self.certificates(directory)
      let log = directory("token.log")
      let service = try Server(
        ["token", directory("ca.pem"), directory("ca.key"), log], log: log)
      defer { service.stop() }
      let registry = try Server.registry(
        directory,
        more: """
          auth:
            token: {realm: "http://\(service.host)/token", service: s, issuer: issuer, \
          rootcertbundle: \(directory("ca.pem"))}
          """,
        http: "  tls: {certificate: \(directory("server.pem")), key: \(directory("server.key"))}")
      defer { registry.stop() }
      try Self.login(directory, registry.host, Self.basicEntry())
      var store = try TestStore(directory)
      store.settings.caFile = directory("ca.pem")
      let error = #expect(throws: ImageError.self) { try store.pull("\(registry.host)/app:1") }
      #expect(error?.cause.contains("without https") ?? false, "\(error.map { "\($0)" } ?? "")")
      #expect(service.log == "")
    }
  }
}
