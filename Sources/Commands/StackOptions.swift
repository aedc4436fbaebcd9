import ArgumentParser
import Configuration
import Environment
import Glibc
import Launch
import Stack

/// The options of every command that chooses a stack.
struct StackOptions: ParsableArguments {
  @Option(
    name: .customLong("eessi"),
    help: ArgumentHelp(
      "The version of the stack (default: the environment's, the site's, or the newest).",
      valueName: "version"))
  var version: String?

  @Option(
    name: .customLong("eessi-repo"),
    help: ArgumentHelp("The repository, by its CVMFS name.", valueName: "name"))
  var repository: String?

  @Option(
    name: .customLong("eessi-arch"),
    help: ArgumentHelp(
      "A software subdirectory instead of the detected one, such as x86_64/amd/zen2.",
      valueName: "subdir"))
  var subdirectory: String?

  @Option(
    help: ArgumentHelp(
      "The configuration file (default: \(Configuration.path)).", valueName: "file"))
  var config: String?

  @Flag(name: .shortAndLong, help: "Say what is chosen and why, on standard error.")
  var verbose = false

  /// What they ask of a launch.
  func request(_ argv: [String] = []) -> LaunchRequest {
    LaunchRequest(
      repository: repository.map { .init($0, source: "--eessi-repo") },
      version: version.map { .init($0, source: "--eessi") },
      subdirectory: subdirectory.map { .init($0, source: "--eessi-arch") }, argv: argv)
  }
}

extension Environment {
  /// The environment that this process was started with.
  static var ofThisProcess: Environment {
    var entries: [UnsafeBufferPointer<UInt8>] = []
    var at = environ
    while let entry = at.pointee {
      let length = strlen(entry)
      entries.append(
        UnsafeBufferPointer(
          start: UnsafeRawPointer(entry).assumingMemoryBound(to: UInt8.self), count: length))
      at += 1
    }
    return Environment(entries: entries)
  }
}
