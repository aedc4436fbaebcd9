package import Digests
import Glibc

/// Why layers could not become an image: in which layer, at which entry, the cause and the remedy.
package struct LayerError: Error, Equatable {
  package enum Cause: Equatable, Sendable {
    /// The compressed stream or the archive in it is not what its format asks for.
    case damaged(String)
    /// The stream ends too early.
    case truncated(String)
    /// Bytes follow the end of the compressed stream.
    case trailingGarbage
    /// A media type or a kind of entry that is not known.
    case unsupported(String)
    /// The bytes are not those that the image names.
    case mismatch(String, expected: String, actual: String)
    /// An entry that breaks the rules of layers.
    case refused(String)
    case limit(String)
    /// A program or a library of the system that is not there or not whole.
    case missing(String, package: String)
    case full(String)
    case failed(String)
    case cancelled
  }

  /// The layer's digest, where the error lies in one.
  package var layer: Digest?
  /// The path of the entry as the archive has it.
  package var entry: [UInt8]?
  package var cause: Cause

  package init(_ cause: Cause, entry: [UInt8]? = nil, layer: Digest? = nil) {
    (self.layer, self.entry, self.cause) = (layer, entry, cause)
  }

  /// The same error with the layer that it lies in.
  func inside(_ digest: Digest) -> Self {
    switch cause {
    // Of the machine and not of the layer.
    case .missing, .full, .failed, .cancelled: self
    default: Self(cause, entry: entry, layer: layer ?? digest)
    }
  }

  /// The error of a system call.
  static func call(
    _ what: String, code: Int32 = errno, entry: [UInt8]? = nil, layer: Digest? = nil
  ) -> Self {
    let text = "\(what): \(String(cString: strerror(code)))"
    let isFull = code == ENOSPC || code == EDQUOT
    return Self(isFull ? .full(text) : .failed(text), entry: entry, layer: layer)
  }
}

extension LayerError: CustomStringConvertible {
  /// What failed, on what, the cause and the remedy; one line.
  package var description: String {
    var text = layer.map { "layer \($0)" } ?? "image"
    if let entry { text += ", entry \(Self.escape(entry))" }
    return "\(text): \(problem); remedy: \(remedy)"
  }

  private var problem: String {
    switch cause {
    case .damaged(let what), .truncated(let what), .unsupported(let what), .refused(let what),
      .limit(let what), .missing(let what, _), .full(let what), .failed(let what):
      Self.escape(Array(what.utf8))
    case .trailingGarbage: "bytes follow the end of the compressed stream"
    case .mismatch(let what, let expected, let actual):
      "the \(what) is \(actual), and the image says \(expected)"
    case .cancelled: "cancelled"
    }
  }

  private var remedy: String {
    switch cause {
    case .damaged, .truncated, .trailingGarbage, .mismatch:
      "fetch the image again; if that does not help, its maker must build it anew"
    case .unsupported: "use an image whose layers are tar, tar+gzip or tar+zstd"
    case .refused: "the image's maker must correct the layer"
    case .limit: "use a smaller image, or have the site raise the limit"
    case .missing(_, let package): "have the administrator install the package \(package)"
    case .full: "free space on the file system, then try again"
    case .failed: "check the file system and the node's log, then try again"
    case .cancelled: "try again"
    }
  }

  /// Bytes as text on one line: what is no printable text stands as `\xNN`.
  static func escape(_ bytes: some Collection<UInt8>) -> String {
    var text = ""
    for scalar in String(decoding: bytes.prefix(512), as: UTF8.self).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
        for byte in String(scalar).utf8 { text += "\\x\(hex(byte))" }
      default: text.unicodeScalars.append(scalar)
      }
    }
    return bytes.count > 512 ? text + "…" : text
  }

  private static func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
