/// An image's file tree in memory: names that lead to nodes, as in a file system.
///
/// A million entries take some 150 MB. It knows no rule of layers: ``LayerTree/apply(_:ordinal:)``
/// does. The numbers of nodes and names are places in two tables and stay theirs.
final class LayerTree {
  enum Kind: UInt8 { case directory, file, symbolicLink, fifo }

  /// A file, directory, link or FIFO, whatever its names.
  struct Node {
    var kind: Kind
    /// Permission bits and the sticky one.
    var mode: UInt16
    /// How many names it has.
    var links: Int32 = 0
    /// Where the contents of a file are: the layer and the entry in it.
    var layer: Int32
    var ordinal: Int32
    var nanoseconds: Int32 = 0
    var seconds: Int64 = 0
    /// Bytes of a file.
    var size: Int64 = 0
    /// Of a link: where its text begins in ``texts``, and how long it is.
    var text = 0
    var textCount: Int32 = 0
    /// Its place in ``attributes``; -1 without any.
    var attributes: Int32 = -1
    /// The first child of a directory; -1 for none.
    var child: Int32 = -1
    var childCount: Int32 = 0
    /// The name of a directory, or that under which a writer has something already; -1 for none.
    var name: Int32 = -1
  }

  struct Name {
    /// The directory that it stands in.
    var parent: Int32
    var node: Int32
    var next: Int32
    var previous: Int32 = -1
    /// The next of the same bucket.
    var chain: Int32
    /// The last layer that set it.
    var layer: Int32
    var start: Int
    var count: UInt16
    /// How deep it stands, and the length of the path to it.
    var depth: UInt16
    var pathBytes: Int32
  }

  static let root: Int32 = 0

  let limits: LayerLimits
  var nodes: [Node] = []
  var names: [Name] = []
  /// The bytes of names and link texts.
  var texts: [UInt8] = []
  var attributes: [[TarEntry.Attribute]] = []
  private var buckets: [Int32]

  /// The layer that is being applied.
  var layer: Int32 = -1
  /// Names looked at on ways that an archive can make long.
  var steps = 0
  /// Whether a name has gone under which a writer already has a file.
  private(set) var hasConflict = false
  /// The last directory that a path led to, for most entries lie in that of the one before.
  var lastParent: (path: [UInt8], node: Int32)?
  var skippedDevices = 0
  var firstDevice: [UInt8] = []

  init(_ limits: LayerLimits) {
    self.limits = limits
    buckets = Array(repeating: -1, count: 1 << 10)
    nodes.append(Node(kind: .directory, mode: 0o755, layer: -1, ordinal: -1))
    nodes[0].links = 1
  }

  // MARK: Looking

  func bytes(_ name: Int32) -> ArraySlice<UInt8> {
    let name = names[Int(name)]
    return texts[name.start..<name.start + Int(name.count)]
  }

  func text(of node: Int32) -> ArraySlice<UInt8> {
    let node = nodes[Int(node)]
    return texts[node.text..<node.text + Int(node.textCount)]
  }

  /// The path of a name, without a slash at its beginning.
  func path(of name: Int32) -> [UInt8] {
    var parts: [Int32] = []
    var current = name
    while current >= 0 {
      parts.append(current)
      current = nodes[Int(names[Int(current)].parent)].name
    }
    var path: [UInt8] = []
    path.reserveCapacity(Int(names[Int(name)].pathBytes))
    for part in parts.reversed() {
      if !path.isEmpty { path.append(UInt8(ascii: "/")) }
      path += bytes(part)
    }
    return path
  }

  func parent(of directory: Int32) -> Int32 {
    let name = nodes[Int(directory)].name
    return name < 0 ? Self.root : names[Int(name)].parent
  }

  /// A name in a directory; nil where there is none.
  func find(_ name: ArraySlice<UInt8>, in directory: Int32) -> Int32? {
    var current = buckets[bucket(name, directory)]
    while current >= 0 {
      if names[Int(current)].parent == directory, isEqual(current, name) { return current }
      current = names[Int(current)].chain
    }
    return nil
  }

  private func isEqual(_ name: Int32, _ other: ArraySlice<UInt8>) -> Bool {
    let name = names[Int(name)]
    guard Int(name.count) == other.count else { return false }
    return texts.withUnsafeBytes { texts in
      other.withUnsafeBytes { texts[name.start..<name.start + Int(name.count)].elementsEqual($0) }
    }
  }

  private func bucket(_ name: ArraySlice<UInt8>, _ directory: Int32) -> Int {
    // Keyed by chance: nobody can make names that all fall into one bucket.
    var hasher = Hasher()
    hasher.combine(directory)
    name.withUnsafeBytes { hasher.combine(bytes: $0) }
    return hasher.finalize() & (buckets.count - 1)
  }

  // MARK: Changing

  func makeNode(_ node: Node) -> Int32 {
    nodes.append(node)
    return Int32(nodes.count - 1)
  }

  /// Gives a node a name in a directory that has no such name.
  @discardableResult
  func add(
    _ bytes: ArraySlice<UInt8>, to directory: Int32, node: Int32, entry: [UInt8]
  ) throws(LayerError) -> Int32 {
    guard bytes.count <= 255 else {
      throw LayerError(.limit("a name of more than 255 bytes"), entry: entry)
    }
    guard names.count < limits.entries else {
      throw LayerError(.limit("more than \(limits.entries) names"), entry: entry)
    }
    let above = nodes[Int(directory)].name
    let depth = above < 0 ? 1 : Int(names[Int(above)].depth) + 1
    guard depth <= limits.depth else {
      throw LayerError(.limit("directories deeper than \(limits.depth)"), entry: entry)
    }
    let length = (above < 0 ? 0 : Int(names[Int(above)].pathBytes) + 1) + bytes.count
    guard length <= limits.pathBytes else {
      throw LayerError(
        .limit("a path of more than \(limits.pathBytes) bytes in the image"), entry: entry)
    }
    guard nodes[Int(directory)].childCount < limits.directoryEntries else {
      throw LayerError(
        .limit("more than \(limits.directoryEntries) names in one directory"), entry: entry)
    }
    if names.count >= buckets.count { grow() }
    let place = bucket(bytes, directory)
    let index = Int32(names.count)
    let first = nodes[Int(directory)].child
    names.append(
      Name(
        parent: directory, node: node, next: first, chain: buckets[place], layer: layer,
        start: texts.count, count: UInt16(bytes.count), depth: UInt16(depth),
        pathBytes: Int32(length)))
    texts += bytes
    buckets[place] = index
    if first >= 0 { names[Int(first)].previous = index }
    nodes[Int(directory)].child = index
    nodes[Int(directory)].childCount += 1
    nodes[Int(node)].links += 1
    if nodes[Int(node)].kind == .directory { nodes[Int(node)].name = index }
    return index
  }

  /// Takes a name away with all that is below it.
  func remove(_ name: Int32) {
    lastParent = nil
    var pending = [name]
    while let current = pending.popLast() {
      unlink(current)
      let node = Int(names[Int(current)].node)
      guard nodes[node].kind == .directory else {
        if nodes[node].name == current { hasConflict = true }
        continue
      }
      var child = nodes[node].child
      while child >= 0 {
        pending.append(child)
        child = names[Int(child)].next
      }
    }
  }

  private func unlink(_ index: Int32) {
    let name = names[Int(index)]
    nodes[Int(name.node)].links -= 1
    nodes[Int(name.parent)].childCount -= 1
    if name.previous >= 0 {
      names[Int(name.previous)].next = name.next
    } else {
      nodes[Int(name.parent)].child = name.next
    }
    if name.next >= 0 { names[Int(name.next)].previous = name.previous }
    let place = bucket(bytes(index), name.parent)
    if buckets[place] == index {
      buckets[place] = name.chain
    } else {
      var current = buckets[place]
      while names[Int(current)].chain != index { current = names[Int(current)].chain }
      names[Int(current)].chain = name.chain
    }
  }

  private func grow() {
    buckets = Array(repeating: -1, count: buckets.count * 4)
    // Names that have gone are linked nowhere: all that remain are found from the root.
    var pending = [Self.root]
    while let directory = pending.popLast() {
      var child = nodes[Int(directory)].child
      while child >= 0 {
        let place = bucket(bytes(child), directory)
        names[Int(child)].chain = buckets[place]
        buckets[place] = child
        let node = names[Int(child)].node
        if nodes[Int(node)].kind == .directory { pending.append(node) }
        child = names[Int(child)].next
      }
    }
  }

  // MARK: Walking

  /// The names of all directories but the root, each after its parent.
  var directories: [Int32] {
    var found: [Int32] = []
    var pending = [Self.root]
    while let directory = pending.popLast() {
      forEachChild(of: directory) { name in
        let node = names[Int(name)].node
        if nodes[Int(node)].kind == .directory {
          found.append(name)
          pending.append(node)
        }
      }
    }
    return found
  }

  func forEachChild<Failure: Error>(
    of directory: Int32, _ body: (Int32) throws(Failure) -> Void
  ) throws(Failure) {
    var child = nodes[Int(directory)].child
    while child >= 0 {
      try body(child)
      child = names[Int(child)].next
    }
  }
}
