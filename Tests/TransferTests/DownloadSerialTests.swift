import Foundation
import TestSupport
import Testing
import Transfer

/// Files from a server with faults.
@Suite(.tags(.large), .serialized)
struct DownloadSerialTests {
  /// A sink that knows what it wants, and counts.
  final class Sink: DownloadSink {
    var bytes: [UInt8]
    let wanted: [UInt8]
    private(set) var restarts = 0
    private(set) var written = 0
    var room = Int.max

    init(_ wanted: [UInt8], have: [UInt8] = []) {
      self.wanted = wanted
      bytes = have
    }

    var offset: Int64 { Int64(bytes.count) }
    func write(_ more: UnsafeRawBufferPointer) throws {
      guard bytes.count + more.count <= room else { throw POSIXError(.ENOSPC) }
      bytes += more
      written += more.count
    }
    func restart() {
      bytes = []
      restarts += 1
    }
    /// Not to be compared in an expectation, whose account of the difference takes hours.
    var isRight: Bool { bytes == wanted }
    func finish() -> String? { isRight ? nil : "its digest is another" }
  }

  static let count = 300_000
  static let content = FaultServer.content(count)

  func download(
    _ paths: [String], have: [UInt8] = [], size: Int64? = Int64(count),
    settings: TransferSettings = FetchSerialTests.settings,
    check: (Sink, [FaultServer.Request], TransferError?) throws -> Void
  ) throws {
    try TemporaryDirectory.with { directory in
      let server = try FaultServer(directory)
      let sink = Sink(Self.content, have: have)
      let error = FetchSerialTests.error {
        try Transfer(settings).download([
          Download(
            "layer", size: size, limit: 1 << 20, sources: paths.map { .init(server($0)) },
            sink: sink)
        ])
      }
      try check(sink, server.requests(), error)
    }
  }

  @Test func `a server that dies in the middle is resumed`() throws {
    try download(["die/\(Self.count)?times=3"]) { sink, requests, error in
      #expect(error == nil)
      #expect(sink.restarts == 0)
      #expect(sink.written == Self.count, "no byte came twice")
      #expect(requests.compactMap { $0.fields["range"] }.count == 3)
    }
  }

  @Test func `what is there from before is resumed, or asked for no more`() throws {
    let half = Array(Self.content[..<1000])
    try download(["file/\(Self.count)"], have: half) { sink, requests, error in
      #expect(error == nil)
      #expect(sink.written == Self.count - 1000)
      #expect(requests.map { $0.fields["range"] } == ["bytes=1000-"])
    }
    try download(["file/\(Self.count)"], have: Self.content) { sink, requests, error in
      #expect(error == nil)
      #expect(requests.isEmpty)
    }
  }

  @Test(arguments: [("wrong-range", 3), ("no-range", 2)])
  func `a server that answers another range starts anew`(_ fault: String, _ asked: Int) throws {
    try download(["\(fault)/\(Self.count)"]) { sink, requests, error in
      #expect(error == nil)
      #expect(sink.restarts == 1)
      #expect(requests.count == asked)
      #expect(sink.isRight)
    }
  }

  @Test func `a wrong beginning is found and fetched anew from the same place`() throws {
    let wrong = [UInt8](repeating: 7, count: 1000)
    for have in [wrong, Self.content.reversed(), Self.content + [1]] {
      try download(["file/\(Self.count)"], have: have) { sink, _, error in
        #expect(error == nil)
        #expect(sink.restarts == 1)
        #expect(sink.isRight)
      }
    }
  }

  @Test(arguments: ["short", "chunked-short", "encoded", "wrong", "endless"])
  func `what is not the file comes from the next place`(_ fault: String) throws {
    try download(["\(fault)/\(Self.count)", "file/\(Self.count)"]) { sink, requests, error in
      #expect(error == nil)
      #expect(sink.isRight)
      #expect(requests.count == 2)
    }
    try download(["\(fault)/\(Self.count)"]) { sink, _, error in
      #expect(error?.kind == .content)
      #expect(sink.bytes.isEmpty, "nothing wrong is kept")
    }
  }

  @Test func `a length that is a lie is no end`() throws {
    try download(["long/\(Self.count)"], size: nil) { _, _, error in
      #expect(error?.kind == .connection)
    }
    try download(["long/\(Self.count)"]) { _, _, error in
      #expect(error?.kind == .content)
    }
  }

  @Test func `places are tried in order and the error names all`() throws {
    try download([
      "status/404?body=%7B%22message%22:%22not%20here%22%7D", "status/403", "status/500",
    ]) { sink, requests, error in
      #expect(error?.kind == .status(500))
      let text = "\(try #require(error))"
      for part in ["layer", "404 (not here)", "403", "500", "before that"] {
        #expect(text.contains(part), "\(text)")
      }
      #expect(requests.count == 1 + 1 + 5)
    }
  }

  @Test func `each place gets its own credentials, and fresh ones once`() throws {
    try TemporaryDirectory.with { directory in
      let server = try FaultServer(directory)
      let transfer = try Transfer(FetchSerialTests.settings)
      let sink = Sink(Self.content)
      var asked = 0
      try transfer.download([
        Download(
          "layer", size: Int64(Self.count),
          sources: [
            .init(server("status/404"), fields: [HTTPField("Authorization", "Bearer one")]),
            .init(
              server("bearer/\(Self.count)/new", port: 1),
              fields: [HTTPField("Authorization", "Bearer old")],
              renew: { response throws(TransferError) in
                asked += 1
                #expect(response.values(of: "WWW-Authenticate").count == 2)
                let token = try transfer.fetch(HTTPRequest(.get, server("token")), limit: 100)
                #expect(token.status == 200)
                return [HTTPField("Authorization", "Bearer new")]
              }),
          ], sink: sink)
      ])
      #expect(asked == 1)
      #expect(sink.isRight)
      #expect(
        try server.requests().map { $0.fields["authorization"] } == [
          "Bearer one", "Bearer old", nil, "Bearer new",
        ])
    }
  }

  @Test func `no credential follows a blob to its storage`() throws {
    try TemporaryDirectory.with { directory in
      let server = try FaultServer(directory)
      let sink = Sink(Self.content, have: Array(Self.content[..<5]))
      let storage = server("die/\(Self.count)", port: 1)
      try Transfer(FetchSerialTests.settings).download([
        Download(
          "layer", size: Int64(Self.count),
          sources: [
            .init(
              server("redirect?to=\(storage)"), fields: [HTTPField("Authorization", "Bearer s")])
          ], sink: sink)
      ])
      let requests = try server.requests()
      // Broken off at the storage, the registry is asked for a fresh address.
      #expect(requests.map(\.port) == [0, 1, 0, 1].map { server.ports[$0] })
      for request in requests {
        #expect((request.fields["authorization"] != nil) == (request.port == server.ports[0]))
        #expect(request.fields["range"] != nil)
      }
    }
  }

  @Test func `a full disk ends all at once`() throws {
    try TemporaryDirectory.with { directory in
      let server = try FaultServer(directory)
      let sink = Sink(Self.content)
      sink.room = 1000
      let error = FetchSerialTests.error {
        try Transfer(FetchSerialTests.settings).download([
          Download(
            "layer", size: Int64(Self.count),
            sources: [.init(server("file/\(Self.count)")), .init(server("file/\(Self.count)"))],
            sink: sink)
        ])
      }
      #expect(error?.kind == .sink)
      #expect(try server.requests().count == 1)
    }
  }

  @Test func `many files come at once, as many as a host is to bear`() throws {
    try TemporaryDirectory.with { directory in
      let server = try FaultServer(directory)
      var settings = FetchSerialTests.settings
      settings.perHost = 3
      let transfer = try Transfer(settings)
      let sinks = (0..<12).map { _ in Sink(FaultServer.content(1000)) }
      var shown: [TransferProgress] = []
      let start = ContinuousClock.now
      try transfer.download(
        sinks.enumerated().map { index, sink in
          Download("\(index)", size: 1000, sources: [.init(server("slow/1000"))], sink: sink)
        }, progress: { shown.append($0) })
      let seconds = Double((ContinuousClock.now - start).components.attoseconds) / 1e18
      let most = try transfer.fetch(HTTPRequest(.get, server("most")), limit: 10)
      #expect(String(decoding: most.body, as: UTF8.self) == "3", "\(seconds) s")
      #expect(
        shown.last == TransferProgress(files: 12, filesDone: 12, bytes: 12_000, total: 12_000))
      #expect(shown.count > 3)
      #expect(Set(try server.requests().map(\.client)).count <= 4, "connections are used again")
    }
  }

  @Test func `a stalled place gives way to the next`() throws {
    var settings = FetchSerialTests.settings
    settings.lowSpeed = 1000
    settings.stallSeconds = 2
    settings.tries = 1
    // What trickled in is wrong, so the last one is asked twice.
    let places = ["trickle/\(Self.count)", "hang", "file/\(Self.count)"]
    try download(places, settings: settings) { sink, requests, error in
      #expect(error == nil)
      #expect(requests.count == 4)
      #expect(sink.isRight)
    }
    settings.downloadSeconds = 0.5
    settings.tries = 5
    try download(["hang"], settings: settings) { _, _, error in
      #expect(error?.kind == .timeout)
    }
  }

  @Test func `nothing to fetch is fetched`() throws {
    try Transfer(FetchSerialTests.settings).download([])
    try download(["file/0"], size: 0) { sink, _, error in
      #expect(error?.kind == .content, "its digest is another")
    }
  }
}
