/// How the processes of a step see files: a root, and what is put into it.
///
/// A value to print and to compare; ``enter(using:seconds:)`` carries it out.
package struct SandboxPlan: Equatable, Sendable {
  /// What stands at `/`.
  package var root: Root
  /// Whether files of the root may be changed, for as long as the namespace lives.
  package var isWritable = false
  /// In the order in which they are made.
  package var mounts: [Mount] = []
  /// Files whose contents are given, which replace those of the root.
  package var files: [PlacedFile] = []

  package enum Root: Equatable, Sendable {
    /// A squashfs file.
    case squashfs(String)
    /// A directory.
    case directory(String)
    /// The directories of the host, and room for more of them.
    case host
  }

  /// A file or directory of the host and where it stands in the sandbox.
  package struct Mount: Equatable, Sendable {
    /// nil is an empty directory in memory.
    package var source: String?
    /// An absolute path, whose links are those of the root.
    package var destination: String
    package var isReadOnly: Bool
    /// Whether it is left out where the host has no such file, or the root no place for it.
    package var isOptional: Bool
    /// Whether it stands in place of a link that the root may have there, and not where it leads.
    package var replaces: Bool
    /// Whether it is left out, as one that is optional, where it would cover files.
    package var yields: Bool

    package init(
      _ source: String?, at destination: String? = nil, isReadOnly: Bool = false,
      isOptional: Bool = false, replaces: Bool = false, yields: Bool = false
    ) {
      self.source = source
      self.destination = destination ?? source ?? "/"
      self.isReadOnly = isReadOnly
      self.isOptional = isOptional
      self.replaces = replaces
      self.yields = yields
    }
  }

  package struct PlacedFile: Equatable, Sendable {
    package var destination: String
    package var contents: [UInt8]
    /// Whether what the root has in the file follows.
    package var precedes: Bool

    package init(_ destination: String, contents: [UInt8], precedes: Bool = false) {
      self.destination = destination
      self.contents = contents
      self.precedes = precedes
    }
  }

  package init(root: Root) { self.root = root }
}

/// The programs that make a sandbox.
package struct SandboxPrograms: Equatable, Sendable {
  package var bubblewrap: String
  package var squashfuse: String
  /// slipway-node: it waits in the namespace until somebody has joined.
  package var holder: String

  package init(bubblewrap: String, squashfuse: String, holder: String) {
    self.bubblewrap = bubblewrap
    self.squashfuse = squashfuse
    self.holder = holder
  }
}
