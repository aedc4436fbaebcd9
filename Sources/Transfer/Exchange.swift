internal import CCurl
internal import Glibc

/// One request to one address and its answer, as libcurl carries it out; no redirect is followed.
final class Exchange {
  /// How it ended.
  struct Outcome {
    var response: HTTPResponse
    /// Where a redirect leads to, as an absolute URL.
    var location: String?
    /// The seconds that Retry-After asks for.
    var retryAfter: Double?
    /// nil: a whole answer came.
    var failure: TransferError?
    /// Whether trying again may help.
    var isTransient = false
  }

  let route: Route
  private(set) var outcome: Outcome?
  /// Gets the body of a good answer; nil keeps it in the response.
  private let receiver: (any Receiver)?
  private let limit: Int
  private let easy: UnsafeMutableRawPointer
  private var list: UnsafeMutablePointer<curl_slist>?
  private let body: UnsafeMutableBufferPointer<UInt8>
  private let words = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var response: HTTPResponse
  private var headerBytes = 0
  private var hasBegun = false
  private var refusal: TransferError?

  /// Who gets the body of an answer.
  protocol Receiver: AnyObject {
    /// Whether the answer's body is wanted; without it, it is kept as an error page is.
    func begin(_ response: HTTPResponse) throws(TransferError) -> Bool
    func take(_ bytes: UnsafeRawBufferPointer) throws(TransferError)
  }

  private static let headerLimit = 256 << 10
  private static let errorPageLimit = 64 << 10

  init(
    _ route: Route, method: HTTPRequest.Method = .get, body: [UInt8] = [], limit: Int,
    seconds: Double, settings: TransferSettings, receiver: (any Receiver)? = nil
  ) throws(TransferError) {
    guard let easy = sw_curl_start() else {
      throw TransferError(.library, "libcurl", "it has no memory", "free memory, then try again")
    }
    self.easy = easy
    self.route = route
    self.receiver = receiver
    self.limit = limit
    // Never without an address: libcurl would read the body of a POST from the standard input.
    self.body = .allocate(capacity: max(1, body.count))
    _ = self.body.initialize(from: body)
    words.initialize(repeating: 0)
    response = HTTPResponse(status: 0, url: route.address.text, fields: [], body: [])
    for field in route.fields {
      // libcurl takes `Name:` for the wish to send none, and `Name;` for one without a value.
      list = sw_curl_append(
        list, field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
    }
    set(method, bodyCount: body.count)
    set(settings, seconds: seconds)
  }

  deinit {
    sw_curl_free(easy)
    sw_curl_free_list(list)
    body.deallocate()
    words.deallocate()
  }

  var handle: UnsafeMutableRawPointer { easy }

  // MARK: Options (curl_easy_setopt(3)); libcurl copies strings, but not bodies, lists and buffers

  private func set(_ method: HTTPRequest.Method, bodyCount: Int) {
    sw_curl_set_pointer(easy, CURLOPT_URL, route.address.text)
    sw_curl_set_pointer(easy, CURLOPT_HTTPHEADER, list)
    sw_curl_set_pointer(easy, CURLOPT_USERAGENT, "slipway")
    switch method {
    case .get: break
    case .head: sw_curl_set_long(easy, CURLOPT_NOBODY, 1)
    case .post:
      sw_curl_set_long(easy, CURLOPT_POST, 1)
      sw_curl_set_long(easy, CURLOPT_POSTFIELDSIZE, bodyCount)
      sw_curl_set_pointer(easy, CURLOPT_POSTFIELDS, body.baseAddress)
    }
    sw_curl_set_pointer(easy, CURLOPT_PRIVATE, Unmanaged.passUnretained(self).toOpaque())
    sw_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, words.baseAddress)
    sw_curl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
    sw_curl_set_pointer(easy, CURLOPT_HEADERDATA, Unmanaged.passUnretained(self).toOpaque())
    sw_curl_set_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, exchange in
      Exchange.taken(bytes, size &* count, exchange) { $0.take($1) }
    }
    sw_curl_set_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, exchange in
      Exchange.taken(bytes, size &* count, exchange) { $0.takeHeader($1) }
    }
  }

  private func set(_ settings: TransferSettings, seconds: Double) {
    sw_curl_set_protocols(easy)
    // The handle's signals are none of libcurl's: the names are resolved by a thread.
    sw_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    sw_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
    sw_curl_set_long(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
    // Rather one more stream of a connection than one more connection.
    sw_curl_set_long(easy, CURLOPT_PIPEWAIT, 1)
    sw_curl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    sw_curl_set_long(easy, CURLOPT_BUFFERSIZE, 256 << 10)
    func milliseconds(_ seconds: Double) -> Int { Int(min(max(seconds, 0.001), 1e6) * 1000) }
    sw_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(settings.connectSeconds))
    sw_curl_set_long(easy, CURLOPT_TIMEOUT_MS, milliseconds(seconds))
    sw_curl_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, settings.lowSpeed)
    sw_curl_set_long(
      easy, CURLOPT_LOW_SPEED_TIME, max(1, milliseconds(settings.stallSeconds) / 1000))
    if let proxy = settings.proxy { sw_curl_set_pointer(easy, CURLOPT_PROXY, proxy) }
    if let noProxy = settings.noProxy { sw_curl_set_pointer(easy, CURLOPT_NOPROXY, noProxy) }
    if let file = settings.caFile { sw_curl_set_pointer(easy, CURLOPT_CAINFO, file) }
    if let directory = settings.caDirectory { sw_curl_set_pointer(easy, CURLOPT_CAPATH, directory) }
    if route.address.isAmong(settings.insecureHosts) {
      sw_curl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 0)
      sw_curl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 0)
    }
  }

  // MARK: What comes

  private static func taken(
    _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ exchange: UnsafeMutableRawPointer?,
    _ body: (Exchange, UnsafeRawBufferPointer) -> Bool
  ) -> Int {
    guard let exchange else { return 0 }
    let this = Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue()
    // Less than came ends the transfer (CURLOPT_WRITEFUNCTION(3)).
    return body(this, UnsafeRawBufferPointer(start: bytes, count: count))
      ? count : count == 0 ? 1 : 0
  }

  private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    headerBytes += bytes.count
    guard headerBytes <= Self.headerLimit else {
      refusal = TransferError(
        .tooLarge, route.address.shown, "the header of its answer is too long",
        "ask the operator of \(route.address.site)")
      return false
    }
    // A trailer has nothing to say.
    guard !hasBegun else { return true }
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // That of an interim answer (100) is over.
      response.fields = []
    } else if let colon = line.firstIndex(of: ":"), line.first != " ", line.first != "\t" {
      response.fields.append(
        HTTPField(String(line[..<colon]), trimmed(line[line.index(after: colon)...])))
    }
    return true
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    do throws(TransferError) {
      if try begin(), let receiver {
        try receiver.take(bytes)
      } else if response.status >= 300 {
        let room = Self.errorPageLimit - response.body.count
        response.body += bytes.prefix(max(0, room))
      } else {
        guard bytes.count <= limit - response.body.count else {
          throw TransferError(
            .tooLarge, route.address.shown, "the answer is larger than \(limit) bytes",
            "check the address: nothing so large belongs there")
        }
        response.body += bytes
      }
      return true
    } catch {
      refusal = error
      return false
    }
  }

  private var isWanted = false

  /// Asks the receiver once, when the header is complete.
  private func begin() throws(TransferError) -> Bool {
    guard !hasBegun else { return isWanted }
    hasBegun = true
    response.status = sw_curl_get_long(easy, CURLINFO_RESPONSE_CODE)
    isWanted = try receiver?.begin(response) ?? false
    return isWanted
  }

  // MARK: The end

  /// Takes libcurl's result.
  func end(_ code: CURLcode) {
    response.status = sw_curl_get_long(easy, CURLINFO_RESPONSE_CODE)
    if code == CURLE_OK {
      do throws(TransferError) {
        _ = try begin()  // of an answer without a body
      } catch {
        refusal = error
      }
    }
    var outcome = Outcome(
      response: response,
      location: sw_curl_get_string(easy, CURLINFO_REDIRECT_URL).map { String(cString: $0) },
      retryAfter: retryAfter)
    if let refusal {
      outcome.failure = refusal
    } else if code != CURLE_OK {
      (outcome.failure, outcome.isTransient) = failure(code)
    }
    self.outcome = outcome
  }

  private var retryAfter: Double? {
    guard let text = response["retry-after"] else { return nil }
    if text.utf8.allSatisfy({ (48...57).contains($0) }) { return Double(text) }
    let date = sw_curl_date(text)
    guard date >= 0 else { return nil }
    // By the server's own clock where it says what that is.
    let own = response["date"].map { sw_curl_date($0) } ?? -1
    return Double(date &- (own >= 0 ? own : time(nil)))
  }

  private func failure(_ code: CURLcode) -> (TransferError, isTransient: Bool) {
    let site = route.address.site
    let detail = String(cString: words.baseAddress!)
    // Of a proxy's address that it does not understand, it shows the password too.
    let isUseful = !detail.isEmpty && !detail.contains("@")
    let cause = isUseful ? detail : String(cString: sw_curl_words(code))
    func error(_ kind: TransferError.Kind, _ remedy: String) -> TransferError {
      TransferError(kind, route.address.shown, "\(cause) (libcurl \(code.rawValue))", remedy)
    }
    switch code {
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_ISSUER_ERROR:
      return (
        error(
          .certificate,
          "install the certificate of the authority that signed for \(site), or name its file in "
            + "slipway.toml"), false
      )
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
      return (error(.address, "correct the address"), false)
    case CURLE_OPERATION_TIMEDOUT:
      return (error(.timeout, "check the network and the proxy, or try again later"), true)
    case CURLE_COULDNT_RESOLVE_PROXY:
      return (error(.connection, "check http_proxy and https_proxy"), true)
    case CURLE_OUT_OF_MEMORY: return (error(.library, "free memory, then try again"), false)
    default:
      return (
        error(.connection, "check that \(site) can be reached from this node, or set a proxy"), true
      )
    }
  }
}

/// A field's value without the white space around it.
private func trimmed(_ text: Substring) -> String {
  var text = text
  while let first = text.first, first.isWhitespace { text.removeFirst() }
  while let last = text.last, last.isWhitespace { text.removeLast() }
  return String(text)
}
