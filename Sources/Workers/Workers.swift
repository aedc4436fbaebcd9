import Glibc
import Synchronization

/// Threads that share out a list of pieces of work.
package enum Workers {
  /// Calls `body` with every number below `count`, each once; `make` gives each thread its own state.
  ///
  /// Returns when all is done. The results stand in the order of the numbers.
  ///
  /// - Parameter run: how many neighbours one thread takes at once: they may share what the state
  ///   remembers, and a lock for each would cost more than some pieces.
  package static func map<State, Result: Sendable>(
    _ count: Int, threads: Int, run: Int, make: @escaping @Sendable () -> State,
    body: @escaping @Sendable (State, Int) -> Result
  ) -> [Result] {
    guard count > 0 else { return [] }
    let shared = Shared<Result>(count: count)
    let work: @Sendable () -> Void = {
      let state = make()
      while let range = shared.next(run) {
        for index in range { shared.put(body(state, index), at: index) }
      }
    }
    var others: [pthread_t] = []
    for _ in 1..<max(1, min(threads, count)) {
      var thread = pthread_t()
      let box = Unmanaged.passRetained(Box(work))
      let failed = pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().work()
          return nil
        }, box.toOpaque())
      // With fewer threads it takes longer.
      if failed != 0 { box.release() } else { others.append(thread) }
    }
    work()
    for thread in others { pthread_join(thread, nil) }
    return shared.results
  }

  /// The processors of this machine.
  package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  private final class Box: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }

  private final class Shared<Result: Sendable>: Sendable {
    private let state: Mutex<(next: Int, results: [Result?])>

    init(count: Int) { state = Mutex((0, [Result?](repeating: nil, count: count))) }

    func next(_ size: Int) -> Range<Int>? {
      state.withLock { state in
        guard state.next < state.results.count else { return nil }
        let range = state.next..<min(state.next + size, state.results.count)
        state.next = range.upperBound
        return range
      }
    }

    func put(_ result: Result, at index: Int) { state.withLock { $0.results[index] = result } }
    var results: [Result] { state.withLock { $0.results.compactMap(\.self) } }
  }
}
