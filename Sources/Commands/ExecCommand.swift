import ArgumentParser
import Environment
import Glibc
import Host
import Launch
import Sandbox

/// `slipway exec`: joins a step that runs.
struct ExecCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec",
    abstract: "Runs a command beside a running step, in its container and its environment.",
    discussion: """
      On a node of the step the command joins it; elsewhere a task on the step's first node does
      (srun --overlap). Only steps of your own can be joined.

      Examples:
        slipway exec 1234 -- ps aux
        slipway exec 1234.0 -- bash
      """)

  @Option(
    help: ArgumentHelp("A node of the job; its first one without this.", valueName: "node"))
  var node: String?

  @Argument(help: ArgumentHelp("The job, or one of its steps.", valueName: "jobid[.step]"))
  var step: String

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("The command and its arguments.", valueName: "command"))
  var command: [String] = []

  mutating func validate() throws {
    guard !command.isEmpty else {
      throw ValidationError("name a command: slipway exec JOBID[.STEP] -- COMMAND")
    }
    _ = try job()
  }

  private func job() throws -> (job: Int, step: Int?) {
    let parts = step.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let job = Int(parts[0]), job > 0,
      parts.count == 1 || Int(parts[1]).map({ $0 >= 0 }) == true
    else { throw ValidationError("\(step) is no JOBID[.STEP], such as 1234 or 1234.0") }
    return (job, parts.count == 2 ? Int(parts[1]) : nil)
  }

  func run() throws {
    try reportingFailures {
      let (job, step) = try job()
      let own = Environment.ofThisProcess
      if let task = StepTask.find(job: job, step: step) {
        let directory = task.directory
        if task.hasNamespaces { try join(process: task.process) }
        if chdir(directory) != 0 { chdir("/") }
        var environment = task.environment
        // The terminal is this one.
        for name in ["TERM", "COLUMNS", "LINES"] { environment[name] = own[name] }
        try execute(command, environment: environment)
      }
      // slurmstepd starts this program there again, and it finds the step.
      guard own["SLIPWAY_EXEC"] == nil else {
        throw ContainerError(
          subject: "joining \(self.step)", cause: "no process of it is yours on this node",
          remedy: "see squeue -s for the steps that run", status: .unavailable)
      }
      var environment = own
      environment["SLIPWAY_EXEC"] = "1"
      var words = ["srun", "--overlap", "--jobid=\(job)", "-N1", "-n1", "--eessi=off"]
      if let node { words.append("--nodelist=\(node)") }
      if isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 { words.append("--pty") }
      words += [try programPath(), "exec", self.step, "--"] + command
      try execute(words, environment: environment)
    }
  }
}
