import ArgumentParser
import OCI
import Store

/// `slipway store repair`: takes away what processes that died have left.
struct StoreRepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Removes what processes that died have left, and makes the index anew.")

  @Flag(help: "Also remove what was put aside as corrupt.")
  var quarantine = false

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var options: ImageOptions

  private struct Answer: Document {
    var schema = 1
    var temporaries: Int
    var partials: Int
    var locks: Int
    var marks: Int
    var quarantined: Int
    var items: Int
  }

  func run() throws {
    try reportingFailures {
      let result = try ImageStore(try options.settings()).repair(quarantine: quarantine)
      if json {
        return print(
          try Answer(
            temporaries: result.temporaries, partials: result.partials, locks: result.locks,
            marks: result.marks, quarantined: result.quarantined, items: result.items
          ).json)
      }
      print(
        "removed: \(result.temporaries) temporary, \(result.partials) partial, "
          + "\(result.locks) locks, \(result.marks) marks, \(result.quarantined) put aside; "
          + "\(result.items) items are there")
    }
  }
}
