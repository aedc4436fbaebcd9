import ArgumentParser
import Images
import OCI

/// `slipway image remove`: takes names away, and with the last one the image.
struct ImageRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Takes names away, and with its last name an image.",
    discussion: """
      What a task uses stays until slipway store gc. The site's images are never touched.

      Examples:
        slipway image remove ubuntu:24.04
        slipway image remove sha256:…
      """)

  @Argument(help: ArgumentHelp("Images, by name or digest.", valueName: "image"))
  var images: [String]

  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      let store = try ImageStore(try options.settings())
      for image in images {
        let removed = try store.remove(image)
        for name in removed.names { print("name \(name)") }
        for digest in removed.images { print("image \(digest)") }
        for digest in removed.inUse {
          writeError("slipway: warning: \(digest) is in use and stays until slipway store gc")
        }
      }
    }
  }
}
