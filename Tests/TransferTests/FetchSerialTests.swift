import Foundation
import TestSupport
import Testing
import Transfer

/// Small answers from a server with faults.
@Suite(.tags(.large), .serialized)
struct FetchSerialTests {
  static var settings: TransferSettings {
    var settings = TransferSettings()
    settings.backoffSeconds = 0.01
    settings.connectSeconds = 5
    settings.fetchSeconds = 20
    settings.noProxy = "*"
    return settings
  }

  /// Runs a closure with a server.
  func with(_ body: (FaultServer, TemporaryDirectory) throws -> Void) throws {
    try TemporaryDirectory.with { try body(FaultServer($0), $0) }
  }

  static func error(_ body: () throws -> Void) -> TransferError? {
    do {
      try body()
      return nil
    } catch {
      return error as? TransferError
    }
  }

  @Test func `an answer comes with its status, fields and body`() throws {
    try with { server, _ throws in
      let transfer = try Transfer(Self.settings)
      let answer = try transfer.fetch(
        HTTPRequest(.get, server("bearer/3/x"), fields: [HTTPField("Accept", "a/b")]), limit: 10)
      #expect(answer.status == 401)
      #expect(
        answer.values(of: "www-authenticate") == [
          #"Bearer realm="r",service="s""#, #"Basic realm="b, c""#,
        ])
      let good = try transfer.fetch(
        HTTPRequest(.get, server("bearer/3/x"), fields: [HTTPField("Authorization", "Bearer x")]),
        limit: 3)
      #expect(good.body == FaultServer.content(3))
      let head = try transfer.fetch(HTTPRequest(.head, server("file/1000")), limit: 0)
      #expect(head["content-length"] == "1000")
      #expect(head.body == [])
      let post = try transfer.fetch(
        HTTPRequest(
          .post, server("token"),
          fields: [HTTPField("Content-Type", "application/x-www-form-urlencoded")],
          body: Array("a=b&c=d".utf8)), limit: 100)
      #expect(post.status == 200)
      #expect(
        try transfer.fetch(HTTPRequest(.post, server("empty")), limit: 100).body.count == 5)
      let requests = try server.requests()
      #expect(requests.map(\.method) == ["GET", "GET", "HEAD", "POST", "POST"])
      #expect(requests[0].fields["accept"] == "a/b")
      #expect(requests[0].fields["user-agent"] == "slipway")
      #expect(requests[3].body == "a=b&c=d")
      #expect(requests[4].body == "")
      #expect(Set(requests.map(\.client)).count == 1, "one connection for all")
    }
  }

  @Test func `an answer that is too large is an error, but an error page is shown`() throws {
    try with { server, _ throws in
      let transfer = try Transfer(Self.settings)
      for path in ["file/11", "endless", "header"] {
        let error = Self.error {
          _ = try transfer.fetch(HTTPRequest(.get, server(path)), limit: 10)
        }
        #expect(
          error?.kind == .tooLarge || path == "header", "\(path): \(String(describing: error))")
        #expect(error != nil)
      }
      let page = try transfer.fetch(
        HTTPRequest(.get, server("status/404?body=\(String(repeating: "x", count: 5000))")),
        limit: 10)
      #expect(page.body.count == 5000)
    }
  }

  @Test func `a busy server is asked again, not before it says`() throws {
    try with { server, _ throws in
      let transfer = try Transfer(Self.settings)
      for (path, least) in [
        ("busy/5?times=3&status=503", 0.0), ("busy/5?after=1", 1.0), ("busy/5?date=2", 0.9),
      ] {
        let start = ContinuousClock.now
        let answer = try transfer.fetch(HTTPRequest(.get, server(path)), limit: 10)
        #expect(answer.status == 200)
        #expect(ContinuousClock.now - start >= .seconds(least), "\(path)")
      }
    }
  }

  @Test func `a server that stays busy is an error with its message`() throws {
    try with { server, _ throws in
      let transfer = try Transfer(Self.settings)
      let body = #"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow%20down"}]}"#
        .addingPercentEncoding(withAllowedCharacters: .urlQueryAllowed)!
        .replacingOccurrences(of: "%2520", with: "%20")
      let error = Self.error {
        _ = try transfer.fetch(
          HTTPRequest(
            .get, server("status/429?sig=SIGNATURE&body=\(body)"),
            fields: [HTTPField("Authorization", "Bearer TOKENTOKEN")]), limit: 10)
      }
      #expect(error?.kind == .status(429))
      let text = "\(try #require(error))"
      #expect(text.contains("slow down"))
      #expect(text.contains("5 times"))
      #expect(text.contains("127.0.0.1:"))
      #expect(!text.contains("SIGNATURE") && !text.contains("TOKEN"))
      #expect(try server.requests().count == 5)
      let long = Self.error {
        _ = try transfer.fetch(HTTPRequest(.get, server("busy/5?after=3600")), limit: 10)
      }
      #expect(long.map { "\($0)" }?.contains("3600 s") == true)
    }
  }

  @Test func `neither a proxy's password nor a form's token is quoted`() throws {
    try with { server, _ throws in
      var settings = Self.settings
      settings.tries = 1
      let form = "grant_type=refresh_token&refresh_token=SECRETSECRET"
      let error = Self.error {
        _ = try Transfer(settings).fetch(
          HTTPRequest(
            .post, server("status/503?type=text/plain&body=no%20SECRETSECRET"),
            body: Array(form.utf8)), limit: 10)
      }
      #expect(error?.cause == "the server answers 503 (no …)")
      settings.noProxy = ""
      for proxy in [
        "http://user:SECRET@no host:1", "http://user:SECRET@proxy.invalid:1", "x://u:SECRET@h",
      ] {
        settings.proxy = proxy
        let error = Self.error {
          _ = try Transfer(settings).fetch(HTTPRequest(.get, server("x")), limit: 10)
        }
        #expect(error.map { "\($0)" }?.contains("SECRET") == false, "\(proxy)")
      }
    }
  }

  @Test func `no credential follows a redirect to another port`() throws {
    try with { server, _ throws in
      let transfer = try Transfer(Self.settings)
      let secret = [
        HTTPField("Authorization", "Bearer s"), HTTPField("X-Api-Key", "s"),
        HTTPField("Accept", "a"),
      ]
      let answer = try transfer.fetch(
        HTTPRequest(.get, server("redirect?to=\(server("file/4", port: 1))"), fields: secret),
        limit: 10)
      #expect(answer.body == FaultServer.content(4))
      let same = try transfer.fetch(
        HTTPRequest(.get, server("redirect?status=307&to=/file/4"), fields: secret), limit: 10)
      #expect(same.status == 200)
      let requests = try server.requests()
      #expect(requests.map(\.port) == [0, 1, 0, 0].map { server.ports[$0] })
      #expect(requests[0].fields["authorization"] == "Bearer s")
      #expect(requests[1].fields["authorization"] == nil)
      #expect(requests[1].fields["x-api-key"] == nil)
      #expect(requests[1].fields["accept"] == "a")
      #expect(requests[3].fields["authorization"] == "Bearer s")
    }
  }

  @Test(arguments: [
    "file:///etc/passwd", "gopher://127.0.0.1/", "http://user:password@127.0.0.1/", "http://",
  ])
  func `redirects that lead astray end`(_ location: String) throws {
    try with { server, _ throws in
      let error = Self.error {
        _ = try Transfer(Self.settings).fetch(
          HTTPRequest(.get, server("redirect?to=\(location)")), limit: 10)
      }
      #expect(error?.kind == .redirect, "\(String(describing: error))")
      #expect(error.map { "\($0)" }?.contains("password") == false || location.contains("passwd"))
      #expect(try server.requests().count == 1)
    }
  }

  @Test func `six redirects are one too many`() throws {
    try with { server, _ throws in
      let transfer = try Transfer(Self.settings)
      func chain(_ count: Int) -> String {
        (0..<count).reduce("/file/1") { path, _ in
          "/redirect?to="
            + path.addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
        }
      }
      let five = try transfer.fetch(
        HTTPRequest(.get, server(String(chain(5).dropFirst()))), limit: 10)
      #expect(five.status == 200)
      let six = Self.error {
        _ = try transfer.fetch(
          HTTPRequest(.get, server(String(chain(6).dropFirst()))), limit: 10)
      }
      #expect(six?.kind == .redirect)
      let post = Self.error {
        _ = try transfer.fetch(
          HTTPRequest(.post, server("redirect?to=/file/1"), body: [65]), limit: 10)
      }
      #expect(post?.kind == .redirect)
    }
  }

  @Test func `servers that hang, trickle or are not there end in time`() throws {
    try with { server, _ throws in
      var settings = Self.settings
      settings.fetchSeconds = 4
      settings.tries = 2
      settings.lowSpeed = 1000
      settings.stallSeconds = 1
      let transfer = try Transfer(settings)
      let start = ContinuousClock.now
      for path in ["hang", "trickle"] {
        let error = Self.error {
          _ = try transfer.fetch(HTTPRequest(.get, server(path)), limit: 1 << 20)
        }
        #expect(error?.kind == .timeout, "\(path): \(String(describing: error))")
      }
      #expect(ContinuousClock.now - start < .seconds(10))
      // The discard port.
      let none = Self.error {
        _ = try transfer.fetch(HTTPRequest(.get, "http://127.0.0.1:9/v2/"), limit: 10)
      }
      #expect(none?.kind == .connection)
      let name = Self.error {
        _ = try transfer.fetch(HTTPRequest(.get, "http://registry.invalid/v2/"), limit: 10)
      }
      #expect(name?.kind == .connection)
      #expect(name.map { "\($0)" }?.contains("registry.invalid") == true)
    }
  }

  @Test func `a flag ends what hangs`() throws {
    try with { server, _ throws in
      let cancellation = Cancellation()
      let transfer = try Transfer(Self.settings, cancellation: cancellation)
      Thread.detachNewThread {
        while (try? server.requests().count) ?? 0 == 0 { usleep(1000) }
        cancellation.cancel()
      }
      let error = Self.error { _ = try transfer.fetch(HTTPRequest(.get, server("hang")), limit: 9) }
      #expect(error?.kind == .cancelled)
    }
  }

  @Test func `a proxy of the settings and of the environment is used`() throws {
    try with { server, _ throws in
      var settings = Self.settings
      settings.noProxy = ""
      settings.proxy = server("", port: 1)
      let far = HTTPRequest(.get, "http://registry.invalid/v2/")
      #expect(try Transfer(settings).fetch(far, limit: 100).body == Array("through the proxy".utf8))
      settings.proxy = nil
      settings.noProxy = nil
      setenv("http_proxy", server(""), 1)
      defer { unsetenv("http_proxy") }
      #expect(try Transfer(settings).fetch(far, limit: 100).status == 200)
      settings.noProxy = "registry.invalid"
      settings.tries = 1
      #expect(throws: TransferError.self) { try Transfer(settings).fetch(far, limit: 100) }
      #expect(try server.requests().map(\.port) == [server.ports[1], server.ports[0]])
    }
  }

  @Test func `certificates count, but for hosts that are named`() throws {
    try TemporaryDirectory.with { directory in
      let authority = try Authority(directory)
      let server = try FaultServer(
        directory, certificate: authority.certificate, key: authority.key)
      var settings = Self.settings
      let strange = Self.error {
        _ = try Transfer(settings).fetch(HTTPRequest(.get, server("file/4")), limit: 10)
      }
      #expect(strange?.kind == .certificate)
      #expect(try server.requests().isEmpty, "nothing was asked")
      settings.caFile = authority.file
      #expect(
        try Transfer(settings).fetch(HTTPRequest(.get, server("file/4")), limit: 10).status == 200)
      settings.caFile = nil
      settings.insecureHosts = ["127.0.0.1:\(server.ports[1])"]
      #expect(
        try Transfer(settings).fetch(HTTPRequest(.get, server("x", port: 1)), limit: 10).status
          == 200)
      #expect(throws: TransferError.self) {
        try Transfer(settings).fetch(HTTPRequest(.get, server("x")), limit: 10)
      }
      // From https to http: never.
      let plain = try FaultServer(directory)
      let down = Self.error {
        _ = try Transfer(settings).fetch(
          HTTPRequest(.get, server("redirect?to=\(plain("x"))", port: 1)), limit: 10)
      }
      #expect(down?.kind == .redirect)
      #expect(try plain.requests().isEmpty)
    }
  }
}

/// An authority of the test's own and a certificate for 127.0.0.1 by it.
struct Authority {
  let file: String
  let certificate: String
  let key: String

  init(_ directory: TemporaryDirectory) throws {
    file = directory("ca.pem")
    certificate = directory("server.pem")
    key = directory("server.key")
    try directory.write("names", Array("subjectAltName=IP:127.0.0.1".utf8))
    for command in [
      "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout ca.key -out ca.pem",
      "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
      "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
        + "-extfile names -out server.pem",
    ] {
      let result = try run(
        ["openssl"] + command.split(separator: " ").map(String.init), directory: directory.path)
      guard result.status == 0 else { throw ToolError.notFound(result.stderr) }
    }
  }
}
