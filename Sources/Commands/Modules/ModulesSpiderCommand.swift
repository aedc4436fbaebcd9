import ArgumentParser
import Modules
import Stack

/// `slipway modules spider`: which modules exist for which targets.
struct ModulesSpiderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spider",
    abstract: "Tells which modules of the stack exist for which targets.",
    discussion: """
      A row is a module, a column a target; an s is a module that only the site has added. The mark \
      * is for what this node has in its MODULEPATH, + for other targets that it can run. With a \
      version it says where the module is and how to load it here.

      Examples:
        slipway modules spider
        slipway modules spider GROMACS
        slipway modules spider GROMACS/2024.4-foss-2023b
      """)

  @Argument(help: ArgumentHelp("Only this module, or this version of it.", valueName: "module"))
  var module: String?

  @OptionGroup var options: ModulesOptions

  func run() throws {
    try reportingFailures {
      let name = module.map { $0.prefix { $0 != "/" } }
      let survey = try options.survey(describing: { module in
        name.map { module.name == $0 || module.name.hasPrefix("\($0)/") } ?? false
      })
      let modules =
        try module.map { try survey.modules(named: $0) }
        ?? survey.index.modules.filter { !survey.index.isHidden($0) }
      if options.json {
        print(try SpiderDocument(modules, of: survey).json)
      } else if let module, module.contains("/"), modules.count == 1 {
        for line in survey.detail(of: modules[0], stack: options.stack) { print(line) }
      } else {
        let lines = survey.table(
          of: modules, width: TextTable.terminalWidth, withDescription: module != nil)
        for line in lines { print(line) }
      }
    }
  }
}

extension Survey {
  /// The table of modules and targets; a list of targets for each module where the table is too
  /// wide.
  func table(of modules: [ModuleIndex.Module], width: Int?, withDescription: Bool) -> [String] {
    let used = targets.filter { target in
      modules.contains { module in targets(having: module).contains(target) }
    }
    var lines = ["\(selection.prefix): * is this node's, + what it can run too"]
    if withDescription, let text = modules.last?.description, !text.isEmpty { lines.append(text) }
    lines.append("")
    let cells = modules.map { module in
      [module.fullName]
        + used.map { target in
          let places = module.places.filter { index.trees[$0.tree].target == target.name }
          return places.isEmpty
            ? "." : places.allSatisfy { index.trees[$0.tree].isSite } ? "s" : "x"
        }
    }
    let table = TextTable.aligned([["module"] + used.map(\.heading)] + cells)
    if let width, table.contains(where: { $0.count > width }) {
      for module in modules {
        lines.append(module.fullName)
        lines += wrapped(targets(having: module).map(\.heading), width: width)
      }
    } else {
      lines += table
    }
    return lines
  }

  private func wrapped(_ words: [String], width: Int) -> [String] {
    var lines = ["   "]
    for word in words {
      if lines.last!.count > 3, lines.last!.count + 1 + word.count > width { lines.append("   ") }
      lines[lines.count - 1] += " \(word)"
    }
    return lines
  }

  /// Where one module is, and how it is loaded here.
  func detail(of module: ModuleIndex.Module, stack: StackOptions) -> [String] {
    var rows: [[String]] = []
    let name = module.fullName
    if let place = place(of: module) {
      rows.append(["this node", index.trees[place.tree].target + isDefault(module)])
      rows.append(["file", index.file(of: module, in: place)])
    } else if let fallback = fallback(for: module) {
      rows.append(
        [
          "this node",
          "not in \(selection.subdirectory), but in \(fallback), which this node can run: "
            + "then all software is taken from there",
        ])
    } else {
      rows.append(["this node", "cannot run any target that has it: ask for nodes of that kind"])
    }
    if place(of: module) != nil || fallback(for: module) != nil {
      let isHere = place(of: module) != nil
      rows.append(
        [
          "load",
          "srun \(options(forSrun: true, stack)) --eessi-load=\(name)"
            + (isHere ? "" : " --eessi-load-fallback") + " COMMAND",
        ])
      rows.append(
        [
          "",
          "slipway run \(options(forSrun: false, stack)) --load \(name)"
            + (isHere ? "" : " --load-fallback") + " -- COMMAND",
        ])
    }
    for (number, target) in targets(having: module).enumerated() {
      rows.append([number == 0 ? "targets" : "", target.name + target.mark])
    }
    let text = module.description ?? ""
    return [name + (text.isEmpty ? "" : ": \(text)")] + TextTable.aligned(rows).map { "  \($0)" }
  }

  private func isDefault(_ module: ModuleIndex.Module) -> String {
    index.available(in: here).contains { $0.module == module && $0.isDefault }
      ? ", where \(module.name) alone means this version" : ""
  }
}
