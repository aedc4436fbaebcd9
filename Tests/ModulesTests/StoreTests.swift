import Environment
import Foundation
import TestSupport
import Testing

@testable import Modules

/// What is believed of a store, and what happens where it cannot be used.
@Suite(
  .tags(.large), .enabled(if: ModuleStack.isInstalled, ModuleStack.needsLmod), .serialized)
struct StoreTests {
  private static let files = ["Top/1.lua": #"setenv("TOP", "1")"#]
  private static let isRoot = getuid() == 0

  /// Makes a capsule, spoils the store, and expects the modules to be loaded anew with a warning.
  private func expectRefused(
    _ why: String, replaced: Bool = true, _ spoil: (_ file: String, ModuleStack) throws -> Void,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try ModuleStack.with(Self.files) { stack in
      _ = try stack.load("Top")
      #expect(try stack.load("Top").origin == .capsule)
      let file = "\(stack.store.directory)/\(try #require(stack.stored.first))"
      try spoil(file, stack)
      let loaded = try stack.load("Top")
      #expect(loaded.origin == .computed, sourceLocation: sourceLocation)
      #expect(loaded.environment["TOP"] == "1", sourceLocation: sourceLocation)
      #expect(
        loaded.warnings.contains { $0.contains(why) }, "\(loaded.warnings)",
        sourceLocation: sourceLocation)
      if replaced {
        #expect(try stack.load("Top").origin == .capsule, sourceLocation: sourceLocation)
      }
    }
  }

  @Test func corruptedCapsules() throws {
    try expectRefused("is damaged") { file, _ in
      var bytes = Array(try Data(contentsOf: URL(filePath: file)))
      bytes[bytes.count / 2] ^= 1
      try Data(bytes).write(to: URL(filePath: file))
    }
  }

  @Test func truncatedCapsules() throws {
    try expectRefused("is damaged") { file, _ in #expect(truncate(file, 100) == 0) }
    try expectRefused("is damaged") { file, _ in #expect(truncate(file, 0) == 0) }
  }

  @Test func worldWritableCapsules() throws {
    try expectRefused("can be written by others") { file, _ in #expect(chmod(file, 0o666) == 0) }
    try expectRefused("can be written by others") { file, _ in #expect(chmod(file, 0o620) == 0) }
  }

  @Test(.enabled(if: isRoot, "needs root: only root can give a file away"))
  func foreignCapsules() throws {
    try expectRefused("belongs to user 65534") { file, _ in #expect(chown(file, 65534, 0) == 0) }
  }

  @Test func symbolicLinksAndPipes() throws {
    try expectRefused("cannot be read") { file, stack in
      try FileManager.default.moveItem(atPath: file, toPath: stack.directory("elsewhere"))
      #expect(symlink(stack.directory("elsewhere"), file) == 0)
    }
    try expectRefused("is no capsule") { file, _ in
      unlink(file)
      #expect(mkfifo(file, 0o600) == 0)
    }
  }

  @Test func aStoreThatOthersMayWrite() throws {
    try expectRefused("can be written by others", replaced: false) { _, stack in
      #expect(chmod(stack.store.directory, 0o777) == 0)
    }
  }

  @Test func theCapsuleOfAnotherSet() throws {
    let files = ["Top/1.lua": #"setenv("TOP", "1")"#, "Other/1.lua": #"setenv("OTHER", "1")"#]
    try ModuleStack.with(files) { stack in
      _ = try stack.load("Top")
      let top = try #require(stack.stored.first)
      _ = try stack.load("Other")
      let other = try #require(stack.stored.first { $0 != top })
      let directory = stack.store.directory
      #expect(rename("\(directory)/\(other)", "\(directory)/\(top)") == 0)
      let loaded = try stack.load("Top")
      #expect(loaded.origin == .computed)
      #expect(loaded.environment["TOP"] == "1" && loaded.environment["OTHER"] == nil)
    }
  }

  // MARK: Stores that cannot be written

  @Test func aStoreThatCannotBeMade() throws {
    try ModuleStack.with(Self.files) { stack in
      try FileManager.default.removeItem(atPath: stack.home)
      try "a file".write(toFile: stack.home, atomically: false, encoding: .utf8)
      for _ in 0..<2 {
        let loaded = try stack.load("Top", in: stack.environment(["HOME": "/nonexistent"]))
        #expect(loaded.environment["TOP"] == "1" && loaded.origin == .computed)
        #expect(loaded.warnings.contains { $0.contains("cannot be made") }, "\(loaded.warnings)")
      }
    }
  }

  /// A file system of one page, full, and then read-only.
  @Test(.enabled(if: isRoot, "needs root: it mounts a small file system"))
  func aFullAndAReadOnlyStore() throws {
    try ModuleStack.with(Self.files) { stack in
      let directory = stack.store.directory
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
      let options = "size=64k,mode=700"
      #expect(try run(["mount", "-t", "tmpfs", "-o", options, "none", directory]).status == 0)
      defer { _ = try? run(["umount", "-l", directory]) }
      try Data(repeating: 0, count: 65536).write(to: URL(filePath: "\(directory)/ballast"))
      let full = try stack.load("Top")
      #expect(full.environment["TOP"] == "1" && full.origin == .computed)
      #expect(
        full.warnings.contains { $0.contains("No space left on device") }, "\(full.warnings)")
      #expect(stack.stored == ["ballast"], "nothing half-written stays")
      unlink("\(directory)/ballast")
      #expect(try stack.load("Top").warnings.isEmpty)
      #expect(try stack.load("Top").origin == .capsule)
      #expect(try run(["mount", "-o", "remount,ro", directory]).status == 0)
      // What is there still serves; what is not cannot be kept.
      #expect(try stack.load("Top").origin == .capsule)
      let other = try stack.load("Top", in: stack.environment(["LMOD_QUIET": "yes"]))
      #expect(other.environment["TOP"] == "1")
      #expect(other.warnings.contains { $0.contains("Read-only file system") })
    }
  }

  /// A shared file system may have no locks: none are asked for.
  @Test func noFileLocksAreUsed() throws {
    let sources = try #require(
      FileManager.default.enumerator(atPath: "\(Package.root)/Sources/Modules"))
    for case let name as String in sources where name.hasSuffix(".swift") {
      let text = try String(
        contentsOfFile: "\(Package.root)/Sources/Modules/\(name)", encoding: .utf8)
      for call in ["flock(", "lockf(", "F_SETLK", "F_OFD_SETLK"] { #expect(!text.contains(call)) }
    }
  }

  @Test func aStoreDoesNotGrowForEver() throws {
    try ModuleStack.with(Self.files) { stack in
      _ = try stack.load("Top")
      let directory = stack.store.directory
      for number in 0..<1100 {
        let file = "\(directory)/\(number).capsule"
        try Data().write(to: URL(filePath: file))
        var times = [timeval(tv_sec: number, tv_usec: 0), timeval(tv_sec: number, tv_usec: 0)]
        utimes(file, &times)
      }
      _ = try stack.load("Top", in: stack.environment(["LMOD_QUIET": "yes"]))
      #expect(stack.stored.count < 1024)
      #expect(!stack.stored.contains("0.capsule") && stack.stored.contains("1099.capsule"))
      #expect(try stack.load("Top").origin == .capsule)
    }
  }
}
