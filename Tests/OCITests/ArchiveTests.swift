import Digests
import Foundation
import Hashing
import Images
import Store
import TestSupport
import Testing

@testable import OCI

/// Archives and layouts that other tools wrote, and those that they read.
@Suite(
  .tags(.large),
  .needs("skopeo", "umoci", "buildah", "sqfstar"))
struct ArchiveTests {
  private static func tool(_ argv: [String]) throws {
    let result = try run(argv)
    #expect(result.status == 0, "\(argv): \(result.stderr)")
  }

  @Test func `what skopeo writes is read`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image([["a": "hello", "b": "old"], ["b": "world"]]))
      let from = "oci:\(layout.path):t"
      try Self.tool(["skopeo", "copy", from, "oci-archive:\(directory("o.tar")):v1"])
      try Self.tool(["skopeo", "copy", from, "docker-archive:\(directory("d.tar")):site/app:v1"])
      try Self.tool([
        "skopeo", "copy", "--format", "v2s2", from, "dir:\(directory("dir"))",
      ])
      let store = try TestStore(directory)
      let direct = try store.pull(from)
      #expect(try store.pull("oci-archive:\(directory("o.tar")):v1").digest == direct.digest)
      #expect(try store.pull("oci-archive:\(directory("o.tar"))").wasPresent)
      for source in [
        "docker-archive:\(directory("d.tar"))", "docker-archive:\(directory("d.tar")):site/app:v1",
      ] {
        let docker = try store.pull(source, as: "site/app:v1")
        #expect(try store.file("a", of: docker.image) == "hello")
        #expect(try store.file("b", of: docker.image) == "world")
        #expect(docker.image.configuration == direct.image.configuration)
      }
      for source in [
        "docker-archive:\(directory("d.tar")):other:v1", "oci-archive:\(directory("o.tar")):v2",
        "docker-archive:\(directory("o.tar"))", "oci-archive:\(directory("d.tar"))", "oci:/",
        "oci-archive:\(layout.path)", "oci:\(directory("absent"))",
      ] {
        #expect(throws: ImageError.self, "\(source)") { try store.pull(source) }
      }
    }
  }

  @Test func `what umoci and buildah build is read`() throws {
    try TemporaryDirectory.with { directory in
      let script = """
        cd "$1"
        umoci init --layout u
        umoci new --image u:v1
        umoci unpack --rootless --image u:v1 bundle
        echo hello >bundle/rootfs/a
        ln -s a bundle/rootfs/link
        umoci repack --image u:v1 bundle
        umoci config --image u:v1 --config.entrypoint /a --config.env X=1 --author me
        """
      try Self.tool(["sh", "-ec", script, "sh", directory.path])
      let store = try TestStore(
        directory, platform: Platform(architecture: Self.architecture).description)
      let built = try store.pull("oci:\(directory("u")):v1")
      #expect(try store.file("a", of: built.image) == "hello\n")
      #expect(built.image.configuration.entrypoint == ["/a"])
      let buildah = """
        cd "$1"
        export HOME=$1/home XDG_RUNTIME_DIR=$1/run BUILDAH_ISOLATION=chroot
        mkdir -p home run
        set -- buildah --storage-driver vfs --root "$1/root" --runroot "$1/runroot"
        c=$("$@" from scratch)
        echo built >f
        "$@" copy $c f /f
        "$@" config --workingdir /w --cmd /f $c
        "$@" commit --disable-compression=false $c oci-archive:b.tar:v1
        "$@" commit --format docker $c docker-archive:bd.tar:site/b:v1
        """
      try Self.tool(["sh", "-ec", buildah, "sh", directory.path])
      for source in [
        "oci-archive:\(directory("b.tar")):v1", "docker-archive:\(directory("bd.tar"))",
      ] {
        let image = try store.pull(source).image
        #expect(try store.file("f", of: image) == "built\n")
        #expect(image.configuration.workingDirectory == "/w")
      }
    }
  }

  /// This machine's, as Go calls it.
  private static var architecture: String {
    get throws {
      switch try run(["uname", "-m"]).stdout {
      case "x86_64\n": "amd64"
      case "aarch64\n": "arm64"
      case let name: String(name.dropLast())
      }
    }
  }

  @Test func `a docker archive whose layer is not what its configuration says is refused`() throws {
    try TemporaryDirectory.with { directory in
      let good = TestTar(["a": "hello"]).whole
      let configuration: JSON = [
        "architecture": "amd64", "os": "linux",
        "rootfs": ["type": "layers", "diff_ids": [.text("\(Digest(of: good))")]],
      ]
      let manifest: JSON = [
        ["Config": "c.json", "RepoTags": ["site/app:1"], "Layers": ["l/layer.tar"]]
      ]
      func archive(_ name: String, layer: [UInt8], link: Bool = false) throws {
        var tar = TestTar([:])
        tar.add("c.json", configuration.bytes)
        if link {
          tar.add("m/layer.tar", layer)
          tar.add("l/layer.tar", [], type: "2", target: "../m/layer.tar")
        } else {
          tar.add("l/layer.tar", layer)
        }
        tar.add("manifest.json", manifest.bytes)
        try directory.write(name, tar.whole)
      }
      let store = try TestStore(directory)
      try archive("bad.tar", layer: TestTar(["a": "other"]).whole)
      let error = #expect(throws: ImageError.self) {
        try store.pull("docker-archive:\(directory("bad.tar"))")
      }
      #expect(error?.kind == .badData && error?.cause.contains("digest") ?? false)
      #expect(store.published.isEmpty)
      for (name, link) in [("good.tar", false), ("link.tar", true)] {
        try archive(name, layer: good, link: link)
        let image = try store.pull("docker-archive:\(directory(name))").image
        #expect(try store.file("a", of: image) == "hello")
      }
      // Cut off in the middle, packed, and no archive at all.
      let bytes = Array(try Data(contentsOf: URL(filePath: directory("good.tar"))))
      try directory.write("cut.tar", bytes.prefix(1600))
      try directory.write("packed.tar", try packed(bytes))
      try directory.write("text.tar", String(repeating: "x", count: 5000))
      for name in ["cut.tar", "packed.tar", "text.tar"] {
        #expect(throws: ImageError.self, "\(name)") {
          try store.pull("docker-archive:\(directory(name))")
        }
      }
    }
  }

  @Test func `what is exported is what was pulled`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let manifest = try layout.image([["a": "hello"], ["b": "world"]])
      try layout.finish(manifest)
      var store = try TestStore(directory)
      _ = try store.pull("oci:\(layout.path):t", as: "site/app:1")
      let target = try ImageSource(parsing: "oci-archive:\(directory("x.tar")):v1")
      let gone = #expect(throws: ImageError.self) {
        try store.store().export("site/app:1", to: target)
      }
      #expect(gone?.remedy.contains("--keep-layers") ?? false)
      _ = try store.store().remove("site/app:1")
      store.settings.keepsLayers = true
      _ = try store.pull("oci:\(layout.path):t", as: "site/app:1")
      #expect(try store.store().list().count { $0.key.isBlob } == 3)
      try store.store().export("site/app:1", to: target)
      try store.store().export(
        "site/app:1", to: try ImageSource(parsing: "oci:\(directory("x")):v1"))
      #expect(throws: ImageError.self) { try store.store().export("site/app:1", to: target) }
      for source in ["oci-archive:\(directory("x.tar")):v1", "oci:\(directory("x")):v1"] {
        let digest = try run(["skopeo", "inspect", "--format", "{{.Digest}}", source])
        #expect(digest.stdout == "\(manifest.digest)\n", "\(digest.stderr)")
        #expect(try store.pull(source).wasPresent)
      }
      try Self.tool([
        "skopeo", "copy", "oci-archive:\(directory("x.tar")):v1", "oci:\(directory("y")):v1",
      ])
      // Another image that has a layer in common does not take it away.
      store.settings.keepsLayers = false
      let other = try TestLayout(directory, "other")
      try other.finish(try other.image([["a": "hello"], ["c": "other"]]))
      _ = try store.pull("oci:\(other.path):t", as: "site/other:1")
      #expect(try store.store().list().count { $0.key.isBlob } == 3)
      // Collected with the rest of what has no name.
      _ = try store.store().collect(olderThan: nil, isDry: false)
      #expect(try store.store().list().map(\.key.kind) == ["images", "images"])
    }
  }
}

/// Names, and what goes with the last of them.
@Suite(.tags(.large), .needs("sqfstar"))
struct ImageNameTests {
  @Test func `an image goes with its last name`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let store = try TestStore(directory)
      let pulled = try store.pull("oci:\(layout.path):t", as: "site/app:1")
      let images = try store.store()
      _ = try images.tag("site/app:1", as: try ImageReference(parsing: "site/app:2"))
      _ = try images.tag("\(pulled.digest)", as: try ImageReference(parsing: "localhost/x:y"))
      #expect(throws: ImageError.self) {
        try images.tag("none", as: try ImageReference(parsing: "site/app:3"))
      }
      let listed = try ImageStore.list(images.catalog)
      #expect(
        listed.map { $0.names.map(\.description) } == [
          ["docker.io/site/app:1", "docker.io/site/app:2", "localhost/x:y"]
        ])
      #expect(try images.remove("site/app:1").images == [])
      #expect(try images.collect(olderThan: nil, isDry: false).removed.isEmpty)
      #expect(try images.remove("localhost/x:y").images == [])
      #expect(try images.remove("site/app:2").images == [pulled.digest])
      #expect(store.published.isEmpty)
      #expect(try ImageStore.list(images.catalog).isEmpty)
      #expect(throws: ImageError.self) { try images.remove("site/app:2") }
    }
  }

  @Test func `by its digest an image goes with all names`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let image = try layout.image()
      let index = try layout.index([TestLayout.entry(image, platform: "linux/amd64")])
      try layout.finish([TestLayout.entry(index, tag: "t", type: MediaType.ociIndex)])
      let store = try TestStore(directory)
      let images = try store.store()
      for digest in [image.digest, index.digest] {
        _ = try store.pull("oci:\(layout.path):t", as: "site/app:1")
        #expect(try images.remove(digest).names.map(\.description) == ["docker.io/site/app:1"])
        #expect(store.published.isEmpty)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory("store/names"))
        #expect(files.isEmpty)
      }
    }
  }

  @Test func `what everyone may write to is not for a shared store`() throws {
    try TemporaryDirectory.with { directory in
      var store = try TestStore(directory)
      store.settings.isShared = true
      store.settings.asDirectory = true
      let error = #expect(throws: ImageError.self) { try store.store() }
      #expect(error?.kind == .usage)
    }
  }

  @Test func `a damaged image is put aside and pulled anew`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let store = try TestStore(directory)
      let pulled = try store.pull("oci:\(layout.path):t", as: "site/app:1")
      let path = pulled.image.root.path
      chmod(path, 0o600)
      let file = open(path, O_WRONLY)
      #expect(pwrite(file, "x", 1, 200) == 1)
      close(file)
      #expect(try store.store().verify().corrupt.count == 1)
      #expect(store.published.isEmpty)
      let error = #expect(throws: ImageError.self) {
        try store.settings.catalog.resolve(try ImageSource(parsing: "site/app:1"))
      }
      #expect(error?.kind == .unavailable)
      try directory.write("store/names/broken.json", "{")
      _ = try store.store().repair(quarantine: true)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: directory("store/names")).isEmpty)
      #expect(!(try store.pull("oci:\(layout.path):t", as: "site/app:1").wasPresent))
    }
  }

  @Test func `what does not fit the quota leaves nothing behind`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.imageOfNoise(300_000))
      var store = try TestStore(directory)
      store.settings.quota = 100_000
      let error = #expect(throws: ImageError.self) { try store.pull("oci:\(layout.path):t") }
      #expect(error?.kind == .tryAgain, "\(error.map { "\($0)" } ?? "")")
      #expect(store.published.isEmpty)
      store.settings.quota = 1_000_000
      #expect(!(try store.pull("oci:\(layout.path):t").wasPresent))
    }
  }
}
