import ArgumentParser
import Digests
import Images
import OCI

/// `slipway image resolve`: what a name stands for on this node, without a registry.
struct ImageResolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve",
    abstract: "Says which image of a store a name stands for on this node.",
    discussion: "Asks no registry. Prints the digest of the manifest and the root's path.")

  @Argument(help: ArgumentHelp("The image.", valueName: "image"))
  var image: String

  @Option(help: ArgumentHelp("The digest that a job was pinned to.", valueName: "digest"))
  var pin: String?

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      var digest: Digest?
      if let pin {
        digest = Digest(pin)
        guard digest != nil else {
          throw ImageError(
            .usage, "pin \(ImageError.shown(pin))", cause: "it is no digest",
            remedy: "take what slipway image pull --quiet printed")
        }
      }
      let found = try options.settings().catalog
        .resolve(try ImageSource(parsing: image), pin: digest)
      if json { return print(try ResolveDocument(found).json) }
      print("\(found.digest.map(\.description) ?? "-") \(found.root.path)")
    }
  }
}
