import Glibc

/// By what a file is seen to have changed.
package struct SourceMark: Equatable, Sendable {
  package var path: String
  /// Bytes.
  package var size: Int
  /// Nanoseconds since 1970.
  package var mtime: Int
  /// The linker's build id, in hexadecimal digits: equal ones tell that only the file is new.
  package var buildID: String?

  package init(path: String, size: Int, mtime: Int, buildID: String? = nil) {
    self.path = path
    self.size = size
    self.mtime = mtime
    self.buildID = buildID
  }

  /// The mark of a file as it is now, symbolic links followed; nil when there is none.
  package init?(of path: String, buildID: String? = nil) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(path, status, buildID: buildID)
  }

  init(_ path: String, _ status: stat, buildID: String? = nil) {
    self.init(
      path: path, size: Int(status.st_size),
      mtime: status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec, buildID: buildID)
  }

  /// What became of the file; nil when it is as it was.
  ///
  /// - Parameter readBuildID: asked only of a file whose size or time differs.
  package func change(buildID readBuildID: (String) -> String?) -> String? {
    guard let now = SourceMark(of: path) else { return "is gone" }
    if now.size == size && now.mtime == mtime { return nil }
    if let buildID, readBuildID(path) == buildID { return nil }
    return "is another file than the one that was injected"
  }
}
