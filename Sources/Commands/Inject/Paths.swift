import Glibc

extension String {
  /// The path from the root; links stay as they are.
  var absolutePath: String {
    guard !hasPrefix("/"), let directory = getcwd(nil, 0) else { return self }
    defer { free(directory) }
    return "\(String(cString: directory))/\(self)"
  }
}
