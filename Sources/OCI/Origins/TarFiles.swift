import Glibc
import Images

/// The files of a tar archive that is not packed, by name, read where they are.
///
/// Nothing is unpacked, so no name in it leads anywhere. Source: POSIX.1-2017, pax(1), "ustar
/// Interchange Format" and "pax Header Block"; GNU tar's manual, "Basic Tar Format".
final class TarFiles: LayoutFiles {
  let name: String
  private let descriptor: Int32
  private let size: Int64
  private var members: [String: Member] = [:]

  private enum Member {
    case file(offset: Int64, size: Int64)
    case link(String)
  }

  static let memberLimit = 1 << 16

  init(_ path: String) throws(ImageError) {
    name = path
    descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw ImageError(
        errno == ENOENT ? .unavailable : .notPermitted, path,
        cause: String(cString: strerror(errno)),
        remedy: "name a readable archive")
    }
    size = Int64(status.st_size)
    guard status.st_mode & S_IFMT == S_IFREG else { throw wrong("it is no regular file") }
    try index()
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private func wrong(_ cause: String) -> ImageError {
    ImageError(
      .badData, name, cause: cause,
      remedy: "name an archive that is not compressed, as skopeo copy, buildah push or docker save "
        + "write it")
  }

  func contents(_ name: String, limit: Int) throws(ImageError) -> [UInt8]? {
    guard let (offset, size) = place(of: name) else { return nil }
    guard size <= limit else {
      throw wrong("\(ImageError.shown(name)) is larger than \(limit) bytes")
    }
    let bytes = Descriptors.contents(of: descriptor, limit: Int(size), from: Int(offset))
    guard bytes.count == size else { throw wrong("\(ImageError.shown(name)) is cut short") }
    return bytes
  }

  func read(
    _ name: String, _ body: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) -> Bool {
    guard let (offset, size) = place(of: name) else { return false }
    guard lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else {
      throw wrong(String(cString: strerror(errno)))
    }
    try Descriptors.read(descriptor, name: "\(name) of \(self.name)", count: size, body)
    return true
  }

  /// Bytes; nil where there is none.
  func size(of name: String) -> Int64? { place(of: name)?.size }

  /// Where a file's bytes are; `docker save` writes links to layers that it has written already.
  private func place(of name: String) -> (offset: Int64, size: Int64)? {
    var name = Self.normal(name)
    for _ in 0..<8 {
      switch members[name] {
      case .file(let offset, let size): return (offset, size)
      case .link(let target): name = target
      case nil: return nil
      }
    }
    return nil
  }

  /// A name without `.`, `..` and double slashes, from the archive's top.
  private static func normal(_ name: some StringProtocol, in folder: String = "") -> String {
    var parts: [Substring] = folder.split(separator: "/")
    for part in name.split(separator: "/") {
      switch part {
      case ".": break
      case "..": _ = parts.popLast()
      default: parts.append(Substring(part))
      }
    }
    return parts.joined(separator: "/")
  }

  // MARK: headers

  private func index() throws(ImageError) {
    var offset: Int64 = 0
    var next = Overrides()
    while offset <= size - 512 {
      let header = Descriptors.contents(of: descriptor, limit: 512, from: Int(offset))
      guard header.count == 512 else { throw wrong("it cannot be read") }
      if header.allSatisfy({ $0 == 0 }) { return }
      guard Self.hasChecksum(header) else {
        throw wrong(offset == 0 ? "it is no tar file" : "its header at byte \(offset) is damaged")
      }
      let own = Self.number(header[124..<136])
      guard let size = next.size ?? own, size >= 0, size <= self.size - offset - 512 else {
        throw wrong("a member is longer than the archive")
      }
      let start = offset + 512
      let type = header[156]
      switch type {
      case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
        guard size <= 1 << 20 else { throw wrong("a header of it is too long") }
        let bytes = Descriptors.contents(of: descriptor, limit: Int(size), from: Int(start))
        guard next.read(bytes, type) else { throw wrong("a header of it is damaged") }
      default:
        let path = Self.normal(next.path ?? Self.path(header))
        let target = next.target ?? Self.text(header[157..<257])
        switch type {
        case UInt8(ascii: "0"), 0: members[path] = .file(offset: start, size: size)
        case UInt8(ascii: "1"): members[path] = .link(Self.normal(target))
        case UInt8(ascii: "2"):
          let folder = path.split(separator: "/").dropLast().joined(separator: "/")
          members[path] = .link(Self.normal(target, in: folder))
        default: break
        }
        guard members.count <= Self.memberLimit else {
          throw wrong("it has more than \(Self.memberLimit) members")
        }
        next = Overrides()
      }
      offset = start + (size + 511) / 512 * 512
    }
  }

  /// What headers in front of a member's own say of it.
  private struct Overrides {
    var path: String?
    var target: String?
    var size: Int64?

    mutating func read(_ bytes: [UInt8], _ type: UInt8) -> Bool {
      switch type {
      case UInt8(ascii: "L"): path = TarFiles.text(bytes[...])
      case UInt8(ascii: "K"): target = TarFiles.text(bytes[...])
      case UInt8(ascii: "x"): return readRecords(bytes)
      default: break  // global records name no members
      }
      return true
    }

    /// Records `LENGTH KEY=VALUE\n`.
    private mutating func readRecords(_ bytes: [UInt8]) -> Bool {
      var rest = bytes[...]
      while !rest.isEmpty {
        guard let space = rest.firstIndex(of: 0x20),
          let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
          length > space - rest.startIndex + 1, length <= rest.count
        else { return false }
        let record = rest[(space + 1)..<(rest.startIndex + length)]
        guard record.last == 0x0a, let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
          return false
        }
        let value = String(decoding: record[(equals + 1)...].dropLast(), as: UTF8.self)
        switch String(decoding: record[..<equals], as: UTF8.self) {
        case "path": path = value
        case "linkpath": target = value
        case "size":
          guard let number = Int64(value), number >= 0 else { return false }
          size = number
        default: break
        }
        rest = rest.dropFirst(length)
      }
      return true
    }
  }

  private static func hasChecksum(_ header: [UInt8]) -> Bool {
    var sum: Int64 = 0
    for (place, byte) in header.enumerated() {
      sum += (148..<156).contains(place) ? 0x20 : Int64(byte)
    }
    return number(header[148..<156]) == sum
  }

  /// Octal digits, or GNU's base 256 where the first bit is set; nil for neither.
  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    if let first = field.first, first & 0x80 != 0 {
      var number = Int64(first & 0x7f)
      for byte in field.dropFirst() {
        guard number < 1 << 54 else { return nil }
        number = number << 8 | Int64(byte)
      }
      return number
    }
    let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
    return digits.isEmpty ? 0 : Int64(String(decoding: digits, as: UTF8.self), radix: 8)
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func path(_ header: [UInt8]) -> String {
    let name = text(header[0..<100])
    let isUstar = header[257..<263].elementsEqual("ustar\0".utf8)
    let prefix = isUstar ? text(header[345..<500]) : ""
    return prefix.isEmpty ? name : "\(prefix)/\(name)"
  }
}
