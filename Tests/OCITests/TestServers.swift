import Foundation
import Images
import TestSupport

@testable import OCI

/// A program that answers on a port while a test runs.
final class Server: Sendable {
  let host: String
  private let program: RunningProgram
  private let logPath: String

  /// What it wrote of the requests.
  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  private init(_ program: RunningProgram, host: String, log: String) {
    (self.program, self.host, logPath) = (program, host, log)
  }

  /// A server of `servers.py` or of a script beside it; waits until it has a port.
  init(script: String = "servers.py", _ arguments: [String], log: String) throws {
    logPath = log
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: script).path
    unlink("\(log).port")
    program = try RunningProgram(["python3", file] + arguments)
    let end = ContinuousClock.now + .seconds(20)
    while true {
      if let port = try? String(contentsOfFile: "\(log).port", encoding: .utf8) {
        host = "127.0.0.1:\(port)"
        return
      }
      guard ContinuousClock.now < end else { throw ToolError.timedOut(arguments, seconds: 20) }
      usleep(2000)
    }
  }

  static func proxy(
    _ directory: TemporaryDirectory, to upstream: String, fault: String, port: Int = 0
  ) throws -> Server {
    let log = directory("proxy-\(fault.prefix { $0 != ":" }).log")
    return try Server(["proxy", log, "\(port)", "http://\(upstream)", fault], log: log)
  }

  /// A registry of the Debian package docker-registry.
  static func registry(
    _ directory: TemporaryDirectory, _ name: String = "registry", more: String = "",
    http: String = "", port: Int? = nil
  ) throws -> Server {
    let port = try port ?? freePort()
    let configuration = try directory.write(
      "\(name).yml",
      """
      version: 0.1
      log: {level: info}
      storage: {filesystem: {rootdirectory: \(directory("\(name)-data"))}, delete: {enabled: true}}
      http:
        addr: 127.0.0.1:\(port)
      \(http)
      \(more)
      """)
    let log = directory("\(name).log")
    let program = try RunningProgram([
      "sh", "-c", "exec docker-registry serve \(configuration) >\(log) 2>&1",
    ])
    let server = Server(program, host: "127.0.0.1:\(port)", log: log)
    let end = ContinuousClock.now + .seconds(20)
    while !isOpen(port) {
      guard ContinuousClock.now < end else {
        server.stop()
        throw ToolError.timedOut(["docker-registry", server.log], seconds: 20)
      }
      usleep(2000)
    }
    return server
  }

  var port: Int { Int(host.split(separator: ":")[1])! }

  func stop() {
    kill(program.identifier, SIGKILL)
    _ = try? program.finish(seconds: 5)
  }

  /// Waits until it has ended itself.
  func wait() throws { _ = try program.finish(seconds: 30) }

  /// A port that nobody has at the moment.
  static func freePort() throws -> Int {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        _ = bind(socket, pointer, length)
        _ = getsockname(socket, pointer, &length)
      }
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func isOpen(_ port: Int) -> Bool {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = loopback(port)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private static func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}

/// A registry that serves a layout's files unchecked, as `case:t`.
final class LayoutServer: Sendable {
  private let server: Server
  var host: String { server.host }
  var log: String { server.log }

  init(
    _ layout: TestLayout, entry: JSON, _ directory: TemporaryDirectory, name: String = "listener",
    tokens: Bool = false
  ) throws {
    let digest = entry["digest"]?.text ?? ""
    let type = entry["mediaType"]?.text ?? ""
    let log = directory("\(name).log")
    server = try Server(
      ["layout", log, layout.path, digest, type] + (tokens ? ["tokens"] : []), log: log)
  }

  func stop() { server.stop() }
}
