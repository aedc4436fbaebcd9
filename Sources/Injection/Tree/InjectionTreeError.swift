import Glibc
package import Host

/// Why an injection could not be placed, removed or read.
package enum InjectionTreeError: Error, Equatable {
  /// A variant symlink that leads to nothing, and the client settings that would change it.
  case notConfigured(link: String, target: String, settings: [String])
  /// The directory that a variant symlink leads to is not there yet.
  case missingTarget(String, link: String?)
  case noRepository(String)
  /// Links that lead to each other.
  case tooManyLinks(String)
  case notADirectory(String)
  /// A path below the target that goes through a symbolic link.
  case linkInTheWay(String, text: String)
  case notPermitted(String)
  case readOnly(String)
  case full(String, cause: String)
  /// Another writer holds the lock.
  case busy(String, holder: String, seconds: Double)
  /// What was decided on is no longer so: nothing was changed.
  case changed(String)
  /// A tree that cannot be placed as it is described.
  case invalid(String)
  /// A file of slipway's own that does not hold what it should.
  case damaged(String, problem: String)
  case noFormerGeneration(String)
  case nothingInjected(String, kind: InjectionKind?)
  case failed(String, verb: String, cause: String)
  /// The repository could not be looked at.
  case unanswered(FileError)

  /// The error of a system call.
  static func call(_ verb: String, _ path: String, code: Int32 = errno) -> Self {
    let cause = String(cString: strerror(code))
    return switch code {
    case EACCES, EPERM: .notPermitted(path)
    case EROFS: .readOnly(path)
    case ENOSPC, EDQUOT: .full(path, cause: cause)
    case ELOOP: .tooManyLinks(path)
    default: .failed(path, verb: verb, cause: cause)
    }
  }
}

extension InjectionTreeError: CustomStringConvertible {
  /// What failed, on what, the cause and the remedy; on one line and without control characters.
  package var description: String {
    if case .unanswered(let error) = self { return error.description }
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
  }

  private var text: String {
    switch self {
    case .notConfigured(let link, let target, let settings):
      "\(link) leads to \(target) on this node: host injections are not configured; remedy: as "
        + "root, set \(settings.joined(separator: " or "))=DIRECTORY in "
        + "/etc/cvmfs/domain.d/eessi.io.local and run cvmfs_config reload, or name a directory "
        + "with --target"
    case .missingTarget(let path, let link):
      "\(path)\(link.map { ", which \($0) leads to," } ?? "") is not there; remedy: create it "
        + "once as administrator: install -d -m 755 \(path)"
    case .noRepository(let root):
      "\(root) is not there on this node; remedy: mount the repository, or name a directory with "
        + "--target"
    case .tooManyLinks(let path):
      "\(path): its symbolic links lead in a circle; remedy: correct them"
    case .notADirectory(let path):
      "\(path) is no directory; remedy: move it away, or name another directory with --target"
    case .linkInTheWay(let path, let text):
      "\(path) is a symbolic link to \(text), and slipway writes through no link below the target; "
        + "remedy: make it a directory, or name with --target the directory that it leads to"
    case .notPermitted(let path):
      "\(path) cannot be written by this user; remedy: run the command as the owner of the target "
        + "(usually root)"
    case .readOnly(let path):
      "\(path) is on a file system that is mounted read-only; remedy: run the command on a node "
        + "where it can be written"
    case .full(let path, let cause):
      "\(path) cannot be written (\(cause)), and everything is as it was; remedy: free space on "
        + "its file system, then run the command again"
    case .busy(let path, let holder, let seconds):
      "\(path) is being changed by \(holder.isEmpty ? "another process" : holder), and waiting "
        + "\(Int(seconds)) s did not help; remedy: try again when it is done"
    case .changed(let what):
      "\(what) changed while it was being applied, and everything is as it was; remedy: run the "
        + "command again when the change is complete"
    case .invalid(let what): "\(what); remedy: correct it"
    case .damaged(let file, let problem):
      "\(file): \(problem); remedy: apply the same kind anew, go back with slipway inject rollback, "
        + "or take all away with slipway inject remove"
    case .noFormerGeneration(let target):
      "\(target) has no former generation to go back to; remedy: slipway inject remove takes away "
        + "what was injected"
    case .nothingInjected(let target, let kind):
      "\(target) holds no injection\(kind.map { " of \($0.rawValue)" } ?? "") of slipway's; "
        + "remedy: slipway inject status shows what it holds"
    case .failed(let path, let verb, let cause):
      "\(path) cannot be \(verb) (\(cause)); remedy: check the file system, then run the command "
        + "again"
    case .unanswered(let error): error.description
    }
  }
}
