import Digests
import Foundation
import Hashing
import Store
import TestSupport
import Testing

/// Who may have put what there.
@Suite(.tags(.medium))
struct TrustTests {
  @Test func `a root that others can write is refused`() throws {
    try Shelf.with { shelf in
      mkdir(shelf.settings.root, 0o700)
      for mode in [0o777, 0o720, 0o702, 0o1777] {
        chmod(shelf.settings.root, mode_t(mode))
        #expect(storeError { _ = try shelf.open() }?.kind == .untrusted)
        #expect(storeError { _ = try Store(reading: shelf.settings.root) }?.kind == .untrusted)
      }
    }
  }

  @Test(.enabled(if: getuid() == 0, "only root can give a directory away"))
  func `a root of somebody else is refused, but for readers who trust its owner`() throws {
    try Shelf.with { shelf in
      _ = try shelf.open()
      chown(shelf.settings.root, 4711, 4711)
      let error = storeError { _ = try shelf.open() }
      #expect(error?.kind == .untrusted)
      #expect(error.map { "\($0)" }?.contains("user 4711") == true)
      #expect(storeError { _ = try Store(reading: shelf.settings.root) }?.kind == .untrusted)
      #expect(throws: Never.self) { try Store(reading: shelf.settings.root, owners: [4711]) }
    }
  }

  @Test(arguments: ["blobs", "partial", "locks", "uses", "tmp", "blobs/sha256"])
  func `no link below the root is followed`(_ place: String) throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let victim = shelf.directory("victim")
      mkdir(victim, 0o700)
      if place.contains("/") { mkdir(shelf("blobs"), 0o700) }
      symlink(victim, shelf(place))
      let (bytes, digest) = Shelf.bytes(1)
      let errors = [
        storeError { try store.put(bytes, as: digest) },
        storeError { _ = try store.lock(.blob(digest), purpose: "", patience: 0) },
        storeError { _ = try store.mark(.blob(digest), by: "", seconds: 1) },
        storeError { _ = try store.temporaryDirectory(for: "x") },
      ]
      #expect(errors.contains { $0?.kind == .untrusted })
      _ = try? store.collect(limit: 0)
      _ = try? store.repair(quarantine: true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: victim).isEmpty)
    }
  }

  @Test func `what stands in a blob's place is replaced and never written to`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let (bytes, digest) = Shelf.bytes(1)
      let victim = try shelf.directory.write("victim", Array("ORIGINAL".utf8))
      try store.put(bytes, as: digest)
      let plants: [() -> Void] = [
        { symlink(victim, shelf.path(digest)) },
        { mkfifo(shelf.path(digest), 0o600) },
        { mkdir(shelf.path(digest), 0o700) },
        {
          _ = try? shelf.directory.write("store/blobs/sha256/\(digest.hex)", bytes)
          chmod(shelf.path(digest), 0o666)
        },
      ]
      for plant in plants {
        #expect(try store.remove(.blob(digest)))
        plant()
        #expect(try store.path(of: .blob(digest)) == nil)
        #expect(try store.contents(of: digest, limit: 1 << 20) == nil)
        #expect(try store.list().isEmpty)
        try store.put(bytes, as: digest)
        #expect(try store.holds(bytes, as: digest))
      }
      #expect(try String(contentsOfFile: victim, encoding: .utf8) == "ORIGINAL")
    }
  }

  @Test func `planted partials, locks and marks lead nowhere`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let (bytes, digest) = Shelf.bytes(1)
      try store.put(bytes, as: digest)
      #expect(try store.remove(.blob(digest)))
      let victim = try shelf.directory.write("victim", Array("ORIGINAL".utf8))
      symlink(victim, shelf("partial/sha256-\(digest.hex).free.1"))
      symlink(victim, shelf("locks/blobs-sha256-\(digest.hex)"))
      mkdir(shelf("uses"), 0o700)
      mkdir(shelf("uses/blobs-sha256-\(digest.hex)"), 0o700)
      symlink(victim, shelf("uses/blobs-sha256-\(digest.hex)/x"))
      for name in ["blobs/sha256/zz", "blobs/sha256/\(digest.hex.uppercased())", "blobs/md5", "X"] {
        mkdir(shelf(name), 0o700)
      }
      let lock = try store.lock(.blob(digest), purpose: "", patience: 5)
      #expect(lock.refresh())
      lock.release()
      try store.put(bytes, as: digest)
      #expect(try store.list().map(\.key) == [.blob(digest)])
      #expect(try store.collect(limit: 0).removed.count == 1)
      #expect(try String(contentsOfFile: victim, encoding: .utf8) == "ORIGINAL")
    }
  }

  @Test func `kinds are words and none of the store's own`() {
    let digest = Digest(of: [])
    for kind in ["images", "a", "squashfs-1"] {
      #expect(StoreKey(kind: kind, digest: digest) != nil)
    }
    for kind in ["", "..", "a/b", "A", "tmp", "locks", "partial", "uses", "quarantine", "é"] {
      #expect(StoreKey(kind: kind, digest: digest) == nil)
    }
  }
}
