import ArgumentParser
import Images

/// `slipway image pull`: fetches an image and builds its root file system.
struct ImagePullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetches an image, checks it and builds one squashfs file of it.",
    discussion: """
      Prints the digest of the manifest. Processes that pull the same at once fetch and build it \
      once.

      Examples:
        slipway image pull ubuntu:24.04
        slipway image pull --quiet quay.io/org/app@sha256:…
        slipway image pull oci-archive:app.tar:1.0 --name site/app:1.0
      """)

  @Argument(help: ArgumentHelp("The image.", valueName: "image"))
  var image: String

  @Option(help: ArgumentHelp("What it is called (default: as it is named).", valueName: "name"))
  var name: String?

  @OptionGroup var build: ImageBuildOptions
  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      try build.pull(
        try ImageSource(parsing: image), as: try name.map { try ImageReference(parsing: $0) },
        options)
    }
  }
}
