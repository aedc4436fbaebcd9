import ArgumentParser
import Images
import OCI

/// `slipway image show`: what an image says of itself.
struct ImageShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows what an image says of itself and where it lies.")

  @Argument(help: ArgumentHelp("The image, by name or digest.", valueName: "image"))
  var image: String

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @OptionGroup var options: ImageOptions

  func run() throws {
    try reportingFailures {
      let catalog = try options.settings().catalog
      let found = try ImageStore.find(image, in: catalog).image
      guard let listed = try ImageStore.list(catalog).first(where: { $0.image == found }) else {
        return
      }
      let document = ImagesDocument.Entry(listed)
      if json { return print(try ImageDocument(image: document).json) }
      let configuration = found.configuration
      var rows = [
        ["digest", document.digest], ["root", document.root],
        ["platform", document.platform ?? "-"], ["created", configuration.created ?? "-"],
        ["layers", "\(configuration.layerTexts.count)"],
      ]
      rows += document.names.map { ["name", $0] }
      func word(_ name: String, _ words: [String]) {
        if !words.isEmpty { rows.append([name, words.joined(separator: " ")]) }
      }
      word("entrypoint", configuration.entrypoint)
      word("command", configuration.command)
      word("directory", [configuration.workingDirectory].filter { !$0.isEmpty })
      word("user", [configuration.user].filter { !$0.isEmpty })
      rows += document.environment.map { ["environment", $0] }
      let labels = configuration.labels.sorted { $0.key < $1.key }
      rows += labels.map { ["label", "\($0.key)=\($0.value)"] }
      for row in TextTable.aligned(rows.map { $0.map(TextTable.shown) }) { print(row) }
    }
  }
}
