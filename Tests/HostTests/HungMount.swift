import Foundation
import TestSupport

/// A FUSE mount whose daemon answers nothing, in a mount namespace of its own.
///
/// The tests reach it through `/proc/PID/root`, so that nothing else on the machine can touch it
/// and the kernel takes it away with its daemon.
final class HungMount {
  /// What the daemon does with a request.
  enum Daemon: String, CaseIterable, Sendable {
    /// It leaves it in the queue, as one that SIGSTOP stopped.
    case stopped
    /// It takes it and never answers.
    case silent
  }

  static let isPossible =
    geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/fuse")
    && Tool.isInstalled("python3") && (try? run(["unshare", "-m", "true"]).status) == 0

  static let impossibility = "needs root, /dev/fuse, python3 and the right to unshare mounts"

  private let process = Process()
  private let input = Pipe()
  /// The mount's directory, as other processes reach it.
  let path: String

  init(_ daemon: Daemon, in directory: TemporaryDirectory) throws {
    let point = try directory.makeDirectory("mount")
    let script = try directory.write("daemon.py", Self.script)
    let output = Pipe()
    process.executableURL = URL(filePath: Tool.path(of: "unshare")!)
    process.arguments = ["-m", "python3", script, point, daemon.rawValue]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try output.fileHandleForWriting.close()
    var text = Data()
    while !text.contains(0x0A) {
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { throw CocoaError(.fileReadUnknown) }
      text += more
    }
    path = "/proc/\(process.processIdentifier)/root\(point)"
  }

  /// Kills the daemon and keeps the mount: the kernel answers ENOTCONN from then on.
  func killDaemon() throws {
    try input.fileHandleForWriting.write(contentsOf: Data("k\n".utf8))
    var status = stat()
    while stat(path, &status) == 0 || errno != ENOTCONN { sched_yield() }
  }

  /// Ends the daemon; every process that hangs in the mount is released.
  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  // linux/fuse.h: fuse_in_header 40 bytes, fuse_out_header 16, fuse_init_out 64. The first process
  // keeps the namespace; the second holds the only descriptor of the connection.
  private static let script = """
    import ctypes, os, signal, struct, sys
    point, mode = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    ready, tell = os.pipe()
    daemon = os.fork()
    if daemon == 0:
        os.close(0)
        fuse = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"hung", point.encode(), b"fuse", 0, options) != 0:
            os._exit(1)
        request = os.read(fuse, 1 << 17)
        unique, = struct.unpack_from("Q", request, 8)
        start = struct.pack("IIIIHHIIHH32x", 7, 31, 65536, 0, 12, 9, 65536, 1, 32, 0)
        os.write(fuse, struct.pack("IiQ", 16 + len(start), 0, unique) + start)
        os.write(tell, b"ready\\n")
        while mode == "silent":
            os.read(fuse, 1 << 17)
        signal.pause()
    os.close(tell)
    print(os.read(ready, 16).decode(), end="", flush=True)
    if os.read(0, 16):
        os.kill(daemon, signal.SIGKILL)
        os.waitpid(daemon, 0)
        os.read(0, 16)
    else:
        os.kill(daemon, signal.SIGKILL)
    """
}
