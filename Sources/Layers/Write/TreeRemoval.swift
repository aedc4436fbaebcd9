import CLinux
import Files
import Glibc

/// Removes a file or a directory with all that is in it, whatever its modes; follows no link.
enum TreeRemoval {
  static func remove(_ path: String) throws(LayerError) {
    try remove(path, from: AT_FDCWD, path)
  }

  private static func remove(
    _ name: UnsafePointer<CChar>, from parent: Int32, _ top: String
  ) throws(LayerError) {
    if unlinkat(parent, name, 0) == 0 || errno == ENOENT { return }
    // unlink(2) of a directory: EISDIR on Linux, EPERM by POSIX.
    guard errno == EISDIR || errno == EPERM else { throw .call("\(top) cannot be removed") }
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var directory = openat(parent, name, flags)
    if directory < 0, errno == EACCES {
      try unlock(name, in: parent, top)
      directory = openat(parent, name, flags)
    }
    guard directory >= 0 else { throw .call("\(top) cannot be removed") }
    // Readable is not enough: names go only from a directory that can be written and searched.
    _ = fchmod(directory, 0o700)
    defer { close(directory) }
    guard let names = Files.rawNames(in: directory) else { throw .call("\(top) cannot be removed") }
    for name in names { try remove(name, from: directory, top) }
    guard unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
      throw .call("\(top) cannot be removed")
    }
  }

  /// Opens a directory to its owner; chmod(2) of a descriptor that is only a path is impossible, so
  /// it goes through /proc, where the descriptor cannot become another file's.
  private static func unlock(
    _ name: UnsafePointer<CChar>, in parent: Int32, _ top: String
  ) throws(LayerError) {
    let place = openat(parent, name, sw_path_only | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard place >= 0 else { throw .call("\(top) cannot be removed") }
    defer { close(place) }
    guard chmod("/proc/self/fd/\(place)", 0o700) == 0 else {
      throw .call("\(top) cannot be removed")
    }
  }
}
