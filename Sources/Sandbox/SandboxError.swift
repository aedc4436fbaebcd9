import Glibc

/// A sandbox that could not be made.
package struct SandboxError: Error, Equatable, CustomStringConvertible {
  /// What was done, on what.
  package var step: String
  package var cause: String
  package var remedy: String
  package var kind: Kind

  package enum Kind: Character, Sendable {
    /// The node forbids or lacks something.
    case unavailable = "U"
    /// The image or a path that the user named.
    case badInput = "B"
    /// It took too long.
    case timedOut = "T"
    case failed = "F"
  }

  package init(_ step: String, cause: String, remedy: String, kind: Kind = .failed) {
    self.step = step
    self.cause = cause
    self.remedy = remedy
    self.kind = kind
  }

  package var description: String { "\(step): \(cause); remedy: \(remedy)" }

  /// For a system call that failed; `code` is the errno, negated.
  init(_ step: String, code: Int32, remedy: String, kind: Kind = .failed) {
    self.init(step, cause: String(cString: strerror(-code)), remedy: remedy, kind: kind)
  }

  // MARK: From the maker to its parent

  var message: [UInt8] {
    Array("E\(kind.rawValue)\([step, cause, remedy].joined(separator: "\0"))".utf8)
  }

  init?(message: String) {
    let parts = message.dropFirst(2).split(separator: "\0", omittingEmptySubsequences: false)
    guard message.first == "E", parts.count == 3, let letter = message.dropFirst().first else {
      return nil
    }
    self.init(
      String(parts[0]), cause: String(parts[1]), remedy: String(parts[2]),
      kind: Kind(rawValue: letter) ?? .failed)
  }
}

/// Why a machine gives a user no namespaces, by the settings that are known to do so.
package struct NamespaceDiagnosis: Equatable, Sendable {
  package var cause: String
  package var remedy: String

  /// Looks at a machine's settings.
  ///
  /// `read` gives a file's text. Sources: namespaces(7), user_namespaces(7), Debian's and Ubuntu's
  /// kernel settings of those names.
  package init(code: Int32, read: (String) -> String?) {
    func number(_ name: String) -> Int? {
      read("/proc/sys/\(name.replacing(".", with: "/"))").flatMap {
        Int($0.prefix { $0.isNumber })
      }
    }
    let error = String(cString: strerror(code))
    for name in ["user.max_user_namespaces", "user.max_mnt_namespaces"] where number(name) == 0 {
      cause = "\(name) is 0, so users get no namespaces"
      remedy = "have the administrator set sysctl \(name)=15000 on this node"
      return
    }
    if number("kernel.unprivileged_userns_clone") == 0 {
      cause = "kernel.unprivileged_userns_clone is 0, so users get no namespaces"
      remedy = "have the administrator set sysctl kernel.unprivileged_userns_clone=1 on this node"
    } else if number("kernel.apparmor_restrict_unprivileged_userns") == 1 {
      cause = "AppArmor lets only programs with a profile use namespaces (\(error))"
      remedy =
        "have the administrator install slipway's profile (etc/apparmor.d/slipway) on this node"
    } else if code == ENOSPC || code == EUSERS {
      cause = "there are too many namespaces already (\(error))"
      remedy = "have the administrator raise sysctl user.max_user_namespaces on this node"
    } else if read("/proc/self/status")?.contains("\nSeccomp:\t2") == true {
      cause = "a filter of system calls forbids it (\(error)), as in a container without the right"
      remedy = "start the outer container with a seccomp profile that allows unshare and mount"
    } else {
      cause = error
      remedy = "have the administrator allow user namespaces on this node"
    }
  }
}
