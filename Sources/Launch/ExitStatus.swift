import Configuration
import Environment
import Host
import Images
import Injection
import Modules
import Sandbox
import Stack

/// The exit codes of slipway's own failures; a launched program's code passes through.
///
/// Source of the numbers: sysexits(3), and the shell's 126 and 127.
package enum ExitStatus: Int32, CaseIterable, Sendable {
  case success = 0
  /// The command line or an option's value is wrong.
  case usage = 64
  /// A file that was named does not hold what it should.
  case badData = 65
  /// A repository, version, subtree or module is not there.
  case unavailable = 69
  /// slipway itself failed.
  case internalError = 70
  /// The file system did not answer in time; another try may succeed.
  case tryAgain = 75
  /// The MPI of a program and the launch of its step do not fit.
  case launchMismatch = 76
  /// A choice that the site does not allow.
  case notPermitted = 77
  /// `slipway.toml` is wrong.
  case configuration = 78
  /// The command was found and cannot be run.
  case cannotExecute = 126
  /// The command was not found.
  case notFound = 127

  /// What the code says, for the manual.
  package var meaning: String {
    switch self {
    case .success: "success"
    case .usage: "the command line or an option's value is wrong"
    case .badData: "a file that was named does not hold what it should"
    case .unavailable: "a repository, version, subtree or module is not there"
    case .internalError: "slipway itself failed"
    case .tryAgain: "the file system did not answer in time; another try may succeed"
    case .launchMismatch: "the MPI of a program and its launch do not fit"
    case .notPermitted: "the site does not allow the choice"
    case .configuration: "slipway.toml is wrong"
    case .cannotExecute: "the command was found and cannot be run"
    case .notFound: "the command was not found"
    }
  }

  /// The code for an error of any room.
  package init(_ error: any Error) {
    switch error {
    case let error as StackError:
      switch error {
      case .invalidWord: self = .usage
      case .unsafeSubtree, .unknownSubtree: self = .notPermitted
      case .missingRepository, .missingVersion, .noVersion, .missingCompatLayer, .noSubtree,
        .missingSubtree:
        self = .unavailable
      }
    case let error as ModuleError:
      switch error {
      case .invalidName: self = .usage
      case .missing, .missingLoaded, .missingLmod, .refused, .unknown: self = .unavailable
      case .timedOut: self = .tryAgain
      case .cannotRun: self = .internalError
      }
    case let error as FileError: self = error.isTimeout ? .tryAgain : .unavailable
    case let error as HostError:
      if case .unreadable = error { self = .badData } else { self = .unavailable }
    case is ConfigurationError: self = .configuration
    case is LaunchMismatch: self = .launchMismatch
    case let error as InjectionError:
      switch error.kind {
      case .badInput: self = .badData
      case .unavailable: self = .unavailable
      case .notPermitted: self = .notPermitted
      case .failed: self = .internalError
      }
    case let error as InjectionTreeError:
      switch error {
      case .invalid: self = .usage
      case .damaged, .linkInTheWay, .notADirectory, .tooManyLinks: self = .badData
      case .notConfigured, .missingTarget, .noRepository, .noFormerGeneration, .nothingInjected:
        self = .unavailable
      case .notPermitted, .readOnly: self = .notPermitted
      case .busy, .changed, .full: self = .tryAgain
      case .failed: self = .internalError
      case .unanswered(let error): self = ExitStatus(error)
      }
    case let error as ContainerError: self = error.status
    case let error as SandboxError:
      switch error.kind {
      case .unavailable: self = .unavailable
      case .badInput: self = .badData
      case .timedOut: self = .tryAgain
      case .failed: self = .internalError
      }
    case let error as ImageError:
      switch error.kind {
      case .usage: self = .usage
      case .badData: self = .badData
      case .unavailable: self = .unavailable
      case .notPermitted: self = .notPermitted
      case .tryAgain: self = .tryAgain
      case .failed: self = .internalError
      }
    case let error as EnvironmentUndoError:
      switch error {
      case .absent: self = .usage
      case .corrupt, .tooLong: self = .badData
      }
    default: self = .internalError
    }
  }
}
