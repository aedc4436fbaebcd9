/// A file to fetch, the places where it may be, and who takes its bytes.
package struct Download {
  /// One place, with the credentials for it alone.
  package struct Source {
    package var url: String
    package var fields: [HTTPField]
    /// Asked once when the place answers 401: the fields to use instead, or nil.
    package var renew: ((HTTPResponse) throws(TransferError) -> [HTTPField]?)?

    package init(
      _ url: String, fields: [HTTPField] = [],
      renew: ((HTTPResponse) throws(TransferError) -> [HTTPField]?)? = nil
    ) {
      self.url = url
      self.fields = fields
      self.renew = renew
    }
  }

  /// For progress and errors.
  package var name: String
  /// The exact size in bytes, where it is known.
  package var size: Int64?
  /// The most bytes where the size is not known.
  package var limit: Int64
  /// In the order in which they are tried.
  package var sources: [Source]
  package var sink: any DownloadSink

  package init(
    _ name: String, size: Int64?, limit: Int64 = .max, sources: [Source], sink: any DownloadSink
  ) {
    self.name = name
    self.size = size
    self.limit = limit
    self.sources = sources
    self.sink = sink
  }
}

/// Who takes the bytes of a download, in order.
///
/// An error that is thrown ends the download for good: a full disk gets no better by a mirror.
package protocol DownloadSink: AnyObject {
  /// How many bytes are there and good: a download is resumed from here.
  var offset: Int64 { get }
  func write(_ bytes: UnsafeRawBufferPointer) throws
  /// Forgets all bytes.
  func restart() throws
  /// Ends the file when all bytes are there: what is wrong with its content, or nil.
  func finish() throws -> String?
}

/// A sink that keeps the bytes in memory.
package final class MemorySink: DownloadSink {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var offset: Int64 { Int64(bytes.count) }
  package func write(_ more: UnsafeRawBufferPointer) { bytes += more }
  package func restart() { bytes = [] }
  package func finish() -> String? { nil }
}

/// How far the downloads of one call are.
package struct TransferProgress: Equatable, Sendable {
  package var files: Int
  package var filesDone: Int
  /// What is there, also from before.
  package var bytes: Int64
  /// nil where the size of a file is not known.
  package var total: Int64?

  package init(files: Int, filesDone: Int, bytes: Int64, total: Int64?) {
    self.files = files
    self.filesDone = filesDone
    self.bytes = bytes
    self.total = total
  }
}

extension Transfer {
  /// Fetches files at once; returns when each is complete and its sink has accepted it.
  ///
  /// The first one that fails ends all; sinks keep what they have. Places are tried in order, each
  /// again as the settings say; another one comes where a place has not the file, or not as its
  /// sink wants it.
  ///
  /// - Parameter progress: called at least five times a second, and at the end.
  package func download(
    _ downloads: [Download], progress: (TransferProgress) -> Void = { _ in }
  ) throws(TransferError) {
    let end = ContinuousClock.now + .seconds(settings.downloadSeconds)
    var jobs: [DownloadJob] = []
    for download in downloads { jobs.append(try DownloadJob(download, self, until: end)) }
    defer { for job in jobs { job.drop() } }
    var shown = ContinuousClock.now - .seconds(1)
    while true {
      let now = ContinuousClock.now
      var open = 0
      var running: [String: Int] = [:]
      for job in jobs {
        if let site = job.runningSite { running[site, default: 0] += 1 }
      }
      var count = running.values.reduce(0, +)
      for job in jobs where !job.isDone {
        open += 1
        guard count < settings.parallel, job.isReady(now),
          running[job.site, default: 0] < settings.perHost
        else { continue }
        try job.start()
        running[job.site, default: 0] += 1
        count += 1
      }
      if open == 0 || shown.duration(to: now) >= .milliseconds(50) {
        shown = now
        progress(Self.progress(of: jobs))
      }
      guard open > 0 else { return }
      guard now < end else {
        let name = jobs.first { !$0.isDone }?.download.name ?? ""
        throw TransferError(
          .timeout, name, "it did not come within \(Int(settings.downloadSeconds)) s",
          "run the command again; what has come is kept and not fetched twice")
      }
      let next = jobs.compactMap(\.waitsUntil).min() ?? end
      try engine.step(until: min(next, now + .milliseconds(100)))
      for job in jobs { try job.settle() }
    }
  }

  private static func progress(of jobs: [DownloadJob]) -> TransferProgress {
    var (bytes, total) = (Int64(0), Int64?.some(0))
    for job in jobs {
      bytes &+= job.download.sink.offset
      total = job.download.size.flatMap { size in total.map { $0 &+ size } }
    }
    return TransferProgress(
      files: jobs.count, filesDone: jobs.filter(\.isDone).count, bytes: bytes, total: total)
  }
}
