import Files
import Glibc
package import Host

/// The directory that a variant symlink of the repository leads to on this node.
///
/// The CVMFS client replaces such a link's text by what the node's settings say; only root can change
/// them. Source: EESSI/filesystem-layer roles/create_cvmfs_content_structure/vars/software.eessi.io.yml;
/// "Variant Symlinks" in the CernVM-FS documentation.
package struct InjectionTarget: Equatable, Sendable {
  /// Its path, with all symbolic links resolved but those that slipway made.
  package var path: String
  /// The links that led there, each with its text; empty for a directory that was named.
  package var chain: [Step]

  package struct Step: Codable, Equatable, Sendable {
    package var link: String
    package var text: String
  }

  /// The links whose texts the node's settings decide.
  package enum VariantLink: Equatable, Sendable {
    case hostInjections
    /// Where the compat layer's linker looks for drivers, in versions from 2025.06 on.
    case nvidia(version: String, architecture: String)
    /// Where it looks before that, for anything.
    case override(version: String, architecture: String)

    /// Its path below the root of the repository.
    package var path: String {
      switch self {
      case .hostInjections: "host_injections"
      case .nvidia(let version, let architecture):
        "versions/\(version)/compat/linux/\(architecture)/lib/nvidia"
      case .override(let version, let architecture):
        "versions/\(version)/compat/linux/\(architecture)/lib/override"
      }
    }

    /// The settings of the CVMFS client that decide it, the most general first.
    package var settings: [String] {
      switch self {
      case .hostInjections: ["EESSI_HOST_INJECTIONS"]
      case .nvidia(let version, _):
        [
          "EESSI_NVIDIA_OVERRIDE_DEFAULT",
          "EESSI_\(version.filter { $0 != "." })_NVIDIA_OVERRIDE",
        ]
      case .override(let version, _):
        ["EESSI_LIB_OVERRIDE_DEFAULT", "EESSI_\(version.filter { $0 != "." })_LIB_OVERRIDE"]
      }
    }
  }

  /// A directory that was named instead.
  package init(named path: String) throws(InjectionTreeError) {
    guard path.hasPrefix("/") else { throw .invalid("\"\(path)\" is no absolute path") }
    guard let real = realpath(path, nil) else {
      throw errno == ENOENT ? .missingTarget(path, link: nil) : .call("read", path)
    }
    defer { free(real) }
    try self.init(String(cString: real), chain: [], link: nil, settings: [])
  }

  /// Follows a variant symlink of the repository below `root`, which may be on a mount that hangs.
  package init(
    _ link: VariantLink, of root: String, files: GuardedFiles
  ) throws(InjectionTreeError) {
    let start = "\(root)/\(link.path)"
    var walk = Walk(root: root, files: files)
    let path = try walk.resolve(start)
    try self.init(path, chain: walk.chain, link: start, settings: link.settings)
  }

  private init(
    _ path: String, chain: [Step], link: String?, settings: [String]
  ) throws(InjectionTreeError) {
    var status = stat()
    let isThere = stat(path, &status) == 0
    if let link, path == "/dev/null" || path == link {
      throw .notConfigured(link: link, target: isThere ? path : "nothing", settings: settings)
    }
    guard isThere else { throw .missingTarget(path, link: link) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(path) }
    self.path = path
    self.chain = chain
  }

  /// The place of this directory below another target; nil when it lies elsewhere.
  package func place(below other: InjectionTarget) -> String? {
    path.hasPrefix("\(other.path)/") ? String(path.dropFirst(other.path.utf8.count + 1)) : nil
  }

  /// Walks a path as the kernel does, and keeps the links that it goes through.
  private struct Walk {
    var root: String
    var files: GuardedFiles
    var chain: [Step] = []

    mutating func resolve(_ path: String) throws(InjectionTreeError) -> String {
      var pending = path.split(separator: "/").reversed().map(String.init)
      var done: [String] = []
      while let name = pending.popLast() {
        if name == "." { continue }
        if name == ".." {
          _ = done.popLast()
          continue
        }
        done.append(name)
        let here = "/" + done.joined(separator: "/")
        guard let text = try text(of: here), !InjectionLayout.isAnchor(text) else { continue }
        // As many as the kernel follows (path_resolution(7)).
        guard chain.count < 40 else { throw .tooManyLinks(path) }
        chain.append(Step(link: here, text: text))
        done = text.hasPrefix("/") ? [] : done.dropLast()
        pending += text.split(separator: "/").reversed().map(String.init)
      }
      return "/" + done.joined(separator: "/")
    }

    /// The text of a symbolic link; nil for anything else.
    private func text(of path: String) throws(InjectionTreeError) -> String? {
      // Only the repository's own directories can be on a CVMFS mount.
      if path.hasPrefix("\(root)/") {
        let parent = InjectionLayout.parent(of: path)
        let list: DirectoryList?
        do throws(FileError) {
          list = try files.lists(of: [parent])[0]
        } catch {
          throw .unanswered(error)
        }
        guard list != nil || parent != root else { throw .noRepository(root) }
        return list?.entries.first { $0.name == InjectionLayout.name(of: path) }?.link
      }
      return Files.link(path)
    }
  }
}
