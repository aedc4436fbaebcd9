import Files
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
    return Files.contents(of: descriptor.rawValue, limit: limit)
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
    Files.names(at: resolve(directory).string) ?? []
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
        guard links <= 40, let target = Files.link(path) else { return nil }
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
