import ArgumentParser
import Configuration
import Environment
import Host
import Images
import Injection
import Launch
import Logging
import Sandbox
import Stack

/// `slipway run`: launches a command in the stack, or in a container.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Replaces itself with a command in the stack of this node, or in a container.",
    discussion: """
      The command keeps slipway's process id, and its exit code is slipway's. With --image it runs
      in a container of an OCI image as the same user, and with the stack where --stack, --eessi,
      --load or another option of the stack is given.

      Examples:
        slipway run -- gmx_mpi mdrun
        slipway run --image ubuntu:24.04 -- cat /etc/os-release
        slipway run --image ./app.squashfs --bind /data:/mnt:ro --explain
        slipway run --eessi 2023.06 --dry-run --json -- true
      """)

  @OptionGroup var launch: LaunchOptions
  @OptionGroup var container: ContainerOptions

  @Flag(help: "With --image: the stack inside, too.")
  var stack = false

  @Flag(help: "Print what goes into the container and why, and launch nothing.")
  var explain = false

  @Flag(help: "Print the plan and launch nothing.")
  var dryRun = false

  @Flag(help: "With --dry-run: print the plan as JSON, schema 1.")
  var json = false

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp(
      "The command and its arguments; with --image, the image's own where there is none.",
      valueName: "command"))
  var command: [String] = []

  mutating func validate() throws {
    guard !command.isEmpty || dryRun || container.image != nil else {
      throw ValidationError("name a command: slipway run -- COMMAND [ARGUMENT ...]")
    }
    guard dryRun || !json else { throw ValidationError("--json needs --dry-run") }
    guard container.image != nil || !explain && !stack else {
      throw ValidationError("--explain and --stack need --image")
    }
    guard container.image == nil || !dryRun else {
      throw ValidationError("--dry-run is for the stack; --explain prints what a container gets")
    }
  }

  func run() throws {
    try reportingFailures {
      if let wanted = try container.launch() { try run(wanted) }
      var configuration = try Configuration.load(named: launch.stack.config)
      if let passthrough = Passthrough(configuration) {
        try passthrough.enter(
          &configuration, holder: try helperProgram(),
          directory: currentDirectory)
      }
      let plan = try launch.plan(command, configuration)
      guard dryRun else { try execute(plan.argv, environment: plan.environment) }
      print(json ? try PlanDocument(plan).json : plan.text)
    }
  }

  /// Replaces this process with the command in a container.
  private func run(_ wanted: ContainerLaunch) throws -> Never {
    let configuration = try Configuration.load(named: launch.stack.config)
    let user = ContainerUser.ofThisProcess
    var wanted = wanted
    wanted.honour(user.environment)
    let host = try MachineRoot().profile(for: user.environment, askingDriver: false)
    let files = GuardedFiles(seconds: configuration.deadline)
    var plan = try wanted.plan(
      for: user, configuration: configuration, on: host,
      exists: { (try? files.isDirectory($0)).flatMap { $0 } != nil })
    files.stop()
    // Whether a program works with the node's MPI is seen in the container alone.
    let argv = explain ? (try? plan.argv(command)) ?? [] : try plan.argv(command)
    if explain, plan.mpis.isEmpty || argv.isEmpty {
      print(plan.text)
      throw ExitCode.success
    }
    let directory = try plan.enter(configuration: configuration, holder: try helperProgram())
    var environment = plan.environment
    if stack || launch.isStackWanted {
      let launch = try launch.plan(argv, in: environment)
      if !explain { self.launch.report(launch) }
      environment = launch.environment
    }
    try injectMPI(plan: &plan, for: argv, in: directory, host: host, into: &environment)
    if explain {
      print(plan.text)
      throw ExitCode.success
    }
    report(plan)
    try execute(argv, environment: environment)
  }

  /// Decides, in the container, whether the command gets this machine's MPI.
  private func injectMPI(
    plan: inout ContainerPlan, for argv: [String], in directory: String, host: HostProfile,
    into environment: inout Environment
  ) throws {
    guard !plan.mpis.isEmpty, let world = World.here(on: host), let program = argv.first else {
      return
    }
    // Within a task of a step the launcher is srun; else the command starts ranks itself, or is one.
    let step = Step(tasks: 1, program: program, directory: directory)
    var wanted = InjectionProgram(step, in: environment)
    if environment.nonEmpty("SLURM_PROCID") != nil,
      environment.nonEmpty("SLURM_NTASKS").flatMap({ Int($0) }) ?? 1 > 1
    {
      wanted.kind = LaunchKind(ofStep: environment)
    }
    try plan.injectMPI(for: wanted, into: &environment, in: world)
  }

  /// The warnings of a container, and with `verbose` what was injected.
  private func report(_ plan: ContainerPlan) {
    let log = Logger.slipway(verbose: launch.stack.verbose)
    for warning in plan.warnings { log.warning("\(warning)") }
    for decision in plan.injections where !decision.isUnasked { log.info("\(decision.words)") }
  }
}

extension ContainerPlan {
  /// The command with what stands before it; the image's own where none is given.
  func argv(_ command: [String]) throws -> [String] {
    if !command.isEmpty { return entrypoint + command }
    let own = image.configuration.entrypoint + image.configuration.command
    guard !own.isEmpty else {
      throw ContainerError(
        subject: "starting \(image.root.path)", cause: "the image names no command",
        remedy: "name one: slipway run --image IMAGE -- COMMAND", status: .usage)
    }
    return own
  }

  /// What goes in, for a person.
  var text: String {
    var lines = [
      "root      \(image.root.path)" + (sandbox.isWritable ? " with private changes" : "")
    ]
    if let digest = image.digest { lines.append("digest    \(digest)") }
    lines += parts.map { "\($0.text): \($0.reason)" }
    lines += injections.map {
      "\($0.isInjected ? "inject   " : "not      ") \($0.injectable.rawValue): \($0.text)"
    }
    lines += warnings.map { "warning   \($0)" }
    lines.append("directory \(directories.joined(separator: ", else "))")
    if !entrypoint.isEmpty { lines.append("entry     \(entrypoint.joined(separator: " "))") }
    return lines.joined(separator: "\n")
  }
}

extension LaunchPlan {
  /// The plan for a person.
  var text: String {
    var lines = ["stack     \(summary)"]
    lines += selection.steppedOver.map { "not       \($0.subdirectory): \($0.reason)" }
    lines += warnings.map { "warning   \($0)" }
    lines += changes.map { change in
      change.value.map { "set       \(change.name)=\($0)" } ?? "unset     \(change.name)"
    }
    if !argv.isEmpty { lines.append("command   \(argv.joined(separator: " "))") }
    return lines.joined(separator: "\n")
  }
}
