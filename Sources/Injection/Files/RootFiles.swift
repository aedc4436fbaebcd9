import CLinux
package import ELF
import Files
import Glibc
import Synchronization

/// The files below a root: of this machine, or of an image, whose links lead to files of its own.
///
/// What was looked at is remembered: it is for the time of one command. For several threads at once.
package final class RootFiles: LoaderFiles {
  /// The directory that is `/` for the files in it.
  package let root: String
  /// Open; nil for this machine's own `/`.
  private let descriptor: Descriptor?
  private let known = Mutex(Known())

  private struct Known {
    var files: [String: LoaderFile] = [:]
    /// What was read, by which file it was: one file has many paths.
    var contents: [FileIdentity: LoaderFile] = [:]
    var directories: [String: LoaderDirectory] = [:]
  }

  /// The files below a directory; nil where it cannot be opened.
  package init?(root: String = "/") {
    self.root = root
    if root == "/" {
      descriptor = nil
    } else {
      let opened = Glibc.open(root, sw_path_only | O_DIRECTORY | O_CLOEXEC)
      guard opened >= 0 else { return nil }
      descriptor = Descriptor(opened)
    }
  }

  package func file(at path: String) -> LoaderFile {
    if let file = known.withLock({ $0.files[path] }) { return file }
    let file = look(at: path)
    // Two threads may have looked at once: all take what was there first.
    return known.withLock { known in
      if let file = known.files[path] { return file }
      known.files[path] = file
      return file
    }
  }

  private func look(at path: String) -> LoaderFile {
    switch openRegular(path) {
    case .failure(let failure): return failure.file
    case .success(let (descriptor, identity)):
      if let file = known.withLock({ $0.contents[identity] }) { return file }
      let file: LoaderFile
      do throws(ELFError) {
        file = .object(try ELFObject(descriptor.source(size: identity.size)), identity)
      } catch {
        file = .unusable(error)
      }
      return known.withLock { known in
        if let file = known.contents[identity] { return file }
        known.contents[identity] = file
        return file
      }
    }
  }

  package func source(at path: String) -> ByteSource? {
    guard case .success(let (descriptor, identity)) = openRegular(path) else { return nil }
    return descriptor.source(size: identity.size)
  }

  /// The path without links and dots, as the kernel knows a program by; nil where there is nothing.
  package func realPath(of path: String) -> String? {
    let place = open(path, sw_path_only | O_CLOEXEC)
    guard place >= 0 else { return nil }
    defer { close(place) }
    guard let real = Files.link("/proc/self/fd/\(place)") else { return nil }
    guard let descriptor else { return real }
    // What the kernel says is seen from outside.
    guard let base = Files.link("/proc/self/fd/\(descriptor.number)"), real.hasPrefix(base) else {
      return nil
    }
    if base == "/" { return real }
    let inside = real.dropFirst(base.count)
    return inside.isEmpty ? "/" : inside.hasPrefix("/") ? String(inside) : nil
  }

  package func names(in directory: String) -> LoaderDirectory {
    if let names = known.withLock({ $0.directories[directory] }) { return names }
    let names = list(directory)
    known.withLock { $0.directories[directory] = names }
    return names
  }

  private func list(_ directory: String) -> LoaderDirectory {
    let opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else {
      // Who may not list it may still open what is in it.
      guard opened == -EACCES else { return .absent }
      let path = open(directory, sw_path_only | O_DIRECTORY | O_CLOEXEC)
      guard path >= 0 else { return .absent }
      close(path)
      return .unlisted
    }
    guard let handle = fdopendir(opened) else {
      close(opened)
      return .unlisted
    }
    defer { closedir(handle) }
    var names: Set<String> = []
    errno = 0
    while let entry = readdir(handle) {
      // readdir(3): d_name is a NUL-ended string that the next call overwrites.
      withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        if let name = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) {
          names.insert(name)
        }
      }
    }
    return errno == 0 ? .names(names) : .unlisted
  }

  // MARK: opening

  private struct Failure: Error {
    var file: LoaderFile
    init(_ file: LoaderFile) { self.file = file }
    init(errno code: Int32) { file = code == ENOENT ? .absent : .unreadable(code) }
  }

  /// Opens a path in the root; a negative errno where it cannot be.
  private func open(_ path: String, _ flags: Int32) -> Int32 {
    if let descriptor {
      return sw_open_in_root(descriptor.number, path, flags)
    }
    let opened = Glibc.open(path, flags)
    return opened >= 0 ? opened : -errno
  }

  /// Opens a regular file; others are not opened for reading, for that can have effects.
  private func openRegular(_ path: String) -> Result<(Descriptor, FileIdentity), Failure> {
    // A path alone first: opening a device, a FIFO or a terminal does something to it.
    let place = open(path, sw_path_only | O_CLOEXEC)
    guard place >= 0 else { return .failure(Failure(errno: -place)) }
    defer { close(place) }
    var status = stat()
    guard fstat(place, &status) == 0 else { return .failure(Failure(errno: errno)) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: return .failure(Failure(errno: EISDIR))
    case S_IFIFO: return .failure(Failure(.waiting))
    case S_IFSOCK: return .failure(Failure(errno: ENXIO))
    // Devices that hold nothing read as empty; of the others nothing is asked.
    default: return .failure(Failure(.unusable(.tooShort)))
    }
    // The same file again, whatever the path leads to by now.
    let opened = Glibc.open("/proc/self/fd/\(place)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard opened >= 0 else { return .failure(Failure(errno: errno)) }
    let identity = FileIdentity(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
      modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
    return .success((Descriptor(opened), identity))
  }

  /// An open file, closed when nobody needs it any more.
  private final class Descriptor: Sendable {
    let number: Int32
    init(_ number: Int32) { self.number = number }
    deinit { close(number) }

    /// Reads that can fail, rather than a mapping that ends the process when the file is cut short.
    func source(size: Int64) -> ByteSource {
      ByteSource(count: Int(size)) { [self] offset, count in
        guard offset >= 0, count >= 0, count <= Int(size) else { return nil }
        var isWhole = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
          while length < count {
            let got = pread(
              number, buffer.baseAddress! + length, count - length, off_t(offset + length))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return }
            length += got
          }
          isWhole = true
        }
        return isWhole ? bytes : nil
      }
    }
  }
}
