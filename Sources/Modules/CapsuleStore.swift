package import Environment
import Files
import Glibc

/// A directory of capsules, on a node's own disk or on one that all nodes share.
///
/// A capsule is found by its name, is complete when it is there (rename(2)) and is believed only
/// when the user or root owns it and nobody else may write it: it decides what a job runs. No file
/// locks are used: a shared file system may have none. Whoever computes a capsule holds a file that
/// says so and touches it every second; that file only saves work, and nothing depends on it.
package struct CapsuleStore: Sendable {
  package var directory: String
  /// Seconds without a touch after which one who computes on another node is taken for dead.
  ///
  /// An NFS client shows a file's times up to some seconds late (nfs(5), acregmin).
  package var patience: Double

  package init(directory: String, patience: Double = 15) {
    self.directory = directory
    self.patience = patience
  }

  /// What is under a name.
  package enum Content {
    case absent
    case capsule(Capsule)
    /// Something that is not believed, and why.
    case refused(String)
  }

  /// The most bytes of one capsule, and the number of capsules beyond which the oldest go.
  private static let sizeLimit = 16 << 20
  private static let countLimit = 1024

  // MARK: Capsules

  package func read(_ name: String) -> Content {
    switch contents(of: "\(name).capsule") {
    case .absent: return .absent
    case .refused(let why): return .refused(why)
    case .bytes(let bytes):
      guard let capsule = Capsule(bytes: bytes) else {
        return .refused("\(directory)/\(name).capsule is damaged")
      }
      return .capsule(capsule)
    }
  }

  /// Stores a capsule; says why when it cannot be.
  package func write(_ capsule: Capsule, as name: String) -> String? {
    write(capsule.bytes, to: "\(name).capsule")
  }

  enum Bytes {
    case absent
    case bytes([UInt8])
    case refused(String)
  }

  /// The bytes of a file that only the user, or root, can have written.
  func contents(of file: String) -> Bytes {
    let path = "\(directory)/\(file)"
    var status = stat()
    guard stat(directory, &status) == 0 else { return .absent }
    if let why = Self.distrust(status, directory) { return .refused(why) }
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      return errno == ENOENT
        ? .absent : .refused("\(path) cannot be read (\(String(cString: strerror(errno))))")
    }
    defer { close(descriptor) }
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size <= Self.sizeLimit
    else { return .refused("\(path) is no capsule") }
    if let why = Self.distrust(status, path) { return .refused(why) }
    guard let bytes = Files.contents(of: descriptor, limit: Int(status.st_size)) else {
      return .refused("\(path) cannot be read (\(String(cString: strerror(errno))))")
    }
    return .bytes(bytes)
  }

  /// Why a file or directory is not believed; nil when it is.
  private static func distrust(_ status: stat, _ path: String) -> String? {
    if status.st_uid != geteuid() && status.st_uid != 0 {
      return "\(path) belongs to user \(status.st_uid)"
    }
    // A directory like /tmp lets others add files but not touch those of the user.
    let isSticky = status.st_mode & S_IFMT == S_IFDIR && status.st_mode & S_ISVTX != 0
    if status.st_mode & (S_IWGRP | S_IWOTH) != 0 && !isSticky {
      return "\(path) can be written by others"
    }
    return nil
  }

  func write(_ bytes: [UInt8], to file: String) -> String? {
    if let why = makeDirectory() { return why }
    let path = "\(directory)/\(file)"
    let new = "\(directory)/.\(file).\(Self.owner).new"
    unlink(new)
    let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return Self.failure(path) }
    guard Files.write(bytes, to: descriptor) else {
      let why = Self.failure(path)
      close(descriptor)
      unlink(new)
      return why
    }
    // A full quota may be told only here (close(2)).
    guard close(descriptor) == 0, rename(new, path) == 0 else {
      let why = Self.failure(path)
      unlink(new)
      return why
    }
    prune()
    return nil
  }

  private static func failure(_ path: String) -> String {
    "\(path) cannot be written (\(String(cString: strerror(errno))))"
  }

  private func makeDirectory() -> String? {
    var status = stat()
    if stat(directory, &status) == 0 { return Self.distrust(status, directory) }
    var path = ""
    for part in directory.split(separator: "/") {
      path += "/\(part)"
      if mkdir(path, 0o700) != 0 && errno != EEXIST && access(path, F_OK) != 0 {
        return "\(directory) cannot be made (\(String(cString: strerror(errno))))"
      }
    }
    return nil
  }

  /// Removes the oldest quarter when there are too many.
  private func prune() {
    guard let names = Files.names(at: directory), names.count > Self.countLimit else { return }
    let aged = names.map { name -> (String, Int) in
      var status = stat()
      return (name, stat("\(directory)/\(name)", &status) == 0 ? status.st_mtim.tv_sec : 0)
    }.sorted { $0.1 < $1.1 }
    for (name, _) in aged.prefix(Self.countLimit / 4) { unlink("\(directory)/\(name)") }
  }

  // MARK: Who computes

  /// Names this process among all nodes.
  static let owner: String = {
    var name = utsname()
    uname(&name)
    let host = withUnsafeBytes(of: &name.nodename) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return "\(host).\(getpid())"
  }()

  /// What became of the wish to compute a capsule alone.
  enum Turn {
    /// This process computes; the descriptor is touched while it does, and closed by `release`.
    case mine(Int32)
    /// Another one computes.
    case another
    /// Nobody can be kept from computing too: the store cannot be written.
    case nobody(String)
  }

  func take(_ name: String) -> Turn {
    if let why = makeDirectory() { return .nobody(why) }
    let path = "\(directory)/\(name).lock"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return errno == EEXIST ? .another : .nobody(Self.failure(path)) }
    let text = Array("\(Self.owner) \(Self.startTime(of: getpid()) ?? "")".utf8)
    // A full disk leaves it empty: then its owner is told by its touches alone.
    _ = text.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    return .mine(descriptor)
  }

  func release(_ name: String, _ descriptor: Int32) {
    close(descriptor)
    unlink("\(directory)/\(name).lock")
  }

  /// Watches another's turn; says when it is over, with or without a capsule.
  struct Watch {
    private let path: String
    private var touched: (sec: Int, nsec: Int)?
    private var since = ContinuousClock.now
    private let patience: Double

    init(_ store: CapsuleStore, _ name: String) {
      path = "\(store.directory)/\(name).lock"
      patience = store.patience
    }

    /// Whether the owner has gone; one that died is moved out of the way.
    mutating func isOver() -> Bool {
      // Opening asks the server of a shared file system anew (nfs(5), close-to-open).
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { return true }
      defer { close(descriptor) }
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { return true }
      let text = String(decoding: Files.contents(of: descriptor, limit: 512) ?? [], as: UTF8.self)
      let now = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
      if touched == nil || touched! != now {
        touched = now
        since = .now
      }
      let isDead =
        Self.hasDied(text)
        ?? (ContinuousClock.now - since > .seconds(patience))
      guard isDead else { return false }
      // Moved and not removed: two that find it dead do not remove a new owner's.
      let aside = "\(path).\(CapsuleStore.owner)"
      if rename(path, aside) == 0 { unlink(aside) }
      return true
    }

    /// Whether an owner on this node has died; nil where that cannot be told from here.
    private static func hasDied(_ text: String) -> Bool? {
      let words = text.split(separator: " ")
      guard words.count == 2, let dot = words[0].lastIndex(of: "."),
        let pid = pid_t(words[0][words[0].index(after: dot)...]),
        words[0][..<dot] == CapsuleStore.owner.dropLast("\(getpid())".count + 1)
      else { return nil }
      // Two containers of one name have processes of their own: a process that is not seen here
      // is believed dead only when it stays silent.
      guard let start = CapsuleStore.startTime(of: pid) else {
        return access("/proc/self", F_OK) == 0 && kill(pid, 0) != 0 && errno == ESRCH ? true : nil
      }
      return start != words[1]
    }
  }

  /// When a process began, in ticks since the machine did: field 22 of proc_pid_stat(5).
  static func startTime(of pid: pid_t) -> String? {
    guard let bytes = Files.contents(at: "/proc/\(pid)/stat", limit: 1024), !bytes.isEmpty else {
      return nil
    }
    let text = String(decoding: bytes, as: UTF8.self)
    // The name of the program, in brackets, may hold anything.
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[end...].split(separator: " ")
    return fields.count > 20 ? String(fields[20]) : nil
  }

  // MARK: Once

  /// Whether a job says this for the first time: a mark is left.
  ///
  /// True where none can be left, and outside of jobs.
  package func isFirst(announcing text: String, inJobOf environment: Environment) -> Bool {
    guard let job = environment.nonEmpty("SLURM_JOB_ID"), job.allSatisfy(\.isNumber) else {
      return true
    }
    let cluster = environment["SLURM_CLUSTER_NAME"] ?? ""
    return isFirst("job-" + Fingerprint.hex(of: "\(cluster) \(job) \(text)".utf8))
  }

  private func isFirst(_ name: String) -> Bool {
    guard makeDirectory() == nil else { return true }
    let descriptor = open(
      "\(directory)/\(name).once", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return errno != EEXIST }
    close(descriptor)
    return true
  }
}
