import Digests
import Images
import OCI

/// What a pull came to, as JSON.
struct PullDocument: Document {
  var schema = 1
  var source: String
  var name: String?
  /// Of the manifest.
  var digest: String
  /// What the name stands for: the manifest, or the index that it was chosen from.
  var top: String
  var root: String
  var kind: RootKind
  var wasPresent: Bool
  var warnings: [String]

  init(_ pulled: ImageStore.Pulled, source: ImageSource, name: ImageReference?) {
    self.source = source.description
    self.name = name?.description
    digest = pulled.digest.description
    top = pulled.top.description
    root = pulled.image.root.path
    kind = RootKind(pulled.image.root)
    wasPresent = pulled.wasPresent
    warnings = pulled.warnings
  }
}

/// How a root file system is kept.
enum RootKind: String, Encodable {
  case squashfs, directory

  init(_ root: Image.Root) {
    switch root {
    case .squashfs: self = .squashfs
    case .directory: self = .directory
    }
  }
}

/// An image of this node, as JSON.
struct ResolveDocument: Document {
  var schema = 1
  /// Absent for a path.
  var digest: String?
  var root: String
  var kind: RootKind
  var shared: Bool

  init(_ image: Image) {
    digest = image.digest?.description
    root = image.root.path
    kind = RootKind(image.root)
    shared = image.isShared
  }
}

/// Images, as JSON.
struct ImagesDocument: Document {
  var schema = 1
  var images: [Entry]

  struct Entry: Encodable {
    var digest: String
    var names: [String]
    var root: String
    var kind: RootKind
    var shared: Bool
    /// Bytes; absent for a directory.
    var size: Int64?
    /// Seconds since 1970.
    var named: Int?
    var platform: String?
    var created: String?
    var layers: [String]
    var environment: [String]
    var entrypoint: [String]
    var command: [String]
    var workingDirectory: String
    var user: String
    var labels: [String: String]

    init(_ listed: ListedImage) {
      digest = listed.digest.description
      names = listed.names.map(\.description)
      root = listed.image.root.path
      kind = RootKind(listed.image.root)
      shared = listed.image.isShared
      size = listed.size
      named = listed.time
      let configuration = listed.image.configuration
      platform = configuration.platform?.description
      created = configuration.created
      layers = configuration.layerTexts
      environment = configuration.environment.map { "\($0.name)=\($0.value)" }
      entrypoint = configuration.entrypoint
      command = configuration.command
      workingDirectory = configuration.workingDirectory
      user = configuration.user
      labels = configuration.labels
    }
  }

  init(_ images: [ListedImage]) { self.images = images.map { Entry($0) } }
}

/// One image, as JSON.
struct ImageDocument: Document {
  var schema = 1
  var image: ImagesDocument.Entry
}
