import Foundation
import Synchronization
import TestSupport
import Testing

/// Hostile layers against everything that reads them; serial, for its time is measured.
///
/// `SLIPWAY_FUZZ_SECONDS` asks for so many seconds with a seed of their own, `SLIPWAY_FUZZ_SEED` for
/// a seed, `SLIPWAY_FUZZ_FROM` for the iteration to start with.
@Suite(.tags(.small), .serialized)
struct FuzzLayersSerialTests {
  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  @Test func `layers that lie trap nowhere, and every read of them ends soon`() throws {
    let seconds = Self.number("SLIPWAY_FUZZ_SECONDS")
    let seed =
      Self.number("SLIPWAY_FUZZ_SEED")
      ?? (seconds == nil ? 1 : UInt64(Date().timeIntervalSince1970))
    let fuzzer = try LayerFuzzer(seed: seed)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds ?? 3)
    let iteration = Atomic<UInt64>(Self.number("SLIPWAY_FUZZ_FROM") ?? 0)
    let isOver = Atomic<Bool>(false)
    let how = "SLIPWAY_FUZZ_SEED=\(seed) SLIPWAY_FUZZ_FROM="
    if seconds != nil { print("fuzzing for \(seconds!) s with seed \(seed)") }
    // A trap ends the process, and an iteration without an end is one: which one it was is in a file.
    let trace = FileManager.default.temporaryDirectory.path + "/slipway-fuzz-layers-\(getpid())"
    let file = open(trace, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer {
      close(file)
      unlink(trace)
    }
    let watcher = Thread {
      var last = UInt64.max
      while !isOver.load(ordering: .relaxed) {
        for _ in 0..<100 where !isOver.load(ordering: .relaxed) { usleep(300_000) }
        let now = iteration.load(ordering: .relaxed)
        if now == last, !isOver.load(ordering: .relaxed) { fatalError("no end of \(how)\(now)") }
        last = now
      }
    }
    watcher.start()
    defer { isOver.store(true, ordering: .relaxed) }
    var (slowest, which, count, sum) = (Duration.zero, UInt64(0), 0, 0)
    while clock.now < end {
      let number = iteration.load(ordering: .relaxed)
      let text = Array("\(how)\(number)\n".utf8)
      pwrite(file, text, text.count, 0)
      let time = clock.measure { sum &+= fuzzer.iteration(number) }
      if time > slowest { (slowest, which) = (time, number) }
      count += 1
      iteration.store(number + 1, ordering: .relaxed)
    }
    print("read \(count) hostile layers (\(sum)); the slowest took \(slowest): \(how)\(which)")
    #expect(count > 20)
    #expect(slowest < .seconds(30), "\(how)\(which)")
  }
}
