import Foundation
import Synchronization

/// A loop of iterations that are hostile to what they call, each of which can be run again.
///
/// `SLIPWAY_FUZZ_SECONDS` asks for so many seconds with a seed of their own, `SLIPWAY_FUZZ_SEED` for
/// a seed, `SLIPWAY_FUZZ_FROM` for the iteration to start with.
package struct Fuzzing: Sendable {
  package let seed: UInt64
  private let seconds: UInt64?
  private let first: UInt64

  package init() {
    func number(_ name: String) -> UInt64? {
      ProcessInfo.processInfo.environment["SLIPWAY_FUZZ_\(name)"].flatMap { UInt64($0) }
    }
    seconds = number("SECONDS")
    seed = number("SEED") ?? (seconds == nil ? 1 : UInt64(Date().timeIntervalSince1970))
    first = number("FROM") ?? 0
  }

  /// What a loop took.
  package struct Report {
    package var count = 0
    /// The time of the slowest iteration, and the settings that run it again.
    package var slowest = Duration.zero
    package var again = ""
  }

  private func again(_ number: UInt64) -> String {
    "SLIPWAY_FUZZ_SEED=\(seed) SLIPWAY_FUZZ_FROM=\(number)"
  }

  /// Calls `iteration` with one number after the other until the time is over.
  ///
  /// - Parameters:
  ///   - name: what is read, for the loop's words and its file.
  ///   - iteration: says how much of what it made was taken, for the loop's words.
  package func run(_ name: String, _ iteration: (UInt64) -> Int) -> Report {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds ?? 3)
    let current = Atomic<UInt64>(first)
    let isOver = Atomic<Bool>(false)
    if let seconds { print("fuzzing \(name) for \(seconds) s with seed \(seed)") }
    // A trap ends the process, and an iteration without an end is one: which one it was is in a file.
    let trace = "\(FileManager.default.temporaryDirectory.path)/slipway-fuzz-\(name)-\(getpid())"
    let file = open(trace, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer {
      close(file)
      unlink(trace)
    }
    let watcher = Thread {
      var last = UInt64.max
      while !isOver.load(ordering: .relaxed) {
        for _ in 0..<100 where !isOver.load(ordering: .relaxed) { usleep(300_000) }
        let now = current.load(ordering: .relaxed)
        if now == last, !isOver.load(ordering: .relaxed) { fatalError("no end of \(again(now))") }
        last = now
      }
    }
    watcher.start()
    defer { isOver.store(true, ordering: .relaxed) }
    var (report, taken) = (Report(), 0)
    while clock.now < end {
      let number = current.load(ordering: .relaxed)
      let text = Array("\(again(number))\n".utf8)
      pwrite(file, text, text.count, 0)
      let time = clock.measure { taken &+= iteration(number) }
      if time > report.slowest { (report.slowest, report.again) = (time, again(number)) }
      report.count += 1
      current.store(number + 1, ordering: .relaxed)
    }
    print(
      "read \(report.count) hostile \(name) (\(taken)); the slowest took \(report.slowest): "
        + report.again)
    return report
  }
}
