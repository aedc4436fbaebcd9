/// One entry of a tar archive; names are bytes as they stand there.
struct TarEntry: Equatable {
  enum Kind: UInt8 {
    case file, hardLink, symbolicLink, characterDevice, blockDevice, directory, fifo
  }

  struct Attribute: Equatable {
    var name: [UInt8]
    var value: [UInt8]
  }

  var path: [UInt8] = []
  /// Where a link leads.
  var link: [UInt8] = []
  var kind = Kind.file
  /// The permission bits with setuid, setgid and sticky.
  var mode: UInt16 = 0
  /// Since 1970.
  var seconds: Int64 = 0
  var nanoseconds: Int32 = 0
  /// Bytes of a regular file, holes counted; 0 for all else.
  var size: Int64 = 0
  var attributes: [Attribute] = []

  /// Bytes that it holds in memory beside itself.
  var metadataBytes: Int {
    attributes.reduce(path.count + link.count) { $0 + $1.name.count + $1.value.count }
  }
}

/// Takes what ``TarReader`` reads.
protocol TarHandler: AnyObject {
  /// An entry; the contents of a file that is not empty follow, then ``endFile()``.
  func entry(_ entry: TarEntry) throws(LayerError)
  func data(_ bytes: UnsafeRawBufferPointer) throws(LayerError)
  /// So many zero bytes of a sparse file.
  func hole(_ count: Int64) throws(LayerError)
  func endFile() throws(LayerError)
}
