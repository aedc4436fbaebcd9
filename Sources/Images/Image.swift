package import Digests

/// An image that is ready to be started.
package struct Image: Equatable, Sendable {
  /// Absolute paths.
  package enum Root: Equatable, Sendable {
    case squashfs(String)
    case directory(String)

    package var path: String {
      switch self {
      case .squashfs(let path), .directory(let path): path
      }
    }
  }

  /// Of the manifest; nil for a path that the user named.
  package var digest: Digest?
  package var root: Root
  /// Empty for a path.
  package var configuration: ImageConfiguration
  /// Whether it lies in a root of the site's.
  package var isShared: Bool

  package init(digest: Digest?, root: Root, configuration: ImageConfiguration, isShared: Bool) {
    self.digest = digest
    self.root = root
    self.configuration = configuration
    self.isShared = isShared
  }
}
