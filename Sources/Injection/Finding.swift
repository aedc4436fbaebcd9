/// What is said of a library that is put under a program that was linked with another.
///
/// The order is the order of badness: the verdict of many findings is their maximum.
package enum Verdict: String, CaseIterable, Codable, Comparable, Sendable {
  /// All checks passed, and the injected library is the one that is loaded.
  case ok = "OK"
  /// It works, with a risk that is named.
  case warn = "WARN"
  /// It dies when one of the functions that are named is first called; a program may never call it.
  case conditional = "COND"
  /// The program loads another library instead: it works as it did, and nothing was injected.
  case notApplied = "NOT-APPLIED"
  /// It dies at load or aborts, or its tasks run without knowing of each other.
  case fail = "FAIL"

  package static func < (a: Self, b: Self) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }
}

/// One thing that a check found, and what can be done about it.
package struct Finding: Codable, Hashable, Sendable {
  package var step: Step
  package var verdict: Verdict
  /// The file that it is about, as the loader opened it.
  package var file: String?
  /// The symbol, version or name that it is about.
  package var subject: String?
  /// What was found, in words.
  package var message: String
  /// What a person can do.
  package var remedy: String?

  package init(
    _ step: Step, _ verdict: Verdict, file: String? = nil, subject: String? = nil,
    _ message: String, remedy: String? = nil
  ) {
    self.step = step
    self.verdict = verdict
    self.file = file
    self.subject = subject
    self.message = message
    self.remedy = remedy
  }

  /// What was found and what can be done, in one line.
  package var text: String { remedy.map { "\(message); remedy: \($0)" } ?? message }

  /// The steps of a check, in their order.
  package enum Step: String, CaseIterable, Codable, Sendable {
    /// Class, byte order, machine and calling convention of every object.
    case identity = "A"
    /// The family of the consumer's MPI against the library's.
    case family = "B"
    /// The names that the consumer needs.
    case soname = "C"
    /// What the loader picks.
    case resolution = "D"
    /// Versions of symbols.
    case versions = "E"
    /// Undefined symbols.
    case symbols = "F"
    /// Sizes of objects that the program has copied into itself.
    case copies = "G"
    /// The processor's level.
    case processor = "H"
    /// Plugins and what is opened at run time.
    case plugins = "I"
    /// The launcher's kind of process management.
    case launch = "J"
    /// Namespaces and what must be visible in them.
    case namespaces = "K"
    /// Two ranks, run for real.
    case probe = "L"
    /// The GPU driver of the kernel against its libraries and the toolkit.
    case driver = "M"
  }
}
