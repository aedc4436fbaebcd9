import Glibc
import Synchronization

/// Threads that share out a list of pieces of work.
enum Threads {
  static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Calls `body` with every number below `count`, each once; the results stand in their order.
  static func map<Result: Sendable>(
    _ count: Int, threads: Int, _ body: @escaping @Sendable (Int) -> Result
  ) -> [Result] {
    let shared = Shared(count: count, body: body)
    var others: [pthread_t] = []
    for _ in 1..<max(1, min(threads, count)) {
      var thread = pthread_t()
      let box = Unmanaged.passRetained(Box(shared.work))
      let failed = pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().work()
          return nil
        }, box.toOpaque())
      // With fewer threads it takes longer.
      if failed != 0 { box.release() } else { others.append(thread) }
    }
    shared.work()
    for thread in others { pthread_join(thread, nil) }
    return shared.results.withLock { $0.compactMap(\.self) }
  }

  private final class Box: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }

  private final class Shared<Result: Sendable>: Sendable {
    private let count: Int
    private let body: @Sendable (Int) -> Result
    private let next = Atomic<Int>(0)
    let results: Mutex<[Result?]>

    init(count: Int, body: @escaping @Sendable (Int) -> Result) {
      (self.count, self.body) = (count, body)
      results = Mutex(Array(repeating: nil, count: count))
    }

    @Sendable func work() {
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        let result = body(index)
        results.withLock { $0[index] = result }
      }
    }
  }
}
