/// How things are fetched: limits in seconds and counts, proxies and certificates.
package struct TransferSettings: Equatable, Sendable {
  /// The most transfers at a time.
  package var parallel = 16
  /// The most of them from one host.
  package var perHost = 6
  /// How often something is tried before it has failed.
  package var tries = 5
  package var connectSeconds = 15.0
  /// A transfer slower than `lowSpeed` bytes a second for so long has stalled.
  package var stallSeconds = 30.0
  package var lowSpeed = 100
  /// The time for one small answer, all tries together.
  package var fetchSeconds = 120.0
  /// The time for all downloads of one call.
  package var downloadSeconds = 6.0 * 3600
  /// The wait before the second try; it doubles with each further one.
  package var backoffSeconds = 0.5
  /// The longest wait, also where a server asks for more (Retry-After).
  package var longestWaitSeconds = 60.0
  /// nil: `http_proxy`, `HTTPS_PROXY`, `NO_PROXY` … of the environment, as libcurl reads them.
  package var proxy: String?
  package var noProxy: String?
  /// Certificates that are trusted instead of the system's, in PEM form.
  package var caFile: String?
  package var caDirectory: String?
  /// Hosts, as `host` or `host:port`, whose certificate is not checked.
  package var insecureHosts: Set<String> = []

  package init() {}

  /// Takes a proxy that is meant for whoever has none of their own.
  ///
  /// Source of the variables: libcurl-env(3), which does not read HTTP_PROXY either.
  package mutating func offer(
    _ proxy: String, except hosts: [String], in environment: [String: String]
  ) {
    let own = ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    guard own.allSatisfy({ environment[$0] ?? "" == "" }) else { return }
    self.proxy = proxy
    let added = environment["no_proxy"] ?? environment["NO_PROXY"]
    noProxy = (hosts + [added].compactMap(\.self)).joined(separator: ",")
  }
}

/// The rule of trying again: twice the wait each time, with jitter, and what the server asks for.
struct RetryRule {
  var tries: Int
  var backoff: Double
  var longest: Double

  init(_ settings: TransferSettings) {
    tries = settings.tries
    backoff = settings.backoffSeconds
    longest = settings.longestWaitSeconds
  }

  /// The seconds to wait after a number of failed tries; nil when it is no use.
  ///
  /// - Parameter random: between 0 and 1, so that a thousand clients do not come back at once.
  func wait(after failures: Int, asked: Double?, random: Double) -> Double? {
    guard failures < tries else { return nil }
    var doubled = backoff
    for _ in 1..<max(1, min(failures, 32)) { doubled *= 2 }
    let own = min(doubled, longest) * (0.5 + random / 2)
    guard let asked else { return own }
    guard asked <= longest else { return nil }
    // Never earlier than asked for; a little later, each client at its own time.
    return max(asked, 0) + min(own, 1) * random
  }
}
