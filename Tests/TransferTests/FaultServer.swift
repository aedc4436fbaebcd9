import Foundation
import TestSupport

/// The server of `server.py`, running.
final class FaultServer: Sendable {
  let ports: [Int]
  let isTLS: Bool
  private let program: RunningProgram
  private let log: String

  init(_ directory: TemporaryDirectory, certificate: String? = nil, key: String? = nil) throws {
    log = directory("requests-\(UUID().uuidString)")
    try Data().write(to: URL(filePath: log))
    isTLS = certificate != nil
    let script = "\(Package.root)/Tests/TransferTests/server.py"
    program = try RunningProgram(
      ["python3", script, log] + [certificate, key].compactMap { $0 })
    try program.waitForOutput("ready")
    ports = try String(contentsOfFile: "\(log).ports", encoding: .utf8).split(separator: " ")
      .compactMap { Int($0) }
  }

  deinit {
    kill(program.identifier, SIGKILL)
    _ = try? program.finish(seconds: 10)
  }

  func callAsFunction(_ path: String, port: Int = 0) -> String {
    "\(isTLS ? "https" : "http")://127.0.0.1:\(ports[port])/\(path)"
  }

  struct Request: Decodable {
    var port: Int
    /// The port of the client's end: one for each connection.
    var client: Int
    var method: String
    var path: String
    var body: String
    var fields: [String: String]
  }

  /// All requests until now.
  func requests() throws -> [Request] {
    try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(Request.self, from: Data($0.utf8))
    }
  }

  /// What `/file/N` holds.
  static func content(_ count: Int) -> [UInt8] {
    (0..<count).map { index in
      let index = index % 65536
      return UInt8((index * 31 + index / 251) % 256)
    }
  }
}
