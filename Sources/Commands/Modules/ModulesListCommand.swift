import ArgumentParser
import Environment
import Modules
import Stack

/// `slipway modules list`: the modules that are loaded.
struct ModulesListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the modules that this environment has loaded, and which targets have them.",
    discussion: """
      Examples:
        slipway modules list
        srun --eessi-load=GROMACS slipway modules list
      """)

  @OptionGroup var options: ModulesOptions

  func run() throws {
    try reportingFailures {
      let loaded = LoadedFile.all(in: .ofThisProcess)
      guard !loaded.isEmpty || options.json else { return print("no modules are loaded") }
      let survey = try options.survey()
      let document = LoadedDocument(loaded, of: survey)
      guard !options.json else { return print(try document.json) }
      let rows = document.modules.map { module in
        [
          module.name, module.target ?? "not of \(survey.selection.prefix)",
          module.here
            ? "" : module.targets.isEmpty ? "" : "not in \(survey.selection.subdirectory)",
          module.targets.isEmpty
            ? ""
            : survey.targets.filter { module.targets.contains($0.name) }.map(\.heading)
              .joined(separator: " "),
        ]
      }
      let heading = ["module", "loaded from", "this node", "targets that have it"]
      for line in TextTable.aligned([heading] + rows.map { $0.map(TextTable.shown) }) {
        print(line)
      }
    }
  }
}

/// A loaded module and its file.
struct LoadedFile {
  var name: String
  var file: String?

  /// LOADEDMODULES and _LMFILES_ have names and files in one order.
  static func all(in environment: Environment) -> [LoadedFile] {
    let files = (environment["_LMFILES_"] ?? "").split(separator: ":").map(String.init)
    let names = LoadedModules.names(in: environment)
    return names.enumerated().map { number, name in
      LoadedFile(name: name, file: files.count == names.count ? files[number] : nil)
    }
  }
}
