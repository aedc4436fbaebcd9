/// A container that cannot be planned.
package struct ContainerError: Error, Equatable, CustomStringConvertible {
  package var subject: String
  package var cause: String
  package var remedy: String
  package var status: ExitStatus

  package init(subject: String, cause: String, remedy: String, status: ExitStatus) {
    self.subject = subject
    self.cause = cause
    self.remedy = remedy
    self.status = status
  }

  package var description: String { "\(subject): \(cause); remedy: \(remedy)" }

  static func usage(_ subject: String, _ cause: String, remedy: String) -> Self {
    Self(subject: subject, cause: cause, remedy: remedy, status: .usage)
  }

  static func forbidden(_ subject: String, _ cause: String, remedy: String) -> Self {
    Self(subject: subject, cause: cause, remedy: remedy, status: .notPermitted)
  }
}
