import TOML

/// The files and links of a generation, for those who compare or replace them.
struct InjectionContents: Equatable {
  /// The links by which the target's own paths lead into the generations.
  var anchors: [Anchor]
  /// The directories that slipway made for them, each before what is in it.
  var directories: [String]
  /// What was placed, by the place of its record.
  var entries: [String: [Injection.Entry]]
  var links: [String: [Injection.Link]]
  /// What copies are known by, by their path below the target.
  var copies: [String: SourceMark]

  /// A path below the target that slipway makes a symbolic link.
  struct Anchor: Hashable {
    var path: String
    var text: String
    /// The place of the injection that it is for.
    var place: String

    /// Whether EESSI's Lmod hook looks for it: it must never be a link to nothing.
    ///
    /// The hook takes a symbolic link for a file, wherever it leads: Lmod's `isFile` uses lstat(2).
    var isTested: Bool { InjectionLayout.name(of: path) == "libcuda.so" }

    /// The anchor at a path that leads to a path of the current generation.
    static func current(_ path: String, to destination: String, for place: String) -> Anchor {
      let text = InjectionLayout.relative(
        from: path, to: "\(InjectionLayout.store)/current/tree/\(destination)")
      return Anchor(path: path, text: text, place: place)
    }
  }

  static let none = InjectionContents(
    anchors: [], directories: [], entries: [:], links: [:], copies: [:])

  private static let schema = 1
  static let sizeLimit = 1 << 24
  private static let countLimit = 1 << 16

  init(
    anchors: [Anchor], directories: [String], entries: [String: [Injection.Entry]],
    links: [String: [Injection.Link]], copies: [String: SourceMark]
  ) {
    self.anchors = anchors
    self.directories = directories
    self.entries = entries
    self.links = links
    self.copies = copies
  }

  init(toml bytes: [UInt8], file: String) throws(InjectionTreeError) {
    self = try OwnFile.read(bytes, file: file, limit: Self.sizeLimit, Self.init)
  }

  private init(_ table: inout TOMLReader) throws(TOMLError) {
    self = .none
    try table.checkSchema(Self.schema)
    for var table in try table.tables("directory", limit: Self.countLimit) {
      directories.append(try table.required("path", .path))
      try table.end()
    }
    for var table in try table.tables("anchor", limit: Self.countLimit) {
      anchors.append(
        Anchor(
          path: try table.required("path", .path), text: try table.required("text", .shortText),
          place: try table.required("place", .pathOrEmpty)))
      try table.end()
    }
    for var table in try table.tables("link", limit: Self.countLimit) {
      let place = try table.required("place", .pathOrEmpty)
      links[place, default: []].append(
        Injection.Link(
          path: try table.required("path", .path), text: try table.required("text", .shortText)))
      try table.end()
    }
    for var table in try table.tables("entry", limit: Self.countLimit) {
      let place = try table.required("place", .pathOrEmpty)
      let path = try table.required("path", .pathOrEmpty)
      let content: Injection.Content
      if let text = try table.value("link", .shortText) {
        content = .link(text)
      } else if let source = try table.value("copy", .shortText) {
        content = .copy(of: source)
        let path = InjectionLayout.join(place, path)
        copies[path] = SourceMark(
          path: path, size: try table.required("size", .integer),
          mtime: try table.required("mtime", .integer))
      } else {
        content = .text(try table.required("text", .shortText))
      }
      entries[place, default: []].append(
        Injection.Entry(path, content, reason: try table.required("reason", .shortText)))
      try table.end()
    }
    try table.end()
  }

  var toml: String {
    var toml = TOMLText(comment: "Written by slipway inject: what the generation consists of.")
    toml.set("schema", Self.schema)
    for directory in directories {
      toml.header("directory")
      toml.set("path", directory)
    }
    for anchor in anchors {
      toml.header("anchor")
      toml.set("place", anchor.place)
      toml.set("path", anchor.path)
      toml.set("text", anchor.text)
    }
    for (place, links) in links.sorted(by: { $0.key < $1.key }) {
      for link in links {
        toml.header("link")
        toml.set("place", place)
        toml.set("path", link.path)
        toml.set("text", link.text)
      }
    }
    for (place, entries) in entries.sorted(by: { $0.key < $1.key }) {
      for entry in entries {
        toml.header("entry")
        toml.set("place", place)
        toml.set("path", entry.path)
        switch entry.content {
        case .link(let text): toml.set("link", text)
        case .text(let text): toml.set("text", text)
        case .copy(let source):
          toml.set("copy", source)
          if let mark = copies[InjectionLayout.join(place, entry.path)] {
            toml.set("size", mark.size)
            toml.set("mtime", mark.mtime)
          }
        }
        toml.set("reason", entry.reason)
      }
    }
    return toml.text
  }
}
