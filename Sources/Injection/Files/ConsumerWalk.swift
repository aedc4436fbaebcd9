import Glibc

/// The programs and libraries in directories.
package enum ConsumerWalk {
  /// What could be one below a path, or the path itself where it is a file; sorted.
  ///
  /// Files that are executable or have `.so` in their names; links are not followed, so each file is
  /// found once and no loop is entered. Directories that cannot be read are told to `unreadable`.
  package static func candidates(
    below path: String, unreadable: (String) -> Void = { _ in }
  ) -> [String] {
    var status = stat()
    guard stat(path, &status) == 0 else {
      unreadable(path)
      return []
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
    var found: [String] = []
    var waiting = [path]
    while let directory = waiting.popLast() {
      guard let handle = opendir(directory) else {
        unreadable(directory)
        continue
      }
      defer { closedir(handle) }
      while let entry = readdir(handle) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard name != ".", name != ".." else { continue }
        var kind = Int32(entry.pointee.d_type)
        let path = "\(directory)/\(name)"
        var status = stat()
        if kind == Int32(DT_UNKNOWN), lstat(path, &status) == 0 {
          kind =
            status.st_mode & S_IFMT == S_IFDIR
            ? Int32(DT_DIR) : status.st_mode & S_IFMT == S_IFREG ? Int32(DT_REG) : kind
        }
        if kind == Int32(DT_DIR) {
          waiting.append(path)
        } else if kind == Int32(DT_REG),
          name.contains(".so") || (access(path, X_OK) == 0 && isELF(path))
        {
          found.append(path)
        }
      }
    }
    return found.sorted()
  }

  /// Whether a file begins as ELF files do; scripts are executable too.
  private static func isELF(_ path: String) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return false }
    defer { close(file) }
    var magic: UInt32 = 0
    return read(file, &magic, 4) == 4 && magic == UInt32(bigEndian: 0x7f45_4c46)
  }
}
