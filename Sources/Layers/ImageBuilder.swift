import Glibc
import Workers

/// Makes one squashfs file or one directory of the layers of an image.
///
/// No path of the host is ever made from an archive: the layers become a tree in memory first, and
/// what it holds at the end is written. Both calls block, on a thread that must last until they
/// return, for `sqfstar` dies with it.
package struct ImageBuilder: Sendable {
  package var limits = LayerLimits()
  /// The program that makes squashfs files.
  package var sqfstar = "/usr/bin/sqfstar"
  package var threads = Workers.processors
  /// Seconds that `sqfstar` may stand still.
  package var patience = 120.0
  /// Whether the result is on the disk when the call returns (fsync(2), syncfs(2)).
  package var isDurable = true
  /// Asked every few milliseconds of work; true ends it with ``LayerError/Cause/cancelled``.
  package var isCancelled: @Sendable () -> Bool = { false }

  package init() {}

  /// Layers, the lowest first, into a squashfs file that belongs to root:root all over.
  ///
  /// The name must be free, and is so again after an error.
  package func buildSquashfs(
    _ layers: [Layer], at path: String
  ) throws(LayerError) -> BuildReport {
    try build(layers) { () throws(LayerError) in try SquashfsWriter(at: path, self) }
  }

  /// Layers, the lowest first, into a directory that this makes.
  ///
  /// The name must be free, and is so again after an error.
  package func unpack(_ layers: [Layer], into path: String) throws(LayerError) -> BuildReport {
    try build(layers) { () throws(LayerError) in try DirectoryWriter(at: path, self) }
  }

  /// Removes a file or a directory tree, whatever its modes; follows no link, and none is no error.
  package static func removeTree(_ path: String) throws(LayerError) {
    try TreeRemoval.remove(path)
  }

  private func build(
    _ layers: [Layer], _ makeWriter: () throws(LayerError) -> any ImageWriter
  ) throws(LayerError) -> BuildReport {
    for layer in layers where !Layer.isSupported(mediaType: layer.mediaType) {
      throw LayerError(.unsupported("a layer of type \(layer.mediaType)"), layer: layer.digest)
    }
    let pipes = BrokenPipes()
    defer { pipes.restore() }
    // Nothing lies over the last layer: its contents go into the image while it is read first.
    if let report = try attempt(layers, streams: true, makeWriter) { return report }
    // But where the layer takes back what it holds itself, all is decided before anything is
    // written.
    guard let report = try attempt(layers, streams: false, makeWriter) else {
      throw LayerError(.failed("the image cannot be written in two passes"))
    }
    return report
  }

  /// nil where the last layer has taken back what it holds itself.
  private func attempt(
    _ layers: [Layer], streams: Bool, _ makeWriter: () throws(LayerError) -> any ImageWriter
  ) throws(LayerError) -> BuildReport? {
    let tree = LayerTree(limits)
    let quota = LayerQuota(limits)
    let lower = streams ? Array(layers.dropLast()) : layers
    try read(lower, quota, into: tree)
    let writer = try makeWriter()
    do throws(LayerError) {
      if streams, let last = layers.last {
        tree.beginLayer()
        let handler = StreamingHandler(tree, writer, quota)
        do throws(LayerError) {
          try reader(last).verify(quota, to: handler)
        } catch {
          guard tree.hasConflict else { throw error }
          writer.abandon()
          return nil
        }
      }
      let wanted = tree.contents(of: lower.count)
      for (layer, wanted) in zip(lower, wanted) where !wanted.isEmpty {
        let handler = ContentsHandler(wanted, tree, writer)
        try reader(layer).reread(to: handler) { handler.isDone }
        guard handler.isDone else {
          throw LayerError(.damaged("the blob changed while it was read"), layer: layer.digest)
        }
      }
      if isCancelled() { throw LayerError(.cancelled) }
      var report = tree.report
      report.outputBytes = try writer.finish(tree)
      return report
    } catch {
      writer.abandon()
      throw error
    }
  }

  private func reader(_ layer: Layer) -> LayerReader {
    LayerReader(layer: layer, limits: limits, isCancelled: isCancelled)
  }

  /// Verifies layers, several at once, and applies their entries in their order.
  private func read(
    _ layers: [Layer], _ quota: LayerQuota, into tree: LayerTree
  ) throws(LayerError) {
    let scans = Workers.map(layers.count, threads: threads, run: 1, make: {}) {
      _, index -> Result<[TarEntry], LayerError> in
      let handler = ScanningHandler(quota)
      do throws(LayerError) {
        try reader(layers[index]).verify(quota, to: handler)
        return .success(handler.entries)
      } catch {
        return .failure(error)
      }
    }
    for (layer, scan) in zip(layers, scans) {
      tree.beginLayer()
      do throws(LayerError) {
        for (ordinal, entry) in try scan.get().enumerated() {
          _ = try tree.apply(entry, ordinal: Int32(ordinal))
        }
      } catch {
        throw error.inside(layer.digest)
      }
    }
  }
}

/// Writing to a program that has gone is an error here and no signal (pipe(7)).
private struct BrokenPipes {
  private var before = sigset_t()
  private var wasPending = false
  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGPIPE)
    return set
  }

  init() {
    var (set, pending) = (Self.signals, sigset_t())
    sigpending(&pending)
    wasPending = sigismember(&pending, SIGPIPE) == 1
    pthread_sigmask(SIG_BLOCK, &set, &before)
  }

  /// Takes back the signal that a write may have raised, then the mask.
  func restore() {
    var (set, none, mask) = (Self.signals, timespec(), before)
    if !wasPending { while sigtimedwait(&set, nil, &none) < 0, errno == EINTR {} }
    pthread_sigmask(SIG_SETMASK, &mask, nil)
  }
}
