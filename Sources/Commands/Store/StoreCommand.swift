import ArgumentParser
import Digests
import Store

/// `slipway store`: what images are made of, by digest.
struct StoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "Looks after the store that images are kept in.",
    subcommands: [
      StoreListCommand.self, StoreVerifyCommand.self, StoreCollectCommand.self,
      StoreRepairCommand.self,
    ])
}

/// One thing of a store, as JSON.
struct StoredEntry: Encodable {
  /// `blobs` or `images`.
  var kind: String
  var digest: String
  /// Bytes.
  var size: Int64
  /// Seconds since 1970.
  var lastUse: Int
  var user: String?

  init(_ item: StoredItem) {
    kind = item.key.kind
    digest = item.key.digest.description
    size = item.size
    lastUse = item.lastUse
    user = item.user
  }
}
