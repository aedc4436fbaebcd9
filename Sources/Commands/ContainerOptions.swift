import ArgumentParser
import Environment
import Files
import Glibc
import Host
import Images
import Launch
import Sandbox

/// The options of a container.
struct ContainerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Run the command in a container of this image: a reference, or a path that begins with / or ./.",
      valueName: "image"))
  var image: String?

  @Option(
    help: ArgumentHelp(
      "Mount these in the container: SRC[:DST[:ro|rw]], separated by commas; repeatable.",
      valueName: "mounts"))
  var bind: [String] = []

  @Option(
    help: ArgumentHelp(
      "Set these in the container: NAME=VALUE, or NAME for this environment's value; separated by "
        + "commas; repeatable.", valueName: "variables"))
  var env: [String] = []

  @Option(
    help: ArgumentHelp(
      "Start there in the container (default: this directory).", valueName: "directory"))
  var workdir: String?

  @Option(
    help: ArgumentHelp(
      "Give the container these profiles, separated by commas; repeatable.", valueName: "names"))
  var profile: [String] = []

  @Option(
    help: ArgumentHelp(
      "Put these of this machine into the container, separated by commas: mpi, cuda; or off, auto "
        + "(default: auto, and what profiles ask for).", valueName: "names"))
  var inject: String?

  @Flag(help: "Give the container an empty home.")
  var noHome = false

  @Flag(help: "Let the image's entry point run the command.")
  var entrypoint = false

  @Flag(help: "Let the container's files be changed; the changes end with the command.")
  var writable = false

  /// What they ask for; nil without an image.
  func launch() throws -> ContainerLaunch? {
    guard let image else {
      guard bind.isEmpty, env.isEmpty, workdir == nil, profile.isEmpty, inject == nil, !noHome,
        !entrypoint, !writable
      else { throw ValidationError("the options of a container need --image") }
      return nil
    }
    var request = ContainerRequest()
    for text in bind { request.binds += try BindMount.list(text, source: "--bind") }
    for text in env { request.variables += try ContainerVariable.list(text, source: "--env") }
    request.workingDirectory = workdir
    request.profiles = profile.flatMap { $0.split(separator: ",").map(String.init) }
    request.injections = try inject.map { try InjectionChoice(parsing: $0, source: "--inject") }
    request.hidesHome = noHome
    request.usesEntrypoint = entrypoint
    request.isWritable = writable
    return ContainerLaunch(try ImageSource(parsing: image), request: request)
  }
}

extension ContainerUser {
  /// Who runs this process, where.
  static var ofThisProcess: ContainerUser {
    ContainerUser(
      uid: getuid(), gid: getgid(), directory: currentDirectory, environment: .ofThisProcess,
      spool: nil, on: MachineRoot())
  }
}

/// This program's file.
func programPath() throws -> String {
  guard let path = Files.link("/proc/self/exe") else {
    throw ExecutionError(command: "/proc/self/exe", code: errno)
  }
  return path
}

/// Where slipway-node is: beside this program, or where it is installed.
///
/// The one in the namespaces of a container must be static, which this program is not.
func helperProgram() throws -> String {
  let own = try programPath()
  let directory = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ""
  let places = [
    "\(directory)/slipway-node", "\(directory)/../libexec/slipway/slipway-node",
    "/usr/libexec/slipway/slipway-node",
  ]
  guard let place = places.first(where: { access($0, X_OK) == 0 }) else {
    throw ContainerError(
      subject: "making a sandbox", cause: "slipway-node is not installed",
      remedy: "install it beside slipway, or as /usr/libexec/slipway/slipway-node",
      status: .unavailable)
  }
  return place
}
