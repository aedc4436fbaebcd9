package import Environment
import Microarchitecture
package import Stack

/// The module files of a stack: which names its subtrees have.
package struct ModuleTree {
  private var selection: StackSelection
  private var files: StackReader

  package init(_ selection: StackSelection, reading files: StackReader) {
    self.selection = selection
    self.files = files
  }

  /// Refuses names that a shell or Lmod would take for something else.
  package static func names(_ list: String, source: String) throws(ModuleError) -> [String] {
    let words = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard words != [""] else { return [] }
    for word in words where !isModuleName(word) {
      throw ModuleError.invalidName(word, source: source)
    }
    return words
  }

  private static func isModuleName(_ word: String) -> Bool {
    guard let first = word.first, first.isASCII, first.isLetter || first.isNumber || first == "_",
      word.utf8.count <= 256, !word.hasSuffix("/")
    else { return false }
    return word.allSatisfy { character in
      character.isASCII
        && (character.isLetter || character.isNumber || "._+-/@=~".contains(character))
    }
      && !word.split(separator: "/", omittingEmptySubsequences: false)
        .contains { $0.isEmpty || $0 == "." || $0 == ".." }
  }

  /// Throws where a loaded module of another node's subtree has no file in this node's.
  package func checkMoved(in environment: Environment) throws {
    let moved = selection.movedModules(of: environment)
    guard !moved.isEmpty else { return }
    try files.prefetch(moved.compactMap(\.file))
    let missing = try moved.filter { module in
      try module.file.map { try files.kind($0) == .absent } ?? true
    }
    guard !missing.isEmpty else { return }
    throw ModuleError.missingLoaded(
      missing.map(\.name), in: selection.softwarePath,
      elsewhere: try places(having: moved.map(\.name)))
  }

  /// Throws where names have no file in any directory of the module path.
  package func checkPresent(_ names: [String], in environment: Environment) throws {
    let directories = (environment["MODULEPATH"] ?? "").split(separator: ":").map(String.init)
    let missing = try names.filter { try !isPresent($0, in: directories) }
    guard !missing.isEmpty else { return }
    throw ModuleError.missing(
      missing, in: selection.softwarePath, elsewhere: try places(having: names))
  }

  private func isPresent(_ name: String, in directories: [String]) throws -> Bool {
    let candidates = directories.flatMap { ["\($0)/\(name)", "\($0)/\(name).lua"] }
    try files.prefetch(candidates)
    return try candidates.contains { try files.kind($0) != .absent }
  }

  /// The other subtrees that have all of these modules: those that the node can run first, best
  /// first.
  private func places(having names: [String]) throws -> [ModuleError.Place] {
    let all = "\(selection.prefix)/software/linux"
    let others = Catalog.targets.reversed().map(\.subdirectory)
      .filter { !selection.suitable.contains($0) }
    var places: [ModuleError.Place] = []
    for subdirectory in selection.suitable + others where subdirectory != selection.subdirectory {
      var directories = ["\(all)/\(subdirectory)/modules/all"]
      if let accelerator = selection.acceleratorSubtree {
        directories.append("\(all)/\(subdirectory)/\(accelerator)/modules/all")
      }
      guard try files.kind(directories[0]) == .directory else { continue }
      if try names.allSatisfy({ try isPresent($0, in: directories) }) {
        places.append(
          ModuleError.Place(
            subdirectory: subdirectory, isSuitable: selection.suitable.contains(subdirectory)))
      }
    }
    return places
  }
}

extension ModuleError {
  /// The trees that have what is missing; nil for an error of another kind.
  package var places: [Place]? {
    switch self {
    case .missing(_, _, let places), .missingLoaded(_, _, let places): places
    default: nil
    }
  }

  /// What is missing, for a sentence.
  package var lacking: String {
    switch self {
    case .missing(let names, _, _), .missingLoaded(let names, _, _): Self.list(names)
    default: ""
    }
  }
}
