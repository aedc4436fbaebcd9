/// What went wrong with an image: what failed, on what, the cause and the remedy.
package struct ImageError: Error, Equatable, CustomStringConvertible {
  /// Which of slipway's exit codes it is.
  package enum Kind: Sendable {
    case usage, badData, unavailable, notPermitted, tryAgain, failed
  }

  package var kind: Kind
  /// What failed, and on what.
  package var what: String
  package var cause: String
  package var remedy: String

  package init(_ kind: Kind, _ what: String, cause: String, remedy: String) {
    self.kind = kind
    self.what = what
    self.cause = cause
    self.remedy = remedy
  }

  /// On one line, and without control characters, which a terminal would obey.
  package var description: String {
    String(
      String.UnicodeScalarView(
        "\(what): \(cause); remedy: \(remedy)".unicodeScalars.map {
          $0.properties.generalCategory == .control ? "?" : $0
        }))
  }

  /// A text of others as a message shows it: not all of a long one.
  package static func shown(_ text: some StringProtocol) -> String {
    text.unicodeScalars.count <= 120 ? String(text) : "\(text.prefix(117))..."
  }
}
