import ArgumentParser
import OCI
import Store
import Transfer

/// `slipway store gc`: removes what nobody needs.
struct StoreCollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Removes layers and images without a name; never what a task uses.",
    discussion: """
      Examples:
        slipway store gc
        slipway store gc --older-than 30 --dry-run
      """)

  @Option(
    help: ArgumentHelp(
      "Also remove images with names that were not used for so many days.", valueName: "days"))
  var olderThan: Double?

  @Flag(help: "Say what would be removed, and remove nothing.")
  var dryRun = false

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var options: ImageOptions

  private struct Answer: Document {
    var schema = 1
    var dryRun: Bool
    var removed: [StoredEntry]
    var inUse: [StoredEntry]
    var freed: Int64
    var left: Int64
  }

  func validate() throws {
    if let olderThan, !(0...36500).contains(olderThan) {
      throw ValidationError("--older-than takes a number of days from 0 to 36500")
    }
  }

  func run() throws {
    try reportingFailures {
      let result = try ImageStore(try options.settings())
        .collect(olderThan: olderThan.map { $0 * 86400 }, isDry: dryRun)
      if json {
        return print(
          try Answer(
            dryRun: dryRun, removed: result.removed.map { StoredEntry($0) },
            inUse: result.inUse.map { StoredEntry($0) }, freed: result.freed, left: result.bytes
          ).json)
      }
      for item in result.removed { print("\(dryRun ? "would remove" : "removed") \(item.key)") }
      for item in result.inUse { print("in use: \(item.key)") }
      print(
        "\(ProgressMeter.size(result.freed)) \(dryRun ? "would be freed" : "freed"), "
          + "\(ProgressMeter.size(result.bytes)) left")
    }
  }
}
