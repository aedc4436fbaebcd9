internal import Digests
internal import Files
internal import Glibc

/// A directory that nobody else uses and that is removed unless it is published.
package final class StoreTemporary {
  package let path: String
  private let parent: Folder
  private let folder: Folder
  private let name: String
  private var isPublished = false

  /// The file that holds the digests of others beside it.
  static let sums = "slipway-sums"

  init(_ parent: Folder, _ purpose: String) throws(StoreError) {
    self.parent = parent
    let word = purpose.unicodeScalars.filter { $0.isASCII && $0.properties.isAlphabetic }.prefix(32)
    name = "\(String(String.UnicodeScalarView(word))).\(Owner.current("").uniqueName)"
    guard mkdirat(parent.descriptor, name, 0o700) == 0, let folder = try parent.folder(name) else {
      throw .call("made", parent.full(name))
    }
    self.folder = folder
    path = folder.path
  }

  deinit { if !isPublished { try? parent.removeAll(name) } }

  /// Makes it lasting, with the digests of its files.
  func complete(sums: [String: Digest]) throws(StoreError) {
    for name in sums.keys.sorted() {
      guard !name.contains("/"), let (file, _) = try folder.file(name) else {
        throw StoreError(
          .damaged, folder.full(name), "it is no file that can be published",
          "report this with the command")
      }
      defer { close(file) }
      guard fchmod(file, folder.trust.fileMode) == 0, fsync(file) == 0 else {
        throw .call("written", folder.full(name))
      }
    }
    if !sums.isEmpty {
      let text = sums.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)\n" }.joined()
      let file = try folder.create(Self.sums)
      defer { close(file) }
      try writeAll(Array(text.utf8), to: file, folder.full(Self.sums))
      guard fchmod(file, folder.trust.fileMode) == 0, fsync(file) == 0 else {
        throw .call("written", folder.full(Self.sums))
      }
    }
    guard fchmod(folder.descriptor, folder.trust.directoryMode) == 0 else {
      throw .call("written", path)
    }
    try folder.sync()
  }

  /// Whether it has that name now; else errno says why not.
  func rename(to name: String, in other: Folder) -> Bool {
    isPublished = renameat(parent.descriptor, self.name, other.descriptor, name) == 0
    return isPublished
  }
}

/// Lends the bytes of an array to what throws errors of the store only.
func lend(
  _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Void
) throws(StoreError) {
  try bytes.withUnsafeBytes { bytes in
    Result { () throws(StoreError) in try body(bytes) }
  }.get()
}

func writeAll(_ bytes: [UInt8], to file: Int32, _ path: String) throws(StoreError) {
  guard Files.write(bytes, to: file) else { throw .call("written", path) }
}
