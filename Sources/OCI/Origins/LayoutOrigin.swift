import Digests
import Glibc
import Images
import Store
import Transfer

/// The files of an OCI layout by name: a directory's, or those in a tar file.
protocol LayoutFiles: AnyObject {
  /// For messages.
  var name: String { get }
  /// A small file; nil where there is none.
  func contents(_ name: String, limit: Int) throws(ImageError) -> [UInt8]?
  /// Hands out a file piece by piece; says whether there is one.
  func read(
    _ name: String, _ body: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) -> Bool
}

/// An image of an OCI layout.
///
/// Source: image-spec, image-layout.md.
final class LayoutOrigin: ImageOrigin {
  private let files: any LayoutFiles
  private let tag: String?

  init(_ files: any LayoutFiles, tag: String?) {
    self.files = files
    self.tag = tag
  }

  private static let tagAnnotation = "org.opencontainers.image.ref.name"

  func top(for platform: Platform) throws(ImageError) -> Announced {
    guard let mark = try files.contents("oci-layout", limit: 1 << 12),
      JSON(mark)?["imageLayoutVersion"]?.text?.hasPrefix("1.") == true
    else { throw wrong("it has no oci-layout file of version 1", "name the directory of a layout") }
    guard let bytes = try files.contents("index.json", limit: ManifestDocument.sizeLimit) else {
      throw wrong("it has no index.json", "name the directory of a layout")
    }
    let index: ImageIndex
    do throws(ImageFormatError) {
      guard case .index(let read) = try ManifestDocument(bytes, announced: MediaType.ociIndex)
      else {
        throw ImageFormatError("it is no index")
      }
      index = read
    } catch {
      throw wrong("index.json: \(error.problem)", "build the layout anew")
    }
    let entry = try entry(of: index, for: platform)
    let manifest = if let data = entry.data { data } else { try manifest(entry) }
    guard manifest.count == entry.size else {
      throw wrong(
        "\(entry.digest) has \(manifest.count) bytes, and index.json says \(entry.size)",
        "build the layout anew")
    }
    return Announced(
      bytes: manifest, mediaType: entry.mediaType, digest: entry.digest,
      name: "\(entry.digest) of \(files.name)")
  }

  private func entry(of index: ImageIndex, for platform: Platform) throws(ImageError) -> Descriptor
  {
    let tags = index.entries.map { $0.annotations[Self.tagAnnotation] }
    var entries = index.entries
    if let tag {
      entries = zip(entries, tags).filter { $1 == tag }.map(\.0)
    } else if Set(tags).count > 1 {
      let known = tags.compactMap(\.self).map { ImageError.shown($0) }.joined(separator: ", ")
      throw wrong("it holds several images", "name one of them: \(ImageError.shown(known))")
    }
    guard let choice = platform.choice(among: entries.map(\.platform)) else {
      let known = tags.compactMap(\.self).map { ImageError.shown($0) }.joined(separator: ", ")
      throw ImageError(
        .unavailable, files.name,
        cause: tag.map { "it holds no image \(ImageError.shown($0)) for \(platform)" }
          ?? "it holds no image for \(platform)",
        remedy: known.isEmpty ? "build the layout anew" : "name one of: \(ImageError.shown(known))")
    }
    return entries[choice]
  }

  func manifest(_ descriptor: Descriptor) throws(ImageError) -> [UInt8] {
    let name = Self.path(of: descriptor.digest)
    guard let bytes = try files.contents(name, limit: ManifestDocument.sizeLimit) else {
      throw missing(descriptor)
    }
    return bytes
  }

  func fetch(
    _ blobs: [(Descriptor, BlobWriter)], progress: (TransferProgress) -> Void
  ) throws(ImageError) {
    try files.copy(blobs.map { ($0, $1, Self.path(of: $0.digest)) }, progress: progress)
  }

  private func missing(_ descriptor: Descriptor) -> ImageError {
    wrong("the blob \(descriptor.digest) is missing", "build the layout anew, with all its blobs")
  }

  private func wrong(_ cause: String, _ remedy: String) -> ImageError {
    ImageError(.badData, files.name, cause: cause, remedy: remedy)
  }

  /// The digest's grammar has let nothing in that could lead elsewhere.
  private static func path(of digest: Digest) -> String {
    "blobs/\(digest.algorithm.rawValue)/\(digest.hex)"
  }
}

extension LayoutFiles {
  /// Copies files into a store, which checks their sizes and digests.
  func copy(
    _ files: [(Descriptor, BlobWriter, path: String)], progress: (TransferProgress) -> Void
  ) throws(ImageError) {
    var report = TransferProgress(
      files: files.count, filesDone: 0, bytes: 0,
      total: files.reduce(into: Int64(0)) {
        $0 = $0.addingReportingOverflow($1.0.size).partialValue
      })
    for (descriptor, writer, path) in files {
      try ImageError.storing { () throws(StoreError) in try writer.restart() }
      let isThere = try read(path) { part throws(ImageError) in
        try ImageError.storing { () throws(StoreError) in try writer.write(part) }
        report.bytes &+= Int64(part.count)
        progress(report)
      }
      guard isThere else {
        throw ImageError(
          .badData, name, cause: "the blob \(descriptor.digest) is missing",
          remedy: "build the image anew, with all its blobs")
      }
      if let problem = try ImageError.storing({ () throws(StoreError) in try writer.finish() }) {
        throw ImageError(
          .badData, "\(descriptor.digest) of \(name)", cause: problem,
          remedy: "nothing was kept of it: build the image anew")
      }
      report.filesDone += 1
      progress(report)
    }
  }
}

/// The files of a directory, of which no symbolic link is followed.
final class DirectoryFiles: LayoutFiles {
  let name: String
  private let descriptor: Int32

  init(_ path: String) throws(ImageError) {
    name = path
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ImageError(
        errno == ENOENT ? .unavailable : .notPermitted, path,
        cause: String(cString: strerror(errno)),
        remedy: "name the directory of a layout")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func contents(_ name: String, limit: Int) throws(ImageError) -> [UInt8]? {
    guard let file = try file(name) else { return nil }
    defer { close(file) }
    let bytes = Descriptors.contents(of: file, limit: limit + 1)
    guard bytes.count <= limit else {
      throw ImageError(
        .badData, "\(self.name)/\(name)", cause: "it is larger than \(limit) bytes",
        remedy: "build the layout anew")
    }
    return bytes
  }

  func read(
    _ name: String, _ body: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) -> Bool {
    guard let file = try file(name) else { return false }
    defer { close(file) }
    try Descriptors.read(file, name: "\(self.name)/\(name)", body)
    return true
  }

  /// An open regular file; nil where there is none.
  private func file(_ name: String) throws(ImageError) -> Int32? {
    var directory = dup(descriptor)
    defer { close(directory) }
    var parts = name.split(separator: "/").map(String.init)
    let last = parts.removeLast()
    func failed() -> ImageError {
      ImageError(
        errno == ELOOP || errno == ENOTDIR ? .badData : .notPermitted, "\(self.name)/\(name)",
        cause: String(cString: strerror(errno)), remedy: "name the directory of a readable layout")
    }
    for part in parts {
      let next = openat(directory, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if next < 0 && errno == ENOENT { return nil }
      guard next >= 0 else { throw failed() }
      close(directory)
      directory = next
    }
    let file = openat(directory, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    if file < 0 && errno == ENOENT { return nil }
    guard file >= 0 else { throw failed() }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      errno = ELOOP
      throw failed()
    }
    return file
  }
}
