import Glibc
import Synchronization

/// A line on the terminal that counts; nothing where standard error is none.
final class Progress: Sendable {
  private let word: String
  private let total: Int
  private let isShown: Bool
  private let state = Mutex<(done: Int, shown: ContinuousClock.Instant)>((0, .now))

  init(_ word: String, of total: Int) {
    self.word = word
    self.total = total
    isShown = isatty(STDERR_FILENO) == 1
  }

  func advance() {
    guard isShown else { return }
    let count = state.withLock { state -> Int? in
      state.done += 1
      guard ContinuousClock.now - state.shown > .milliseconds(100) else { return nil }
      state.shown = .now
      return state.done
    }
    if let count { write("\r\(word) \(count) of \(total)") }
  }

  /// Takes the line away.
  func end() { if isShown { write("\r\u{1b}[K") } }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
