import ArgumentParser
import Images
import OCI

/// `slipway image export`: an image as it was fetched, for other tools.
struct ImageExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes an image with its layers as an OCI layout or archive.",
    discussion: """
      The layers must have been kept: pull with --keep-layers, or set keep_layers under [images].

      Examples:
        slipway image export ubuntu:24.04 oci-archive:ubuntu.tar:24.04
        slipway image export ubuntu:24.04 oci:layout:24.04
      """)

  @Argument(help: ArgumentHelp("The image, by name or digest.", valueName: "image"))
  var image: String

  @Argument(
    help: ArgumentHelp("oci:DIRECTORY[:TAG] or oci-archive:FILE[:TAG].", valueName: "target"))
  var target: String

  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      try ImageStore(try options.settings()).export(image, to: try ImageSource(parsing: target))
    }
  }
}
