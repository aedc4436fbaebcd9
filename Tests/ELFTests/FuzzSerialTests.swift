import TestSupport
import Testing

/// Hostile files against everything that reads them; serial, for its time is measured.
@Suite(.tags(.small), .serialized)
struct FuzzSerialTests {
  @Test func `files that lie trap nowhere, and every read of them ends soon`() {
    let fuzzing = Fuzzing()
    let fuzzer = Fuzzer(seed: fuzzing.seed)
    let report = fuzzing.run("files") { fuzzer.iteration($0) }
    #expect(report.count > 20)
    #expect(report.slowest < .seconds(30), "\(report.again)")
  }
}
