import CLinux
import Files
import Glibc

/// Writes a tree below a fresh directory, every path opened below it and through no link.
///
/// Directories are 0700 until all is written; the links of the image stand last of all.
final class DirectoryWriter: ImageWriter {
  private let path: String
  private let isDurable: Bool
  private let root: Int32
  /// The directory that was needed last.
  private var parent: (node: Int32, descriptor: Int32)?
  private var file: (descriptor: Int32, node: LayerTree.Node, path: [UInt8])?
  private var hasAttributes = true

  init(at path: String, _ builder: ImageBuilder) throws(LayerError) {
    (self.path, isDurable) = (path, builder.isDurable)
    guard mkdir(path, 0o700) == 0 else { throw .call("\(path) cannot be made") }
    root = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard root >= 0 else {
      let failure = errno
      rmdir(path)
      throw .call("\(path) cannot be opened", code: failure)
    }
  }

  deinit {
    closeParent()
    if let file { close(file.descriptor) }
    close(root)
  }

  func beginFile(_ name: Int32, of tree: LayerTree) throws(LayerError) {
    let directory = try open(tree.names[Int(name)].parent, of: tree)
    try beginFile(name, in: directory, tree)
  }

  private func beginFile(
    _ name: Int32, in directory: Int32, _ tree: LayerTree
  ) throws(LayerError) {
    let node = tree.nodes[Int(tree.names[Int(name)].node)]
    let descriptor = Self.withName(tree.bytes(name)) {
      openat(directory, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    }
    guard descriptor >= 0 else { throw .call("cannot be made", entry: tree.path(of: name)) }
    file = (descriptor, node, tree.path(of: name))
    try setAttributes(descriptor, tree.attributes(of: node), file?.path)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {
    guard let file else { return }
    guard Files.write(bytes, to: file.descriptor) else {
      throw .call("cannot be written", entry: file.path)
    }
  }

  func hole(_ count: Int64) throws(LayerError) {
    guard let file else { return }
    guard lseek(file.descriptor, off_t(count), SEEK_CUR) >= 0 else {
      throw .call("cannot be written", entry: file.path)
    }
  }

  func endFile() throws(LayerError) {
    guard let file else { return }
    self.file = nil
    defer { close(file.descriptor) }
    // A hole at the end leaves the file too short.
    var status = stat()
    guard fstat(file.descriptor, &status) == 0,
      status.st_size == file.node.size || ftruncate(file.descriptor, off_t(file.node.size)) == 0,
      fchmod(file.descriptor, mode_t(file.node.mode)) == 0,
      futimens(file.descriptor, Self.times(file.node)) == 0
    else { throw .call("cannot be written", entry: file.path) }
  }

  func finish(_ tree: LayerTree) throws(LayerError) -> Int64 {
    let directories = tree.directories
    try writeChildren(of: LayerTree.root, tree)
    for name in directories { try writeChildren(of: tree.names[Int(name)].node, tree) }
    try writeHardLinks(directories, tree)
    closeParent()
    // Each after what is in it: those above stay open to us.
    for name in directories.reversed() {
      let node = tree.names[Int(name)].node
      let directory = try open(node, of: tree, keeps: false)
      defer { close(directory) }
      try describe(directory, tree.nodes[Int(node)], tree.path(of: name), tree)
    }
    try describe(root, tree.nodes[Int(LayerTree.root)], nil, tree)
    // One call for all: fsync(2) for each of a hundred thousand files would take minutes.
    let failure = isDurable ? sw_sync_file_system(root) : 0
    guard failure == 0 else { throw .call("\(path) cannot be written", code: -failure) }
    return 0
  }

  func abandon() { try? TreeRemoval.remove(path) }

  private func describe(
    _ directory: Int32, _ node: LayerTree.Node, _ path: [UInt8]?, _ tree: LayerTree
  ) throws(LayerError) {
    try setAttributes(directory, tree.attributes(of: node), path)
    guard fchmod(directory, mode_t(node.mode)) == 0, futimens(directory, Self.times(node)) == 0
    else { throw .call("cannot be written", entry: path) }
  }

  /// What a directory holds beside directories and contents that were written already.
  private func writeChildren(of directory: Int32, _ tree: LayerTree) throws(LayerError) {
    let descriptor = try open(directory, of: tree)
    try tree.forEachChild(of: directory) { name throws(LayerError) in
      let index = tree.names[Int(name)].node
      let node = tree.nodes[Int(index)]
      guard node.kind != .directory, node.name < 0 else { return }
      tree.nodes[Int(index)].name = name
      var result: Int32
      switch node.kind {
      case .file:
        try beginFile(name, in: descriptor, tree)
        return try endFile()
      case .symbolicLink:
        result = Self.withName(tree.text(of: index)) { text in
          Self.withName(tree.bytes(name)) { symlinkat(text, descriptor, $0) }
        }
      default:
        result = Self.withName(tree.bytes(name)) { mkfifoat(descriptor, $0, 0o600) }
        // No link can stand there: it was just made, in a directory of ours alone.
        if result == 0 {
          result = Self.withName(tree.bytes(name)) {
            fchmodat(descriptor, $0, mode_t(node.mode), 0)
          }
        }
      }
      if result == 0 {
        result = Self.withName(tree.bytes(name)) {
          utimensat(descriptor, $0, Self.times(node), AT_SYMLINK_NOFOLLOW)
        }
      }
      guard result == 0 else { throw .call("cannot be made", entry: tree.path(of: name)) }
    }
  }

  private func writeHardLinks(_ directories: [Int32], _ tree: LayerTree) throws(LayerError) {
    for directory in [LayerTree.root] + directories.map({ tree.names[Int($0)].node }) {
      try tree.forEachChild(of: directory) { name throws(LayerError) in
        let node = tree.nodes[Int(tree.names[Int(name)].node)]
        guard node.kind != .directory, node.name != name else { return }
        let source = try open(tree.names[Int(node.name)].parent, of: tree, keeps: false)
        defer { close(source) }
        let target = try open(directory, of: tree)
        let result = Self.withName(tree.bytes(node.name)) { old in
          Self.withName(tree.bytes(name)) { linkat(source, old, target, $0, 0) }
        }
        guard result == 0 else { throw .call("cannot be linked", entry: tree.path(of: name)) }
      }
    }
  }

  // MARK: Directories

  /// A descriptor of a directory, which is made with those above it where it is not there yet.
  private func open(
    _ directory: Int32, of tree: LayerTree, keeps: Bool = true
  ) throws(LayerError) -> Int32 {
    if keeps, let parent, parent.node == directory { return parent.descriptor }
    let path = directory == LayerTree.root ? [] : tree.path(of: tree.nodes[Int(directory)].name)
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var found = Self.withName(path.isEmpty ? [UInt8(ascii: ".")] : path[...]) {
      sw_open_beneath(root, $0, flags)
    }
    if found == -ENOENT {
      let name = tree.nodes[Int(directory)].name
      let above = try open(tree.names[Int(name)].parent, of: tree)
      let made = Self.withName(tree.bytes(name)) { mkdirat(above, $0, 0o700) }
      guard made == 0 else { throw .call("cannot be made", entry: path) }
      found = Self.withName(tree.bytes(name)) { openat(above, $0, flags) }
      if found < 0 { found = -errno }
    }
    guard found >= 0 else { throw .call("cannot be opened", code: -found, entry: path) }
    if keeps {
      closeParent()
      parent = (directory, found)
    }
    return found
  }

  private func closeParent() {
    if let parent { close(parent.descriptor) }
    parent = nil
  }

  /// Sets what the file system can keep.
  private func setAttributes(
    _ descriptor: Int32, _ attributes: [TarEntry.Attribute], _ path: [UInt8]?
  ) throws(LayerError) {
    guard hasAttributes else { return }
    for attribute in attributes {
      let result = Self.withName(attribute.name[...]) {
        sw_set_attribute(descriptor, $0, attribute.value, attribute.value.count)
      }
      guard result != 0 else { continue }
      switch -result {
      case ENOTSUP, EPERM: hasAttributes = false
      // Beyond what the file system keeps of one file (ext4: one block).
      case ENOSPC, E2BIG, ERANGE: break
      default: throw .call("its attributes cannot be written", code: -result, entry: path)
      }
      return
    }
  }

  private static func times(_ node: LayerTree.Node) -> [timespec] {
    let time = timespec(tv_sec: Int(node.seconds), tv_nsec: Int(node.nanoseconds))
    return [time, time]
  }

  private static func withName<Result>(
    _ bytes: ArraySlice<UInt8>, _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    (bytes + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }
}
