import CLinux
import Configuration
import Environment
import Glibc
import Host
import Injection
import Launch
import Modules
import Stack

/// The helper that the SPANK plugin starts once per step and node, as the user.
///
/// It reads the job's environment from a descriptor, as data: its own environment is a fixed one,
/// so nothing that a user sets changes how it runs. It answers on standard output with records of
/// a letter, a text and a NUL (``Reply``); spank/reply.c reads them.
@main
struct Node {
  static func main() {
    let reply = Reply()
    do {
      let arguments = try Arguments(CommandLine.arguments.dropFirst())
      let environment = try readEnvironment(from: arguments.environmentDescriptor)
      reply.phase("reading the configuration")
      var configuration = try Configuration.load(named: arguments.configuration)
      if let deadline = arguments.deadline {
        configuration.deadline = min(configuration.deadline, deadline)
      }
      reply.phase("reading the processor")
      // Not NVML: it can take longer than all the rest, and a static program cannot load it.
      let host = try MachineRoot().profile(for: environment, askingDriver: false)
      reply.phase(
        "looking at \(arguments.request.repository?.value ?? configuration.stack.repository)")
      let files = GuardedFiles(seconds: configuration.deadline)
      var loader: ModuleLoader?
      if !arguments.request.modules.isEmpty {
        configuration.modules.deadline = min(
          configuration.modules.deadline, arguments.loadDeadline ?? .infinity)
        loader = ModuleLoader(configuration, files: files, environment: environment)
        reply.phase("loading \(arguments.request.modules.joined(separator: " "))")
      }
      let plan = try LaunchPlan(
        arguments.request, environment: environment, configuration: configuration, host: host,
        files: StackReader(guarding: files), modules: loader)
      reply.plan(plan, verbose: arguments.isVerbose)
      if arguments.isFirstNode { reply.warnings(plan.capsuleWarnings) }
      if let step = arguments.step {
        reply.phase("looking at \(step.program)")
        if loader != nil { files.renew() }
        let check = StepCheck(step, environment: plan.environment, files: files)
        if arguments.isProbe {
          reply.reasonNotToProbe(check.reasonNotToProbe)
        } else if let finding = check.finding(
          software: plan.selection.softwarePath, injected: plan.injections.mpis)
        {
          if arguments.isStrict { throw LaunchMismatch(finding) }
          // The same on every node of the step.
          if arguments.isFirstNode { reply.warnings([finding.words]) }
        }
      }
      // A job's steps load the same modules, and one says what they say.
      if arguments.isFirstNode, !plan.messages.isEmpty,
        loader?.store?.isFirst(announcing: plan.messages, inJobOf: environment) ?? true
      {
        reply.messages(plan.messages)
      }
    } catch {
      reply.failure(error)
    }
    // Nothing is left to tidy: the child that looks at files dies with this process.
    _exit(reply.send())
  }

  /// The variables that a descriptor holds, separated by NUL.
  private static func readEnvironment(from descriptor: Int32?) throws -> Environment {
    guard let descriptor else { return Environment() }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw UsageError("the environment cannot be read") }
      if count == 0 { return Environment(entries: bytes.split(separator: 0)) }
      bytes += chunk[..<count]
    }
  }
}

/// The command line, which only spank/remote.c writes.
struct Arguments {
  var request = LaunchRequest()
  var configuration: String?
  var deadline: Double?
  var loadDeadline: Double?
  var environmentDescriptor: Int32?
  var isVerbose = false
  /// Whether the node is the first of its step.
  var isFirstNode = false
  /// Whether a launch that does not fit is an error.
  var isStrict = false
  /// Whether the step is one of --eessi-probe.
  var isProbe = false
  /// Given for steps of several tasks.
  var step: Step? {
    tasks.flatMap { tasks in
      program.map { Step(tasks: tasks, program: $0, directory: directory) }
    }
  }
  private var tasks: Int?
  private var program: String?
  private var directory: String?

  init(_ words: some Sequence<String>) throws {
    var words = words.makeIterator()
    guard words.next() == "plan" else { throw UsageError("the first word must be: plan") }
    while let word = words.next() {
      switch word {
      case "--verbose":
        isVerbose = true
        continue
      case "--load-fallback":
        request.fallsBack = true
        continue
      case "--first-node":
        isFirstNode = true
        continue
      case "--strict":
        isStrict = true
        continue
      case "--probe":
        isProbe = true
        continue
      default: break
      }
      guard let value = words.next() else { throw UsageError("\(word) needs a value") }
      switch word {
      case "--version": request.version = .init(value, source: "--eessi")
      case "--repository": request.repository = .init(value, source: "--eessi-repo")
      case "--arch": request.subdirectory = .init(value, source: "--eessi-arch")
      case "--load": request.modules = try ModuleTree.names(value, source: "--eessi-load")
      case "--load-deadline": loadDeadline = Double(value)
      case "--tasks": tasks = Int(value)
      case "--program": program = value
      case "--directory": directory = value
      case "--config": configuration = value
      case "--deadline": deadline = Double(value)
      case "--environment-fd": environmentDescriptor = Int32(value)
      default: throw UsageError("unknown option \(word)")
      }
    }
  }
}

struct UsageError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = "slipway-node: \(description)" }
}

/// The answer to the plugin.
///
/// | letter | text |
/// | --- | --- |
/// | P | what is done next; sent at once, so that a deadline can name it |
/// | S | `NAME=VALUE` to set |
/// | U | a name to unset |
/// | W | a warning for the user |
/// | I | a line for `--eessi-verbose` |
/// | M | a line that modules say when they are loaded |
/// | N | why the program is not to be probed |
/// | E | exit code, a space, the message of a failure |
/// | . | the end; an answer without it is no answer |
final class Reply {
  private var bytes = Array("SLIPWAY1".utf8)
  private var status: Int32 = 0

  func phase(_ text: String) {
    record("P", text)
    flush()
  }

  func plan(_ plan: LaunchPlan, verbose: Bool) {
    for change in plan.changes {
      if let value = change.value {
        record("S", "\(change.name)=\(value)")
      } else {
        record("U", change.name)
      }
    }
    warnings(plan.warnings)
    if verbose {
      record("I", plan.summary)
      if let summary = plan.moduleSummary { record("I", summary) }
    }
  }

  func warnings(_ texts: [String]) {
    for text in texts { record("W", text) }
  }

  func reasonNotToProbe(_ text: String?) {
    if let text { record("N", text) }
  }

  func messages(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) { record("M", String(line)) }
  }

  func failure(_ error: any Error) {
    status = error is UsageError ? ExitStatus.usage.rawValue : ExitStatus(error).rawValue
    record("E", "\(status) \(error)")
  }

  /// Sends what is left; gives the exit code.
  func send() -> Int32 {
    record(".", "")
    flush()
    return status
  }

  private func record(_ letter: String, _ text: String) {
    bytes += Array(letter.utf8) + Environment.bytes(text) + [0]
  }

  private func flush() {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      // A reader that is gone has given up: nobody is left to tell.
      guard count > 0 else { exit(ExitStatus.internalError.rawValue) }
      rest = rest.dropFirst(count)
    }
    bytes = []
  }
}
