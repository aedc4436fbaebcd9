import Store
import Synchronization

/// Tells from time to time that the owner of locks is alive.
final class Heartbeat: Sendable {
  private let locks: [StoreLock]
  private let last = Mutex<ContinuousClock.Instant>(.now)

  init(_ locks: [StoreLock]) { self.locks = locks }

  func beat() {
    let isDue = last.withLock { last in
      guard ContinuousClock.now - last > .seconds(1) else { return false }
      last = .now
      return true
    }
    if isDue { for lock in locks { lock.refresh() } }
  }
}
