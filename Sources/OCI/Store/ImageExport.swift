import Digests
import Files
import Glibc
import Hashing
package import Images
import Layers
import Store

extension ImageStore {
  /// Writes an image as it was fetched, with its layers, where they have been kept.
  ///
  /// - Parameter target: a layout's directory or an archive, which must not be there yet.
  package func export(_ text: String, to target: ImageSource) throws(ImageError) {
    let image = try Self.find(text, in: catalog).image
    var bytes: [UInt8]?
    for root in catalog.roots where bytes == nil {
      bytes =
        try image.digest.map { digest throws(ImageError) in
          try catalog.manifest(digest, in: root)
        } ?? nil
    }
    guard let bytes, let digest = image.digest, Digest(of: bytes, digest.algorithm) == digest,
      case .manifest(let manifest)? = try? ManifestDocument(bytes, announced: nil)
    else {
      throw ImageError(
        .badData, "image \(ImageError.shown(text))", cause: "its manifest is damaged",
        remedy: "remove it, then pull it again")
    }
    let type = JSON(bytes)?["mediaType"]?.text ?? MediaType.ociManifest
    var files: [(Digest, String)] = []
    for file in try ImageError.formatting({ () throws(ImageFormatError) in
      try manifest.files()
    }) {
      let path = try ImageError.storing { () throws(StoreError) in
        try store.path(of: .blob(file.digest))
      }
      guard let path else {
        throw ImageError(
          .unavailable, "image \(ImageError.shown(text))",
          cause: "the layer or configuration \(file.digest) was not kept after the build",
          remedy: "pull it again with --keep-layers, or set keep_layers under [images]")
      }
      files.append((file.digest, path))
    }
    let (place, tag, isArchive): (String, String?, Bool)
    switch target {
    case .layout(let path, let name): (place, tag, isArchive) = (path, name, false)
    case .ociArchive(let path, let name): (place, tag, isArchive) = (path, name, true)
    default:
      throw ImageError(
        .usage, "target \(target)", cause: "an image is exported as an OCI layout or archive only",
        remedy: "write oci:DIRECTORY[:TAG] or oci-archive:FILE[:TAG]")
    }
    var entry = Descriptor(mediaType: type, digest: digest, size: Int64(bytes.count)).json.object!
    if let tag { entry["annotations"] = ["org.opencontainers.image.ref.name": .text(tag)] }
    let index: JSON = [
      "schemaVersion": 2, "mediaType": .text(MediaType.ociIndex), "manifests": [.object(entry)],
    ]
    let output: any LayoutOutput =
      isArchive ? try TarOutput(place) : try DirectoryOutput(place)
    try output.add("oci-layout", Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8))
    try output.add(Self.blobPath(digest), bytes)
    for (digest, path) in files { try output.add(Self.blobPath(digest), fileAt: path) }
    try output.add("index.json", index.bytes)
    try output.finish()
  }

  private static func blobPath(_ digest: Digest) -> String {
    "blobs/\(digest.algorithm.rawValue)/\(digest.hex)"
  }
}

extension ImageError {
  static func formatting<Result>(
    _ body: () throws(ImageFormatError) -> Result
  ) throws(ImageError) -> Result {
    do throws(ImageFormatError) { return try body() } catch {
      throw ImageError(.badData, "image", cause: error.problem, remedy: "pull it again")
    }
  }
}

/// Where the files of a layout are written to; it is whole when ``finish()`` returns, else not there.
protocol LayoutOutput: AnyObject {
  func add(_ name: String, size: Int64, _ body: (Int32) throws(ImageError) -> Void)
    throws(ImageError)
  func finish() throws(ImageError)
}

extension LayoutOutput {
  func add(_ name: String, _ bytes: [UInt8]) throws(ImageError) {
    try add(name, size: Int64(bytes.count)) { (file) throws(ImageError) in
      try OutputFile.write(bytes, to: file, name)
    }
  }

  func add(_ name: String, fileAt path: String) throws(ImageError) {
    let source = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard source >= 0 else { throw OutputFile.failure(path) }
    defer { close(source) }
    var status = stat()
    guard fstat(source, &status) == 0 else { throw OutputFile.failure(path) }
    try add(name, size: Int64(status.st_size)) { (file) throws(ImageError) in
      try Descriptors.read(source, name: path) { (part) throws(ImageError) in
        guard Files.write(part, to: file) else { throw OutputFile.failure(name) }
      }
    }
  }
}

/// Writing to files that people named.
enum OutputFile {
  static func failure(_ path: String) -> ImageError {
    let code = errno
    return ImageError(
      code == EEXIST ? .usage : .failed, "\(path) cannot be written",
      cause: String(cString: strerror(code)),
      remedy: code == EEXIST
        ? "remove it, or name another" : "check the file system, then try again")
  }

  /// Where to write what gets a name that must not be there yet.
  static func temporary(for path: String) throws(ImageError) -> String {
    guard access(path, F_OK) != 0 else {
      errno = EEXIST
      throw failure(path)
    }
    return "\(path).slipway-\(getpid())"
  }

  static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(ImageError) {
    guard Files.write(bytes, to: file) else { throw failure(path) }
  }
}

/// A layout in a directory of its own.
private final class DirectoryOutput: LayoutOutput {
  private let path: String
  private let temporary: String
  private var isFinished = false

  init(_ path: String) throws(ImageError) {
    self.path = path
    temporary = try OutputFile.temporary(for: path)
    for folder in ["", "/blobs", "/blobs/sha256", "/blobs/sha512"] {
      guard mkdir(temporary + folder, 0o777) == 0 else { throw OutputFile.failure(temporary) }
    }
  }

  deinit {
    guard !isFinished else { return }
    try? ImageBuilder.removeTree(temporary)
  }

  func add(
    _ name: String, size: Int64, _ body: (Int32) throws(ImageError) -> Void
  ) throws(ImageError) {
    let file = open(
      "\(temporary)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw OutputFile.failure("\(temporary)/\(name)") }
    defer { close(file) }
    try body(file)
  }

  func finish() throws(ImageError) {
    guard rename(temporary, path) == 0 else { throw OutputFile.failure(path) }
    isFinished = true
  }
}

/// A layout in a tar file.
private final class TarOutput: LayoutOutput {
  private let path: String
  private let temporary: String
  private let file: Int32
  private var isFinished = false

  init(_ path: String) throws(ImageError) {
    self.path = path
    temporary = try OutputFile.temporary(for: path)
    file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw OutputFile.failure(temporary) }
  }

  deinit {
    if file >= 0 { close(file) }
    if !isFinished { unlink(temporary) }
  }

  func add(
    _ name: String, size: Int64, _ body: (Int32) throws(ImageError) -> Void
  ) throws(ImageError) {
    try OutputFile.write(Self.header(name, size: size), to: file, path)
    try body(file)
    let padding = Int((512 - size % 512) % 512)
    try OutputFile.write([UInt8](repeating: 0, count: padding), to: file, path)
  }

  func finish() throws(ImageError) {
    try OutputFile.write([UInt8](repeating: 0, count: 1024), to: file, path)
    guard fsync(file) == 0, rename(temporary, path) == 0 else { throw OutputFile.failure(path) }
    isFinished = true
  }

  /// The header of a regular file with a short name.
  ///
  /// Source: POSIX.1-2017, pax(1), "ustar Interchange Format"; sizes of 8 GiB and more as GNU tar
  /// writes them.
  private static func header(_ name: String, size: Int64) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: some Collection<UInt8>, at place: Int) {
      header.replaceSubrange(place..<place + text.count, with: text)
    }
    func octal(_ number: Int64, digits: Int) -> [UInt8] {
      let text = String(number, radix: 8)
      return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
    }
    put(Array(name.utf8), at: 0)
    put(octal(0o644, digits: 7), at: 100)
    put(octal(0, digits: 7), at: 108)
    put(octal(0, digits: 7), at: 116)
    if size < 1 << 33 {
      put(octal(size, digits: 11), at: 124)
    } else {
      put([0x80] + (0..<11).map { UInt8(truncatingIfNeeded: size >> Int64(80 - 8 * $0)) }, at: 124)
    }
    put(octal(0, digits: 11), at: 136)
    put(Array(repeating: UInt8(ascii: " "), count: 8), at: 148)
    header[156] = UInt8(ascii: "0")
    put(Array("ustar\u{0}00".utf8), at: 257)
    let sum = header.reduce(Int64(0)) { $0 + Int64($1) }
    put(octal(sum, digits: 6) + [0, UInt8(ascii: " ")], at: 148)
    return header
  }
}
