import Digests
import Foundation
import Images
import TestSupport
import Testing

@Suite(.tags(.medium))
struct CatalogTests {
  private static let host = Platform(architecture: "amd64", variant: "v3")
  private static func digest(_ letter: Character) -> Digest {
    Digest(.sha256, hex: String(repeating: letter, count: 64))!
  }

  /// A store in a directory, with an image per letter and names.
  private struct Site {
    let directory: TemporaryDirectory

    func add(_ letter: Character, to root: String, platform: String = "\"amd64\"") throws {
      let folder = "\(root)/images/sha256/\(CatalogTests.digest(letter).hex)"
      try directory.write(
        "\(folder)/config.json", "{\"os\":\"linux\",\"architecture\":\(platform)}")
      try directory.write("\(folder)/root.squashfs", "hsqs")
      try seal(root)
    }

    func name(
      _ text: String, in root: String, top: Character, _ manifests: [String: Character]
    ) throws {
      let name = ImageName(
        reference: text.isEmpty ? nil : try ImageReference(parsing: text),
        digest: CatalogTests.digest(top), time: 5,
        manifests: manifests.mapValues(CatalogTests.digest))
      try directory.write("\(root)/names/\(name.file)", name.bytes)
      try seal(root)
    }

    /// Modes that no umask changes.
    func seal(_ root: String) throws {
      for mode in [("d", "755"), ("f", "644")] {
        _ = try run([
          "find", directory(root), "-type", mode.0, "-exec", "chmod", mode.1, "{}", "+",
        ])
      }
    }

    func catalog(
      _ roots: [(String, Bool)], host: Platform = CatalogTests.host, user: UInt32 = geteuid()
    ) -> ImageCatalog {
      ImageCatalog(
        roots: roots.map { ImageCatalog.Root(directory($0.0), isShared: $0.1) }, host: host,
        user: user)
    }
  }

  private static func source(_ text: String) throws -> ImageSource {
    try ImageSource(parsing: text)
  }

  @Test func `the user's own store is asked before the site's`() throws {
    try TemporaryDirectory.with { directory in
      let site = Site(directory: directory)
      try site.add("a", to: "own")
      try site.add("b", to: "shared")
      try site.name("x", in: "own", top: "a", ["linux/amd64/v3": "a"])
      try site.name("x", in: "shared", top: "b", ["linux/amd64/v3": "b"])
      try site.name("y", in: "shared", top: "b", ["linux/amd64/v3": "b"])
      let catalog = site.catalog([("own", false), ("shared", true), ("absent", true)])
      let own = try catalog.resolve(try Self.source("x"))
      #expect(own.digest == Self.digest("a") && !own.isShared)
      #expect(
        own.root == .squashfs(directory("own/images/sha256/\(Self.digest("a").hex)/root.squashfs")))
      let shared = try catalog.resolve(try Self.source("y"))
      #expect(shared.digest == Self.digest("b") && shared.isShared)
      #expect(try catalog.resolve(try Self.source("y@\(Self.digest("b"))")) == shared)
      #expect(try catalog.resolve(try Self.source("z@\(Self.digest("b"))")) == shared)
      #expect(try catalog.resolve(try Self.source("oci:/d:t"), pin: Self.digest("b")) == shared)
      #expect(try catalog.resolve(try Self.source("x"), pin: Self.digest("b")) == shared)
      let error = try #require(throws: ImageError.self) {
        try catalog.resolve(try Self.source("x@\(Self.digest("c"))"))
      }
      #expect(error.kind == .unavailable && error.remedy.contains("slipway image pull"))
      #expect(try catalog.names(in: catalog.roots[1]).count == 2)
      #expect(try catalog.digests(in: catalog.roots[0]) == [Self.digest("a")])
    }
  }

  @Test func `each machine takes the manifest that was chosen for its like`() throws {
    try TemporaryDirectory.with { directory in
      let site = Site(directory: directory)
      try site.add("a", to: "own")
      try site.add("b", to: "own", platform: "\"amd64\",\"variant\":\"v3\"")
      let chosen: [String: Character] = ["linux/amd64/v1": "a", "linux/amd64/v3": "b"]
      try site.name("x", in: "own", top: "f", chosen)
      try site.name("", in: "own", top: "f", chosen)
      let old = Platform(architecture: "amd64", variant: "v1")
      let (new, first) = (site.catalog([("own", false)]), site.catalog([("own", false)], host: old))
      #expect(try new.resolve(try Self.source("x")).digest == Self.digest("b"))
      #expect(try first.resolve(try Self.source("x")).digest == Self.digest("a"))
      #expect(
        try first.resolve(try Self.source("q"), pin: Self.digest("f")).digest == Self.digest("a"))
      #expect(try new.resolve(try Self.source("x@\(Self.digest("f"))")).digest == Self.digest("b"))
      let error = try #require(throws: ImageError.self) {
        try first.resolve(try Self.source("x"), pin: Self.digest("b"))
      }
      #expect(error.cause.contains("linux/amd64/v3"), "\(error)")
      let other = site.catalog(
        [("own", false)], host: Platform(architecture: "amd64", variant: "v4"))
      #expect(throws: ImageError.self) { try other.resolve(try Self.source("x")) }
    }
  }

  @Test func `what others own, may write or put a link in front of is not believed`() throws {
    try TemporaryDirectory.with { directory in
      let site = Site(directory: directory)
      try site.add("a", to: "own")
      try site.name("x", in: "own", top: "a", ["linux/amd64/v3": "a"])
      let folder = directory("own/images/sha256/\(Self.digest("a").hex)")
      let source = try Self.source("x")
      let catalog = site.catalog([("own", false)])
      #expect(try catalog.resolve(source).digest == Self.digest("a"))
      #expect(throws: ImageError.self) {
        try site.catalog([("own", false)], user: geteuid() &+ 1).resolve(source)
      }
      #expect(
        try site.catalog([("own", true)], user: geteuid() &+ 1).resolve(source).isShared)
      for path in [
        "\(folder)/config.json", "\(folder)/root.squashfs", folder, directory("own/names"),
      ] {
        let mode = try run(["stat", "-c", "%a", path]).stdout.dropLast()
        chmod(path, 0o777)
        let error = try #require(throws: ImageError.self) { try catalog.resolve(source) }
        #expect(error.kind == .notPermitted && error.cause.contains("777"), "\(error)")
        _ = try run(["chmod", String(mode), path])
      }
      for path in ["\(folder)/config.json", "\(folder)/root.squashfs", folder] {
        rename(path, directory("moved"))
        symlink(directory("moved"), path)
        #expect(throws: ImageError.self) { try catalog.resolve(source) }
        unlink(path)
        rename(directory("moved"), path)
      }
      #expect(try catalog.resolve(source).digest == Self.digest("a"))
      unlink("\(folder)/root.squashfs")
      let error = try #require(throws: ImageError.self) { try catalog.resolve(source) }
      #expect(error.kind == .badData && error.cause.contains("no root file system"))
    }
  }

  @Test(.needsRoot) func `a file of another user in a site's store is refused`()
    throws
  {
    try TemporaryDirectory.with { directory in
      let site = Site(directory: directory)
      try site.add("a", to: "shared")
      let file = directory("shared/images/sha256/\(Self.digest("a").hex)/root.squashfs")
      let catalog = site.catalog([("shared", true)])
      #expect(try catalog.image(Self.digest("a")) != nil)
      chown(file, 1234, 1234)
      let error = try #require(throws: ImageError.self) { try catalog.image(Self.digest("a")) }
      #expect(error.cause.contains("1234"))
    }
  }

  @Test func `a name's file that does not fit its name is damaged`() throws {
    try TemporaryDirectory.with { directory in
      let site = Site(directory: directory)
      try site.add("a", to: "own")
      try site.name("x", in: "own", top: "a", ["linux/amd64/v3": "a"])
      let file = ImageName.file(of: try ImageReference(parsing: "y"))
      let other = ImageName.file(of: try ImageReference(parsing: "x"))
      try FileManager.default.copyItem(
        atPath: directory("own/names/\(other)"), toPath: directory("own/names/\(file)"))
      try site.seal("own")
      let catalog = site.catalog([("own", false)])
      #expect(try catalog.image(named: try ImageReference(parsing: "x")) != nil)
      let error = try #require(throws: ImageError.self) {
        try catalog.image(named: try ImageReference(parsing: "y"))
      }
      #expect(error.kind == .badData)
    }
  }

  @Test func `a path is what stands there`() throws {
    try TemporaryDirectory.with { directory in
      let catalog = ImageCatalog(roots: [], host: Self.host)
      try directory.makeDirectory("root")
      try directory.write("a.img", "hsqs and more")
      try directory.write("b.tar", "no image")
      func image(_ name: String) throws -> Image { try catalog.resolve(.path(directory(name))) }
      let real = URL(filePath: directory.path).resolvingSymlinksInPath().path
      #expect(try image("root").root == .directory("\(real)/root"))
      #expect(try image("a.img").root == .squashfs("\(real)/a.img"))
      #expect(try image("a.img").digest == nil)
      #expect(throws: ImageError.self) { try image("b.tar") }
      #expect(throws: ImageError.self) { try image("absent") }
    }
  }
}
