import Glibc
package import SystemPackage

/// The root directory of the machine to read: `/` for this one, a folder for any other on earth.
package struct MachineRoot: Sendable {
  package var path: FilePath

  package init(_ path: FilePath = "/") { self.path = path }

  /// Whether the machine is the one that this process runs on.
  package var isThisMachine: Bool { path == "/" }

  /// The contents of a file, at most `limit` bytes; nil when it cannot be read.
  package func contents(of file: String, limit: Int = 1 << 24) -> [UInt8]? {
    guard let descriptor = try? FileDescriptor.open(resolve(file), .readOnly, options: .closeOnExec)
    else { return nil }
    defer { try? descriptor.close() }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      guard let count = try? chunk.withUnsafeMutableBytes({ try descriptor.read(into: $0) }) else {
        return nil
      }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// A file's text without the white space at its end; nil when it cannot be read.
  package func text(of file: String) -> String? {
    contents(of: file).map { bytes in
      let end = bytes.lastIndex { !($0 == 0x20 || (0x09...0x0d).contains($0)) }.map { $0 + 1 } ?? 0
      return String(decoding: bytes[..<end], as: UTF8.self)
    }
  }

  /// The names in a directory, sorted; empty when it cannot be read.
  package func names(in directory: String) -> [String] {
    guard let handle = opendir(resolve(directory).string) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      // readdir(3): d_name is a NUL-ended string that the next call overwrites.
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  package func exists(_ file: String) -> Bool { access(resolve(file).string, F_OK) == 0 }

  /// The path on the machine that a path leads to, every symbolic link followed within the root.
  ///
  /// nil when it leads nowhere: a part is missing or no directory, or links lead in circles.
  package func realPath(of file: String) -> String? {
    var real: [Substring] = []
    var rest = file.split(separator: "/")[...]
    // path_resolution(7): more than 40 links are ELOOP.
    var links = 0
    while let next = rest.popFirst() {
      if next == "." { continue }
      if next == ".." {
        _ = real.popLast()
        continue
      }
      real.append(next)
      let path = resolve("/" + real.joined(separator: "/")).string
      var status = stat()
      guard lstat(path, &status) == 0 else { return nil }
      if status.st_mode & S_IFMT == S_IFLNK {
        links += 1
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = bytes.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
        guard links <= 40, length > 0, length < bytes.count else { return nil }
        let target = String(decoding: bytes[..<length], as: UTF8.self)
        if target.hasPrefix("/") { real = [] } else { real.removeLast() }
        rest = target.split(separator: "/") + rest
      } else if !rest.isEmpty, status.st_mode & S_IFMT != S_IFDIR {
        return nil
      }
    }
    return "/" + real.joined(separator: "/")
  }

  private func resolve(_ file: String) -> FilePath {
    isThisMachine ? FilePath(file) : path.appending(FilePath(file).components)
  }
}
