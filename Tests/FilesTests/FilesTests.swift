import Files
import Foundation
import TestSupport
import Testing

@Suite(.tags(.small))
struct FilesTests {
  /// A new directory, gone afterwards.
  private func withDirectory(_ body: (_ path: String, _ directory: Int32) throws -> Void) throws {
    var template = Array("/tmp/slipway-test-XXXXXX".utf8CString)
    let path = try String(cString: #require(mkdtemp(&template)))
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer {
      for name in Files.rawNames(in: directory) ?? [] { unlinkat(directory, name, 0) }
      close(directory)
      rmdir(path)
    }
    try body(path, directory)
  }

  private func make(_ name: [CChar], in directory: Int32, _ bytes: [UInt8] = []) {
    let file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    #expect(file >= 0 && Files.write(bytes, to: file))
    close(file)
  }

  @Test func `a directory is listed, as often as one likes, whatever its names`() throws {
    try withDirectory { path, directory in
      let strange: [CChar] = [98, -1, 0]
      for name in [Array("c".utf8CString), strange, Array("..a".utf8CString)] {
        make(name, in: directory)
      }
      for _ in 0..<2 {
        #expect(Files.names(in: directory) == ["..a", "b\u{fffd}", "c"])
        #expect(Files.rawNames(in: directory)?.contains(strange) == true)
      }
      #expect(Files.names(at: path)?.count == 3)
    }
  }

  @Test func `what is no directory has no names, and errno says why`() throws {
    try withDirectory { path, directory in
      make(Array("file".utf8CString), in: directory)
      #expect(Files.names(at: "\(path)/file") == nil && errno == ENOTDIR)
      #expect(Files.names(at: "\(path)/none") == nil && errno == ENOENT)
      #expect(Files.names(in: -1) == nil && errno == EBADF)
    }
  }

  @Test func `links are read and not followed`() throws {
    try withDirectory { path, directory in
      let text = String(repeating: "a/", count: 2000)
      #expect(symlinkat(text, directory, "link") == 0)
      #expect(Files.link("link", in: directory) == text)
      #expect(Files.link("\(path)/link") == text)
      #expect(Files.link(path) == nil && errno == EINVAL)
    }
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 200_000, 1 << 20])
  func `a file is read up to the limit`(limit: Int) throws {
    try withDirectory { path, directory in
      let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      make(Array("file".utf8CString), in: directory, bytes)
      #expect(Files.contents(at: "\(path)/file", limit: limit) == Array(bytes.prefix(limit)))
      #expect(Files.contents(at: path, limit: 1) == nil && errno == EISDIR)
    }
  }

  @Test func `what comes in pieces is read and written whole`() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let (output, input) = (ends[0], ends[1])
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    // More than a pipe holds: the writer waits for the reader and back.
    let writer = Thread {
      #expect(Files.write(bytes, to: input))
      close(input)
    }
    writer.start()
    #expect(Files.contents(of: output, limit: .max) == bytes)
    close(output)
  }

  @Test func `a full disk is a failure, and errno says so`() {
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    defer { close(full) }
    #expect(!Files.write([1, 2, 3], to: full) && errno == ENOSPC)
    #expect(Files.write([], to: full))
  }

  struct Enough: Error {}

  @Test func `an error of who reads ends the reading`() throws {
    let zero = open("/dev/zero", O_RDONLY | O_CLOEXEC)
    defer { close(zero) }
    var pieces: [Int] = []
    #expect(throws: Enough.self) {
      _ = try Files.read(zero, chunk: 100, limit: 250) { piece throws(Enough) in
        pieces.append(piece.count)
        if pieces.count == 3 { throw Enough() }
      }
    }
    #expect(pieces == [100, 100, 50])
  }
}
