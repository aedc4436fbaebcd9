import CLinux
import Environment
import Glibc

extension SandboxPlan {
  /// Makes the sandbox and takes this process, which must have one thread, into it.
  ///
  /// The namespaces live as long as a process is in them or holds them open, and nothing else
  /// belongs to them: no monitor stands between this process and its parent, and the server of a
  /// squashfs file ends when its mount is gone.
  package func enter(using programs: SandboxPrograms, seconds: Double) throws(SandboxError) {
    var ends: [Int32] = [-1, -1]
    let log = sw_memory_file("slipway-log")
    guard log >= 0,
      socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else {
      throw SandboxError(
        "making a sandbox", code: -errno, remedy: "raise the limit of open files (ulimit -n)")
    }
    defer {
      close(ends[0])
      close(log)
    }
    let child = sw_fork()
    if child == 0 {
      // Twice, so that the command that this process becomes has no child that it knows nothing of.
      setsid()
      if sw_fork() == 0 {
        close(ends[0])
        SandboxMaker(plan: self, programs: programs, report: ends[1], log: log).make()
      }
      _exit(0)
    }
    close(ends[1])
    guard child > 0 else {
      throw SandboxError(
        "making a sandbox", code: child, remedy: "raise the limit of processes (ulimit -u)")
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    let holder = try awaitHolder(on: ends[0], log: log, seconds: seconds)
    try Namespaces(of: holder).join()
  }

  /// The process that holds the namespaces, when they are complete.
  private func awaitHolder(
    on socket: Int32, log: Int32, seconds: Double
  ) throws(SandboxError) -> Int32 {
    let end = ContinuousClock.now + .seconds(seconds)
    var maker: Int32 = 0
    var buffer = [UInt8](repeating: 0, count: 8192)
    while true {
      let left = end - .now
      var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      let milliseconds =
        left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
      let ready = poll(&wait, 1, Int32(clamping: max(0, milliseconds)))
      if ready < 0 && errno == EINTR { continue }
      if ready <= 0 {
        if maker > 0 { kill(-maker, SIGKILL) }
        throw SandboxError(
          "making a sandbox of \(name)", cause: "not done within \(Int(seconds)) s",
          remedy: "see whether the file systems of the image and of the mounts answer",
          kind: .timedOut)
      }
      let count = recv(socket, &buffer, buffer.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let said = text(of: log)
        throw SandboxError(
          "making a sandbox of \(name)",
          cause: said.isEmpty ? "bubblewrap ended without a word" : said,
          remedy:
            "see \"When a container does not start\" in docs/containers.md",
          kind: .unavailable)
      }
      let message = String(decoding: buffer[..<count], as: UTF8.self)
      if let error = SandboxError(message: message) { throw error }
      switch (message.first, Int32(message.dropFirst())) {
      case ("P", let process?): maker = process
      case ("R", let process?): return process
      default:
        throw SandboxError(
          "making a sandbox of \(name)", cause: "an answer that is none",
          remedy: "have the administrator check the slipway installation on this node")
      }
    }
  }

  /// What stands at `/`, for a message.
  var name: String {
    switch root {
    case .squashfs(let path), .directory(let path): path
    case .host: "this node's files"
    }
  }
}

/// What programs wrote into a log, in one line.
package func text(of log: Int32) -> String {
  var buffer = [UInt8](repeating: 0, count: 2048)
  let count = pread(log, &buffer, buffer.count, 0)
  guard count > 0 else { return "" }
  return String(decoding: buffer[..<count], as: UTF8.self)
    .split(whereSeparator: \.isNewline).joined(separator: "; ")
}
