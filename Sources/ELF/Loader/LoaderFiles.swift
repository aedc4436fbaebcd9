/// What lies at a path, in the view of one world.
package enum LoaderFile: Sendable {
  case absent
  /// It cannot be opened or read; the errno.
  case unreadable(Int32)
  /// It is no ELF object.
  case unusable(ELFError)
  /// A FIFO: the linker would wait there until somebody writes.
  case waiting
  case object(ELFObject, FileIdentity)
}

/// What tells a file from every other, and from its own former self.
package struct FileIdentity: Hashable, Sendable {
  package var device: UInt64
  package var inode: UInt64
  /// In bytes.
  package var size: Int64
  /// The time of its last change, in nanoseconds since 1970.
  package var modified: Int64

  package init(device: UInt64, inode: UInt64, size: Int64, modified: Int64) {
    self.device = device
    self.inode = inode
    self.size = size
    self.modified = modified
  }
}

/// What a directory holds.
package enum LoaderDirectory: Sendable {
  /// There is no such directory.
  case absent
  /// It cannot be listed, but what is in it may be opened.
  case unlisted
  case names(Set<String>)
}

/// The files of one world: of this machine, of an image, or made up.
///
/// All paths are absolute; links lead to files of the same world.
package protocol LoaderFiles: AnyObject, Sendable {
  func file(at path: String) -> LoaderFile
  /// Lets the loader leave out candidates without a system call.
  func names(in directory: String) -> LoaderDirectory
  /// The bytes of a regular file; nil where it cannot be read.
  func source(at path: String) -> ByteSource?
}

extension LoaderFiles {
  /// The bytes of a small file, such as ld.so.cache.
  package func contents(of path: String, limit: Int = 1 << 26) -> [UInt8]? {
    source(at: path).flatMap { $0.count <= limit ? $0.read(0, $0.count) : nil }
  }
}
