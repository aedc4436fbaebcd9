import ArgumentParser
import Images
import OCI

/// `slipway image tag`: another name for an image.
struct ImageTagCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag", abstract: "Gives an image another name.")

  @Argument(help: ArgumentHelp("The image, by name or digest.", valueName: "image"))
  var image: String

  @Argument(help: ArgumentHelp("The other name.", valueName: "name"))
  var name: String

  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      let image = try ImageStore(try options.settings())
        .tag(image, as: try ImageReference(parsing: name))
      if let digest = image.digest { print(digest) }
    }
  }
}
