import ArgumentParser

/// `slipway modulefile`: a module file that asks slipway.
struct ModulefileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "modulefile",
    abstract: "Prints a module file that initialises the stack on the node that loads it.",
    discussion: """
      The options for the stack are written into the file, and hold when it is loaded.

      Examples:
        slipway modulefile lmod --eessi 2025.06 >/etc/modulefiles/eessi/2025.06.lua
        slipway modulefile tcl --eessi-repo software.example.org >/etc/modulefiles/example/1.0
      """)

  @Argument(help: "The language: lmod, or tcl for Environment Modules.")
  var system: Modulefile.System

  @OptionGroup var stack: StackOptions

  @Option(
    help: ArgumentHelp(
      "The program that the file starts: a path, or a name to look up in PATH.",
      valueName: "program"))
  var slipway = "slipway"

  func run() throws {
    print(Modulefile(slipway: slipway, stack: stack).text(for: system), terminator: "")
  }
}

extension Modulefile.System: ExpressibleByArgument {}

extension Modulefile {
  init(slipway: String, stack: StackOptions) {
    self.init(slipway: slipway, subject: "")
    for (name, value) in [
      ("--eessi", stack.version), ("--eessi-repo", stack.repository),
      ("--eessi-arch", stack.subdirectory), ("--config", stack.config),
    ] {
      if let value { options += [name, value] }
    }
    if stack.verbose { options.append("--verbose") }
    let repository = stack.repository ?? "software.eessi.io"
    isEESSI = repository == "eessi.io" || repository.hasSuffix(".eessi.io")
    subject = (isEESSI ? "EESSI" : repository) + (stack.version.map { " \($0)" } ?? "")
  }
}
