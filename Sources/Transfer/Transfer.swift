internal import Glibc

/// Fetches by HTTP, many files at once, with libcurl's multi interface.
///
/// It belongs to one thread at a time, and its calls return when all is done; connections are kept
/// from call to call. libcurl resolves names on a thread of its own, so a process that fetches is
/// none that makes namespaces. Source: libcurl-multi(3).
package final class Transfer {
  let settings: TransferSettings
  let engine: Engine

  /// Loads libcurl; SIGPIPE is ignored from then on.
  package init(
    _ settings: TransferSettings = TransferSettings(), cancellation: Cancellation = Cancellation()
  ) throws(TransferError) {
    self.settings = settings
    engine = try Engine(settings, cancellation)
  }

  /// Gets a small answer, whatever its status but 429 and 5xx, which are tried again and then thrown.
  ///
  /// At most five redirects are followed, none from https to http and none of a POST. Only `Accept`
  /// and `Range` go along to another scheme, host or port.
  ///
  /// - Parameter limit: the most bytes of a good answer; of an error page, 64 KiB are kept.
  package func fetch(_ request: HTTPRequest, limit: Int) throws(TransferError) -> HTTPResponse {
    let end = ContinuousClock.now + .seconds(settings.fetchSeconds)
    let rule = RetryRule(settings)
    var route = try Route(request.url, request.fields)
    var failures = 0
    while true {
      let exchange = try Exchange(
        route, method: request.method, body: request.body, limit: limit,
        seconds: Double(end - .now), settings: settings)
      engine.start(exchange)
      defer { engine.drop(exchange) }
      while exchange.outcome == nil { try engine.step(milliseconds: 100) }
      guard let outcome = exchange.outcome else { continue }
      var failure = outcome.failure
      let response = outcome.response
      if failure == nil {
        if response.isRedirect, response["location"] != nil {
          guard request.method != .post else {
            throw TransferError(
              .redirect, route.address.shown, "it redirects a POST (\(response.status))",
              "ask the operator of \(route.address.site), or name the address that it moved to")
          }
          try route.follow(outcome.location, status: response.status)
          continue
        }
        guard response.isTransient else { return response }
        failure = .status(
          response, of: "\(request.method.rawValue) \(route.address.shown)",
          hiding: request.secrets)
      } else if !outcome.isTransient {
        throw failure!
      }
      failures += 1
      guard
        let wait = rule.wait(
          after: failures, asked: outcome.retryAfter, random: .random(in: 0..<1)),
        .now + .seconds(wait) < end
      else { throw failure!.after(failures, asked: outcome.retryAfter) }
      let next = ContinuousClock.now + .seconds(wait)
      while ContinuousClock.now < next { try engine.step(until: next) }
      // From the start: a signed address that a redirect led to may have expired.
      route = try Route(request.url, request.fields)
    }
  }
}

extension HTTPResponse {
  var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) }

  /// Whether the same request may have another answer later.
  var isTransient: Bool { status == 429 || status == 408 || (500...599).contains(status) }
}

extension Engine {
  /// Moves what can be moved and returns at that time or earlier.
  func step(until time: ContinuousClock.Instant) throws(TransferError) {
    let left = Double(time - .now) * 1000
    try step(milliseconds: Int32(min(max(left, 1), 100)))
  }
}

extension TransferError {
  /// The same, and how often it was tried.
  func after(_ tries: Int, asked: Double?) -> Self {
    var error = self
    if tries > 1 { error.cause += ", \(tries) times" }
    if let asked, asked > 0 { error.cause += ", and asks to wait \(Int(min(asked, 1e9))) s" }
    return error
  }
}

extension Double {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = Self(seconds) + Self(attoseconds) / 1e18
  }
}
