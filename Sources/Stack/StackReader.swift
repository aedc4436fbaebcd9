/// What a path leads to, symbolic links followed.
package enum FileKind: Equatable, Sendable {
  case directory, file, absent
}

/// The questions that selection asks of a repository.
///
/// Each may throw: a mount that does not answer, a directory that may not be read.
package struct StackReader {
  package var kind: (_ path: String) throws -> FileKind
  /// The names in a directory, in no order.
  package var names: (_ directory: String) throws -> [String]
  /// Paths whose kind will be asked, so that a slow reader can look at all at once.
  package var prefetch: (_ paths: [String]) throws -> Void

  /// The first 64 KiB of a file; nil where there is none.
  package var beginning: (_ file: String) throws -> [UInt8]?
  /// The size in bytes and the time of the last change in nanoseconds since 1970; nil for files that
  /// are not there.
  package var marks: (_ files: [String]) throws -> [(size: Int, mtime: Int)?]

  package init(
    kind: @escaping (String) throws -> FileKind, names: @escaping (String) throws -> [String],
    prefetch: @escaping ([String]) throws -> Void = { _ in },
    beginning: @escaping (String) throws -> [UInt8]? = { _ in nil },
    marks: @escaping ([String]) throws -> [(size: Int, mtime: Int)?] = { $0.map { _ in nil } }
  ) {
    self.marks = marks
    self.beginning = beginning
    self.kind = kind
    self.names = names
    self.prefetch = prefetch
  }
}
