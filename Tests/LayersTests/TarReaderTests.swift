import Digests
import Foundation
import Hashing
import TestSupport
import Testing

@testable import Layers

/// What ``TarReader`` says of an archive, an entry a line.
final class TarListing: TarHandler {
  private(set) var lines: [String] = []
  private var contents: [UInt8] = []
  private var pending: TarEntry?

  /// Reads an archive that comes in pieces of changing sizes.
  init(_ archive: [UInt8], pieces: [Int] = [Int.max]) throws {
    var (reader, start, index) = (TarReader(LayerLimits()), 0, 0)
    while start < archive.count {
      let end = start + min(pieces[index % pieces.count], archive.count - start)
      try archive[start..<end].withUnsafeBytes { try reader.push($0, to: self) }
      (start, index) = (end, index + 1)
    }
    try reader.finish()
  }

  func entry(_ entry: TarEntry) throws(LayerError) {
    (pending, contents) = (entry, [])
    if entry.size == 0 || entry.kind != .file { end() }
  }
  func data(_ bytes: UnsafeRawBufferPointer) throws(LayerError) { contents += bytes }
  func hole(_ count: Int64) throws(LayerError) {
    contents += [UInt8](repeating: 0, count: Int(count))
  }
  func endFile() throws(LayerError) { end() }

  private func end() {
    guard let entry = pending else { return }
    pending = nil
    var path = entry.path[...]
    while path.last == UInt8(ascii: "/") { path.removeLast() }
    let hash = entry.kind == .file ? String(Digest(of: contents).hex.prefix(16)) : "-"
    lines.append(
      "\(entry.kind) \(Self.hex(path)) \(Self.hex(entry.link[...])) "
        + "\(String(entry.mode, radix: 8)) \(entry.kind == .file ? entry.size : 0) "
        + "\(entry.seconds) \(hash)")
  }

  private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
    "x" + bytes.map { String($0, radix: 16) }.joined(separator: ".")
  }
}

/// Archives that other programs made, read as Python's tarfile reads them.
@Suite(.tags(.large), .needs("python3", "tar"))
struct TarReaderTests {
  private static let list = """
    import hashlib, math, os, sys, tarfile
    kinds = {b'0': 'file', b'\\0': 'file', b'S': 'file', b'7': 'file', b'1': 'hardLink',
             b'2': 'symbolicLink', b'3': 'characterDevice', b'4': 'blockDevice',
             b'5': 'directory', b'6': 'fifo'}
    def hexed(name):
        return 'x' + '.'.join('%x' % byte for byte in os.fsencode(name))
    with tarfile.open(sys.argv[1], errors='surrogateescape') as archive:
        for m in archive:
            kind = kinds[m.type]
            data = archive.extractfile(m).read() if kind == 'file' else b''
            digest = hashlib.sha256(data).hexdigest()[:16] if kind == 'file' else '-'
            link = m.linkname if kind in ('hardLink', 'symbolicLink') else ''
            print(kind, hexed(m.name), hexed(link), '%o' % (m.mode & 0o7777),
                  len(data), math.floor(m.mtime), digest)
    """

  private func compare(_ archive: String) throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: archive)))
    let expected = try run(["python3", "-c", Self.list, archive])
    try #require(expected.status == 0, "\(expected.stderr)")
    let lines = expected.stdout.split(separator: "\n").map(String.init)
    #expect(lines.count > 5)
    for pieces in [[Int.max], [1, 511, 512, 513, 4096], [7919]] {
      #expect(try TarListing(bytes, pieces: pieces).lines == lines, "\(archive) \(pieces)")
    }
  }

  private func makeTree(_ directory: TemporaryDirectory) throws {
    try directory.write("tree/a", "hello")
    try directory.write("tree/empty", "")
    try directory.write("tree/block", [UInt8](repeating: 7, count: 512))
    try directory.write("tree/d/\(String(repeating: "n", count: 90))/x", "in a prefix")
    try directory.write(
      "tree/" + String(repeating: "long/", count: 50) + String(repeating: "l", count: 200), "L")
    try directory.link("tree/s", to: "a")
    try directory.link("tree/sl", to: String(repeating: "t/", count: 90))
    let make = """
      ln a h; mkfifo p; mkdir -m 1777 sticky; chmod 4755 a; touch -d @-12345.5 empty
      touch -d @9999999999 block; printf x > "$(printf 'new\\nline')"
      printf y > "$(printf 'latin\\351')"
      truncate -s 3M sparse
      for i in $(seq 1 60); do
        printf data$i | dd of=sparse bs=1 seek=$((i * 40000)) conv=notrunc status=none
      done
      truncate -s 100000 hole
      """
    let result = try run(["sh", "-ec", make], directory: directory("tree"))
    try #require(result.status == 0, "\(result.stderr)")
  }

  @Test(arguments: ["v7", "oldgnu", "gnu", "ustar", "posix"])
  func `what GNU tar writes is read as Python reads it`(format: String) throws {
    try TemporaryDirectory.with { directory in
      try makeTree(directory)
      // The old formats leave out what they cannot hold and say so.
      _ = try run(
        ["tar", "--format=\(format)", "-cf", directory("a.tar"), "-C", directory("tree"), "."])
      try compare(directory("a.tar"))
    }
  }

  @Test(arguments: ["gnu", "posix 0.0", "posix 0.1", "posix 1.0"])
  func `sparse files come out whole`(format: String) throws {
    try TemporaryDirectory.with { directory in
      try makeTree(directory)
      let words = format.split(separator: " ").map(String.init)
      let result = try run(
        ["tar", "--format=\(words[0])", "--sparse"]
          + (words.count > 1 ? ["--sparse-version=\(words[1])"] : [])
          + ["-cf", directory("a.tar"), "-C", directory("tree"), "."])
      try #require(result.status == 0, "\(result.stderr)")
      // The whole file would be longer than the archive.
      #expect(TreeReading.status(directory("a.tar")).st_size < 2_000_000)
      try compare(directory("a.tar"))
    }
  }

  @Test(arguments: ["USTAR", "GNU", "PAX"])
  func `what Python writes is read as Python reads it`(format: String) throws {
    try TemporaryDirectory.with { directory in
      try makeTree(directory)
      let write = """
        import sys, tarfile
        with tarfile.open(sys.argv[1], 'w', format=tarfile.\(format)_FORMAT) as archive:
            def keep(member):
                if '\(format)' == 'USTAR':
                    if len(member.name) > 200 or len(member.linkname) > 99 or member.mtime < 0:
                        return None
                    member.mtime = min(int(member.mtime), 8 ** 11 - 1)
                return member
            archive.add(sys.argv[2], '.', filter=keep)
            if '\(format)' == 'PAX':
                for value in ('1.999999999', '-1.5', '-7'):
                    member = tarfile.TarInfo('time' + value)
                    member.pax_headers = {'mtime': value}
                    archive.addfile(member)
        """
      let result = try run(["python3", "-c", write, directory("a.tar"), directory("tree")])
      try #require(result.status == 0, "\(result.stderr)")
      try compare(directory("a.tar"))
    }
  }

  @Test func `a global pax header holds until one of the entry's own`() throws {
    let records = TarItem.record("mtime", Array("77".utf8))
    var global = TarItem.file("g", String(decoding: records, as: UTF8.self))
    global.type = UInt8(ascii: "g")
    // The header of a global one is like that of a file.
    let blocks = global.blocks
    var header = Array(blocks[..<512])
    header.replaceSubrange(124..<135, with: "00000000014".utf8)
    let archive =
      TarItem.summed(header) + blocks[512...]
      + LayerFixture.archive([.file("a"), .file("b").pax("mtime", "5"), .file("c")])
    try #require(records.count == 0o14)
    let times = try TarListing(archive).lines.map { $0.split(separator: " ")[5] }
    #expect(times == ["77", "5", "77"])
  }

  @Test func `an archive may end without its mark, but not in an entry`() throws {
    let whole = LayerFixture.archive([.file("a", String(repeating: "x", count: 600))])
    #expect(try TarListing(whole).lines.count == 1)
    #expect(try TarListing(Array(whole.dropLast(1024))).lines.count == 1)
    #expect(try TarListing([]).lines.isEmpty)
    for count in [100, 512, 700, 1024, 1111] {
      #expect(throws: LayerError.self) { try TarListing(Array(whole.prefix(count))) }
    }
    // A pax header without its entry.
    let pax = TarItem.file("a").pax("path", "b").blocks.prefix(1024)
    #expect(throws: LayerError.self) { try TarListing(Array(pax)) }
  }

  @Test(arguments: ["checksum", "size", "type", "zeros", "record"])
  func `a damaged header is an error that names the entry`(what: String) throws {
    var blocks = LayerFixture.archive([.file("name", "x")])
    switch what {
    case "checksum": blocks[3] ^= 1
    case "size":
      blocks.replaceSubrange(124..<127, with: "9zz".utf8)
      blocks.replaceSubrange(0..<512, with: TarItem.summed(Array(blocks[..<512])))
    case "type":
      blocks[156] = UInt8(ascii: "Q")
      blocks.replaceSubrange(0..<512, with: TarItem.summed(Array(blocks[..<512])))
    case "zeros":
      blocks = [UInt8](repeating: 0, count: 512) + blocks
    default:
      blocks = LayerFixture.archive([.file("name", "x").pax("SCHILY.xattr.user.a", "b")])
      blocks[512] = UInt8(ascii: "9")
    }
    let error = #expect(throws: LayerError.self) { try TarListing(blocks) }
    if what != "record" { #expect(error?.entry != nil) }
  }
}
