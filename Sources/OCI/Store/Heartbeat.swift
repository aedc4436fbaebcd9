import Glibc
import Store
import Synchronization

/// Tells every second that the owner of locks is alive.
final class Heartbeat: Sendable {
  private let descriptors: [Int32]
  private let last = Mutex<ContinuousClock.Instant>(.now)

  /// For as long as the locks are held.
  init(_ locks: [StoreLock]) { descriptors = locks.map(\.descriptor) }

  func beat() {
    let isDue = last.withLock { last in
      guard ContinuousClock.now - last > .seconds(1) else { return false }
      last = .now
      return true
    }
    if isDue { for descriptor in descriptors { futimens(descriptor, nil) } }
  }
}
