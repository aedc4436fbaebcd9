import ArgumentParser
import Modules
import Stack

/// `slipway modules avail`: the modules for this node.
struct ModulesAvailCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "avail",
    abstract: "Lists the modules of the stack that this node can load.",
    discussion: """
      The directories are those that the stack has in MODULEPATH, in that order. (D) marks the \
      version that a name alone loads; other words in brackets are further names of a version.

      Examples:
        slipway modules avail
        slipway modules avail python --long
      """)

  @Argument(
    help: ArgumentHelp(
      "Only modules whose name and version contain this, in capitals or small letters.",
      valueName: "pattern"))
  var pattern: String?

  @Flag(help: "Say what each module is, too.")
  var long = false

  @OptionGroup var options: ModulesOptions

  func run() throws {
    try reportingFailures {
      func matches(_ module: ModuleIndex.Module) -> Bool {
        guard let pattern else { return true }
        return module.fullName.lowercased().contains(pattern.lowercased())
      }
      let survey = try options.survey(describing: { long && matches($0) })
      let modules = survey.index.available(in: survey.here).filter { matches($0.module) }
      if let pattern, modules.isEmpty {
        throw ModuleError.unknown(
          pattern, in: survey.selection.softwarePath, similar: survey.index.similar(to: pattern))
      }
      if options.json {
        print(try AvailableDocument(modules, of: survey).json)
      } else {
        for line in text(modules, of: survey) { print(line) }
      }
    }
  }

  private func text(_ modules: [ModuleIndex.Available], of survey: Survey) -> [String] {
    var lines: [String] = []
    for tree in survey.here {
      let items = modules.filter { $0.place.tree == tree }
      guard !items.isEmpty else { continue }
      if !lines.isEmpty { lines.append("") }
      lines.append("\(survey.index.trees[tree].directory):")
      let words = items.map { item in
        let marks = (item.isDefault ? ["D"] : []) + survey.index.otherVersions(of: item)
        return "  \(item.module.fullName)"
          + (marks.isEmpty ? "" : " (\(marks.joined(separator: ",")))")
      }
      lines +=
        long
        ? TextTable.aligned(zip(words, items).map { [$0, $1.module.description ?? ""] })
        : TextTable.grid(words, width: TextTable.terminalWidth)
    }
    return lines
  }
}

extension ModuleIndex {
  /// Further names of a version: 17 of Java/17.0.6.
  func otherVersions(of item: Available) -> [String] {
    trees[item.place.tree].aliases.filter { alias in
      alias.value == item.module.fullName && alias.key.hasPrefix(item.module.name + "/")
    }.map { String($0.key.dropFirst(item.module.name.utf8.count + 1)) }.sorted()
  }
}
