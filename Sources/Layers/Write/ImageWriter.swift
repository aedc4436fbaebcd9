/// Puts a tree into a file or a directory: first contents, as they come, then all the rest.
protocol ImageWriter: AnyObject {
  /// Begins a file that is not empty; what follows until ``endFile()`` are its contents.
  func beginFile(_ name: Int32, of tree: LayerTree) throws(LayerError)
  func write(_ bytes: UnsafeRawBufferPointer) throws(LayerError)
  /// So many zero bytes.
  func hole(_ count: Int64) throws(LayerError)
  func endFile() throws(LayerError)
  /// Writes what has no contents, and everything out; gives the length of the result in bytes.
  func finish(_ tree: LayerTree) throws(LayerError) -> Int64
  /// Removes all that was written.
  func abandon()
}
