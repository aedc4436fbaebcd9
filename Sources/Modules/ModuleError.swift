/// Why modules could not be loaded.
package enum ModuleError: Error, Equatable {
  /// A word that names no module.
  case invalidName(String, source: String)
  /// The stack has no Lmod.
  case missingLmod(String)
  /// Modules that are not in this node's subtree, and the subtrees that have all of them.
  case missing([String], in: String, elsewhere: [Place])
  /// Modules of the inherited environment that are not in this node's subtree.
  case missingLoaded([String], in: String, elsewhere: [Place])
  /// Lmod or a module refused; what it said.
  case refused([String], message: String)
  case timedOut([String], seconds: Double)
  /// A name that no tree has, and names that are like it.
  case unknown(String, in: String, similar: [String])
  case cannotRun(String, cause: String)

  /// A subtree that has what is missing.
  package struct Place: Equatable, Sendable {
    package var subdirectory: String
    /// Whether this node can run its builds.
    package var isSuitable: Bool

    package init(subdirectory: String, isSuitable: Bool) {
      self.subdirectory = subdirectory
      self.isSuitable = isSuitable
    }
  }

  package var isTimeout: Bool { if case .timedOut = self { true } else { false } }
}

extension ModuleError: CustomStringConvertible {
  package var description: String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }

  private var text: String {
    switch self {
    case .invalidName(let word, let source):
      "\(source): \"\(word.prefix(64))\(word.count > 64 ? "…" : "")\" is no name of a module; "
        + "remedy: write names as for module load, separated by commas"
    case .missingLmod(let path):
      "modules cannot be loaded: the stack has no Lmod (\(path) is not there); remedy: choose a "
        + "version of the stack that has one"
    case .missing(let names, let tree, let places):
      "\(Self.list(names)) not in \(tree)\(Self.remedy(places))"
    case .missingLoaded(let names, let tree, let places):
      "the environment was made on another kind of node, with modules loaded, and "
        + "\(Self.list(names)) not in \(tree)\(Self.remedy(places, isLoaded: true))"
    case .refused(let names, let message):
      "module load \(names.joined(separator: " ")) failed: \(Self.line(message))"
    case .timedOut(let names, let seconds):
      "module load \(names.joined(separator: " ")) did not end within \(Int(seconds)) s; remedy: "
        + "try again when the repository is warm, and check these modules: one may wait or loop"
    case .unknown(let name, let prefix, let similar):
      "no module \(name.prefix(64)) for any target of \(prefix)"
        + (similar.isEmpty
          ? "; remedy: slipway modules spider lists all"
          : "; did you mean \(similar.prefix(5).joined(separator: ", "))?")
    case .cannotRun(let program, let cause):
      "modules cannot be loaded: \(program): \(cause); remedy: check that the node has it"
    }
  }

  static func list(_ names: [String]) -> String {
    "the module\(names.count == 1 ? "" : "s") \(names.joined(separator: ", ")) "
      + (names.count == 1 ? "is" : "are")
  }

  private static func remedy(_ places: [Place], isLoaded: Bool = false) -> String {
    if let best = places.first(where: \.isSuitable) {
      return
        ", but \(best.subdirectory) has \(isLoaded ? "all that is loaded" : "all of the set"); "
        + "remedy: --eessi-load-fallback takes that tree for everything"
    }
    if let other = places.first {
      return ", only in \(other.subdirectory), which this node cannot run; remedy: ask for nodes "
        + "of that kind (--constraint), or load another version (slipway modules spider)"
    }
    return "; remedy: check the name with: slipway modules spider NAME"
  }

  /// A message of several lines in one, as short as a terminal's few lines.
  static func line(_ message: String) -> String {
    var words = message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    if words.count > 600 { words = words.prefix(600) + "…" }
    return words.isEmpty ? "Lmod said nothing; remedy: try module load in a shell" : words
  }
}
