import Digests
import Foundation
import Hashing
import Store
import TestSupport
import Testing

/// Locks and who holds them.
@Suite(.tags(.large))
struct LockTests {
  @Test func `a lock is held by one, and who waits in vain is told by whom`() throws {
    try Shelf.with { shelf in
      let (_, digest) = Shelf.bytes(1)
      let holder = try shelf.start("hold", "\(digest)")
      try holder.waitForOutput("held")
      let store = try shelf.open()
      let start = ContinuousClock.now
      let error = storeError {
        _ = try store.lock(.blob(digest), purpose: "other", patience: 0.2)
      }
      #expect(start.duration(to: .now) >= .seconds(0.2))
      #expect(error?.kind == .busy)
      let text = "\(try #require(error))"
      #expect(text.contains("a test (process \(holder.identifier) on "))
      #expect(
        storeError {
          _ = try store.lock(.blob(digest), purpose: "", patience: 60) { true }
        }?.kind == .cancelled)
      // Killed, it is dead at once, though its lease runs on.
      kill(holder.identifier, SIGKILL)
      _ = try holder.finish()
      let lock = try store.lock(.blob(digest), purpose: "other", patience: 5)
      #expect(lock.refresh())
      lock.release()
      #expect(shelf.names("locks").isEmpty)
      #expect(start.duration(to: .now) < .seconds(20), "not after its lease")
    }
  }

  /// A lock as a process of another node has it.
  func plant(_ shelf: Shelf, _ digest: Digest) throws -> String {
    try shelf.directory.write(
      "store/locks/blobs-sha256-\(digest.hex)",
      Array(
        "slipway 1\nhost far\nboot b\nnamespace 1\npid 7\nstart 9\npurpose pull of x\n".utf8))
  }

  @Test func `the lock of another node is waited for as long as it is refreshed`() throws {
    try Shelf.with { shelf in
      var shelf = shelf
      shelf.settings.leaseSeconds = 1
      let store = try shelf.open()
      let (_, digest) = Shelf.bytes(1)
      try store.lock(.blob(digest), purpose: "", patience: 1).release()
      let path = try plant(shelf, digest)
      chmod(path, 0o600)
      let refresher = Thread {
        while !Thread.current.isCancelled {
          utimensat(AT_FDCWD, path, nil, 0)
          usleep(100_000)
        }
      }
      refresher.start()
      let error = storeError { _ = try store.lock(.blob(digest), purpose: "", patience: 2.5) }
      #expect(error.map { "\($0)" }?.contains("pull of x (process 7 on far)") == true)
      refresher.cancel()
      while !refresher.isFinished { usleep(1000) }
      let start = ContinuousClock.now
      let lock = try store.lock(.blob(digest), purpose: "", patience: 10)
      #expect(start.duration(to: .now) >= .seconds(0.9))
      #expect(lock.refresh())
    }
  }

  @Test func `who lost a lock knows it and leaves that of the next`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let (_, digest) = Shelf.bytes(1)
      let path = shelf("locks/blobs-sha256-\(digest.hex)")
      let lost = try store.lock(.blob(digest), purpose: "", patience: 1)
      unlink(path)
      let next = try store.lock(.blob(digest), purpose: "", patience: 1)
      lost.release()
      #expect(FileManager.default.fileExists(atPath: path))
      let deadline = ContinuousClock.now + .seconds(10)
      unlink(path)
      while next.refresh(), .now < deadline { usleep(50_000) }
      #expect(!next.refresh())
    }
  }

  @Test func `of many that want the same at once, one fetches it`() throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1, count: 2_000_000)
      let file = try shelf.directory.write("source", bytes)
      let log = shelf.directory("log")
      let pulls = try (0..<24).map { _ in try shelf.start("pull", "\(digest)", file, log) }
      for pull in pulls {
        let result = try pull.finish()
        #expect(result.status == 0, "\(result.stderr)")
      }
      #expect(try String(contentsOfFile: log, encoding: .utf8) == "pull\n")
      let store = try shelf.open()
      #expect(try store.holds(bytes, as: digest))
      #expect(shelf.names("locks").isEmpty && shelf.names("partial").isEmpty)
    }
  }

  @Test func `writers that have no lock do each other no harm`() throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1, count: 2_000_000)
      let file = try shelf.directory.write("source", bytes)
      let writers = try (0..<8).map { index in
        try shelf.start(index % 2 == 0 ? "write" : "publish", "\(digest)", file)
      }
      for writer in writers {
        let result = try writer.finish()
        #expect(result.status == 0, "\(result.stderr)")
      }
      let store = try shelf.open()
      #expect(try store.verify().corrupt.isEmpty)
      #expect(try store.list().count == 2)
      #expect(shelf.names("tmp").isEmpty && shelf.names("partial").isEmpty)
    }
  }
}
