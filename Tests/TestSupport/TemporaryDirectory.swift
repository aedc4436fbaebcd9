import Foundation

/// A directory that exists while a closure runs.
package struct TemporaryDirectory: Sendable {
  package let path: String

  /// Makes a directory, hands it to the closure and removes it with all that is in it.
  package static func with<Result>(
    _ body: (TemporaryDirectory) throws -> Result
  ) throws -> Result {
    let directory = try TemporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory.path) }
    return try body(directory)
  }

  private init() throws {
    path = FileManager.default.temporaryDirectory.path + "/slipway-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// The absolute path of a name in the directory.
  package func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file, with the directories that it needs.
  @discardableResult
  package func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try makeDirectory(URL(filePath: self(name)).deletingLastPathComponent().path, absolute: true)
    try Data(bytes).write(to: URL(filePath: self(name)))
    return self(name)
  }

  @discardableResult
  package func write(_ name: String, _ text: String) throws -> String {
    try write(name, text.utf8)
  }

  @discardableResult
  package func makeDirectory(_ name: String) throws -> String {
    try makeDirectory(self(name), absolute: true)
    return self(name)
  }

  /// Makes a symbolic link.
  package func link(_ name: String, to destination: String) throws {
    try makeDirectory(URL(filePath: self(name)).deletingLastPathComponent().path, absolute: true)
    try FileManager.default.createSymbolicLink(
      atPath: self(name), withDestinationPath: destination)
  }

  private func makeDirectory(_ path: String, absolute: Bool) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
}
