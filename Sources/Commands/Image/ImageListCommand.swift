import ArgumentParser
import Digests
import Images
import OCI
import Transfer

/// `slipway image list`: the user's images and the site's.
struct ImageListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the user's images and the site's.")

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      let images = try ImageStore.list(try options.settings().catalog)
      if json { return print(try ImagesDocument(images).json) }
      var rows = [["NAME", "PLATFORM", "SIZE", "DIGEST"]]
      for image in images {
        let names = image.names.isEmpty ? ["-"] : image.names.map(\.description)
        for name in names {
          rows.append([
            name + (image.image.isShared ? " (site)" : ""),
            TextTable.shown(image.image.configuration.platform?.description ?? "-"),
            image.size.map { ProgressMeter.size($0) } ?? "-", image.digest.description,
          ])
        }
      }
      for row in TextTable.aligned(rows) { print(row) }
    }
  }
}
