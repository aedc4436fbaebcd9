import ArgumentParser
import Glibc
import Injection
import Synchronization

/// `slipway inject check`: whether programs work with an MPI.
struct InjectCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Tells whether programs work with an MPI that they were not built with.",
    discussion: """
      A directory stands for every program and library in it. Those that use no MPI are counted and \
      not listed.

      Examples:
        slipway inject check ./a.out --with /opt/openmpi
        slipway inject check /cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen2 \\
          --with /opt/openmpi --via override
      """)

  @Argument(help: ArgumentHelp("Programs, libraries or directories.", valueName: "consumer"))
  var consumers: [String]

  @OptionGroup var options: InjectionCheckOptions

  @Flag(help: "List those that use no MPI, too.")
  var all = false

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  mutating func validate() throws {
    guard !consumers.isEmpty else { throw ValidationError("name a program or a directory") }
  }

  func run() throws {
    try reportingFailures {
      let setting = try options.setting()
      var unreadable: [String] = []
      let paths = consumers.flatMap {
        ConsumerWalk.candidates(below: $0) { unreadable.append($0) }
      }
      for path in unreadable {
        writeError("slipway: warning: \(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      guard !paths.isEmpty || unreadable.isEmpty else {
        throw InjectionError(
          what: "nothing to check", cause: "\(unreadable.joined(separator: ", ")) cannot be read",
          remedy: "name programs or directories that exist", kind: .badInput)
      }
      let checks = setting.check(paths, threads: options.threads)
      let concerned = checks.filter { $0.usesMPI || ($0.verdict > .ok && paths.count == 1) }
      if json {
        print(try CheckDocument(all ? checks : concerned, of: setting, seen: checks.count).json)
      } else {
        writeOutput(text(concerned, all: checks, setting))
      }
      let verdict = concerned.map(\.verdict).max() ?? .ok
      if verdict > .ok { throw ExitCode(verdict.exitCode) }
    }
  }

  private func text(_ checks: [ConsumerCheck], all: [ConsumerCheck], _ setting: InjectionSetting)
    -> String
  {
    var lines: [String] = []
    for check in checks {
      lines.append("\(check.verdict.rawValue.padded(12))\(check.consumer)")
      lines += check.findings.filter { $0.verdict > .ok }.flatMap(\.lines)
    }
    if self.all {
      lines += all.filter { !$0.usesMPI }.map { "\("-".padded(12))\($0.consumer)" }
    }
    if all.count > 1 || checks.isEmpty {
      let counts = Verdict.allCases.compactMap { verdict -> String? in
        let count = checks.count { $0.verdict == verdict }
        return count > 0 ? "\(count) \(verdict.rawValue)" : nil
      }
      lines.append(
        "\(all.count) files, \(checks.count) with MPI"
          + (counts.isEmpty ? "" : ": " + counts.joined(separator: ", ")))
    }
    return lines.map { $0 + "\n" }.joined()
  }
}

extension Finding {
  /// The finding for a person, below the program's line.
  var lines: [String] {
    var first = "  \(verdict.rawValue.padded(12))\(step.rawValue) "
    if let file { first += "\(file): " }
    var lines = [first + message]
    if let remedy { lines.append("              remedy: \(remedy)") }
    return lines
  }
}

extension Verdict {
  /// What check, explain, plan and apply end with.
  var exitCode: Int32 { Int32(Self.allCases.firstIndex(of: self)!) }
}

extension String {
  func padded(_ width: Int) -> String {
    count >= width ? self + " " : self + String(repeating: " ", count: width - count)
  }
}
