/// Why nothing could be said or done about an injection.
package struct InjectionError: Error, Equatable, CustomStringConvertible {
  package var what: String
  package var cause: String
  package var remedy: String
  package var kind: Kind

  /// What went wrong, for the exit code.
  package enum Kind: Sendable { case badInput, unavailable, notPermitted, failed }

  package init(what: String, cause: String, remedy: String, kind: Kind) {
    self.what = what
    self.cause = cause
    self.remedy = remedy
    self.kind = kind
  }

  package var description: String { "\(what): \(cause); remedy: \(remedy)" }
}
