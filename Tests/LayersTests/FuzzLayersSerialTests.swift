import TestSupport
import Testing

/// Hostile layers against everything that reads them; serial, for its time is measured.
@Suite(.tags(.small), .serialized)
struct FuzzLayersSerialTests {
  @Test func `layers that lie trap nowhere, and every read of them ends soon`() throws {
    let fuzzing = Fuzzing()
    let fuzzer = try LayerFuzzer(seed: fuzzing.seed)
    let report = fuzzing.run("layers") { fuzzer.iteration($0) }
    #expect(report.count > 20)
    #expect(report.slowest < .seconds(30), "\(report.again)")
  }
}
