import Foundation
import Layers
import TestSupport

/// What stands in a directory: for each path its kind, mode and contents or link text.
enum TreeReading {
  static func read(_ root: String) -> [String: String] {
    var found: [String: String] = [:]
    read(root, "", into: &found)
    return found
  }

  private static func read(
    _ root: String, _ prefix: String, into found: inout [String: String]
  ) {
    // Unreadable to users who are not root.
    let restored = mode(root) & 0o777
    if restored & 0o500 != 0o500 { chmod(root, 0o700) }
    defer { chmod(root, restored) }
    guard let stream = opendir(root) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name == "." || name == ".." { continue }
      let path = "\(root)/\(name)"
      found[prefix + name] = describe(path)
      if mode(path) & S_IFMT == S_IFDIR { read(path, prefix + name + "/", into: &found) }
    }
  }

  static func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : 0
  }

  static func status(_ path: String) -> stat {
    var status = stat()
    lstat(path, &status)
    return status
  }

  private static func describe(_ path: String) -> String {
    let mode = mode(path)
    let bits = String(mode & 0o7777, radix: 8)
    switch mode & S_IFMT {
    case S_IFDIR: return "d \(bits)"
    case S_IFREG:
      if mode & 0o400 == 0 { chmod(path, 0o600) }
      let contents = FileManager.default.contents(atPath: path) ?? Data("unreadable".utf8)
      chmod(path, mode & 0o7777)
      return "f \(bits) \(String(decoding: contents.prefix(80), as: UTF8.self))"
    case S_IFLNK:
      return "l " + ((try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? "?")
    case S_IFIFO: return "p \(bits)"
    default: return "device \(bits)"
    }
  }
}

/// The two things that layers become.
enum ImageForm: String, CaseIterable, Sendable {
  case squashfs, directory

  /// Builds an image and gives it to `body` as a directory.
  func build<Result>(
    _ layers: [Layer], in directory: TemporaryDirectory, _ builder: ImageBuilder = ImageBuilder(),
    _ body: (_ root: String, _ report: BuildReport) throws -> Result
  ) throws -> Result {
    let root = directory("rootfs")
    defer { try? ImageBuilder.removeTree(root) }
    switch self {
    case .directory:
      let report = try builder.unpack(layers, into: root)
      return try body(root, report)
    case .squashfs:
      let file = directory("image.squashfs")
      defer { unlink(file) }
      let report = try builder.buildSquashfs(layers, at: file)
      let result = try run(["unsquashfs", "-no-progress", "-d", root, file])
      guard result.status == 0 else { throw Failure(text: result.stderr + result.stdout) }
      return try body(root, report)
    }
  }

  struct Failure: Error {
    var text: String
  }
}
