internal import Glibc

/// Why a store cannot do something: what failed and on what, the cause and the remedy.
package struct StoreError: Error, Equatable {
  package enum Kind: Equatable, Sendable {
    /// Somebody else could have put there what is read, or could put there what is to be read.
    case untrusted
    /// Another process works at the same.
    case busy
    case full
    /// It holds something else than it should.
    case damaged
    case notPermitted
    case cancelled
    case failed
  }

  package var kind: Kind
  package var subject: String
  package var cause: String
  package var remedy: String

  package init(_ kind: Kind, _ subject: String, _ cause: String, _ remedy: String) {
    self.kind = kind
    self.subject = subject
    self.cause = cause
    self.remedy = remedy
  }

  /// The error of a system call.
  static func call(_ verb: String, _ path: String, code: Int32 = errno) -> Self {
    let cause = "it cannot be \(verb) (\(String(cString: strerror(code))))"
    return switch code {
    case ENOSPC, EDQUOT, EFBIG:
      Self(
        .full, path, cause,
        "free space or quota there (slipway store gc), or put the store elsewhere in slipway.toml")
    case EACCES, EPERM, EROFS:
      Self(.notPermitted, path, cause, "run as the owner of the store, or use one of your own")
    case ELOOP, ENOTDIR, EISDIR:
      Self(
        .untrusted, path, "something else is in its place, such as a symbolic link",
        "move it away: slipway did not put it there")
    default: Self(.failed, path, cause, "check the file system, then try again")
    }
  }
}

extension StoreError: CustomStringConvertible {
  /// One line without control characters.
  package var description: String {
    String(
      String.UnicodeScalarView(
        "\(subject): \(cause); remedy: \(remedy)".unicodeScalars.map {
          $0.properties.generalCategory == .control ? "?" : $0
        }))
  }
}
