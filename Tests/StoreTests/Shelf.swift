import Digests
import Foundation
import Hashing
import Store
import TestSupport

/// A store in a directory of a test's own, and what belongs to it.
struct Shelf {
  let directory: TemporaryDirectory
  var settings: StoreSettings

  static func with<Result>(_ body: (Shelf) throws -> Result) throws -> Result {
    try TemporaryDirectory.with { directory in
      var settings = StoreSettings(root: directory("store"))
      settings.indexDirectory = directory("index")
      return try body(Shelf(directory: directory, settings: settings))
    }
  }

  func callAsFunction(_ name: String) -> String { "\(settings.root)/\(name)" }

  func open() throws -> Store { try Store(settings) }

  func path(_ digest: Digest) -> String { self("blobs/\(digest.algorithm.rawValue)/\(digest.hex)") }

  /// Starts the helper.
  func start(_ words: String...) throws -> RunningProgram {
    guard let writer = Package.executable("store-writer") else {
      throw ToolError.notFound("store-writer")
    }
    return try RunningProgram(
      [writer, settings.root, settings.indexDirectory ?? ""] + words)
  }

  /// All names below a directory of the store.
  func names(_ directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: self(directory)))?.sorted() ?? []
  }

  /// Some bytes, and their digest.
  static func bytes(_ seed: Int, count: Int = 100_000) -> ([UInt8], Digest) {
    var generator = SeededGenerator(seed: UInt64(seed))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      withUnsafeBytes(of: generator.next()) { bytes += $0 }
    }
    return (bytes, Digest(of: bytes))
  }

  /// Lets a file seem as old as that.
  static func age(_ path: String, seconds: Int) {
    let then = time(nil) - seconds
    let times = [timespec(tv_sec: then, tv_nsec: 0), timespec(tv_sec: then, tv_nsec: 0)]
    utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW)
  }
}

extension Store {
  /// Whether a blob is there with these bytes, of which an expectation need not tell the difference.
  func holds(_ bytes: [UInt8], as digest: Digest) throws -> Bool {
    try contents(of: digest, limit: 1 << 23) == bytes
  }
}

extension BlobWriter {
  func write(_ bytes: some Sequence<UInt8>) throws {
    let bytes = Array(bytes)
    try bytes.withUnsafeBytes { try write($0) }
  }
}

/// The store's error of a closure.
func storeError(_ body: () throws -> Void) -> StoreError? {
  do {
    try body()
    return nil
  } catch {
    return error as? StoreError
  }
}
