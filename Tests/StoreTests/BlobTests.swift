import Digests
import Foundation
import Hashing
import Store
import TestSupport
import Testing

/// Blobs that are written, resumed and read.
@Suite(.tags(.medium))
struct BlobTests {
  @Test func `a blob appears when it is whole, with its owner's rights only`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      for (algorithm, mode) in [(Digest.Algorithm.sha256, 0o600), (.sha512, 0o600)] {
        let (bytes, _) = Shelf.bytes(1)
        let digest = Digest(of: bytes, algorithm)
        #expect(try store.path(of: .blob(digest)) == nil)
        let writer = try store.writer(for: digest, size: Int64(bytes.count))
        try writer.write(bytes[..<1000])
        #expect(try store.path(of: .blob(digest)) == nil)
        try writer.write(bytes[1000...])
        #expect(try writer.finish() == nil)
        #expect(try store.path(of: .blob(digest)) == shelf.path(digest))
        #expect(try store.holds(bytes, as: digest))
        #expect(try store.contents(of: digest, limit: 10) == nil)
        var status = stat()
        stat(shelf.path(digest), &status)
        #expect(Int(status.st_mode & 0o777) == mode)
        stat(shelf.settings.root, &status)
        #expect(status.st_mode & 0o777 == 0o700)
        let file = try #require(try store.open(digest))
        #expect(file.size == Int64(bytes.count))
      }
      #expect(shelf.names("partial").isEmpty)
    }
  }

  @Test func `a shared store can be read by all, and with its reader only`() throws {
    try Shelf.with { shelf in
      var settings = shelf.settings
      settings.isShared = true
      let mask = umask(0o077)
      defer { umask(mask) }
      let (bytes, digest) = Shelf.bytes(1)
      try Store(settings).put(bytes, as: digest)
      var status = stat()
      stat(shelf.path(digest), &status)
      #expect(status.st_mode & 0o777 == 0o644)
      for directory in ["", "blobs", "blobs/sha256"] {
        stat(shelf(directory), &status)
        #expect(status.st_mode & 0o777 == 0o755)
      }
      let reader = try Store(reading: settings.root)
      #expect(try reader.holds(bytes, as: digest))
      #expect(try reader.mark(.blob(digest), by: "x", seconds: 1) != nil)
      #expect(storeError { _ = try reader.writer(for: digest, size: nil) }?.kind == .notPermitted)
      #expect(storeError { _ = try reader.collect() }?.kind == .notPermitted)
    }
  }

  @Test func `what is wrong gets no name and does not stay`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let (bytes, digest) = Shelf.bytes(1)
      for (given, size) in [
        (Array(bytes.dropLast()), Int64?.none), (Array(bytes.dropLast()), Int64(bytes.count)),
        (bytes.dropLast() + [bytes[bytes.count - 1] ^ 1], Int64(bytes.count)), ([], nil),
      ] {
        let writer = try store.writer(for: digest, size: size)
        try writer.write(given)
        #expect(try writer.finish() != nil)
        #expect(shelf.names("partial").isEmpty)
        #expect(try store.path(of: .blob(digest)) == nil)
        // The same writer begins anew.
        try writer.restart()
        try writer.write(bytes)
        #expect(try writer.finish() == nil)
        #expect(try store.remove(.blob(digest)))
      }
      let writer = try store.writer(for: digest, size: 10)
      #expect(storeError { try writer.write(bytes) }?.kind == .damaged)
    }
  }

  @Test func `a blob is resumed where a writer left off`() throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1)
      let store = try shelf.open()
      do {
        let writer = try store.writer(for: digest, size: Int64(bytes.count))
        try writer.write(bytes[..<70_000])
      }
      let writer = try store.writer(for: digest, size: Int64(bytes.count))
      #expect(writer.offset == 70_000)
      // While that one lives, another one begins for itself.
      let other = try store.writer(for: digest, size: nil)
      #expect(other.offset == 0)
      try other.write(bytes)
      #expect(try other.finish() == nil)
      try writer.write(bytes[70_000...])
      #expect(try writer.finish() == nil)
      #expect(try store.verify().corrupt.isEmpty)
      #expect(shelf.names("partial").isEmpty)
    }
  }

  @Test func `what another node left is copied, and not before it is old`() throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1)
      let store = try shelf.open()
      let boot = String(repeating: "0", count: 32)
      let name = "partial/sha256-\(digest.hex).\(boot).1.2.3.4"
      _ = try store.writer(for: digest, size: nil)
      let left = try shelf.directory.write("store/\(name)", bytes[..<500])
      chmod(left, 0o600)
      #expect(try store.writer(for: digest, size: nil).offset == 0)
      Shelf.age(left, seconds: 3600)
      let asleep = open(left, O_RDWR)
      defer { close(asleep) }
      let writer = try store.writer(for: digest, size: Int64(bytes.count))
      #expect(writer.offset == 500)
      #expect(!FileManager.default.fileExists(atPath: left))
      // It wakes up: what is taken over is another file.
      pwrite(asleep, "garbage", 7, 0)
      try writer.write(bytes[500...])
      #expect(try writer.finish() == nil)
      #expect(try store.holds(bytes, as: digest))
    }
  }

  @Test func `a corrupt byte is found by verification, and by reading`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      var digests: [Digest] = []
      for seed in 1...3 {
        let (bytes, digest) = Shelf.bytes(seed)
        try store.put(bytes, as: digest)
        digests.append(digest)
      }
      for digest in digests.prefix(2) {
        let file = open(shelf.path(digest), O_RDWR)
        pwrite(file, "X", 1, 4711)
        close(file)
      }
      #expect(try store.contents(of: digests[0], limit: 1 << 20) == nil)
      #expect(try store.path(of: .blob(digests[0])) == nil)
      let found = try store.verify()
      #expect(found.checked == 2)
      #expect(found.corrupt.map(\.key) == [.blob(digests[1])])
      #expect(try store.list().map(\.key) == [.blob(digests[2])])
      #expect(shelf.names("quarantine").count == 2)
      #expect(try store.repair(quarantine: true).quarantined == 2)
      #expect(shelf.names("quarantine").isEmpty)
    }
  }

  @Test func `a directory is published once, and its files are verified`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let (bytes, digest) = Shelf.bytes(1)
      let key = try #require(StoreKey(kind: "images", digest: digest))
      var paths: [String] = []
      for _ in 1...2 {
        let temporary = try store.temporaryDirectory(for: "image build")
        try Data(bytes).write(to: URL(filePath: "\(temporary.path)/image"))
        paths.append(try store.publish(temporary, as: key, sums: ["image": digest]))
      }
      #expect(Set(paths) == [shelf("images/sha256/\(digest.hex)")])
      #expect(try store.path(of: key) == paths[0])
      #expect(shelf.names("tmp").isEmpty)
      let item = try #require(try store.list().first)
      #expect(item.key == key)
      #expect(item.size >= Int64(bytes.count))
      #expect(try store.verify().corrupt.isEmpty)
      let file = open("\(paths[0])/image", O_RDWR)
      pwrite(file, "X", 1, 1)
      close(file)
      #expect(try store.verify().corrupt.map(\.key) == [key])
      #expect(try store.path(of: key) == nil)
    }
  }

  @Test func `what is not published goes, however deep and strange it is`() throws {
    try Shelf.with { shelf in
      let store = try shelf.open()
      let script = """
        import os, sys
        os.chdir(sys.argv[1])
        os.mkdir("locked"); os.mkdir("locked/in"); open("locked/in/f", "w").close()
        os.chmod("locked/in", 0); os.chmod("locked", 0)
        os.mkdir(b"\\xff\\xfe"); open(b"\\xff\\xfe/\\xfd", "w").close()
        os.symlink("/etc", "link"); os.mkfifo("fifo")
        for _ in range(3000):
            os.mkdir("d"); open("f", "w").close(); os.chdir("d")
        """
      do {
        let temporary = try store.temporaryDirectory(for: "x")
        let made = try run(["python3", "-c", script, temporary.path])
        #expect(made.status == 0, "\(made.stderr)")
        #expect(shelf.names("tmp").count == 1)
        withExtendedLifetime(temporary) {}
      }
      #expect(shelf.names("tmp").isEmpty)
    }
  }
}
