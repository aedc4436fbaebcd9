/// Why no stack could be chosen.
package enum StackError: Error, Equatable {
  case invalidWord(what: String, value: String, source: String)
  case missingRepository(Repository)
  case missingVersion(String, in: Repository, present: [String])
  case noVersion(Repository)
  case missingCompatLayer(String)
  case noSubtree(String, tried: [String])
  case missingSubtree(String, override: String)
  case unsafeSubtree(String, reason: String, source: String)
  case unknownSubtree(String, source: String)
}

extension StackError: CustomStringConvertible {
  /// What failed, on what, the cause and the remedy.
  ///
  /// Words and paths of the user's environment are in it, so no control character passes.
  package var description: String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
  }

  private var text: String {
    switch self {
    case .invalidWord(let what, let value, let source):
      "\(source): \"\(value.prefix(64))\(value.count > 64 ? "…" : "")\" is no \(what); "
        + "remedy: correct it"
    case .missingRepository(let repository):
      "repository \(repository.name): \(repository.root)/versions is not there on this node; "
        + "remedy: mount the repository, or name another with --eessi-repo"
    case .missingVersion(let version, let repository, let present):
      "version \(version) is not in \(repository.root)/versions; remedy: use one of: "
        + (present.isEmpty ? "(none found)" : present.joined(separator: " "))
    case .noVersion(let repository):
      "\(repository.root)/versions holds no version; remedy: check that the repository is "
        + "mounted, or name a version with --eessi=VERSION"
    case .missingCompatLayer(let path):
      "the compat layer \(path) is not there; remedy: choose a version that supports this "
        + "architecture"
    case .noSubtree(let path, let tried):
      "no subtree of \(path) fits this node (looked for \(tried.joined(separator: " "))); "
        + "remedy: choose a version that supports this architecture"
    case .missingSubtree(let path, let source):
      "\(source): \(path) is not there; remedy: drop the override, or name a subtree that exists"
    case .unsafeSubtree(let subtree, let reason, let source):
      "\(source): this node cannot run \(subtree) (\(reason)); remedy: drop the override, or have "
        + "the site set allow_unsafe_override in slipway.toml"
    case .unknownSubtree(let subtree, let source):
      "\(source): slipway knows no target \(subtree), so cannot tell whether this node runs it; "
        + "remedy: name one of `slipway detect --all`, or have the site set allow_unsafe_override "
        + "in slipway.toml"
    }
  }
}
