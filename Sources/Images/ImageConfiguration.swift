/// What an image says of how it is run.
///
/// Nothing of it reaches a helper on the host's side.
/// Source: image-spec, config.md; Docker's differs in nothing that is read here.
package struct ImageConfiguration: Equatable, Sendable {
  package struct Variable: Equatable, Sendable {
    package var name: String
    package var value: String
  }

  /// What it is built for; nil where it does not say.
  package var platform: Platform?
  /// In the image's order; of equal names the last one counts.
  package var environment: [Variable] = []
  package var entrypoint: [String] = []
  package var command: [String] = []
  /// Absolute; empty for none.
  package var workingDirectory = ""
  /// A name or number, with a group behind a colon; empty for none.
  package var user = ""
  /// Shown to people and acted on nowhere.
  package var labels: [String: String] = [:]
  /// When it was made, as it says itself.
  package var created: String?
  /// The digests of the layers' tar streams, the lowest first.
  package var layerTexts: [String] = []

  package init() {}

  /// The most bytes of a configuration.
  package static let sizeLimit = 4 << 20
  private static let wordLimit = 1 << 14

  /// Reads a configuration; errors name the part that is wrong, without the file.
  package init(_ bytes: [UInt8]) throws(ImageFormatError) {
    guard bytes.count <= Self.sizeLimit, let json = JSON(bytes), json.object != nil else {
      throw ImageFormatError("the configuration is no JSON object of at most 4 MiB")
    }
    platform = Platform(json)
    created = json["created"]?.text
    if let rootfs = json["rootfs"] {
      guard let texts = rootfs["diff_ids"].map(\.texts) ?? [], texts.count <= Self.wordLimit else {
        throw ImageFormatError("rootfs.diff_ids is no list of texts")
      }
      layerTexts = texts
    }
    guard let config = json["config"] else { return }
    guard config.object != nil else { throw ImageFormatError("config is no object") }
    for word in try Self.words(config, "Env") {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      // Without an equals sign a variable is not set; Docker writes none such.
      guard parts.count == 2, !parts[0].isEmpty else { continue }
      environment.append(Variable(name: String(parts[0]), value: String(parts[1])))
    }
    entrypoint = try Self.words(config, "Entrypoint")
    command = try Self.words(config, "Cmd")
    workingDirectory = try Self.word(config, "WorkingDir")
    guard workingDirectory.isEmpty || workingDirectory.hasPrefix("/") else {
      throw ImageFormatError("config.WorkingDir is no absolute path")
    }
    user = try Self.word(config, "User")
    if let object = config["Labels"] {
      guard let members = object.textMembers else {
        throw ImageFormatError("config.Labels is no object of texts")
      }
      labels = members
    }
  }

  private static func word(_ config: JSON, _ name: String) throws(ImageFormatError) -> String {
    guard let value = config[name] else { return "" }
    guard let text = value.text, text.utf8.count <= 1 << 17, !text.utf8.contains(0) else {
      throw ImageFormatError("config.\(name) is no text")
    }
    return text
  }

  /// Words that execve(2) can hand on: without NUL and of at most 128 KiB.
  private static func words(_ config: JSON, _ name: String) throws(ImageFormatError) -> [String] {
    guard let value = config[name] else { return [] }
    guard let texts = value.texts, texts.count <= wordLimit,
      texts.allSatisfy({ $0.utf8.count < 1 << 17 && !$0.utf8.contains(0) })
    else { throw ImageFormatError("config.\(name) is no list of texts") }
    return texts
  }
}

/// What is wrong in a file of an image.
package struct ImageFormatError: Error, Equatable, CustomStringConvertible {
  package var problem: String
  package init(_ problem: String) { self.problem = problem }
  package var description: String { problem }
}
