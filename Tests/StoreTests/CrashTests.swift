import Digests
import Foundation
import Hashing
import Store
import TestSupport
import Testing

/// Writers that are killed, and disks that are full.
@Suite(.tags(.large))
struct CrashTests {
  @Test func `two hundred kills leave nothing wrong, and then it succeeds`() throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1, count: 1 << 20)
      let file = try shelf.directory.write("source", bytes)
      let image = try #require(StoreKey(kind: "images", digest: digest))
      let store = try shelf.open()
      var generator = SeededGenerator(seed: 4)
      var (kills, resumed, finished) = (0, 0, 0)
      let deadline = ContinuousClock.now + .seconds(120)
      while kills < 200, .now < deadline {
        let verb = ["write", "pull", "publish"][kills % 3]
        let program = try shelf.start(verb, "\(digest)", file, shelf.directory("log"))
        usleep(UInt32.random(in: 0...30_000, using: &generator))
        kill(program.identifier, SIGKILL)
        let result = try program.finish()
        if result.status == 128 + SIGKILL { kills += 1 }
        if result.stdout.contains("from "), !result.stdout.contains("from 0\n") { resumed += 1 }
        // Whatever has its name is right.
        let blob = try store.contents(of: digest, limit: 1 << 20)
        #expect(blob.map { Digest(of: $0) } ?? digest == digest)
        if try blob != nil || store.path(of: image) != nil {
          finished += 1
          #expect(try store.verify().corrupt.isEmpty)
          // Programs that other tests start have this one's descriptors, and so its locks, until they
          // are executed.
          for key in [.blob(digest), image] {
            let end = ContinuousClock.now + .seconds(5)
            var isGone = try store.remove(key)
            while !isGone, .now < end {
              usleep(10_000)
              isGone = try store.remove(key)
            }
            #expect(isGone)
          }
        }
      }
      #expect(kills >= 200)
      #expect(resumed > 0, "some were resumed")
      #expect(finished > 0, "some were killed after the end")
      #expect(shelf.names("quarantine").isEmpty)
      for verb in ["pull", "publish"] {
        let last = try shelf.start(verb, "\(digest)", file, shelf.directory("log")).finish()
        #expect(last.status == 0, "\(last.stderr)")
      }
      #expect(try store.verify().checked == 2)
      _ = try store.repair()
      for place in ["tmp", "locks", "partial", "quarantine"] {
        #expect(shelf.names(place).isEmpty, "\(place): \(shelf.names(place))")
      }
    }
  }

  /// Whether the tests may mount in a namespace of their own.
  static let canMount =
    (try? run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]))?
    .status == 0

  @Test(
    .enabled(if: canMount, "needs root and mounts"),
    arguments: ["libcrypto.so.3", "libsqlite3.so.0"])
  func `a library that is missing is named, and an index is not needed`(_ name: String) throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1)
      let file = try shelf.directory.write("source", bytes)
      let writer = try #require(Package.executable("store-writer"))
      let result = try run([
        "unshare", "-m", "sh", "-c",
        """
        for l in $(ldconfig -p | sed -n "s|.*\t$5 .*=> ||p" | xargs readlink -f); do
          mount --bind /dev/null $l || exit 9
        done
        "$1" "$2" "$3" write \(digest) "$4"
        """, "sh", writer, shelf.settings.root, shelf.directory("index"), file, name,
      ])
      if name.contains("sqlite") {
        #expect(result.stdout.hasSuffix("done\n"))
        #expect(!FileManager.default.fileExists(atPath: shelf.directory("index")))
      } else {
        #expect(result.status == 1)
        #expect(result.stderr.contains("libcrypto.so.3"))
        #expect(result.stderr.contains("remedy: install OpenSSL"))
        #expect(result.stderr.split(separator: "\n").count == 1)
      }
    }
  }

  @Test(.enabled(if: canMount, "needs root and mounts"))
  func `a full file system leaves no broken file`() throws {
    try Shelf.with { shelf in
      let (bytes, digest) = Shelf.bytes(1, count: 4 << 20)
      let file = try shelf.directory.write("source", bytes)
      let writer = try #require(Package.executable("store-writer"))
      mkdir(shelf.settings.root, 0o700)
      let result = try run([
        "unshare", "-m", "sh", "-c",
        """
        mount -t tmpfs -o size=1m,mode=700 none "$1" || exit 9
        "$2" "$1" "$3" write \(digest) "$4" >&2; echo $?
        find "$1" -type f
        mount -o remount,size=8m "$1"
        "$2" "$1" "$3" write \(digest) "$4"
        find "$1" -type f | sed "s|$1/||"
        """, "sh", shelf.settings.root, writer, shelf.directory("index"), file,
      ])
      #expect(
        result.stdout.split(separator: "\n") == [
          "1", "from 0", "done", "blobs/sha256/\(Substring(digest.hex))",
        ])
      #expect(result.stderr.contains("No space left on device"))
      #expect(result.stderr.contains("remedy: free space"))
    }
  }
}
