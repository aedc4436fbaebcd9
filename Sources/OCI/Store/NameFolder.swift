import Files
import Glibc
import Images

/// Writes the names of a store's images: whole files that appear by rename.
struct NameFolder {
  private let path: String
  private let mode: mode_t

  init(_ settings: ImageStoreSettings) {
    path = "\(settings.store)/\(ImageName.folder)"
    mode = settings.isShared ? 0o755 : 0o700
  }

  private func failure(_ path: String) -> ImageError {
    let code = errno
    return ImageError(
      code == ENOSPC || code == EDQUOT ? .tryAgain : .failed, "\(path) cannot be written",
      cause: String(cString: strerror(code)),
      remedy: code == ENOSPC || code == EDQUOT
        ? "free space (slipway store gc), then try again" : "check the file system, then try again")
  }

  func write(_ name: ImageName) throws(ImageError) {
    guard mkdir(path, mode) == 0 || errno == EEXIST, chmod(path, mode) == 0 else {
      throw failure(path)
    }
    // Hidden names are none of the catalog's; those of a process that died are replaced.
    let target = "\(path)/\(name.file)"
    let temporary = "\(path)/.\(getpid())-\(UInt32.random(in: 0 ... .max))"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(target) }
    let isWritten =
      Files.write(name.bytes, to: file) && fchmod(file, mode & 0o644) == 0 && fsync(file) == 0
    let code = errno
    close(file)
    guard isWritten, rename(temporary, target) == 0 else {
      if !isWritten { errno = code }
      let error = failure(target)
      unlink(temporary)
      throw error
    }
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  /// Removes what does not hold what slipway writes.
  func removeDamaged(_ catalog: ImageCatalog) throws(ImageError) {
    for file in Files.names(at: path) ?? [] where file.hasSuffix(".json") {
      do throws(ImageError) {
        _ = try catalog.name(file, in: catalog.roots[0])
      } catch  where error.kind == .badData {
        try remove(file)
      }
    }
  }

  func remove(_ file: String) throws(ImageError) {
    guard unlink("\(path)/\(file)") == 0 || errno == ENOENT else {
      throw failure("\(path)/\(file)")
    }
  }
}
