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

  package init(
    kind: @escaping (String) throws -> FileKind, names: @escaping (String) throws -> [String],
    prefetch: @escaping ([String]) throws -> Void = { _ in }
  ) {
    self.kind = kind
    self.names = names
    self.prefetch = prefetch
  }
}
