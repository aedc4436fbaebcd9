import Digests
import Foundation
import Hashing
import Store
import Synchronization
import TestSupport
import Testing

/// What is removed, and what is not.
@Suite(.tags(.medium))
struct CollectionTests {
  /// Puts blobs of 100 000 bytes, the first one unused for longest.
  func fill(_ shelf: Shelf, _ store: Store, _ count: Int) throws -> [StoreKey] {
    try (1...count).map { seed in
      let (bytes, digest) = Shelf.bytes(seed)
      try store.put(bytes, as: digest)
      Shelf.age(shelf.path(digest), seconds: 10_000 - seed * 100)
      return .blob(digest)
    }
  }

  @Test func `what was used least recently goes, but for what is kept`() throws {
    try Shelf.with { shelf in
      let keys = try fill(shelf, try shelf.open(), 5)
      unlinkAll(shelf.settings.indexDirectory!)
      let store = try shelf.open()
      let dry = try store.collect(limit: 250_000, keep: [keys[0]], isDry: true)
      #expect(dry.removed.map(\.key) == [keys[1], keys[2], keys[3]])
      #expect(try store.list().count == 5)
      let done = try store.collect(limit: 250_000, keep: [keys[0]])
      #expect(done == dry)
      #expect(done.freed == 300_000)
      #expect(done.bytes == 200_000)
      #expect(Set(try store.list().map(\.key)) == [keys[0], keys[4]])
      // The time of the last use counts, not that of its making.
      _ = try store.path(of: keys[0])
      #expect(try store.collect(olderThan: 5000).removed.map(\.key) == [keys[4]])
      #expect(try store.collect(olderThan: 0).removed.map(\.key) == [keys[0]])
    }
  }

  func unlinkAll(_ directory: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
      unlink("\(directory)/\(name)")
    }
  }

  @Test func `what is marked is never removed, until the mark expires`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let keys = try fill(shelf, store, 3)
      let mark = try #require(try store.mark(keys[0], by: "job 7 on n1", seconds: 60))
      // That of another node, whose process is not here.
      mkdir(shelf("uses/\(name(keys[1]))"), 0o700)
      let far = try shelf.directory.write(
        "store/uses/\(name(keys[1]))/far", Array("\(time(nil) + 60) job 8\n".utf8))
      chmod(far, 0o600)
      let first = try store.collect(limit: 0)
      #expect(first.removed.map(\.key) == [keys[2]])
      #expect(first.inUse.map(\.user) == ["job 7 on n1", "job 8"])
      #expect(try !store.remove(keys[0]))
      try shelf.directory.write(
        "store/uses/\(name(keys[1]))/far", Array("\(time(nil) - 301) job 8\n".utf8))
      #expect(try store.collect(limit: 0).removed.map(\.key) == [keys[1]])
      mark.release()
      #expect(try store.collect(limit: 0).removed.map(\.key) == [keys[0]])
      #expect(try store.mark(keys[0], by: "", seconds: 60) == nil)
      #expect(try store.repair().marks == 2)
      #expect(shelf.names("uses").isEmpty && shelf.names("tmp").isEmpty)
    }
  }

  func name(_ key: StoreKey) -> String { "blobs-sha256-\(key.digest.hex)" }

  @Test func `a process that uses something keeps it, also without a mark's file`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let keys = try fill(shelf, store, 1)
      let user = try shelf.start("mark", "\(keys[0].digest)")
      try user.waitForOutput("marked")
      try FileManager.default.removeItem(atPath: shelf("uses/\(name(keys[0]))"))
      #expect(try store.collect(limit: 0).inUse.count == 1)
      kill(user.identifier, SIGKILL)
      _ = try user.finish()
      #expect(try store.collect(limit: 0).removed.count == 1)
    }
  }

  /// What two threads tell each other.
  final class Shared: Sendable {
    let isOver = Atomic(false)
    let removed = Atomic(0)
    let failures = Mutex<[String]>([])
  }

  @Test func `nobody who got a mark loses what it marks`() throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1, count: 1000)
      _ = try shelf.open()
      let settings = shelf.settings
      let shared = Shared()
      let collector = Thread {
        do {
          let store = try Store(settings)
          while !shared.isOver.load(ordering: .relaxed) {
            shared.removed.add(try store.collect(limit: 0).removed.count, ordering: .relaxed)
          }
        } catch { shared.failures.withLock { $0.append("\(error)") } }
      }
      collector.start()
      let store = try shelf.open()
      var marked = 0
      let deadline = ContinuousClock.now + .seconds(60)
      while marked < 3000 || shared.removed.load(ordering: .relaxed) < 20, .now < deadline {
        guard let mark = try store.mark(.blob(digest), by: "x", seconds: 60) else {
          try store.put(bytes, as: digest)
          continue
        }
        marked += 1
        #expect(access(shelf.path(digest), F_OK) == 0)
        mark.release()
      }
      shared.isOver.store(true, ordering: .relaxed)
      while !collector.isFinished { usleep(1000) }
      #expect(shared.failures.withLock { $0 } == [])
      #expect(marked >= 3000)
      #expect(shared.removed.load(ordering: .relaxed) >= 20)
    }
  }

  @Test func `a quota makes room or refuses`() throws {
    try Shelf.with { shelf in
      var shelf = shelf
      shelf.settings.quota = 450_000
      let keys = try fill(shelf, try shelf.open(), 4)
      unlinkAll(shelf.settings.indexDirectory!)
      let store = try shelf.open()
      try store.reserve(50_000)
      let error = storeError { try store.reserve(50_001) }
      #expect(error?.kind == .full)
      #expect(error?.cause == "50001 bytes do not fit: 1 are missing")
      #expect(try store.list().count == 4)
      try store.reserve(150_000, keep: [keys[0]])
      #expect(try store.list().map(\.key).sorted() == [keys[0], keys[2], keys[3]].sorted())
      #expect(storeError { try store.reserve(400_000, keep: [keys[0]]) }?.kind == .full)
      #expect(storeError { try store.reserve(.max, keep: []) }?.kind == .full)
      shelf.settings.quota = nil
      #expect(storeError { try shelf.open().reserve(1 << 60) }?.kind == .full)
    }
  }

  @Test func `an index that is lost or corrupt is made anew`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      _ = try fill(shelf, store, 3)
      let items = try store.list()
      let directory = shelf.settings.indexDirectory!
      let file = try #require(
        try FileManager.default.contentsOfDirectory(atPath: directory).first)
      for damage in ["", "garbage", String(repeating: "x", count: 100_000)] {
        try Data(damage.utf8).write(to: URL(filePath: "\(directory)/\(file)"))
        #expect(try shelf.open().list().map(\.key) == items.map(\.key))
        #expect(try shelf.open().list().map(\.size) == items.map(\.size))
      }
      // In the middle, and while it is open.
      let open = try shelf.open()
      let handle = try #require(FileHandle(forUpdatingAtPath: "\(directory)/\(file)"))
      try handle.seek(toOffset: 4096)
      try handle.write(contentsOf: Data(repeating: 255, count: 4096))
      #expect(try open.list().map(\.key) == items.map(\.key))
      #expect(try open.repair().items == 3)
      unlinkAll(directory)
      #expect(try open.list().map(\.key) == items.map(\.key))
      // And where none can be.
      for place in [shelf("index"), "/proc/nothing", shelf.directory("open")] {
        if place.hasSuffix("open") {
          mkdir(place, 0o777)
          chmod(place, 0o777)
        }
        var settings = shelf.settings
        settings.indexDirectory = place
        #expect(try Store(settings).list().map(\.key) == items.map(\.key))
        #expect((try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] == [])
      }
    }
  }
}
