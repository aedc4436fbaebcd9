import Glibc

/// Writes a tree as a squashfs file: one tar stream into `sqfstar`, contents first.
final class SquashfsWriter: ImageWriter {
  private let packer: Packer
  private let path: String
  private let isDurable: Bool
  private var output: [UInt8] = []
  private var padding = 0

  init(at path: String, _ builder: ImageBuilder) throws(LayerError) {
    // Nothing but a new file: whatever stands there is not ours.
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .call("\(path) cannot be made") }
    close(file)
    unlink(path)
    (self.path, isDurable) = (path, builder.isDurable)
    // lz4 is the one fast compressor here: sqfstar 4.5.1 takes no compressor option that has an
    // argument, and without one zstd means level 15 and gzip level 9. The inodes stay uncompressed
    // for ``SquashfsRoot``. Times that are now would make each build another file.
    packer = try Packer(
      builder.sqfstar,
      [
        "-comp", "lz4", "-noI", "-all-root", "-mkfs-time", "0", "-exit-on-error", "-quiet",
        "-no-progress", "-mem", "512M", "-processors", "\(max(1, builder.threads))", path,
      ], output: path, patience: builder.patience, isCancelled: builder.isCancelled)
    output.reserveCapacity(1 << 18)
  }

  func beginFile(_ name: Int32, of tree: LayerTree) throws(LayerError) {
    let node = tree.nodes[Int(tree.names[Int(name)].node)]
    TarBlocks.append(
      to: &output, .file, path: tree.path(of: name), mode: node.mode, size: node.size,
      seconds: node.seconds, attributes: tree.attributes(of: node))
    padding = Int((512 - node.size % 512) % 512)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {
    if output.count + bytes.count <= 1 << 17 {
      output += bytes
    } else {
      try flush()
      try packer.write(bytes)
    }
  }

  func hole(_ count: Int64) throws(LayerError) {
    var left = count
    let zeros = [UInt8](repeating: 0, count: Int(min(left, 1 << 17)))
    while left > 0 {
      let part = min(left, Int64(zeros.count))
      try push(zeros[..<Int(part)])
      left -= part
    }
  }

  func endFile() throws(LayerError) {
    output += [UInt8](repeating: 0, count: padding)
  }

  func finish(_ tree: LayerTree) throws(LayerError) -> Int64 {
    try writeChildren(of: LayerTree.root, tree)
    for name in tree.directories {
      let directory = tree.names[Int(name)].node
      let node = tree.nodes[Int(directory)]
      TarBlocks.append(
        to: &output, .directory, path: tree.path(of: name), mode: node.mode, seconds: node.seconds,
        attributes: tree.attributes(of: node))
      try writeChildren(of: directory, tree)
    }
    output += [UInt8](repeating: 0, count: 1024)
    try flush()
    try packer.finish()
    return try complete(tree)
  }

  func abandon() {
    packer.stop()
    unlink(path)
  }

  /// What a directory holds beside directories and contents that were written already.
  private func writeChildren(of directory: Int32, _ tree: LayerTree) throws(LayerError) {
    try tree.forEachChild(of: directory) { name throws(LayerError) in
      let index = tree.names[Int(name)].node
      let node = tree.nodes[Int(index)]
      guard node.kind != .directory, node.name != name else { return }
      if output.count > 1 << 17 { try flush() }
      let path = tree.path(of: name)
      guard node.name < 0 else {
        return TarBlocks.append(to: &output, .hardLink, path: path, link: tree.path(of: node.name))
      }
      tree.nodes[Int(index)].name = name
      let kind: TarBlocks.Kind =
        switch node.kind {
        case .symbolicLink: .symbolicLink
        case .fifo: .fifo
        default: .file
        }
      TarBlocks.append(
        to: &output, kind, path: path, link: Array(tree.text(of: index)), mode: node.mode,
        seconds: node.seconds, attributes: tree.attributes(of: node))
    }
  }

  private func push(_ bytes: ArraySlice<UInt8>) throws(LayerError) {
    let result = bytes.withUnsafeBytes { bytes -> Result<Void, LayerError> in
      do throws(LayerError) {
        return .success(try write(bytes))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private func flush() throws(LayerError) {
    let result = output.withUnsafeBytes { bytes -> Result<Void, LayerError> in
      do throws(LayerError) {
        return .success(try packer.write(bytes))
      } catch {
        return .failure(error)
      }
    }
    output.removeAll(keepingCapacity: true)
    try result.get()
  }

  private func complete(_ tree: LayerTree) throws(LayerError) -> Int64 {
    let file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { throw .call("\(path) cannot be opened") }
    defer { close(file) }
    try SquashfsRoot.describe(file, tree.nodes[Int(LayerTree.root)])
    var status = stat()
    guard fchmod(file, 0o644) == 0, !isDurable || fsync(file) == 0, fstat(file, &status) == 0
    else { throw .call("\(path) cannot be written") }
    return Int64(status.st_size)
  }
}

/// Gives the root of a squashfs file its mode and time, which a tar stream cannot.
///
/// sqfstar 4.5.1 skips entries of the root, and takes its time from the clock whatever -root-time
/// says. Source: squashfs 4.0 (squashfs_fs.h): superblock of 96 bytes, root inode at 32, inode table
/// at 64; an inode begins with type, mode, uid, gid (16 bits each) and mtime (32).
enum SquashfsRoot {
  static func describe(_ file: Int32, _ root: LayerTree.Node) throws(LayerError) {
    let bad = LayerError(.failed("sqfstar has made no squashfs 4.0 file"))
    let superblock = try read(file, 0, 96)
    guard superblock[0..<4].elementsEqual("hsqs".utf8), superblock[28] == 4 else { throw bad }
    let (reference, table) = (number(superblock, 32), number(superblock, 64))
    guard table < 1 << 60 else { throw bad }
    // Metadata stands in blocks of 8 KiB behind two bytes with their length.
    var block = table + reference >> 16
    var offset = reference & 0xffff
    let mode = root.mode & 0o7777
    let seconds = UInt32(min(max(0, root.seconds), Int64(UInt32.max)))
    let new: [UInt8?] =
      [nil, nil, UInt8(mode & 0xff), UInt8(mode >> 8), nil, nil, nil, nil]
      + (0..<4).map { UInt8(truncatingIfNeeded: seconds >> (8 * $0)) }
    for byte in new {
      if offset >= 8192 { (block, offset) = (block + 2 + 8192, 0) }
      // The highest bit says that the block is not compressed.
      guard try read(file, block, 2)[1] & 0x80 != 0 else { throw bad }
      if var byte {
        guard pwrite(file, &byte, 1, off_t(block + 2 + offset)) == 1 else {
          throw .call("the squashfs file cannot be written")
        }
      }
      offset += 1
    }
  }

  private static func read(_ file: Int32, _ offset: UInt64, _ count: Int) throws(LayerError)
    -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: count)
    guard pread(file, &bytes, count, off_t(offset)) == count else {
      throw LayerError(.failed("sqfstar has made no whole file"))
    }
    return bytes
  }

  private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }
}

extension LayerTree {
  func attributes(of node: Node) -> [TarEntry.Attribute] {
    node.attributes < 0 ? [] : attributes[Int(node.attributes)]
  }
}
