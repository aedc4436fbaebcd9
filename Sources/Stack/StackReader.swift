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

  package init(
    kind: @escaping (String) throws -> FileKind, names: @escaping (String) throws -> [String]
  ) {
    self.kind = kind
    self.names = names
  }
}
