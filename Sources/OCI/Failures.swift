package import Images
import Layers
package import Store
import Transfer

// Errors of the rooms below, which have the same four parts, as errors of an image.
extension ImageError {
  init(_ error: TransferError) {
    let kind: Kind =
      switch error.kind {
      case .timeout, .status, .cancelled: .tryAgain
      case .content, .tooLarge, .address, .redirect: .badData
      case .connection, .certificate, .library: .unavailable
      case .sink: .failed
      }
    self.init(kind, error.subject, cause: error.cause, remedy: error.remedy)
  }

  init(_ error: StoreError) {
    let kind: Kind =
      switch error.kind {
      case .untrusted, .notPermitted: .notPermitted
      case .busy, .full, .cancelled: .tryAgain
      case .damaged: .badData
      case .failed: .failed
      }
    self.init(kind, error.subject, cause: error.cause, remedy: error.remedy)
  }

  init(_ error: LayerError) {
    let kind: Kind =
      switch error.cause {
      case .damaged, .truncated, .trailingGarbage, .unsupported, .mismatch, .refused, .limit:
        .badData
      case .missing: .unavailable
      case .full, .cancelled: .tryAgain
      case .failed: .failed
      }
    // The remedy comes last in every error's text.
    let parts = error.description.split(separator: "; remedy: ", maxSplits: 1)
    let head = parts.first.map(String.init) ?? error.description
    self.init(
      kind, "the root file system cannot be built", cause: head,
      remedy: parts.count == 2 ? String(parts[1]) : "try again")
  }

  /// Does some work of a store's and gives its error as an image's.
  package static func storing<Result>(
    _ body: () throws(StoreError) -> Result
  ) throws(ImageError) -> Result {
    do throws(StoreError) { return try body() } catch { throw ImageError(error) }
  }
}

extension BlobWriter: DownloadSink {}
