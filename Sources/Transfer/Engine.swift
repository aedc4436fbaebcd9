private import CCurl
internal import Glibc

/// Drives all exchanges of one thread; their connections are kept for the next ones.
final class Engine {
  private let multi: UnsafeMutableRawPointer
  private var running: [UnsafeMutableRawPointer: Exchange] = [:]
  private let cancellation: Cancellation

  init(_ settings: TransferSettings, _ cancellation: Cancellation) throws(TransferError) {
    if let problem = sw_curl_load() {
      throw TransferError(
        .library, "libcurl", "it cannot be loaded (\(String(cString: problem)))",
        "install it (Debian: libcurl4, Red Hat: libcurl)")
    }
    guard let multi = sw_curl_multi_start() else {
      throw TransferError(.library, "libcurl", "it has no memory", "free memory, then try again")
    }
    self.multi = multi
    self.cancellation = cancellation
    sw_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, settings.parallel)
    // A broken connection is an error of the one who writes to it, and libcurl's TLS libraries
    // write without MSG_NOSIGNAL (CURLOPT_NOSIGNAL(3)). A program that is started gets it back.
    signal(SIGPIPE, SIG_IGN)
  }

  deinit {
    for easy in running.keys { sw_curl_multi_remove(multi, easy) }
    sw_curl_multi_free(multi)
  }

  func start(_ exchange: Exchange) {
    running[exchange.handle] = exchange
    sw_curl_multi_add(multi, exchange.handle)
  }

  /// Ends an exchange that nobody wants any more.
  func drop(_ exchange: Exchange) {
    guard running.removeValue(forKey: exchange.handle) != nil else { return }
    sw_curl_multi_remove(multi, exchange.handle)
  }

  /// Moves what can be moved; waits at most so long if there is nothing.
  func step(milliseconds: Int32) throws(TransferError) {
    guard !cancellation.isCancelled else { throw .cancelled }
    var code = sw_curl_multi_perform(multi)
    if code == CURLM_OK, !takeEnded() {
      code = sw_curl_multi_wait(multi, milliseconds)
    }
    guard code == CURLM_OK else {
      throw TransferError(
        .library, "libcurl", "it fails with \(code.rawValue)", "report this with the command")
    }
  }

  private func takeEnded() -> Bool {
    var (result, isAny) = (CURLE_OK, false)
    while let easy = sw_curl_multi_ended(multi, &result) {
      isAny = true
      guard let exchange = running[easy] else { continue }
      exchange.end(result)
      drop(exchange)
    }
    return isAny
  }
}
