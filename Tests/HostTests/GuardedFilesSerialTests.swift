import Foundation
import Host
import TestSupport
import Testing

/// Questions about paths, asked of a child; serial, because the tests count children.
@Suite(.tags(.medium), .serialized)
struct GuardedFilesSerialTests {
  func error(_ body: () throws -> Void) throws -> FileError {
    try #require(#expect(throws: FileError.self, performing: body))
  }

  @Test func `a directory, a file and nothing are told apart`() throws {
    try TemporaryDirectory.with { directory in
      try directory.write("file", "")
      try directory.link("to-directory", to: ".")
      try directory.link("to-nothing", to: "nowhere")
      let files = GuardedFiles(seconds: 5)
      #expect(try files.isDirectory(directory.path) == true)
      #expect(try files.isDirectory(directory("file")) == false)
      #expect(try files.isDirectory(directory("nothing")) == nil)
      #expect(try files.isDirectory(directory("to-directory")) == true)
      #expect(try files.isDirectory(directory("to-nothing")) == nil)
      #expect(try files.isDirectory(directory("file/below")) == nil)
      #expect(try files.isDirectory("/dev/null") == false)
      #expect(try files.isDirectory("") == nil)
    }
  }

  @Test func `marks tell what changed`() throws {
    try TemporaryDirectory.with { directory in
      // More than one message holds.
      let paths = try (0..<700).map { try directory.write("file-\($0)", "\($0)") }
      let files = GuardedFiles(seconds: 10)
      let before = try files.marks(of: paths + [directory.path, directory("nothing"), ""])
      #expect(before.count == 703)
      #expect(before[0]?.size == 1 && before[699]?.size == 3)
      #expect(before[0]?.isDirectory == false)
      #expect(before[700]?.isDirectory == true && before[700]?.size == 0)
      #expect(before[701] == nil && before[702] == nil)
      #expect(try files.marks(of: paths) == Array(before.prefix(700)))
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1.5)], ofItemAtPath: paths[3])
      try directory.write("file-5", "another")
      unlink(paths[7])
      let after = try files.marks(of: paths)
      #expect(zip(before, after).enumerated().filter { $1.0 != $1.1 }.map(\.offset) == [3, 5, 7])
      #expect(after[3]?.mtime == 1_500_000_000)
      #expect(try files.marks(of: []).isEmpty)
      let long = String(repeating: "x", count: 5000)
      #expect(try error { _ = try files.marks(of: [long]) }.code == ENAMETOOLONG)
    }
  }

  @Test func `a plain directory has no revision`() throws {
    try TemporaryDirectory.with { directory in
      let files = GuardedFiles(seconds: 5)
      #expect(try files.revision(of: directory.path) == nil)
      #expect(try files.revision(of: directory("nothing")) == nil)
      // What the CVMFS client answers, where the file system lets users set it.
      let set = try run([
        "python3", "-c", "import os, sys; os.setxattr(sys.argv[1], 'user.root_hash', b'0123abc')",
        directory.path,
      ])
      if set.status == 0 { #expect(try files.revision(of: directory.path) == "0123abc") }
    }
  }

  @Test func `the names of a directory are all but the dots`() throws {
    try TemporaryDirectory.with { directory in
      for index in 0..<1000 { try directory.write("d/name-\(index)", "") }
      try directory.makeDirectory("empty")
      let files = GuardedFiles(seconds: 5)
      let names = try files.names(in: directory("d"))
      #expect(Set(names) == Set((0..<1000).map { "name-\($0)" }))
      #expect(names.count == 1000)
      #expect(try files.names(in: directory("empty")) == [])
    }
  }

  @Test func `a directory of 10 000 names is an error and the next question is answered`() throws {
    try TemporaryDirectory.with { directory in
      try directory.makeDirectory("d")
      for index in 0..<10_000 { close(creat(directory("d/name-\(index)"), 0o600)) }
      let files = GuardedFiles(seconds: 20)
      #expect(try error { _ = try files.names(in: directory("d")) }.code == ENOBUFS)
      #expect(try files.isDirectory(directory.path) == true)
      #expect(try files.names(in: directory.path) == ["d"])
    }
  }

  @Test func `names that are not there, or of a file, are errors that say so`() throws {
    try TemporaryDirectory.with { directory in
      let file = try directory.write("file", "")
      let files = GuardedFiles(seconds: 5)
      let absent = try error { _ = try files.names(in: directory("nothing")) }
      #expect(absent.code == ENOENT)
      let message = "\(directory("nothing")): No such file or directory; remedy: "
      #expect(absent.description.hasPrefix(message))
      #expect(try error { _ = try files.names(in: file) }.code == ENOTDIR)
    }
  }

  @Test func `a list tells the kinds of its entries and the texts of links`() throws {
    try TemporaryDirectory.with { directory in
      try directory.write("d/file", "")
      try directory.makeDirectory("d/folder")
      try directory.link("d/to-file", to: "file")
      try directory.link("d/to-folder", to: "folder")
      try directory.link("d/to-nothing", to: "no where")
      #expect(mkfifo(directory("d/pipe"), 0o600) == 0)
      let files = GuardedFiles(seconds: 5)
      let lists = try files.lists(of: [directory("d"), directory("d/folder"), directory("none")])
      let entries = try #require(lists[0]?.entries).sorted { $0.name < $1.name }
      #expect(
        entries.map(\.name) == ["file", "folder", "pipe", "to-file", "to-folder", "to-nothing"])
      #expect(
        entries.map(\.kind) == [.file, .directory, .neither, .file, .directory, .neither])
      #expect(entries.map(\.link) == [nil, nil, nil, "file", "folder", "no where"])
      #expect(lists[0]?.mark == (try files.marks(of: [directory("d")])[0]))
      #expect(lists[1]?.entries.isEmpty == true && lists[2] == nil)
      #expect(lists[0]?.identity != lists[1]?.identity)
    }
  }

  @Test func `many lists of many names come whole and in order`() throws {
    try TemporaryDirectory.with { directory in
      for folder in 0..<40 {
        try directory.makeDirectory("d\(folder)")
        for index in 0..<(folder % 8) * 300 {
          close(
            creat(
              directory("d\(folder)/\(folder)-\(index)-\(String(repeating: "x", count: 200))"),
              0o600))
        }
      }
      let files = GuardedFiles(seconds: 20)
      let long = "/" + String(repeating: "a/", count: 3000)
      let lists = try files.lists(
        of: (0..<40).map { directory("d\($0)") } + [long, directory.path])
      for folder in 0..<40 {
        let names = try #require(lists[folder]).entries.map(\.name)
        #expect(names.count == (folder % 8) * 300)
        #expect(Set(names).count == names.count && names.allSatisfy { $0.hasPrefix("\(folder)-") })
      }
      #expect(lists[40] == nil && lists[41]?.entries.count == 40)
      #expect(try files.isDirectory("/") == true)
    }
  }

  @Test func `the beginnings of files are bounded, and what is no file has none`() throws {
    try TemporaryDirectory.with { directory in
      let small = try directory.write("small", "text")
      let empty = try directory.write("empty", "")
      let large = try directory.write("large", [UInt8](repeating: 7, count: 200_000))
      #expect(mkfifo(directory("pipe"), 0o600) == 0)
      let files = GuardedFiles(seconds: 5)
      let found = try files.beginnings(
        of: [small, empty, large, directory("pipe"), directory.path, directory("none"), small])
      #expect(found.map { $0?.bytes.count } == [4, 0, 65536, nil, nil, nil, 4])
      #expect(found[0]?.bytes == Array("text".utf8))
      #expect(found[2]?.mark.size == 200_000)
      #expect(try files.isDirectory("/") == true)
    }
  }

  @Test func `pieces of a file are those from an offset on`() throws {
    try TemporaryDirectory.with { directory in
      let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 251) }
      let file = try directory.write("file", bytes)
      let files = GuardedFiles(seconds: 5)
      for offset in [0, 1, 65_536, 199_999] {
        let piece = try files.piece(of: file, at: offset)
        #expect(piece == Array(bytes[offset...].prefix(65_536)))
      }
      #expect(try files.piece(of: file, at: 200_000) == [])
      #expect(try files.piece(of: file, at: 1 << 40) == [])
      #expect(try files.piece(of: directory("none"), at: 1) == nil)
      #expect(try files.piece(of: directory.path, at: 0) == nil)
      // The longest path that there is, and one beyond.
      let long = "/" + String(repeating: "x/", count: 2047)
      #expect(try files.piece(of: long, at: 1) == nil)
      #expect(try files.piece(of: long + "xx", at: 1) == nil)
      #expect(try files.piece(of: file, at: 199_999)?.count == 1)
    }
  }

  @Test func `symbolic links in a circle are an error`() throws {
    try TemporaryDirectory.with { directory in
      try directory.link("a", to: "b")
      try directory.link("b", to: "a")
      let files = GuardedFiles(seconds: 5)
      #expect(try error { _ = try files.isDirectory(directory("a")) }.code == ELOOP)
    }
  }

  @Test func `a directory without permission is an error`() throws {
    try TemporaryDirectory.with { directory in
      let closed = try directory.makeDirectory("closed")
      chmod(closed, 0)
      defer { chmod(closed, 0o700) }
      chmod(directory.path, 0o755)
      try asNobody { () throws in
        let files = GuardedFiles(seconds: 5)
        #expect(try files.isDirectory(closed) == true)
        #expect(try error { _ = try files.isDirectory("\(closed)/a") }.code == EACCES)
        #expect(try error { _ = try files.names(in: closed) }.code == EACCES)
      }
    }
  }

  @Test(arguments: [4095, 4096, 5000, 70_000, 1 << 20])
  func `a path that is too long is an error and the next question is answered`(
    length: Int
  ) throws {
    let files = GuardedFiles(seconds: 5)
    let path = "/" + String(repeating: "a/", count: length / 2).prefix(length - 1)
    if length < 4096 {
      #expect(try files.isDirectory(path) == nil)
    } else {
      #expect(try error { _ = try files.isDirectory(path) }.code == ENAMETOOLONG)
    }
    #expect(try files.isDirectory("/") == true)
  }

  @Test func `a name that is too long is an error`() throws {
    let files = GuardedFiles(seconds: 5)
    let name = "/tmp/" + String(repeating: "a", count: 300)
    #expect(try error { _ = try files.isDirectory(name) }.code == ENAMETOOLONG)
  }

  @Test func `when the time is over no question is asked any more`() throws {
    let files = GuardedFiles(seconds: 0)
    let failure = try error { _ = try files.isDirectory("/") }
    #expect(failure.isTimeout)
    #expect(failure.description.contains("did not answer within"))
    #expect(failure.description.contains("remedy"))
  }

  @Test func `a stopped prober starts again, and stopping twice is harmless`() throws {
    let files = GuardedFiles(seconds: 5)
    #expect(try files.isDirectory("/") == true)
    files.stop()
    files.stop()
    #expect(try files.isDirectory("/") == true)
    files.stop()
    #expect(ownChildren() == [])
  }

  @Test func `the child is gone when nobody can ask any more`() throws {
    do {
      let files = GuardedFiles(seconds: 5)
      #expect(try files.isDirectory("/") == true)
      #expect(ownChildren().count == 1)
    }
    #expect(ownChildren() == [])
  }

  @Test func `the child holds no descriptor but its own`() throws {
    let file = open("/dev/null", O_RDONLY)
    defer { close(file) }
    let files = GuardedFiles(seconds: 5)
    #expect(try files.isDirectory("/") == true)
    let child = try #require(ownChildren().first)
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(child)/fd")
    #expect(Set(descriptors) == ["0", "1", "2", "3"])
    for number in ["0", "1", "2"] {
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(child)/fd/\(number)")
          == "/dev/null")
    }
    files.stop()
  }

  @Test func `a prober that was killed is an error and no hang`() throws {
    let files = GuardedFiles(seconds: 5)
    #expect(try files.isDirectory("/") == true)
    kill(try #require(ownChildren().first), SIGKILL)
    #expect([EPIPE, ECONNRESET].contains(try error { _ = try files.isDirectory("/usr") }.code))
    files.stop()
  }

  @Test(
    .tags(.large), .enabled(if: HungMount.isPossible, "\(HungMount.impossibility)"),
    arguments: HungMount.Daemon.allCases)
  func `a mount that never answers costs the deadline and no more`(
    daemon: HungMount.Daemon
  ) throws {
    try TemporaryDirectory.with { directory in
      let mount = try HungMount(daemon, in: directory)
      defer { mount.end() }
      let files = GuardedFiles(seconds: 1)
      var failure: FileError?
      let time = try ContinuousClock().measure {
        failure = try error { _ = try files.isDirectory("\(mount.path)/versions") }
      }
      #expect(failure?.isTimeout == true)
      #expect(failure?.description.contains("did not answer within 1 s") == true)
      #expect(time > .milliseconds(900))
      #expect(time < .milliseconds(1900))
      // The time is over: the next question fails at once.
      let again = try ContinuousClock().measure {
        failure = try error { _ = try files.names(in: mount.path) }
      }
      #expect(failure?.isTimeout == true)
      #expect(again < .milliseconds(500))
      // Other questions of other provers are answered.
      #expect(try GuardedFiles(seconds: 5).isDirectory("/") == true)
      if daemon == .stopped { #expect(ownChildren() == [], "a child that can be killed stays") }
    }
  }

  @Test(.tags(.large), .enabled(if: HungMount.isPossible, "\(HungMount.impossibility)"))
  func `listing a mount that never answers is a timeout too`() throws {
    try TemporaryDirectory.with { directory in
      let mount = try HungMount(.stopped, in: directory)
      defer { mount.end() }
      let files = GuardedFiles(seconds: 1)
      #expect(try error { _ = try files.names(in: mount.path) }.isTimeout)
    }
  }

  @Test(.tags(.large), .enabled(if: HungMount.isPossible, "\(HungMount.impossibility)"))
  func `a mount whose daemon is gone is told from one that hangs`() throws {
    try TemporaryDirectory.with { directory in
      let mount = try HungMount(.silent, in: directory)
      defer { mount.end() }
      try mount.killDaemon()
      let failure = try error { _ = try GuardedFiles(seconds: 5).isDirectory(mount.path) }
      #expect(failure.code == ENOTCONN)
      #expect(!failure.isTimeout)
      #expect(failure.description.contains("FUSE daemon"))
    }
  }
}

/// The children of this process that are probers: a socket as descriptor 3 and nothing above.
private func ownChildren() -> [pid_t] {
  let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
  let children = tasks.flatMap { task in
    ((try? String(contentsOfFile: "/proc/self/task/\(task)/children", encoding: .utf8)) ?? "")
      .split(separator: " ").compactMap { pid_t($0) }
  }
  return children.filter { child in
    let links = [3, 4].map { number in
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(child)/fd/\(number)")
    }
    return links[0]?.hasPrefix("socket:") == true && links[1] == nil
  }
}
