/// One download on its way: which place is tried, how often, and what its answer means.
final class DownloadJob: Exchange.Receiver {
  let download: Download
  private(set) var isDone = false
  private let transfer: Transfer
  private let end: ContinuousClock.Instant
  private let rule: RetryRule

  private var place = 0
  private var fields: [HTTPField]
  private var route: Route
  private var failures = 0
  private var isRenewed = false
  /// What went wrong at the places before this one.
  private var earlier: [String] = []
  private var exchange: Exchange?
  private var notBefore = ContinuousClock.now
  /// Where the request that is under way resumes.
  private var resumedAt: Int64 = 0
  /// Whether the place answered a range with other bytes than asked for.
  private var hasBadRange = false

  /// Bytes after which a place that breaks off is not taken for one that never works.
  private static let worthwhile: Int64 = 1 << 20

  init(
    _ download: Download, _ transfer: Transfer, until end: ContinuousClock.Instant
  ) throws(TransferError) {
    guard let source = download.sources.first else {
      throw TransferError(
        .address, download.name, "there is no place to fetch it from", "name a registry or mirror")
    }
    self.download = download
    self.transfer = transfer
    self.end = end
    rule = RetryRule(transfer.settings)
    fields = source.fields
    route = try Route(source.url, fields)
  }

  private var sink: any DownloadSink { download.sink }
  private var source: Download.Source { download.sources[place] }

  var site: String { route.address.site }
  var runningSite: String? { exchange.map { $0.route.address.site } }
  /// When it wants to be started; nil where it runs or has ended.
  var waitsUntil: ContinuousClock.Instant? { isDone || exchange != nil ? nil : notBefore }
  func isReady(_ now: ContinuousClock.Instant) -> Bool { waitsUntil.map { $0 <= now } ?? false }

  func drop() {
    if let exchange { transfer.engine.drop(exchange) }
    exchange = nil
  }

  // MARK: Asking

  func start() throws(TransferError) {
    if sink.offset > download.size ?? .max { try kept { try sink.restart() } }
    if sink.offset == download.size, try finish() == nil { return }
    resumedAt = sink.offset
    var route = route
    if resumedAt > 0 { route.resume(from: resumedAt) }
    let exchange = try Exchange(
      route, limit: 0, seconds: Double(end - .now), settings: transfer.settings, receiver: self)
    self.exchange = exchange
    transfer.engine.start(exchange)
  }

  func begin(_ response: HTTPResponse) throws(TransferError) -> Bool {
    guard response.status == 200 || response.status == 206 else { return false }
    if let coding = response["content-encoding"], coding.lowercased() != "identity" {
      throw wrong("it comes encoded (\(coding.prefix(20)))")
    }
    if response.status == 206 {
      guard resumedAt > 0,
        ContentRange(response["content-range"])?.isRest(from: resumedAt, of: download.size) == true
      else {
        hasBadRange = true
        let range = response["content-range"].map { "\($0.prefix(60))" } ?? "nothing"
        throw wrong("asked for the bytes from \(resumedAt) on, it offers \(range)")
      }
    } else {
      if resumedAt > 0 { try kept { try sink.restart() } }
      if let size = download.size, let length = response["content-length"].flatMap({ Int64($0) }),
        length != size
      {
        throw wrong("it has \(length) bytes instead of \(size)")
      }
    }
    // A token may expire once more before the end.
    isRenewed = false
    return true
  }

  func take(_ bytes: UnsafeRawBufferPointer) throws(TransferError) {
    let limit = download.size ?? download.limit
    guard Int64(bytes.count) <= limit &- sink.offset else {
      throw wrong("it has more than \(limit) bytes")
    }
    try kept { try sink.write(bytes) }
  }

  // MARK: Judging

  /// Decides what comes next where an answer has ended.
  func settle() throws(TransferError) {
    guard let exchange, let outcome = exchange.outcome else { return }
    self.exchange = nil
    let response = outcome.response
    if let failure = outcome.failure {
      switch failure.kind {
      case .sink, .cancelled, .library: throw failure
      case .content:
        try kept { try sink.restart() }
        if hasBadRange {
          hasBadRange = false
          return try again(failure, outcome)
        }
        return try next(failure)
      default:
        return outcome.isTransient ? try again(failure, outcome) : try next(failure)
      }
    }
    if response.isRedirect, response["location"] != nil {
      do throws(TransferError) {
        return try route.follow(outcome.location, status: response.status)
      } catch {
        return try next(error)
      }
    }
    switch response.status {
    case 200, 206:
      if let size = download.size, sink.offset != size {
        let failure = wrong("it has \(sink.offset) bytes instead of \(size)")
        try kept { try sink.restart() }
        return try next(failure)
      }
      // Of a resumed file, the bytes from before may be the wrong ones: all once more from here.
      if let failure = try finish(), resumedAt == 0 { try next(failure) }
    case 416:
      try kept { try sink.restart() }
      try again(status(response), outcome)
    case 401:
      if !isRenewed, let renew = source.renew {
        isRenewed = true
        if let renewed = try renew(response) {
          fields = renewed
          route = try Route(source.url, fields)
          return
        }
      }
      try next(status(response))
    case _ where response.isTransient: try again(status(response), outcome)
    default: try next(status(response))
    }
  }

  /// Has the sink verify all bytes, and forget them where they are wrong.
  private func finish() throws(TransferError) -> TransferError? {
    guard let problem = try kept({ try sink.finish() }) else {
      isDone = true
      return nil
    }
    try kept { try sink.restart() }
    return wrong(problem)
  }

  /// Tries the same place again, later.
  private func again(
    _ failure: TransferError, _ outcome: Exchange.Outcome
  ) throws(TransferError) {
    failures = sink.offset &- resumedAt >= Self.worthwhile ? 1 : failures + 1
    var rule = rule
    // Another place may well be better than this one a third time.
    if place + 1 < download.sources.count { rule.tries = min(rule.tries, 2) }
    guard
      let wait = rule.wait(
        after: failures, asked: outcome.retryAfter, random: .random(in: 0..<1)),
      .now + .seconds(wait) < end
    else { return try next(failure.after(failures, asked: outcome.retryAfter)) }
    notBefore = .now + .seconds(wait)
    // Not where a redirect led: a signed address expires.
    route = try Route(source.url, fields)
  }

  /// Goes on to the next place; the last one's failure is that of the download.
  private func next(_ failure: TransferError) throws(TransferError) {
    guard place + 1 < download.sources.count else {
      var failure = failure
      if !failure.subject.hasPrefix(download.name) {
        failure.subject = "\(download.name) (\(failure.subject))"
      }
      if !earlier.isEmpty {
        failure.cause += "; before that, \(earlier.joined(separator: "; "))"
      }
      throw failure
    }
    earlier.append("\(site): \(failure.cause)")
    place += 1
    (failures, isRenewed, notBefore, fields) = (0, false, .now, source.fields)
    route = try Route(source.url, fields)
  }

  // MARK: Errors

  private func wrong(_ cause: String) -> TransferError {
    TransferError(
      .content, "\(download.name) from \(site)", cause, "fetch it from another registry or mirror")
  }

  private func status(_ response: HTTPResponse) -> TransferError {
    .status(response, of: "\(download.name) from \(site)", hiding: fields)
  }

  /// Runs what the sink does; its errors have a remedy of their own.
  @discardableResult
  private func kept<Result>(_ body: () throws -> Result) throws(TransferError) -> Result {
    do {
      return try body()
    } catch {
      let parts = "\(error)".split(separator: "; remedy: ", maxSplits: 1).map(String.init)
      throw TransferError(
        .sink, download.name, parts.first ?? "it cannot be kept",
        parts.count == 2 ? parts[1] : "make room where it is kept, then run the command again")
    }
  }
}
