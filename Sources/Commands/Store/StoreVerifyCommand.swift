import ArgumentParser
import Digests
import Launch
import OCI
import Store
import Transfer

/// `slipway store verify`: every digest anew.
struct StoreVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Computes every digest anew and puts aside what is corrupt.",
    discussion: "Ends with 65 where something was.")

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var options: ImageOptions

  private struct Answer: Document {
    var schema = 1
    var checked: Int
    var bytes: Int64
    var corrupt: [Problem]

    struct Problem: Encodable {
      var kind: String
      var digest: String
      var cause: String
    }
  }

  func run() throws {
    try reportingFailures {
      let result = try ImageStore(try options.settings()).verify()
      if json {
        print(
          try Answer(
            checked: result.checked, bytes: result.bytes,
            corrupt: result.corrupt.map {
              .init(kind: $0.key.kind, digest: $0.key.digest.description, cause: $0.cause)
            }
          ).json)
      } else {
        for problem in result.corrupt {
          print("corrupt: \(problem.key): \(TextTable.shown(problem.cause))")
        }
        print("checked \(result.checked), \(ProgressMeter.size(result.bytes))")
      }
      if !result.corrupt.isEmpty { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}
