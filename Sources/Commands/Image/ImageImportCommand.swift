import ArgumentParser
import Images

/// `slipway image import`: an archive or layout becomes an image with a name.
struct ImageImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Builds an image of an archive or layout and gives it a name.",
    discussion: """
      Examples:
        slipway image import oci-archive:app.tar site/app:1.0
        slipway image import docker-archive:saved.tar site/app:1.0
        slipway image import oci:layout:latest site/app
      """)

  @Argument(help: ArgumentHelp("Where it is.", valueName: "source"))
  var source: String

  @Argument(help: ArgumentHelp("What it is called.", valueName: "name"))
  var name: String

  @OptionGroup var build: ImageBuildOptions
  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      let source = try ImageSource(parsing: source)
      if case .registry = source {
        throw ImageError(
          .usage, "source \(source)", cause: "it is an image of a registry",
          remedy: "slipway image pull fetches it; an archive is named oci-archive:FILE")
      }
      try build.pull(source, as: try ImageReference(parsing: name), options)
    }
  }
}
