import Glibc

/// Something that is not as it was when it was injected.
package struct Drift: Codable, Equatable, Sendable {
  package var kind: Kind
  /// What it is about.
  package var path: String
  /// What was found, in words.
  package var message: String
  /// The command that sets it right.
  package var command: String

  package enum Kind: String, Codable, Sendable {
    /// A file of the host that was injected is another or gone.
    case source
    /// The kernel runs another driver than the one that was injected.
    case driver
    /// A link at which EESSI looks was changed by hand.
    case anchor
    /// What slipway placed was changed by hand.
    case entry
    /// The target is not where it was.
    case target
    /// A writer died.
    case leftover
    /// Others than the target's owner can change it.
    case writable
  }
}

extension InjectionWriter {
  /// Compares what was injected with what is there; needs no right to write, and waits for nobody.
  ///
  /// - Parameters:
  ///   - runningDriver: the version of the kernel's NVIDIA driver, if there is one.
  ///   - buildID: reads a library's build id, so that the same library in a new file is no drift.
  package func status(
    runningDriver: String?, buildID: (String) -> String? = { _ in nil }
  ) throws(InjectionTreeError) -> [Drift] {
    let top = try Folder(target: target)
    let store = try InjectionStore(top)
    var drifts: [Drift] = []
    func add(_ kind: Drift.Kind, _ path: String, _ message: String, _ command: String) {
      drifts.append(
        Drift(kind: kind, path: path, message: message, command: "slipway inject \(command)"))
    }
    let isAtWork = store.folder?.isLocked("lock") == true
    let names = try store.folder?.folder("generations")?.names() ?? []
    for name in names where name.hasSuffix(".partial") && !isAtWork {
      add(
        .leftover, "\(target)/\(InjectionLayout.store)/generations/\(name)",
        "was left by a command that did not end", "apply")
    }
    guard let current = try store.current() else { return drifts }
    if try top.status().st_mode & (S_IWGRP | S_IWOTH) != 0 {
      drifts.append(
        Drift(
          kind: .writable, path: target,
          message: "others than its owner can change what everyone's jobs load",
          command: "chmod go-w \(target)"))
    }
    if current.manifest.target != target {
      add(
        .target, target, "was \(current.manifest.target) when it was written",
        "apply")
    }
    for record in current.manifest.injections {
      let command = "apply \(record.kind.rawValue)"
      if record.kind == .cuda, let runningDriver, runningDriver != record.version {
        add(
          .driver, "\(target)/\(record.place)",
          "is of driver \(record.version), and the kernel runs \(runningDriver)", command)
      }
      for source in record.sources {
        if let change = source.change(buildID: buildID) {
          add(.source, source.path, change, command)
        }
      }
    }
    for injection in current.tree.injections {
      let command = "apply \(injection.record.kind.rawValue)"
      for anchor in current.contents.anchors where anchor.place == injection.record.place {
        // A link on the way is one by hand, too.
        let found = try? top.place(anchor.path)
        guard found != .link(anchor.text) else { continue }
        let now =
          switch found {
          case .absent: "is gone"
          case .link(let text): "is a link to \(text), and was one to \(anchor.text)"
          case .file: "is a file, and was a link to \(anchor.text)"
          case .directory: "is a directory, and was a link to \(anchor.text)"
          case nil: "cannot be reached"
          }
        add(.anchor, "\(target)/\(anchor.path)", now, command)
      }
      for entry in injection.entries {
        let path = InjectionLayout.join(injection.record.place, entry.path)
        let tree = "\(InjectionLayout.store)/generations/\(current.number)/tree/\(path)"
        if try !isWhole(entry, tree, of: top, copy: current.contents.copies[path]) {
          add(.entry, "\(target)/\(path)", "is not what slipway placed there", command)
        }
      }
    }
    return drifts
  }

  private func isWhole(
    _ entry: Injection.Entry, _ path: String, of top: Folder, copy: SourceMark?
  ) throws(InjectionTreeError) -> Bool {
    guard let folder = try? top.folder(InjectionLayout.parent(of: path)) else { return false }
    let name = InjectionLayout.name(of: path)
    switch entry.content {
    case .link(let text): return try top.place(path) == .link(text)
    case .text(let text):
      return (try? folder.contents(name, limit: 4096)) == Array(text.utf8)
    case .copy:
      guard let copy, let status = try folder.status(name) else { return false }
      let now = SourceMark(path, status)
      return status.st_mode & S_IFMT == S_IFREG && (now.size, now.mtime) == (copy.size, copy.mtime)
    }
  }
}
