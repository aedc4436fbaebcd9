extension LayerTree {
  /// Begins the next layer, which lies over all before.
  func beginLayer() { layer += 1 }

  /// Does to the tree what an entry of the current layer says; gives the name of a file that came.
  ///
  /// Source: OCI image-spec, layer.md; where it is silent, umoci 0.4.7.
  func apply(_ entry: TarEntry, ordinal: Int32) throws(LayerError) -> Int32? {
    do throws(LayerError) {
      return try place(entry, ordinal)
    } catch {
      throw LayerError(error.cause, entry: entry.path)
    }
  }

  private func place(_ entry: TarEntry, _ ordinal: Int32) throws(LayerError) -> Int32? {
    let (parent, name) = Self.split(entry.path)
    if Self.isAufs(parent) { return nil }
    if name.starts(with: Whiteout.prefix) {
      try hide(Whiteout(name), in: parent)
      return nil
    }
    // The path is that of a directory which stands already, such as the root.
    if name.isEmpty || name.elementsEqual("..".utf8) {
      guard entry.kind == .directory else {
        throw LayerError(.refused("the type of the root or of a parent never changes"))
      }
      let node = try directory(entry.path[...], makes: true)
      if let node { describe(node, entry) }
      return nil
    }
    if parent.isEmpty, Self.isMarker(name) { return nil }
    guard let directory = try parentDirectory(parent, makes: true) else { return nil }
    return try put(entry, ordinal, name, in: directory)
  }

  private func put(
    _ entry: TarEntry, _ ordinal: Int32, _ name: ArraySlice<UInt8>, in directory: Int32
  ) throws(LayerError) -> Int32? {
    let old = find(name, in: directory)
    if entry.kind == .directory, let old, nodes[Int(names[Int(old)].node)].kind == .directory {
      names[Int(old)].layer = layer
      describe(names[Int(old)].node, entry)
      return nil
    }
    var target: Int32?
    if entry.kind == .hardLink {
      let node = try linkTarget(entry)
      if let old, names[Int(old)].node == node {
        names[Int(old)].layer = layer
        return nil
      }
      target = node
    }
    if let old { remove(old) }
    let kind: Kind
    switch entry.kind {
    case .hardLink:
      // Perhaps its target stood below what made room for it.
      guard let target, nodes[Int(target)].links > 0 else { throw missingTarget(entry) }
      try add(name, to: directory, node: target, entry: entry.path)
      return nil
    case .characterDevice, .blockDevice:
      if skippedDevices == 0 { firstDevice = entry.path }
      skippedDevices += 1
      return nil
    case .directory: kind = .directory
    case .symbolicLink: kind = .symbolicLink
    case .fifo: kind = .fifo
    case .file: kind = .file
    }
    var node = Node(kind: kind, mode: 0, layer: layer, ordinal: ordinal)
    node.size = entry.size
    if kind == .symbolicLink {
      guard !entry.link.isEmpty else { throw LayerError(.refused("a symbolic link to nothing")) }
      (node.text, node.textCount) = (texts.count, Int32(entry.link.count))
      texts += entry.link
    }
    let index = makeNode(node)
    describe(index, entry)
    let made = try add(name, to: directory, node: index, entry: entry.path)
    return kind == .file ? made : nil
  }

  /// Gives a node the mode, times and attributes of an entry.
  private func describe(_ node: Int32, _ entry: TarEntry) {
    // No setuid and no setgid: no_new_privs makes them useless.
    nodes[Int(node)].mode = nodes[Int(node)].kind == .symbolicLink ? 0o777 : entry.mode & 0o1777
    nodes[Int(node)].seconds = entry.seconds
    nodes[Int(node)].nanoseconds = entry.nanoseconds
    let kept = Self.kept(entry.attributes, nodes[Int(node)].kind)
    nodes[Int(node)].attributes = kept.isEmpty ? -1 : Int32(attributes.count)
    if !kept.isEmpty { attributes.append(kept) }
  }

  /// The user's own attributes but for those that overlayfs reads (`user.overlay.*`).
  private static func kept(
    _ attributes: [TarEntry.Attribute], _ kind: Kind
  ) -> [TarEntry.Attribute] {
    // xattr(7): links and FIFOs have no attributes of the user.
    guard !attributes.isEmpty, kind == .file || kind == .directory else { return [] }
    return attributes.filter {
      $0.name.starts(with: "user.".utf8) && !$0.name.starts(with: "user.overlay.".utf8)
        && !$0.name.contains(0) && (6...255).contains($0.name.count) && $0.value.count <= 65536
    }
  }

  // MARK: Names that are marks

  /// The files that eStargz adds for its own use (containerd/stargz-snapshotter, estargz.md).
  private static func isMarker(_ name: ArraySlice<UInt8>) -> Bool {
    [".prefetch.landmark", ".no.prefetch.landmark", "stargz.index.json"].contains {
      name.elementsEqual($0.utf8)
    }
  }

  /// Whether a path leads through what AUFS kept for itself, which Docker's tools skip too.
  private static func isAufs(_ parent: ArraySlice<UInt8>) -> Bool {
    parent.split(separator: UInt8(ascii: "/")).contains { $0.starts(with: ".wh..wh.".utf8) }
  }

  private enum Whiteout {
    static let prefix = Array(".wh.".utf8)
    case name(ArraySlice<UInt8>)
    case opaque
    case other

    /// `.wh.`, `.wh..` and `.wh...` are errors before anything goes.
    init(_ marker: ArraySlice<UInt8>) throws(LayerError) {
      let name = marker.dropFirst(Self.prefix.count)
      if name.elementsEqual(".wh..opq".utf8) {
        self = .opaque
      } else if name.starts(with: Self.prefix) {
        self = .other
      } else {
        guard !name.isEmpty, !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) else {
          throw LayerError(.refused("a whiteout of nothing, of \".\" or of \"..\""))
        }
        self = .name(name)
      }
    }
  }

  private func hide(_ whiteout: Whiteout, in parent: ArraySlice<UInt8>) throws(LayerError) {
    if case .other = whiteout { return }
    guard let directory = try parentDirectory(parent, makes: false) else { return }
    switch whiteout {
    case .name(let name):
      if let found = find(name, in: directory) { try removeLower(found) }
    default:
      var child = nodes[Int(directory)].child
      while child >= 0 {
        let next = names[Int(child)].next
        try removeLower(child)
        child = next
      }
    }
  }

  /// Takes away what lower layers have at a name and below it; this layer's own stays.
  private func removeLower(_ name: Int32) throws(LayerError) {
    try step()
    let node = Int(names[Int(name)].node)
    if nodes[node].kind == .directory {
      // No deeper than the limit of depth.
      var child = nodes[node].child
      while child >= 0 {
        let next = names[Int(child)].next
        try removeLower(child)
        child = next
      }
      guard nodes[node].child < 0 else { return }
    }
    if names[Int(name)].layer < layer { remove(name) }
  }

  // MARK: Paths

  func step() throws(LayerError) {
    steps &+= 1
    guard steps <= limits.steps else {
      throw LayerError(.limit("links and whiteouts that lead over \(limits.steps) names"))
    }
  }

  /// What stands before the last name, and that name; slashes and `.` at the end are left out.
  static func split(_ path: [UInt8]) -> (parent: ArraySlice<UInt8>, name: ArraySlice<UInt8>) {
    let slash = UInt8(ascii: "/")
    var rest = path[...]
    while let end = rest.last {
      if end == slash {
        rest.removeLast()
      } else if end == UInt8(ascii: "."),
        rest.count == 1 || rest[rest.endIndex - 2] == slash
      {
        rest.removeLast()
      } else {
        break
      }
    }
    let start = (rest.lastIndex(of: slash) ?? rest.startIndex - 1) + 1
    var parent = rest[rest.startIndex..<start]
    while parent.last == slash { parent.removeLast() }
    return (parent, rest[start...])
  }

  private func parentDirectory(
    _ path: ArraySlice<UInt8>, makes: Bool
  ) throws(LayerError) -> Int32? {
    if let lastParent, path.elementsEqual(lastParent.path) { return lastParent.node }
    guard let found = try directory(path, makes: makes) else { return nil }
    lastParent = (Array(path), found)
    return found
  }

  /// The directory that a path leads to as if the root of the tree were `/` (openat2(2),
  /// RESOLVE_IN_ROOT): `..` stays inside, links are followed inside.
  ///
  /// nil where it leads to none and none is made.
  private func directory(_ path: ArraySlice<UInt8>, makes: Bool) throws(LayerError) -> Int32? {
    var links = 0
    return try walk(path, from: Self.root, makes: makes, &links)
  }

  private func walk(
    _ path: ArraySlice<UInt8>, from start: Int32, makes: Bool, _ links: inout Int
  ) throws(LayerError) -> Int32? {
    let slash = UInt8(ascii: "/")
    var current = path.first == slash ? Self.root : start
    for part in path.split(separator: slash) {
      try step()
      if part.elementsEqual(".".utf8) { continue }
      if part.elementsEqual("..".utf8) {
        current = parent(of: current)
        continue
      }
      guard let name = find(part, in: current) else {
        guard makes else { return nil }
        current = try makeDirectory(part, in: current, path)
        continue
      }
      let node = names[Int(name)].node
      switch nodes[Int(node)].kind {
      case .directory: current = node
      case .symbolicLink:
        links += 1
        // path_resolution(7): so many links the kernel follows.
        guard links <= 40 else {
          throw LayerError(.refused("its symbolic links lead in a circle (ELOOP)"))
        }
        // A copy: a slice of the texts would have them all copied when a name is added.
        let link = Array(text(of: node))
        guard let next = try walk(link[...], from: current, makes: makes, &links) else {
          return nil
        }
        current = next
      default:
        guard makes else { return nil }
        throw LayerError(.refused("a parent is no directory (ENOTDIR)"))
      }
    }
    return current
  }

  private func makeDirectory(
    _ name: ArraySlice<UInt8>, in directory: Int32, _ path: ArraySlice<UInt8>
  ) throws(LayerError) -> Int32 {
    guard !name.starts(with: Whiteout.prefix) else {
      throw LayerError(.refused("a directory whose name is that of a whiteout"))
    }
    let node = makeNode(Node(kind: .directory, mode: 0o755, layer: layer, ordinal: -1))
    try add(name, to: directory, node: node, entry: Array(path))
    return node
  }

  /// What a hard link shares: found inside the tree, its last name not followed.
  private func linkTarget(_ entry: TarEntry) throws(LayerError) -> Int32 {
    let (parent, name) = Self.split(entry.link)
    guard !name.isEmpty, !name.elementsEqual("..".utf8),
      let directory = try directory(parent, makes: false),
      let found = find(name, in: directory)
    else { throw missingTarget(entry) }
    let node = names[Int(found)].node
    guard nodes[Int(node)].kind != .directory else {
      throw LayerError(.refused("a hard link to a directory"))
    }
    return node
  }

  private func missingTarget(_ entry: TarEntry) -> LayerError {
    LayerError(
      .refused("the target \(LayerError.escape(entry.link)) of the hard link is missing"))
  }
}
