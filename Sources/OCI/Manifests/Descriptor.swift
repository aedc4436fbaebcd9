import Digests
import Images

/// What one file of an image is known by.
///
/// Source: image-spec, descriptor.md. Addresses in `urls` are not even read: a layer comes from
/// where its image comes from, or not at all.
struct Descriptor: Equatable, Sendable {
  var mediaType: String
  var digest: Digest
  /// Bytes.
  var size: Int64
  /// The content itself, where the descriptor carries it.
  var data: [UInt8]?
  var platform: Platform?
  var annotations: [String: String] = [:]

  /// Reads a descriptor that stands at a place such as `layers[2]`.
  init(_ json: JSON?, _ place: String) throws(ImageFormatError) {
    guard let mediaType = json?["mediaType"]?.text, mediaType.utf8.count <= 255 else {
      throw ImageFormatError("\(place) has no mediaType")
    }
    guard let size = json?["size"]?.integer, size >= 0 else {
      throw ImageFormatError("\(place) has no size")
    }
    guard let text = json?["digest"]?.text, let digest = Digest(text) else {
      throw ImageFormatError(
        "\(place): its digest \(ImageError.shown(json?["digest"]?.text ?? "")) is not sha256: and 64, "
          + "or sha512: and 128, of the digits 0-9 and a-f")
    }
    self.mediaType = mediaType
    self.digest = digest
    self.size = Int64(size)
    if let text = json?["data"]?.text {
      guard let data = Base64.bytes(of: text), data.count == size else {
        throw ImageFormatError("\(place): its data is not of its size")
      }
      self.data = data
    }
    platform = Platform(json?["platform"])
    annotations = json?["annotations"]?.textMembers ?? [:]
  }

  init(mediaType: String, digest: Digest, size: Int64) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
  }

  var json: JSON {
    [
      "mediaType": .text(mediaType), "digest": .text(digest.description),
      "size": .integer(Int(size)),
    ]
  }
}

/// Bytes as text (RFC 4648, section 4).
enum Base64 {
  private static let letters = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The bytes of a text; nil where it is no such encoding.
  ///
  /// The padding may be left out, as some clients do.
  static func bytes(of text: some StringProtocol) -> [UInt8]? {
    let all = Array(text.utf8)
    let padding = min(2, all.reversed().prefix { $0 == UInt8(ascii: "=") }.count)
    guard padding == 0 || all.count % 4 == 0 else { return nil }
    let letters = all.dropLast(padding)
    guard letters.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    var (bits, count) = (UInt32(0), 0)
    for letter in letters {
      let value: UInt8
      switch letter {
      case 0x41...0x5a: value = letter - 0x41
      case 0x61...0x7a: value = letter - 0x61 + 26
      case 0x30...0x39: value = letter - 0x30 + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: return nil
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }

  static func text(of bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    var (bits, count) = (UInt32(0), 0)
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 6 {
        count -= 6
        text.append(letters[Int(bits >> UInt32(count) & 63)])
      }
    }
    if count > 0 { text.append(letters[Int(bits << UInt32(6 - count) & 63)]) }
    while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
  }
}
