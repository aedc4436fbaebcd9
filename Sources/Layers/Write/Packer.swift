import CLinux
import Glibc

/// A program that reads a stream from us: `sqfstar`, which makes a squashfs file of a tar stream.
///
/// It gets fixed arguments, no environment and no descriptor but its own; it dies with this thread.
final class Packer {
  /// F_SETPIPE_SZ of fcntl(2), which the C library's headers hide from Swift.
  private static let setPipeSize: Int32 = 1031

  private let process: pid_t
  private let input: Int32
  private let errors: Int32
  private var text: [UInt8] = []
  private var status: Int32?
  private var isOpen = true
  /// Seconds without progress after which it is given up.
  private let patience: Double
  /// The file that it writes, whose growth is progress.
  private let output: String
  private let isCancelled: @Sendable () -> Bool

  init(
    _ program: String, _ arguments: [String], output: String, patience: Double,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws(LayerError) {
    guard access(program, X_OK) == 0 else {
      throw LayerError(
        .missing("\(program) is not installed", package: "squashfs-tools 4.5 or later"))
    }
    var (toProgram, fromProgram): ([Int32], [Int32]) = ([0, 0], [0, 0])
    guard sw_pipe(&toProgram) == 0 else { throw .call("a pipe cannot be made") }
    guard sw_pipe(&fromProgram) == 0 else {
      toProgram.forEach { close($0) }
      throw .call("a pipe cannot be made")
    }
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { for descriptor in [toProgram[0], fromProgram[1], null] { close(descriptor) } }
    let argv = ([program] + arguments).map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    process = sw_start(program, argv, [nil], [toProgram[0], null, fromProgram[1]], 3)
    (input, errors) = (toProgram[1], fromProgram[0])
    (self.patience, self.output, self.isCancelled) = (patience, output, isCancelled)
    guard process > 0 else {
      close(input)
      close(errors)
      throw .call("\(program) cannot be started", code: -process)
    }
    // The more fits, the less often one waits for the other (pipe(7): at most 1 MiB for users).
    _ = fcntl(input, Self.setPipeSize, 1 << 20)
    for descriptor in [input, errors] {
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }
  }

  deinit {
    stop()
    close(errors)
  }

  /// Writes all of it; waits while the program has no room.
  func write(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {
    var rest = bytes[...]
    while let base = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
      let count = Glibc.write(input, base, rest.count)
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        try wait { self.poll(POLLOUT) & POLLOUT != 0 }
      } else if errno != EINTR {
        // It has gone, and its last words say why.
        try finish()
        throw LayerError(.failed("sqfstar ended too early\(words)"))
      }
    }
  }

  /// Ends the stream and waits until the program has ended well.
  func finish() throws(LayerError) {
    closeInput()
    try wait { self.isOver(after: 50) }
    drain()
    guard let status, status != 0 else { return }
    let what = status & 0x7f == 0 ? "status \(status >> 8 & 0xff)" : "signal \(status & 0x7f)"
    let isFull = words.contains("No space left") || words.contains("quota exceeded")
    let problem = "sqfstar failed with \(what)\(words)"
    throw LayerError(isFull ? .full(problem) : .failed(problem))
  }

  /// Kills it, if it still runs.
  func stop() {
    closeInput()
    guard status == nil else { return }
    kill(process, SIGKILL)
    var status: Int32 = 0
    // One inside a request that a mount never answers cannot be killed; it is left to init.
    let deadline = ContinuousClock.now + .seconds(5)
    while waitpid(process, &status, WNOHANG) == 0, ContinuousClock.now < deadline { usleep(500) }
    self.status = status
  }

  private func closeInput() {
    if isOpen { close(input) }
    isOpen = false
  }

  private func isOver(after milliseconds: Int32) -> Bool {
    var found: Int32 = 0
    let result = waitpid(process, &found, WNOHANG)
    guard result == 0 else {
      status = result == process ? found : 127 << 8
      return true
    }
    var watched = pollfd(fd: errors, events: Int16(POLLIN), revents: 0)
    _ = Glibc.poll(&watched, 1, milliseconds)
    drain()
    // The pipe is at its end before the process is: no reason to turn in a circle.
    if watched.revents & Int16(POLLIN) == 0, watched.revents != 0 { usleep(1000) }
    return false
  }

  private func poll(_ event: Int32) -> Int32 {
    var watched = [
      pollfd(fd: input, events: Int16(event), revents: 0),
      pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
    ]
    _ = Glibc.poll(&watched, 2, 200)
    drain()
    // A reader that has gone is told by the next write.
    return watched[0].revents & Int16(POLLERR | POLLHUP) != 0
      ? event : Int32(watched[0].revents)
  }

  private func wait(until isReady: () -> Bool) throws(LayerError) {
    var (mark, since) = (progress, ContinuousClock.now)
    while !isReady() {
      if isCancelled() { throw LayerError(.cancelled) }
      let now = progress
      if now != mark { (mark, since) = (now, .now) }
      if ContinuousClock.now - since > .seconds(patience) {
        throw LayerError(.failed("sqfstar made no progress for \(Int(patience)) s\(words)"))
      }
    }
  }

  private var progress: [Int] {
    var status = stat()
    guard stat(output, &status) == 0 else { return [] }
    return [
      Int(status.st_size), Int(status.st_blocks), status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
    ]
  }

  private func drain() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(errors, &chunk, chunk.count)
      guard count > 0 else { return }
      text = (text + chunk[..<count]).suffix(4096)
    }
  }

  /// Its last words on one line.
  private var words: String {
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    return lines.isEmpty ? "" : ": " + lines.suffix(2).joined(separator: "; ")
  }
}
