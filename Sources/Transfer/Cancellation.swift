private import Synchronization

/// A flag that ends transfers; a handler of signals may set it.
package final class Cancellation: Sendable {
  private let flag = Atomic(false)

  package init() {}

  /// Async-signal-safe: one atomic store (signal-safety(7)).
  package func cancel() { flag.store(true, ordering: .relaxed) }

  package var isCancelled: Bool { flag.load(ordering: .relaxed) }
}
