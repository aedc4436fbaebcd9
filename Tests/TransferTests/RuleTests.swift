import TestSupport
import Testing

@testable import Transfer

/// The parts of a transfer that are values.
@Suite(.tags(.small))
struct RuleTests {
  @Test(arguments: [
    ("http://h/p", "http", "h", 80), ("HTTPS://H.example:8443/a?b#c", "https", "h.example", 8443),
    ("https://[2001:db8::1]:5000/", "https", "[2001:db8::1]", 5000),
    ("http://h?x", "http", "h", 80),
    ("http://h#@evil", "http", "h", 80),
  ])
  func `addresses that all readers understand alike`(
    _ text: String, _ scheme: String, _ host: String, _ port: Int
  ) throws {
    let address = try #require(WebAddress(text))
    #expect(address.scheme.rawValue == scheme)
    #expect(address.host == host)
    #expect(address.port == port)
  }

  @Test(arguments: [
    "", "h/p", "file:///etc/passwd", "ftp://h/", "http:/h", "http://", "http:///p", "http://u@h/",
    "http://u:p@h/", "http://h:0/", "http://h:65536/", "http://h:+80/", "http://h:80:80/",
    "http://h:8a/", "http://h\\@evil/", "http://good\\.evil/", "http://h /", "http://h\r\nX: y/",
    "http://ü.de/", "http://[::1/", "http://[::1%25lo]/", "http://[::1]x/", "http://h%2eevil/",
    "gopher://h/", "http://h:\u{661}/",
  ])
  func `other addresses are none`(_ text: String) { #expect(WebAddress(text) == nil) }

  @Test func `what is shown has no query`() {
    #expect(WebAddress("https://h:443/a/b?X-Signature=s#f")?.shown == "https://h/a/b")
    #expect(!TransferError.address("ftp://user:secret@h/").description.contains("secret"))
    #expect(!TransferError.address("gopher://h/?sig=secret").description.contains("secret"))
  }

  @Test(arguments: [
    ("bytes 0-9/10", Int64(0), Int64?(10), true), ("bytes 4-9/10", 4, 10, true),
    ("BYTES 4-9/*", 4, 10, true), ("bytes 4-9/10", 4, nil, true), ("bytes 4-8/10", 4, 10, false),
    ("bytes 5-9/10", 4, 10, false), ("bytes 4-9/11", 4, 10, false), ("bytes 4-9/*", 4, 11, false),
    ("bytes 4-10/10", 4, 10, false), ("bytes 9-4/10", 9, 10, false), ("bytes */10", 4, 10, false),
    ("bytes -4-9/10", 4, 10, false), ("4-9/10", 4, 10, false), ("", 4, 10, false),
    ("bytes 99999999999999999999-9/10", 4, 10, false), ("bytes +4-9/10", 4, 10, false),
  ])
  func `a range is taken where it is exactly the rest`(
    _ text: String, _ offset: Int64, _ size: Int64?, _ isRest: Bool
  ) { #expect((ContentRange(text)?.isRest(from: offset, of: size) ?? false) == isRest) }

  @Test func `waits double, jitter and end`() {
    var settings = TransferSettings()
    settings.tries = 4
    settings.backoffSeconds = 1
    settings.longestWaitSeconds = 3
    let rule = RetryRule(settings)
    #expect((1...4).map { rule.wait(after: $0, asked: nil, random: 1) } == [1, 2, 3, nil])
    #expect(rule.wait(after: 1, asked: nil, random: 0) == 0.5)
    #expect(rule.wait(after: 1_000_000, asked: nil, random: 0) == nil)
  }

  @Test func `a server is never asked earlier than it says, nor waited for without end`() {
    let rule = RetryRule(TransferSettings())
    for random in [0, 0.5, 0.999] {
      let wait = rule.wait(after: 1, asked: 7, random: random)
      #expect(wait.map { (7...8).contains($0) } == true)
    }
    #expect(rule.wait(after: 1, asked: 61, random: 0) == nil)
    #expect(rule.wait(after: 1, asked: .infinity, random: 0) == nil)
    #expect(rule.wait(after: 1, asked: -5, random: 0) == 0)
  }

  @Test func `a redirect takes credentials to the same origin only`() throws {
    let fields = [
      HTTPField("Authorization", "Bearer t"), HTTPField("Accept", "a"), HTTPField("X-Key", "k"),
    ]
    var route = try Route("https://h/a", fields)
    try route.follow("https://H:443/b", status: 302)
    #expect(route.fields == fields)
    for other in ["https://h:444/b", "https://i/b", "https://h.evil/b"] {
      var route = route
      try route.follow(other, status: 302)
      #expect(route.fields == [HTTPField("Accept", "a")])
      // Nor does the way back give them back.
      try route.follow("https://h/b", status: 302)
      #expect(route.fields == [HTTPField("Accept", "a")])
    }
    var plain = try Route("http://h/a", fields)
    try plain.follow("https://h/a", status: 301)
    #expect(plain.fields == [HTTPField("Accept", "a")])
    for bad in ["http://h/b", "file:///etc/passwd", "https://u:p@h/", nil] {
      #expect(throws: TransferError.self) { try route.follow(bad, status: 302) }
    }
  }

  @Test func `a field that would become two is refused`() {
    for field in [
      HTTPField("A", "b\r\nC: d"), HTTPField("A:", "b"), HTTPField("", "b"), HTTPField("A", "\0"),
    ] { #expect(throws: TransferError.self) { try Route("http://h/", [field]) } }
  }

  @Test func `a server's message is shown without what was secret`() {
    let page = HTTPResponse(
      status: 403, url: "", fields: [],
      body: Array(#"{"errors":[{"code":"DENIED","message":"no \"x\" for abcdefgh12345"}]}"#.utf8))
    let secret = [HTTPField("Authorization", "Bearer abcdefgh12345")]
    #expect(page.message(hiding: secret) == #"no "x" for …"#)
    let html = HTTPResponse(
      status: 500, url: "", fields: [HTTPField("Content-Type", "text/html")],
      body: Array("<html>".utf8))
    #expect(html.message(hiding: []) == nil)
  }

  @Test func `progress is drawn five times a second and ends with the last`() {
    var meter = ProgressMeter(label: "pull")
    func progress(_ bytes: Int64, _ done: Int = 0) -> TransferProgress {
      TransferProgress(files: 2, filesDone: done, bytes: bytes, total: 40_000_000)
    }
    #expect(meter.line(progress(10_000_000), at: 0) == "pull 0/2  10 MB of 40 MB (25 %)")
    #expect(meter.line(progress(11_000_000), at: 0.1) == nil)
    let lines = (1...100).compactMap { meter.line(progress(11_000_000), at: Double($0) / 100) }
    #expect(lines.count <= 5)
    #expect(
      meter.line(progress(14_400_000, 1), at: 2) == "pull 1/2  14 MB of 40 MB (36 %)  2.2 MB/s")
    #expect(meter.line(progress(40_000_000, 2), at: 2.01)?.contains("100 %") == true)
    #expect(meter.line(progress(40_000_000, 2), at: 2.02, width: 8) == "pull 2/2")
  }

  @Test(arguments: [
    (Int64(0), "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"),
    (999_499, "999 kB"), (999_500, "1.0 MB"), (.max, "9.2 EB"),
  ])
  func `sizes have three digits at most`(_ bytes: Int64, _ text: String) {
    #expect(ProgressMeter.size(bytes) == text)
  }
}
