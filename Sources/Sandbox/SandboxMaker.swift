import CLinux
import Environment
import Files
import Glibc

/// The process that makes a sandbox, and becomes bubblewrap.
///
/// It has namespaces of its own, in which it is root: there it mounts the image, an overlay that takes
/// mount points which the image lacks, and what the plan names. bubblewrap then makes the
/// namespaces that the tasks join, in which they are themselves.
struct SandboxMaker {
  var plan: SandboxPlan
  var programs: SandboxPrograms
  /// Where it says how it went.
  var report: Int32
  /// What the programs say.
  var log: Int32
  /// Of the user, before the maker is root in a namespace of its own.
  private let uid = getuid()
  private let gid = getgid()

  init(plan: SandboxPlan, programs: SandboxPrograms, report: Int32, log: Int32) {
    self.plan = plan
    self.programs = programs
    self.report = report
    self.log = log
  }

  /// Covered by a tmpfs while the sandbox is made: every machine has it, and bubblewrap takes it too.
  private static let base = "/tmp"
  private static let root = "\(base)/root"

  func make() -> Never {
    tell(Array("P\(getpid())".utf8))
    setsid()
    // Nobody waits for this process: whatever hangs, it ends.
    alarm(120)
    do throws(SandboxError) {
      // Before the base covers what may lie below it.
      let (bubblewrap, holder) = (
        try openProgram(programs.bubblewrap), try openProgram(programs.holder)
      )
      try prepare()
      try become(bubblewrap, holding: holder)
    } catch {
      tell(error.message)
    }
    _exit(1)
  }

  private func tell(_ message: [UInt8]) {
    _ = message.withUnsafeBytes { send(report, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  // MARK: The parts

  private func prepare() throws(SandboxError) {
    var server: Int32 = -1
    if case .squashfs(let image) = plan.root { server = try startServer(of: image) }
    try unshare()
    // In the new namespace, and before the base covers any of them.
    var trees: [(mount: SandboxPlan.Mount, tree: Int32, isDirectory: Bool)] = []
    for mount in hostMounts + plan.mounts {
      if let tree = try cloneTree(mount) { trees.append((mount, tree.0, tree.1)) }
    }
    var image: Int32 = -1
    if case .directory(let path) = plan.root {
      image = sw_clone_tree(path)
      guard image >= 0 else {
        throw SandboxError(
          "opening \(path)", code: image, remedy: "name an image that is there", kind: .badInput)
      }
    }
    try mount("tmpfs", at: Self.base, type: "tmpfs", sw_confined, "mode=0755")
    for name in ["image", "root", "upper", "work", "files"] { mkdir("\(Self.base)/\(name)", 0o755) }
    if server >= 0 { try mountServed(by: server) }
    if image >= 0 {
      let target = open("\(Self.base)/image", sw_path_only | O_CLOEXEC)
      try attach(image, to: target, what: plan.name)
    }
    if plan.root != .host { try mountOverlay() }
    let root = open(Self.root, sw_path_only | O_DIRECTORY | O_CLOEXEC)
    for mount in plan.mounts where mount.source == nil {
      let path = "\(Self.base)/files/\(trees.count)-empty"
      mkdir(path, 0o755)
      trees.append((mount, sw_clone_tree(path), true))
    }
    for (number, file) in plan.files.enumerated() { try place(file, number, in: root) }
    for link in hostLinks { symlink(link.target, "\(Self.root)/\(link.name)") }
    for (mount, tree, isDirectory) in trees {
      let target = place(for: mount, isDirectory: isDirectory, in: root)
      guard target >= 0 else {
        if mount.isOptional { continue }
        throw SandboxError(
          "mounting \(mount.name) at \(mount.destination)", code: target,
          remedy: "name a place that can be made in the image", kind: .badInput)
      }
      let code = mount.isReadOnly ? sw_make_tree_read_only(tree) : 0
      guard code == 0 else {
        throw SandboxError(
          "making \(mount.destination) read-only", code: code,
          remedy: "report it with this line: it is a fault")
      }
      try attach(tree, to: target, what: "\(mount.name) at \(mount.destination)")
    }
  }

  /// The place of a mount, made where it is missing; an errno, negated, where that cannot be.
  private func place(
    for mount: SandboxPlan.Mount, isDirectory: Bool, in root: Int32
  ) -> Int32 {
    if mount.yields, isOccupied(mount.destination, in: root) { return -EEXIST }
    if mount.replaces, let slash = mount.destination.lastIndex(of: "/") {
      let directory = sw_make_in_root(root, String(mount.destination[..<slash]), 1)
      let name = String(mount.destination[mount.destination.index(after: slash)...])
      var status = stat()
      if directory >= 0 {
        if fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
          status.st_mode & S_IFMT == S_IFLNK
        {
          unlinkat(directory, name, 0)
        }
        close(directory)
      }
    }
    return sw_make_in_root(root, mount.destination, isDirectory ? 1 : 0)
  }

  /// Whether a mount at a path would cover more than an empty directory.
  private func isOccupied(_ path: String, in root: Int32) -> Bool {
    let directory = sw_open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return directory != -ENOENT }
    guard let handle = fdopendir(directory) else {
      close(directory)
      return true
    }
    defer { closedir(handle) }
    // Beside `.` and `..`.
    var count = 0
    while count < 3, readdir(handle) != nil { count += 1 }
    return count == 3
  }

  private func attach(_ tree: Int32, to target: Int32, what: String) throws(SandboxError) {
    let code = target < 0 ? target : sw_attach_tree(tree, target)
    guard code == 0 else {
      throw SandboxError(
        "mounting \(what)", code: code,
        remedy: "mount a directory on a directory, a file on a file",
        kind: .badInput)
    }
    close(target)
    close(tree)
  }

  private func unshare() throws(SandboxError) {
    let code = sw_unshare(sw_new_user | sw_new_mount)
    guard code == 0 else { throw Self.noNamespaces(-code) }
    // user_namespaces(7): a user may map groups only where setgroups(2) is given up.
    for (file, text) in [
      ("setgroups", "deny"), ("uid_map", "0 \(uid) 1"), ("gid_map", "0 \(gid) 1"),
    ] {
      guard write("/proc/self/\(file)", text) else { throw Self.noNamespaces(errno) }
    }
    try mount("none", at: "/", type: nil, sw_slave, nil)
  }

  static func noNamespaces(_ code: Int32) -> SandboxError {
    let diagnosis = NamespaceDiagnosis(code: code) { path in
      Files.contents(at: path, limit: 4096).map { String(decoding: $0, as: UTF8.self) }
    }
    return SandboxError(
      "making namespaces", cause: diagnosis.cause, remedy: diagnosis.remedy, kind: .unavailable)
  }

  private func write(_ path: String, _ text: String) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // At once: the kernel takes a map in one write(2) only (user_namespaces(7)).
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      == bytes.count
  }

  private func mount(
    _ source: String, at target: String, type: String?, _ flags: UInt, _ data: String?,
    what: String? = nil
  ) throws(SandboxError) {
    let code = sw_mount(source, target, type, flags, data)
    guard code != 0 else { return }
    // AppArmor gives the namespace, and then no right in it.
    guard code != -EPERM && code != -EACCES || what != nil else { throw Self.noNamespaces(-code) }
    throw SandboxError(
      "mounting \(what ?? target)", code: code,
      remedy: "see whether it is a file of a kind that can be mounted")
  }

  // MARK: The image

  /// Starts the program that serves a squashfs file; gives the socket that it waits at.
  ///
  /// Outside the namespaces: what it serves is unmounted with the last process inside, and then it
  /// ends.
  private func startServer(of image: String) throws(SandboxError) -> Int32 {
    let file = open(image, O_RDONLY | O_CLOEXEC)
    var magic = [UInt8](repeating: 0, count: 4)
    guard file >= 0, pread(file, &magic, 4, 0) == 4 else {
      throw SandboxError(
        "opening \(image)", cause: file < 0 ? String(cString: strerror(errno)) : "it is empty",
        remedy: "pull the image again", kind: .badInput)
    }
    // The superblock begins so (squashfs-tools, squashfs_fs.h, SQUASHFS_MAGIC).
    guard magic == Array("hsqs".utf8) else {
      throw SandboxError(
        "opening \(image)", cause: "it is no squashfs file", remedy: "name one, or an image",
        kind: .badInput)
    }
    guard access(programs.squashfuse, X_OK) == 0 else {
      throw SandboxError(
        "mounting \(image)", cause: "\(programs.squashfuse) is not installed",
        remedy: "have the administrator install squashfuse on this node", kind: .unavailable)
    }
    var ends: [Int32] = [-1, -1]
    guard
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw SandboxError("mounting \(image)", code: -errno, remedy: "raise ulimit -n") }
    let child = sw_fork()
    if child == 0 {
      close(ends[0])
      let device = sw_receive_descriptor(ends[1])
      guard device >= 0 else { _exit(1) }
      // The image is open before anything could take its name, and the directory that it lies in is
      // locked as long as it is served: a store collects nothing that is locked.
      let slash = image.lastIndex(of: "/") ?? image.startIndex
      let directory = open(
        slash == image.startIndex ? "/" : String(image[..<slash]), O_RDONLY | O_CLOEXEC)
      flock(directory, LOCK_SH | LOCK_NB)
      guard arrange([device, file, directory < 0 ? file : directory]), chdir("/") == 0 else {
        _exit(1)
      }
      sw_leave_signals()
      let arguments = [programs.squashfuse, "-f", "/proc/self/fd/4", "/dev/fd/3"]
      withCStrings(arguments.map { Array($0.utf8) }) { argv in
        withCStrings([]) { _ = sw_execute(programs.squashfuse, argv, $0) }
      }
      _exit(127)
    }
    close(ends[1])
    close(file)
    return ends[0]
  }

  /// Mounts what a server serves, without fusermount3 (fuse(4)): the device belongs to the user
  /// namespace in which it is opened.
  private func mountServed(by server: Int32) throws(SandboxError) {
    let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    guard device >= 0 else {
      throw SandboxError(
        "opening /dev/fuse", code: -errno,
        remedy: "have the administrator load the module fuse and give /dev/fuse the mode 0666",
        kind: .unavailable)
    }
    defer { close(device) }
    try mount(
      "slipway", at: "\(Self.base)/image", type: "fuse.squashfuse", sw_confined | UInt(MS_RDONLY),
      "fd=\(device),rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
      what: plan.name)
    let code = sw_send_descriptor(server, device)
    guard code == 0 else {
      throw SandboxError("mounting \(plan.name)", code: code, remedy: "see whether squashfuse runs")
    }
    close(server)
  }

  private func mountOverlay() throws(SandboxError) {
    let code = sw_mount(
      "slipway", Self.root, "overlay", sw_confined,
      "lowerdir=\(Self.base)/image,upperdir=\(Self.base)/upper,workdir=\(Self.base)/work,userxattr")
    guard code != 0 else { return try lookIn() }
    if code == -ENOTCONN || code == -ECONNABORTED {
      throw SandboxError(
        "mounting \(plan.name)", cause: "squashfuse ended: \(text(of: log))",
        remedy: "pull the image again; slipway store verify finds what is broken", kind: .badInput)
    }
    throw SandboxError(
      "mounting an overlay of \(plan.name)", code: code,
      remedy:
        "have the administrator see to a kernel that lets users mount overlays (5.11 or newer)",
      kind: .unavailable)
  }

  /// Sees whether the image's root can be read: an image may be broken behind its beginning.
  private func lookIn() throws(SandboxError) {
    guard (Files.names(at: "\(Self.base)/image") ?? []).isEmpty else { return }
    let said = text(of: log)
    throw SandboxError(
      "reading \(plan.name)",
      cause: said.isEmpty ? "its root holds nothing that can be read" : said,
      remedy: "pull the image again; slipway store verify finds what is broken", kind: .badInput)
  }

  /// Puts a file in place of whatever the root has there, in a directory that is held open.
  ///
  /// In a directory of another user's an overlay changes nothing, so there a file that exists is
  /// covered, and one that does not is left out.
  private func place(
    _ file: SandboxPlan.PlacedFile, _ number: Int, in root: Int32
  ) throws(SandboxError) {
    let contents = file.contents + (file.precedes ? contents(of: file.destination, in: root) : [])
    let slash = file.destination.lastIndex(of: "/")!
    let name = String(file.destination[file.destination.index(after: slash)...])
    let directory = sw_make_in_root(root, String(file.destination[..<slash]), 1)
    defer { if directory >= 0 { close(directory) } }
    if directory >= 0, unlinkat(directory, name, 0) == 0 || errno == ENOENT,
      create(name, in: directory, contents)
    {
      return
    }
    let covered = sw_open_in_root(root, file.destination, sw_path_only | O_CLOEXEC)
    guard covered >= 0 else { return }
    let path = "\(Self.base)/files/\(number)"
    guard create(path, in: AT_FDCWD, contents) else {
      throw SandboxError("writing \(file.destination)", code: -errno, remedy: "see to free memory")
    }
    try attach(sw_clone_tree(path), to: covered, what: file.destination)
  }

  /// What the root has in a file, at most 1 MiB.
  private func contents(of path: String, in root: Int32) -> [UInt8] {
    let file = sw_open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return [] }
    return Files.contents(of: file, limit: Int(min(status.st_size, 1 << 20))) ?? []
  }

  private func create(_ name: String, in directory: Int32, _ contents: [UInt8]) -> Bool {
    let made = openat(
      directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard made >= 0 else { return false }
    defer { close(made) }
    return Files.write(contents, to: made)
  }

  private func cloneTree(
    _ mount: SandboxPlan.Mount
  ) throws(SandboxError) -> (Int32, isDirectory: Bool)? {
    guard let source = mount.source else { return nil }
    let tree = sw_clone_tree(source)
    var status = stat()
    guard tree >= 0, fstat(tree, &status) == 0 else {
      if mount.isOptional { return nil }
      throw SandboxError(
        "mounting \(source)", code: tree, remedy: "name a file or directory of this node",
        kind: .badInput)
    }
    return (tree, status.st_mode & S_IFMT == S_IFDIR)
  }

  // MARK: The host's root

  /// The names in `/`, and instead of a directory in which something is mounted those within.
  private var hostEntries: [String] {
    guard plan.root == .host else { return [] }
    let parents = Set(
      plan.mounts.map { $0.destination.split(separator: "/").first.map(String.init) })
    return (Files.names(at: "/") ?? []).flatMap { name in
      parents.contains(name)
        ? (Files.names(at: "/\(name)") ?? []).map { "\(name)/\($0)" } : [name]
    }
  }

  private var hostLinks: [(name: String, target: String)] {
    hostEntries.compactMap { name in Files.link("/\(name)").map { (name, $0) } }
  }

  /// What stands in `/`, before the plan's own mounts.
  private var hostMounts: [SandboxPlan.Mount] {
    hostEntries.filter { Files.link("/\($0)") == nil }.map {
      SandboxPlan.Mount("/\($0)", isOptional: true)
    }
  }

  // MARK: The last step

  private func become(
    _ bubblewrap: Int32, holding holder: Int32
  ) throws(SandboxError) {
    if !plan.isWritable {
      // This mount alone: those below it have what the plan gives them.
      let code = sw_mount(
        nil, Self.root, nil, UInt(MS_REMOUNT | MS_BIND | MS_RDONLY) | sw_confined, nil)
      guard code == 0 || plan.root == .host else {
        throw SandboxError("making / read-only", code: code, remedy: "report it: it is a fault")
      }
    }
    // bubblewrap itself is opened anew by the kernel and not handed on.
    guard arrange([report, holder, bubblewrap]), fcntl(5, F_SETFD, FD_CLOEXEC) == 0 else {
      throw SandboxError("making a sandbox", code: -errno, remedy: "raise ulimit -n")
    }
    let arguments = [
      programs.bubblewrap, "--unshare-user", "--uid", "\(uid)", "--gid", "\(gid)",
      "--dev-bind", Self.root, "/", "--chdir", "/", "--", "/proc/self/fd/4", "hold", "3",
    ]
    withCStrings(arguments.map { Array($0.utf8) }) { argv in
      withCStrings([]) { _ = sw_execute("/proc/self/fd/5", argv, $0) }
    }
    _exit(127)
  }

  /// Gives a program nothing to read, the log to write to, and descriptors from 3 on; nothing else.
  private func arrange(_ descriptors: [Int32]) -> Bool {
    let null = open("/dev/null", O_RDWR)
    // Above all places first: one of them may stand in another's.
    let wanted = ([null, log, log] + descriptors).map { fcntl($0, F_DUPFD, 64) }
    for (place, descriptor) in wanted.enumerated() {
      guard descriptor >= 0, dup2(descriptor, Int32(place)) == Int32(place) else { return false }
    }
    sw_close_from(Int32(wanted.count))
    return true
  }

  private func openProgram(_ path: String) throws(SandboxError) -> Int32 {
    let program = open(path, O_RDONLY | O_CLOEXEC)
    guard program >= 0, access(path, X_OK) == 0 else {
      throw SandboxError(
        "making a sandbox",
        cause: "\(path) cannot be executed (\(String(cString: strerror(errno))))",
        remedy: "have the administrator install it on this node", kind: .unavailable)
    }
    return program
  }
}

extension SandboxPlan.Mount {
  /// Its source, for a message.
  fileprivate var name: String { source ?? "an empty directory" }
}
