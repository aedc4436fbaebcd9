import Foundation

/// The data of real machines and repositories, which stays outside the package.
///
/// `SLIPWAY_CORPORA` names the directory; without it, it is looked for beside the package.
package enum Corpora {
  package static let root: String =
    ProcessInfo.processInfo.environment["SLIPWAY_CORPORA"]
    ?? URL(filePath: Package.root).deletingLastPathComponent().path + "/shared/corpora"

  package static let isPresent = FileManager.default.fileExists(atPath: "\(root)/README.md")

  /// What a skipped test says.
  package static let absence = "the corpora are not here; name their directory in SLIPWAY_CORPORA"

  /// The files below a directory whose names end so, relative to it and sorted; empty when absent.
  package static func files(in directory: String, ending suffix: String) -> [String] {
    filesBelow("\(root)/\(directory)", ending: suffix)
  }

  package static func contents(of file: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: "\(root)/\(file)")))
  }

  /// A file's text without the white space around it.
  package static func text(of file: String) throws -> String {
    String(decoding: try contents(of: file), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The files below a directory whose names end so, relative to it and sorted.
package func filesBelow(_ directory: String, ending suffix: String) -> [String] {
  let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
  return names.filter { $0.hasSuffix(suffix) }.sorted()
}
