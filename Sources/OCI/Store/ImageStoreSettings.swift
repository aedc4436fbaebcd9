package import Images

/// What an image is fetched and built with.
package struct ImageStoreSettings: Sendable {
  /// The root of the store that is written to.
  package var store: String
  /// Whether everyone may read what is written.
  package var isShared = false
  /// The site's roots, which are only read.
  package var sharedRoots: [String] = []
  /// What images are chosen for.
  package var platform: Platform
  /// Bytes; nil for no limit.
  package var quota: Int64?
  /// Whether layers are unpacked into a directory instead of one squashfs file.
  package var asDirectory = false
  /// Whether the layers are kept, for export and for other images that share them.
  package var keepsLayers = false
  /// Seconds for another process that builds the same image, and for all downloads.
  package var deadline: Double = 3600
  package var connections = 16
  package var caFile: String?
  /// The site's proxy, and the hosts and domains that are reached without it.
  package var proxy: String?
  package var noProxy: [String] = []
  /// Registries `HOST[:PORT]` without certificates that can be checked, or with http alone.
  package var insecure: Set<String> = []
  /// Of the user: where credentials, mirrors and proxies are looked for.
  package var environment: [String: String]

  package init(store: String, platform: Platform, environment: [String: String]) {
    self.store = store
    self.platform = platform
    self.environment = environment
  }

  /// Where a user's own store is (XDG Base Directory Specification); nil where there is no home.
  package static func defaultStore(environment: [String: String]) -> String? {
    if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") { return "\(cache)/slipway" }
    guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
    return "\(home)/.cache/slipway"
  }

  package var catalog: ImageCatalog {
    ImageCatalog(
      roots: [ImageCatalog.Root(store, isShared: isShared)]
        + sharedRoots.map { ImageCatalog.Root($0, isShared: true) },
      host: platform)
  }
}
