import Files
internal import Glibc

/// The process that something belongs to: a lock, or what it has not finished yet.
struct Owner: Equatable, Sendable {
  var host: String
  /// Of the kernel that runs since, the same for all processes of a node (random(4)).
  var boot: String
  /// The inode of its PID namespace: elsewhere its number means another process.
  var namespace: UInt64
  var pid: Int32
  /// When it started, in clock ticks after the boot (proc(5), /proc/PID/stat, field 22).
  var start: UInt64
  var purpose: String

  static func current(_ purpose: String) -> Self {
    Self(
      host: line("/proc/sys/kernel/hostname") ?? "unknown",
      boot: line("/proc/sys/kernel/random/boot_id") ?? "unknown",
      namespace: inode("/proc/self/ns/pid"), pid: getpid(), start: startTime(of: getpid()) ?? 0,
      purpose: String(purpose.prefix { !$0.isNewline }.prefix(200)))
  }

  /// Whether it is known, on this node, to have ended.
  var isDead: Bool {
    guard boot != "unknown", boot == Self.line("/proc/sys/kernel/random/boot_id"), namespace != 0,
      namespace == Self.inode("/proc/self/ns/pid")
    else { return false }
    guard kill(pid, 0) == 0 || errno != ESRCH else { return true }
    // Where /proc hides others' processes, it may be this one.
    guard let now = Self.startTime(of: pid) else { return false }
    return now != start
  }

  /// Who it is, in words.
  var words: String { "\(purpose.isEmpty ? "a process" : purpose) (process \(pid) on \(host))" }

  // MARK: As text

  var text: String {
    "slipway 1\nhost \(host)\nboot \(boot)\nnamespace \(namespace)\npid \(pid)\nstart \(start)\n"
      + "purpose \(purpose)\n"
  }

  init?(text: String) {
    let lines = text.split(separator: "\n")
    guard lines.first == "slipway 1" else { return nil }
    func value(_ name: String) -> String? {
      lines.first { $0.hasPrefix("\(name) ") }.map { String($0.dropFirst(name.count + 1)) }
    }
    guard let host = value("host"), let boot = value("boot"),
      let namespace = value("namespace").flatMap({ UInt64($0) }),
      let pid = value("pid").flatMap({ Int32($0) }), pid > 0,
      let start = value("start").flatMap({ UInt64($0) })
    else { return nil }
    self.init(
      host: host, boot: boot, namespace: namespace, pid: pid, start: start,
      purpose: value("purpose") ?? "")
  }

  /// A name that no other process and no other call makes: it says whose it is.
  var uniqueName: String {
    let random = UInt32.random(in: 0...UInt32.max)
    return "\(boot.filter { $0 != "-" }.prefix(32)).\(namespace).\(pid).\(start).\(random)"
  }

  /// The owner of what has such a name; its host and purpose are not in it.
  init?(uniqueName: Substring) {
    let parts = uniqueName.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 5, let namespace = UInt64(parts[1]), let pid = Int32(parts[2]), pid > 0,
      let start = UInt64(parts[3])
    else { return nil }
    let own = Self.line("/proc/sys/kernel/random/boot_id") ?? ""
    self.init(
      host: "", boot: own.filter { $0 != "-" }.prefix(32) == parts[0] ? own : "another",
      namespace: namespace, pid: pid, start: start, purpose: "")
  }

  private init(
    host: String, boot: String, namespace: UInt64, pid: Int32, start: UInt64, purpose: String
  ) {
    (self.host, self.boot, self.namespace) = (host, boot, namespace)
    (self.pid, self.start, self.purpose) = (pid, start, purpose)
  }

  // MARK: /proc

  private static func line(_ path: String) -> String? {
    guard let bytes = Files.contents(at: path, limit: 4096), !bytes.isEmpty else { return nil }
    return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
  }

  private static func inode(_ path: String) -> UInt64 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
  }

  private static func startTime(of pid: Int32) -> UInt64? {
    // The second field is the program's name, which may hold anything.
    guard let stat = line("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else {
      return nil
    }
    let fields = stat[end...].split(separator: " ")
    guard fields.count > 20 else { return nil }
    // One that has ended and is not waited for yet has no use for anything.
    return fields[1] == "Z" || fields[1] == "X" ? 0 : UInt64(fields[20])
  }
}
