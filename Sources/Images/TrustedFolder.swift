import Files
import Glibc

/// A directory of an image store that is held open, and whose files are believed.
///
/// What is in it must belong to the store's owner and be writable by nobody else; no symbolic link
/// below the root is followed. So nobody but the owner decides what a name stands for.
final class TrustedFolder {
  let path: String
  private let descriptor: Int32
  private let owners: Set<uid_t>

  /// Opens a store's root, whose links are followed; nil where there is none.
  ///
  /// A user's own root must be the user's. One of the site's may belong to anyone, for the
  /// administrator has named it, but what is in it must be the same owner's or root's.
  init?(root path: String, isShared: Bool, user: uid_t) throws(ImageError) {
    let opened = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else {
      if errno == ENOENT { return nil }
      throw Self.failure(path, errno)
    }
    var status = stat()
    guard fstat(opened, &status) == 0 else {
      let code = errno
      close(opened)
      throw Self.failure(path, code)
    }
    self.path = path
    descriptor = opened
    owners = isShared ? [0, status.st_uid] : [user]
    try check(status, path, isRoot: true)
  }

  private init(_ descriptor: Int32, _ path: String, _ owners: Set<uid_t>) {
    (self.descriptor, self.path, self.owners) = (descriptor, path, owners)
  }

  deinit { close(descriptor) }

  private static func failure(_ path: String, _ code: Int32) -> ImageError {
    let cause = String(cString: strerror(code))
    return switch code {
    case EACCES, EPERM:
      ImageError(
        .notPermitted, "\(path) cannot be read", cause: cause,
        remedy: "pull the image into your own store, or ask for permission")
    case ELOOP, ENOTDIR:
      ImageError(
        .notPermitted, "\(path) is not believed", cause: "no directory, or a symbolic link",
        remedy: "remove it, then run slipway store verify")
    default:
      ImageError(
        .failed, "\(path) cannot be read", cause: cause,
        remedy: "check the file system, then try again")
    }
  }

  private func check(
    _ status: stat, _ path: String, isRoot: Bool = false, anyMode: Bool = false
  ) throws(ImageError) {
    guard owners.contains(status.st_uid) else {
      throw ImageError(
        .notPermitted, "\(path) is not believed",
        cause: "it belongs to user \(status.st_uid), not to the store's owner",
        remedy: isRoot
          ? "name a store of your own in [images] store, or list this one under shared"
          : "remove it, then run slipway store verify")
    }
    guard anyMode || status.st_mode & 0o022 == 0 else {
      throw ImageError(
        .notPermitted, "\(path) is not believed",
        cause: "others may write to it (mode \(String(status.st_mode & 0o7777, radix: 8)))",
        remedy: "chmod go-w it after a look at what is in it")
    }
  }

  /// A folder in it; nil where there is none.
  func folder(_ name: String) throws(ImageError) -> TrustedFolder? {
    guard let (opened, _) = try open(name, O_DIRECTORY, as: S_IFDIR) else { return nil }
    return TrustedFolder(opened, "\(path)/\(name)", owners)
  }

  /// The bytes of a file; nil where there is none.
  func contents(_ name: String, limit: Int) throws(ImageError) -> [UInt8]? {
    guard let (file, status) = try open(name, O_NONBLOCK, as: S_IFREG) else { return nil }
    defer { close(file) }
    guard status.st_size <= limit else {
      throw ImageError(
        .badData, "\(path)/\(name)", cause: "it is larger than \(limit) bytes",
        remedy: "run slipway store verify")
    }
    guard let bytes = Files.contents(of: file, limit: Int(status.st_size)) else {
      throw Self.failure("\(path)/\(name)", errno)
    }
    return bytes
  }

  /// Whether a believed file or directory stands at a name.
  ///
  /// - Parameter ofImage: its mode is the image's; nobody else comes as far in a user's own store.
  func holds(
    _ name: String, _ type: mode_t, ofImage: Bool = false
  ) throws(ImageError) -> Bool {
    guard let (opened, _) = try open(name, O_NONBLOCK, as: type, anyMode: ofImage) else {
      return false
    }
    close(opened)
    return true
  }

  private func open(
    _ name: String, _ flags: Int32, as type: mode_t, anyMode: Bool = false
  ) throws(ImageError) -> (Int32, stat)? {
    let opened = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags)
    guard opened >= 0 else {
      if errno == ENOENT { return nil }
      throw Self.failure("\(path)/\(name)", errno)
    }
    do throws(ImageError) {
      var status = stat()
      guard fstat(opened, &status) == 0 else { throw Self.failure("\(path)/\(name)", errno) }
      guard status.st_mode & S_IFMT == type else {
        throw Self.failure("\(path)/\(name)", ENOTDIR)
      }
      try check(status, "\(path)/\(name)", anyMode: anyMode)
      return (opened, status)
    } catch {
      close(opened)
      throw error
    }
  }

  /// The names in it, sorted.
  func names() throws(ImageError) -> [String] {
    guard let names = Files.names(in: descriptor) else { throw Self.failure(path, errno) }
    return names.filter { !$0.hasPrefix(".") }
  }
}

extension TrustedFolder {
  /// The folder of a name, made where it is missing.
  private func making(_ name: String) throws(ImageError) -> TrustedFolder? {
    if mkdirat(descriptor, name, 0o700) != 0, errno != EEXIST { return nil }
    return try folder(name)
  }

  /// Writes a small file whole below two folders, both made where they are missing; false where that
  /// cannot be.
  func put(
    _ text: String, in folders: (String, String), as name: String
  ) throws(ImageError) -> Bool {
    guard let folder = try making(folders.0)?.making(folders.1) else { return false }
    let new = "\(name).new"
    unlinkat(folder.descriptor, new, 0)
    let file = openat(
      folder.descriptor, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    return Files.write(Array(text.utf8), to: file)
      && renameat(folder.descriptor, new, folder.descriptor, name) == 0
  }
}
