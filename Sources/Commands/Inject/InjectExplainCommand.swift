import ArgumentParser
import Injection

/// `slipway inject explain`: all that a verdict rests on.
struct InjectExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Says what one program would load, by which rules, and what speaks against it.",
    discussion: """
      Examples:
        slipway inject explain ./a.out
        slipway inject explain $EBROOTGROMACS/bin/gmx_mpi --with /opt/openmpi
      """)

  @Argument(help: ArgumentHelp("A program or library.", valueName: "consumer"))
  var consumer: String

  @OptionGroup var options: InjectionCheckOptions

  func run() throws {
    try reportingFailures {
      let setting = try options.setting()
      let check = setting.checker().check(consumer.absolutePath)
      writeOutput(text(check, setting).map { $0 + "\n" }.joined())
      if check.verdict > .ok { throw ExitCode(check.verdict.exitCode) }
    }
  }

  private func text(_ check: ConsumerCheck, _ setting: InjectionSetting) -> [String] {
    var rows: [[String]] = [["program", check.consumer], ["world", setting.world.name]]
    if let interpreter = check.interpreter {
      rows.append(["linker", interpreter + (check.release.map { " (glibc \($0))" } ?? "")])
    }
    rows.append(["built for", check.family?.words ?? (check.usesMPI ? "an MPI" : "no MPI")])
    if let bundle = check.bundle {
      rows.append([
        "injected",
        "\(bundle.library.description) in \(bundle.directory), by \(check.method.rawValue)",
      ])
      let kinds = bundle.library.kinds.map(\.rawValue).sorted().joined(separator: ", ")
      rows.append([
        "launched", kinds.isEmpty ? "in a way that its files do not tell" : "by \(kinds)",
      ])
      for plugin in bundle.plugins {
        rows.append(["plugins", "\(plugin.path) (\(plugin.component))"])
      }
      if let launcher = bundle.launcher { rows.append(["launcher", launcher]) }
    }
    if let picked = check.picked {
      rows.append(["loads", "\(picked.path), found \(picked.rule)"])
    }
    for path in check.closure.dropFirst() where path != check.picked?.path {
      rows.append(["  with", path])
    }
    rows.append(["verdict", check.verdict.rawValue])
    return TextTable.aligned(rows) + check.findings.flatMap(\.lines)
  }
}
