import ArgumentParser
import Digests
import OCI
import Store
import Transfer

/// `slipway store list`: what is there, and who uses it.
struct StoreListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists what the store holds, and who uses it.")

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var options: ImageOptions

  private struct Listing: Document {
    var schema = 1
    var root: String
    var items: [StoredEntry]
  }

  func run() throws {
    try reportingFailures {
      let settings = try options.settings()
      let images = try ImageStore(settings)
      let items = try images.list()
      if json {
        return print(try Listing(root: settings.store, items: items.map { StoredEntry($0) }).json)
      }
      let rows = items.map {
        [$0.key.kind, ProgressMeter.size($0.size), $0.key.digest.description, $0.user ?? ""]
      }
      for row in TextTable.aligned([["KIND", "SIZE", "DIGEST", "USED BY"]] + rows) { print(row) }
    }
  }
}
