import Glibc

/// The directory that this process works in; the root where that is gone.
var currentDirectory: String {
  guard let directory = getcwd(nil, 0) else { return "/" }
  defer { free(directory) }
  return String(cString: directory)
}

extension String {
  /// The path from the root; links stay as they are.
  var absolutePath: String { hasPrefix("/") ? self : "\(currentDirectory)/\(self)" }
}
