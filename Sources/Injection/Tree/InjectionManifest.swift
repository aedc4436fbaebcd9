import TOML

/// What was put below a target, why, by whom, and what it rests on.
///
/// It is small and read by every job; the files and links themselves are in ``InjectionContents``.
package struct InjectionManifest: Equatable, Sendable {
  package var generation: Int
  /// The target's path when it was written.
  package var target: String
  /// UTC: `2026-11-21T15:44:00Z`.
  package var written: String
  /// Who wrote it: `root on login1`.
  package var author: String
  /// The release of slipway.
  package var release: String
  package var injections: [InjectionRecord]
  /// What stood at places that slipway took.
  package var adopted: [Adopted]

  /// What stood at a place before, and is given back when slipway leaves it.
  package struct Adopted: Equatable, Sendable {
    package var path: String
    /// In words.
    package var was: String
    /// It is what slipway would have put there, and stays.
    package var isKept: Bool

    package init(path: String, was: String, isKept: Bool) {
      self.path = path
      self.was = was
      self.isKept = isKept
    }
  }

  package init(
    generation: Int, target: String, written: String, author: String, release: String,
    injections: [InjectionRecord], adopted: [Adopted]
  ) {
    self.generation = generation
    self.target = target
    self.written = written
    self.author = author
    self.release = release
    self.injections = injections
    self.adopted = adopted
  }

  /// The injection that fills a place, as ``InjectionLayout`` names it.
  package func injection(at place: String) -> InjectionRecord? {
    injections.first { $0.place == place }
  }

  private static let schema = 1
  /// Bytes, of which a job reads no more; one with an MPI for ten targets and a driver has 9,000.
  package static let sizeLimit = 1 << 16

  /// Reads a manifest; nothing in it is believed to be of any form.
  package init(toml bytes: [UInt8], file: String) throws(InjectionTreeError) {
    self = try OwnFile.read(bytes, file: file, limit: Self.sizeLimit, Self.init)
  }

  private init(_ table: inout TOMLReader) throws(TOMLError) {
    try table.checkSchema(Self.schema)
    generation = try table.required("generation", .integer)
    target = try table.required("target", .shortText)
    written = try table.required("written", .shortText)
    author = try table.required("author", .shortText)
    release = try table.required("slipway", .shortText)
    injections = []
    for var table in try table.tables("injection", limit: 256) {
      injections.append(try InjectionRecord(&table, after: injections))
    }
    adopted = []
    for var table in try table.tables("adopted", limit: 1024) {
      adopted.append(
        Adopted(
          path: try table.required("path", .path), was: try table.required("was", .shortText),
          isKept: try table.required("kept", .flag)))
      try table.end()
    }
    try table.end()
  }

  package var toml: String {
    var toml = TOMLText(
      comment: "Written by slipway inject. slipway inject status compares it with this node.")
    toml.set("schema", Self.schema)
    toml.set("generation", generation)
    toml.set("target", target)
    toml.set("written", written)
    toml.set("author", author)
    toml.set("slipway", release)
    for (index, record) in injections.enumerated() {
      record.write(to: &toml, after: injections[..<index])
    }
    for adopted in adopted {
      toml.header("adopted")
      toml.set("path", adopted.path)
      toml.set("was", adopted.was)
      toml.set("kept", adopted.isKept)
    }
    return toml.text
  }
}

extension InjectionRecord {
  fileprivate init(
    _ table: inout TOMLReader, after others: [InjectionRecord]
  ) throws(TOMLError) {
    kind = try table.required("kind", .word)
    place = try table.required("place", .pathOrEmpty)
    family = try table.value("family", .word)
    version = try table.required("version", .shortText)
    cuda = try table.value("cuda", .shortText)
    pmi = try table.value("pmi", .words) ?? []
    verdict = try table.required("verdict", .word)
    reason = try table.required("reason", .shortText)
    sources = []
    // The MPI of one target is that of all.
    if let place = try table.value("sources_of", .shortText) {
      guard let other = others.first(where: { $0.place == place }) else {
        throw table.wrong("sources_of", "the place of an injection before")
      }
      sources = other.sources
    }
    for var table in try table.tables("source", limit: 1024) {
      sources.append(
        SourceMark(
          path: try table.required("path", .shortText), size: try table.required("size", .integer),
          mtime: try table.required("mtime", .integer),
          buildID: try table.value("build_id", .shortText)))
      try table.end()
    }
    try table.end()
  }

  fileprivate func write(to toml: inout TOMLText, after others: ArraySlice<InjectionRecord>) {
    toml.header("injection")
    toml.set("kind", kind.rawValue)
    toml.set("place", place)
    toml.set("family", family?.rawValue)
    toml.set("version", version)
    toml.set("cuda", cuda)
    toml.set("pmi", pmi.map(\.rawValue))
    toml.set("verdict", verdict.rawValue)
    toml.set("reason", reason)
    if let other = others.first(where: { !sources.isEmpty && $0.sources == sources }) {
      toml.set("sources_of", other.place)
      return
    }
    for source in sources {
      toml.header("injection.source")
      toml.set("path", source.path)
      toml.set("size", source.size)
      toml.set("mtime", source.mtime)
      toml.set("build_id", source.buildID)
    }
  }
}
