import CLinux
import Configuration
import Environment
import Files
import Glibc
import Host
import Images
import Injection
import Launch
import Modules
import Sandbox
import Stack

/// The helper that the SPANK plugin starts once per step and node, as the user.
///
/// It reads the job's environment from a descriptor, as data: its own environment is a fixed one,
/// so nothing that a user sets changes how it runs. It answers on standard output with records of
/// a letter, a text and a NUL (``Reply``); spank/reply.c reads them.
@main
struct Node {
  static func main() {
    let words = CommandLine.arguments
    // In the namespaces of a container, where it is started by descriptor.
    if words.count == 3, words[1] == "hold", let socket = Int32(words[2]) { hold(socket: socket) }
    becomeEntrypoint(words)
    let reply = Reply()
    var isInside = false
    do {
      let arguments = try Arguments(words.dropFirst())
      var environment = try readEnvironment(from: arguments.environmentDescriptor)
      reply.phase("reading the configuration")
      var configuration = try Configuration.load(named: arguments.configuration)
      if let deadline = arguments.deadline {
        configuration.deadline = min(configuration.deadline, deadline)
      }
      reply.phase("reading the processor")
      // Not NVML: it can take longer than all the rest, and a static program cannot load it.
      let host =
        try arguments.wantsStack || arguments.container != nil
        ? MachineRoot().profile(for: environment, askingDriver: false)
        : HostProfile(processor: MachineRoot().processor())
      let job = environment
      var entered: (plan: ContainerPlan, directory: String)?
      if let container = arguments.container {
        entered = try enter(
          container, arguments, configuration, host: host, environment: environment, reply)
        isInside = true
        environment = entered!.plan.environment
      } else if arguments.wantsStack, let passthrough = Passthrough(configuration) {
        let names = passthrough.roots.keys.sorted().joined(separator: " ")
        reply.phase("showing \(names) below /cvmfs")
        let directory = arguments.directory ?? "/"
        try passthrough.enter(&configuration, holder: words[0], directory: directory)
        isInside = true
        reply.join(directory)
      }
      var result =
        try arguments.wantsStack
        ? prepare(arguments, environment, configuration, host: host, reply)
        : environment
      if let (plan, directory) = entered {
        var plan = plan
        try injectMPI(plan: &plan, arguments, directory, host: host, into: &result, reply)
        reply.container(plan, verbose: arguments.isVerbose)
      }
      reply.changes(job.changes(to: result))
    } catch {
      reply.failure(error)
    }
    let status = reply.send()
    // The namespaces are those of this process until the plugin has them: it ends this process.
    if isInside { while true { pause() } }
    // Nothing is left to tidy: the child that looks at files dies with this process.
    _exit(status)
  }

  /// Becomes the entry point of an image and the command behind it, where the plugin has put this
  /// program in a command's place (spank/remote.c).
  private static func becomeEntrypoint(_ words: [String]) {
    let prefix = "/proc/self/fd/"
    guard let path = words.first, path.hasPrefix(prefix), let text = getenv("SLURM_SLIPWAY_ENTRY"),
      let descriptor = Int32(path.dropFirst(prefix.count))
    else { return }
    close(descriptor)
    let entry = String(cString: text).split(separator: ",").map { word in
      var bytes: [UInt8] = []
      var digits = word.utf8.makeIterator()
      while let high = digits.next(), let low = digits.next() {
        bytes.append(
          UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16) ?? UInt8(ascii: "?"))
      }
      return Environment.text(bytes)
    }
    unsetenv("SLURM_SLIPWAY_ENTRY")
    var entries: [[UInt8]] = []
    var at = environ
    while let entry = at.pointee {
      entries.append(
        Array(UnsafeBufferPointer(start: entry, count: strlen(entry))).map { UInt8(bitPattern: $0) }
      )
      at += 1
    }
    do {
      try execute(entry + words.dropFirst(), environment: Environment(entries: entries))
    } catch {
      let message = Array("slipway: \(error)\n".utf8)
      _ = message.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      _exit(error.isNotFound ? ExitStatus.notFound.rawValue : ExitStatus.cannotExecute.rawValue)
    }
  }

  /// Takes this process into the step's container, and replies where its tasks start.
  private static func enter(
    _ container: ContainerLaunch, _ arguments: Arguments, _ configuration: Configuration,
    host: HostProfile, environment: Environment, _ reply: Reply
  ) throws -> (plan: ContainerPlan, directory: String) {
    var container = container
    container.honour(environment)
    reply.phase("looking for the image \(container.source)")
    let files = GuardedFiles(seconds: configuration.deadline)
    defer { files.stop() }
    // What hangs hangs the child that looks; autofs mounts what is asked for.
    if arguments.wantsStack {
      let name = arguments.request.repository?.value ?? configuration.stack.repository
      _ = try files.isDirectory("\(configuration.stack.cvmfs)/\(name)")
    }
    let user = ContainerUser(
      uid: getuid(), gid: getgid(), directory: arguments.directory ?? "/", environment: environment,
      spool: arguments.spool, on: MachineRoot())
    func planned() throws -> ContainerPlan {
      try container.plan(
        for: user, configuration: configuration, on: host,
        exists: { (try? files.isDirectory($0)).flatMap { $0 } != nil })
    }
    let plan: ContainerPlan
    do {
      plan = try planned()
    } catch let error as ImageError where error.kind == .unavailable && arguments.slipway != nil {
      // A store that the nodes do not share: once per node, however many steps start.
      reply.phase("fetching the image \(container.source)")
      try fetchImage(container, arguments, environment)
      files.renew()
      plan = try planned()
    }
    reply.phase("starting \(container.source)")
    let directory = try plan.enter(
      configuration: configuration, holder: CommandLine.arguments[0])
    reply.join(directory)
    return (plan, directory)
  }

  /// Decides, in the container, whether the step's program gets the node's MPI.
  private static func injectMPI(
    plan: inout ContainerPlan, _ arguments: Arguments, _ directory: String, host: HostProfile,
    into environment: inout Environment, _ reply: Reply
  ) throws {
    guard !plan.mpis.isEmpty, let world = World.here(on: host) else { return }
    reply.phase("judging \(plan.mpis[0].name) for \(arguments.step?.program ?? "the step")")
    var step = arguments.step
    step?.directory = directory
    let warnings = plan.warnings
    try plan.injectMPI(
      for: step.map { InjectionProgram($0, in: environment) }, into: &environment, in: world)
    // The same on every node of the step.
    if !arguments.isFirstNode { plan.warnings = warnings }
  }

  /// Lets slipway fetch an image into the user's store on this node.
  private static func fetchImage(
    _ container: ContainerLaunch, _ arguments: Arguments, _ environment: Environment
  ) throws {
    var words = [arguments.slipway!, "image", "pull", "--quiet"]
    if let file = arguments.configuration { words += ["--config", file] }
    words += ["--", container.wanted]
    let log = sw_memory_file("slipway-pull")
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer {
      close(log)
      close(null)
    }
    let milliseconds = Int32(clamping: Int((arguments.pullDeadline ?? 600) * 1000))
    let status = withCStrings(words.map(Environment.bytes)) { argv in
      withCStrings(environment.entries) { variables in
        sw_run(words[0], argv, variables, [null, null, log], 3, milliseconds, Int64.max, -1)
      }
    }
    guard status != 0 else { return }
    let said = text(of: log)
    throw ContainerError(
      subject: "fetching \(container.source) on this node",
      cause: status == -ETIMEDOUT ? "not done in time" : said.isEmpty ? "no answer" : said,
      remedy: "fetch it before the job: slipway image pull \(container.source)",
      status: .unavailable)
  }

  /// Plans the stack in an environment; gives the one that results.
  private static func prepare(
    _ arguments: Arguments, _ environment: Environment, _ configuration: Configuration,
    host: HostProfile, _ reply: Reply
  ) throws -> Environment {
    var configuration = configuration
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
    return plan.environment
  }

  /// The variables that a descriptor holds, separated by NUL.
  private static func readEnvironment(from descriptor: Int32?) throws -> Environment {
    guard let descriptor else { return Environment() }
    guard let bytes = Files.contents(of: descriptor, limit: .max) else {
      throw UsageError("the environment cannot be read")
    }
    return Environment(entries: bytes.split(separator: 0))
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
  /// Whether the stack is wanted, and not a container alone.
  var wantsStack = true
  /// The job's directory.
  var directory: String?
  /// Where slurmd keeps the files of the step.
  var spool: String?
  /// The program that fetches images.
  var slipway: String?
  var pullDeadline: Double?
  /// The container that the step runs in.
  var container: ContainerLaunch?
  private var tasks: Int?
  private var program: String?

  init(_ words: some Sequence<String>) throws {
    var words = words.makeIterator()
    var image: ImageSource?
    var wanted = ContainerRequest()
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
      case "--no-stack":
        wantsStack = false
        continue
      case "--no-home":
        wanted.hidesHome = true
        continue
      case "--entrypoint":
        wanted.usesEntrypoint = true
        continue
      case "--writable":
        wanted.isWritable = true
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
      case "--spool": spool = value
      case "--slipway": slipway = value
      case "--pull-deadline": pullDeadline = Double(value)
      case "--image": image = try ImageSource(parsing: value)
      case "--bind": wanted.binds = try BindMount.list(value, source: "--eessi-bind")
      case "--env": wanted.variables = try ContainerVariable.list(value, source: "--eessi-env")
      case "--workdir": wanted.workingDirectory = value
      case "--inject":
        wanted.injections = try InjectionChoice(parsing: value, source: "--eessi-inject")
      case "--profile": wanted.profiles = value.split(separator: ",").map(String.init)
      case "--config": configuration = value
      case "--deadline": deadline = Double(value)
      case "--environment-fd": environmentDescriptor = Int32(value)
      default: throw UsageError("unknown option \(word)")
      }
    }
    container = image.map { ContainerLaunch($0, request: wanted) }
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
/// | J | the directory where tasks start that join the namespaces of this process |
/// | A | a word that stands before the command |
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

  func changes(_ changes: [EnvironmentChange]) {
    for change in changes {
      if let value = change.value {
        record("S", "\(change.name)=\(value)")
      } else {
        record("U", change.name)
      }
    }
  }

  func join(_ directory: String) { record("J", directory) }

  func container(_ plan: ContainerPlan, verbose: Bool) {
    for word in plan.entrypoint { record("A", word) }
    warnings(plan.warnings)
    guard verbose else { return }
    record("I", plan.summary)
    for decision in plan.injections where !decision.isUnasked { record("I", decision.words) }
  }

  func plan(_ plan: LaunchPlan, verbose: Bool) {
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
    // A reader that is gone has given up: nobody is left to tell.
    guard Files.write(bytes, to: STDOUT_FILENO) else { exit(ExitStatus.internalError.rawValue) }
    bytes = []
  }
}
