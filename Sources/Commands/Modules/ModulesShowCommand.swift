import ArgumentParser
import Environment
import Launch
import Modules

/// `slipway modules show`: what a module is and what loading it changes.
struct ModulesShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows a module: its file, the targets that have it, and what loading it changes.",
    discussion: """
      The module is loaded as slipway env --load does, into the environment as it is, and only the \
      changes are printed.

      Examples:
        slipway modules show GROMACS
        slipway modules show GROMACS/2024.4-foss-2023b --json
      """)

  @Argument(help: ArgumentHelp("The module, named as for module load.", valueName: "module"))
  var module: String

  @OptionGroup var options: ModulesOptions

  mutating func validate() throws {
    guard !module.contains(",") else { throw ValidationError("name one module") }
  }

  func run() throws {
    try reportingFailures {
      let names = try ModuleTree.names(module, source: "slipway modules show")
      let name = module.prefix { $0 != "/" }
      var document: ShowDocument?
      _ = try options.survey(
        describing: { $0.name == name || $0.name.hasPrefix("\(name)/") },
        also: { survey, surveyor in
          let found = try survey.modules(named: module)
          do {
            let plan = try surveyor.plan(loading: names, in: .ofThisProcess)
            document = ShowDocument(survey.meant(by: module, among: found, in: plan), plan, survey)
          } catch ModuleError.refused(_, let message) {
            document = ShowDocument(
              survey.meant(by: module, among: found, in: nil), refusal: message, survey)
          }
        })
      guard let document else { return }
      print(options.json ? try document.json : document.text)
    }
  }
}

extension Survey {
  /// The module that was loaded when a word was asked for; without a plan, the one that Lmod would
  /// try.
  fileprivate func meant(
    by word: String, among found: [ModuleIndex.Module], in plan: LaunchPlan?
  ) -> ModuleIndex.Module {
    let loaded = plan.map { LoadedModules.names(in: $0.environment) } ?? []
    let available = index.available(in: here).filter { item in found.contains(item.module) }
    return found.last { loaded.contains($0.fullName) }
      ?? available.first { $0.isDefault }?.module ?? available.last?.module ?? found.last!
  }
}

extension ShowDocument {
  /// For a person.
  var text: String {
    var rows: [[String]] = []
    if let file { rows.append(["file", file]) }
    rows.append(["target", target ?? "none of this node"])
    rows.append(["targets", targets.joined(separator: " ")])
    switch capsule {
    case "capsule", "computed": rows.append(["capsule", "kept"])
    case "impure":
      rows.append(["capsule", "not kept, because the set \(reasons.joined(separator: "; "))"])
    case "refused": rows.append(["load", "fails"])
    default: rows.append(["load", "is loaded already: nothing changes"])
    }
    if !loads.isEmpty { rows.append(["loads", loads.joined(separator: " ")]) }
    for (word, lists) in [("prepend", prepend), ("append", append)] {
      for (name, paths) in lists.sorted(by: { $0.key < $1.key }) {
        rows.append([word, name])
        rows += paths.map { ["", "  \($0)"] }
      }
    }
    for (name, value) in set.sorted(by: { $0.key < $1.key }) {
      rows.append(["set", "\(name)=\(value)"])
    }
    rows += unset.map { ["unset", $0] }
    for (name, value) in aliases.sorted(by: { $0.key < $1.key }) {
      rows.append(["alias", "\(name)=\(value)"])
    }
    rows += functions.map { ["function", $0] }
    for line in messages.split(separator: "\n") { rows.append(["says", String(line)]) }
    let head = "\(fullName)\(description.map { ": \($0)" } ?? "")"
    return ([head] + TextTable.aligned(rows.map { $0.map(TextTable.shown) }).map { "  \($0)" })
      .joined(separator: "\n")
  }
}
