/// Keeps the entries of a layer.
final class ScanningHandler: TarHandler {
  private(set) var entries: [TarEntry] = []
  private let quota: LayerQuota

  init(_ quota: LayerQuota) { self.quota = quota }

  func entry(_ entry: TarEntry) throws(LayerError) {
    try quota.count(entry)
    entries.append(entry)
  }
  func data(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {}
  func hole(_ count: Int64) throws(LayerError) { try quota.count(bytes: count) }
  func endFile() throws(LayerError) {}
}

/// Applies the entries of the last layer, and writes the contents of its files as they come.
final class StreamingHandler: TarHandler {
  private let tree: LayerTree
  private let writer: any ImageWriter
  private let quota: LayerQuota
  private var ordinal: Int32 = 0
  private var isWriting = false

  init(_ tree: LayerTree, _ writer: any ImageWriter, _ quota: LayerQuota) {
    (self.tree, self.writer, self.quota) = (tree, writer, quota)
  }

  func entry(_ entry: TarEntry) throws(LayerError) {
    try quota.count(entry)
    let name = try tree.apply(entry, ordinal: ordinal)
    ordinal += 1
    if tree.hasConflict { throw LayerError(.failed("written twice"), entry: entry.path) }
    isWriting = name != nil && entry.size > 0
    guard isWriting, let name else { return }
    try writer.beginFile(name, of: tree)
    tree.nodes[Int(tree.names[Int(name)].node)].name = name
  }

  func data(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {
    if isWriting { try writer.write(bytes) }
  }

  func hole(_ count: Int64) throws(LayerError) {
    try quota.count(bytes: count)
    if isWriting { try writer.hole(count) }
  }

  func endFile() throws(LayerError) {
    if isWriting { try writer.endFile() }
  }
}

/// Writes the contents of a layer that are in the image at the end.
final class ContentsHandler: TarHandler {
  private let wanted: [(ordinal: Int32, name: Int32)]
  private let tree: LayerTree
  private let writer: any ImageWriter
  private var next = 0
  private var ordinal: Int32 = 0
  private var isWriting = false

  init(
    _ wanted: [(ordinal: Int32, name: Int32)], _ tree: LayerTree, _ writer: any ImageWriter
  ) {
    (self.wanted, self.tree, self.writer) = (wanted, tree, writer)
  }

  /// Whether all is written that is wanted.
  var isDone: Bool { next == wanted.count && !isWriting }

  func entry(_ entry: TarEntry) throws(LayerError) {
    defer { ordinal += 1 }
    isWriting = next < wanted.count && wanted[next].ordinal == ordinal
    guard isWriting else { return }
    let name = wanted[next].name
    let node = Int(tree.names[Int(name)].node)
    guard entry.kind == .file, entry.size == tree.nodes[node].size else {
      throw LayerError(.damaged("the blob changed while it was read"), entry: entry.path)
    }
    next += 1
    try writer.beginFile(name, of: tree)
    tree.nodes[node].name = name
  }

  func data(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {
    if isWriting { try writer.write(bytes) }
  }

  func hole(_ count: Int64) throws(LayerError) {
    if isWriting { try writer.hole(count) }
  }

  func endFile() throws(LayerError) {
    if isWriting { try writer.endFile() }
    isWriting = false
  }
}

extension LayerTree {
  /// For each of the first layers the files whose contents are still to be written, in the order
  /// of its archive, each with one of its names.
  func contents(of layers: Int) -> [[(ordinal: Int32, name: Int32)]] {
    var found = [[(ordinal: Int32, name: Int32)]](repeating: [], count: layers)
    var seen = [Bool](repeating: false, count: nodes.count)
    for directory in [Self.root] + directories.map({ names[Int($0)].node }) {
      forEachChild(of: directory) { name in
        let index = Int(names[Int(name)].node)
        let node = nodes[index]
        guard node.kind == .file, node.size > 0, node.name < 0, !seen[index],
          Int(node.layer) < layers
        else { return }
        seen[index] = true
        found[Int(node.layer)].append((node.ordinal, name))
      }
    }
    return found.map { $0.sorted { $0.ordinal < $1.ordinal } }
  }

  /// What the image holds and what was left out.
  var report: BuildReport {
    var report = BuildReport()
    var seen = [Bool](repeating: false, count: nodes.count)
    for directory in [Self.root] + directories.map({ names[Int($0)].node }) {
      report.directories += 1
      forEachChild(of: directory) { name in
        let index = Int(names[Int(name)].node)
        let node = nodes[index]
        switch node.kind {
        case .directory: break
        case .symbolicLink: report.links += 1
        case _ where seen[index]: report.links += 1
        case .file:
          report.files += 1
          report.contentBytes &+= node.size
        case .fifo: report.others += 1
        }
        seen[index] = true
      }
    }
    if skippedDevices > 0 {
      let many = skippedDevices == 1 ? "1 device node was" : "\(skippedDevices) device nodes were"
      report.warnings.append(
        "\(many) left out, the first: \(LayerError.escape(firstDevice))")
    }
    return report
  }
}
