import Digests
import Foundation
import Hashing
import Images
import Store
import Synchronization
import TestSupport
import Testing

@testable import OCI

/// Pulls from the registry of the Debian package docker-registry, filled by skopeo.
@Suite(
  .tags(.large),
  .needs("docker-registry", "skopeo", "sqfstar"))
struct RegistryTests {
  /// Pushes a layout with skopeo.
  static func push(
    _ layout: TestLayout, tag: String = "t", to name: String, _ more: [String] = []
  ) throws {
    let result = try run(
      ["skopeo", "copy", "--all", "--dest-tls-verify=false"] + more + [
        "oci:\(layout.path):\(tag)", "docker://\(name)",
      ])
    #expect(result.status == 0, "\(result.stderr)")
  }

  @Test func `an image comes once, and its names say what they were resolved to`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let manifest = try layout.image([["a": "hello"], ["b": "world"]])
      try layout.finish(manifest)
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/site/app:1")
      var store = try TestStore(directory)
      store.settings.insecure = [registry.host]
      let pulled = try store.pull("\(registry.host)/site/app:1")
      #expect(pulled.digest == Digest(manifest.digest) && pulled.top == pulled.digest)
      #expect(!pulled.wasPresent)
      #expect(try store.file("a", of: pulled.image) == "hello")
      #expect(try store.file("b", of: pulled.image) == "world")
      #expect(pulled.image.configuration.command == ["/a"])
      #expect(try store.pull("\(registry.host)/site/app:1").wasPresent)
      // What is there needs no registry.
      let asked = registry.log
      let source = try ImageSource(parsing: "\(registry.host)/site/app@\(pulled.digest)")
      #expect(try store.settings.catalog.resolve(source) == pulled.image)
      #expect(try store.pull("\(source)").image == pulled.image)
      #expect(registry.log == asked)
      // Layers are dropped after the build.
      #expect(try store.store().store.list().map(\.key.kind) == ["images"])
      #expect(throws: ImageError.self) { try store.pull("\(registry.host)/site/app:2") }
      #expect(throws: ImageError.self) { try store.pull("\(registry.host)/site/none:1") }
    }
  }

  @Test func `the variant that the processor has is chosen from an index`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      var entries: [JSON] = []
      for (platform, text) in [
        ("linux/amd64", "any"), ("linux/amd64/v2", "v2"), ("linux/amd64/v3", "v3"),
        ("linux/amd64/v4", "v4"), ("linux/arm64/v8", "arm"),
      ] {
        let architecture = String(platform.split(separator: "/")[1])
        let image = try layout.image([["a": text]], architecture: architecture)
        entries.append(TestLayout.entry(image, platform: platform))
      }
      let attestation = try layout.image([["a": "no image"]])
      entries.append(
        TestLayout.descriptor(
          attestation, MediaType.ociManifest,
          ["platform": ["os": "unknown", "architecture": "unknown"]]))
      let index = try layout.index(entries)
      try layout.finish([TestLayout.entry(index, tag: "t", type: MediaType.ociIndex)])
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      for (platform, text) in [
        ("linux/amd64/v3", "v3"), ("linux/amd64/v1", "any"), ("linux/amd64/v4", "v4"),
        ("linux/arm64/v8.2", "arm"),
      ] {
        var store = try TestStore(directory, platform: platform)
        store.settings.insecure = [registry.host]
        for source in ["\(registry.host)/app:1", "oci:\(layout.path):t"] {
          let pulled = try store.pull(source)
          #expect(try store.file("a", of: pulled.image) == text)
          #expect(pulled.top == Digest(index.digest) && pulled.digest != pulled.top)
          // A job that is pinned to the index gets on each node what it can run.
          let catalog = store.settings.catalog
          #expect(
            try catalog.resolve(try ImageSource(parsing: source), pin: pulled.top).digest
              == pulled.digest)
        }
        #expect(
          try store.settings.catalog.image(
            named: try ImageReference(parsing: "\(registry.host)/app:1"))?.configuration.platform?
            .architecture == Platform(parsing: platform)?.architecture)
      }
      var store = try TestStore(directory, platform: "linux/ppc64le/power9")
      store.settings.insecure = [registry.host]
      let error = #expect(throws: ImageError.self) { try store.pull("\(registry.host)/app:1") }
      #expect(error?.kind == .unavailable && error?.cause.contains("linux/amd64/v2") ?? false)
    }
  }

  @Test func `a hundred layers, gzip and zstd, become one image`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      var (layers, diffIDs): ([JSON], [String]) = ([], [])
      for number in 0..<100 {
        let tar = TestTar(["a": "layer \(number)", "f\(number)": "\(number)"]).whole
        let isZstd = number % 2 == 1
        layers.append(
          TestLayout.descriptor(
            try layout.blob(try packed(tar, with: isZstd ? "zstd" : "gzip")),
            "application/vnd.oci.image.layer.v1.tar+\(isZstd ? "zstd" : "gzip")"))
        diffIDs.append("\(Digest(of: tar))")
      }
      try layout.finish(
        try layout.manifest(
          configuration: try layout.configuration(diffIDs: diffIDs), layers: layers))
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      var store = try TestStore(directory)
      store.settings.insecure = [registry.host]
      let pulled = try store.pull("\(registry.host)/app:1")
      #expect(try store.file("a", of: pulled.image) == "layer 99")
      #expect(try store.file("f0", of: pulled.image) == "0")
      #expect(try store.file("f98", of: pulled.image) == "98")
    }
  }

  @Test func `a name with tag and digest must be both`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let manifest = try layout.image()
      try layout.finish(manifest)
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      var store = try TestStore(directory)
      store.settings.insecure = [registry.host]
      let other = "sha256:" + String(repeating: "1", count: 64)
      #expect(throws: ImageError.self) { try store.pull("\(registry.host)/app:1@\(other)") }
      #expect(store.published.isEmpty)
      #expect(
        try store.pull("\(registry.host)/app:1@\(manifest.digest)").digest
          == Digest(manifest.digest))
    }
  }

  @Test func `sixteen pulls that start at once fetch and build once`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image([["a": "hello"], ["b": "b"], ["c": "c"]]))
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      let proxy = try Server.proxy(directory, to: registry.host, fault: "none")
      defer { proxy.stop() }
      var store = try TestStore(directory)
      store.settings.insecure = [proxy.host]
      let ready = store
      let results = Mutex<[Result<ImageStore.Pulled, any Error>]>([])
      // Threads of one process lock as processes do: by files of their own.
      DispatchQueue.concurrentPerform(iterations: 16) { _ in
        let result = Result<ImageStore.Pulled, any Error> {
          try ready.pull("\(proxy.host)/app:1")
        }
        results.withLock { $0.append(result) }
      }
      let pulled = try results.withLock { try $0.map { try $0.get() } }
      #expect(Set(pulled.map(\.digest)).count == 1 && pulled.count == 16)
      #expect(pulled.count { !$0.wasPresent } == 1)
      let lines = proxy.log.split(separator: "\n")
      #expect(lines.count { $0.contains("/blobs/") } == 4)
      #expect(store.published.count == 1)
    }
  }

  // MARK: faults

  @Test(arguments: ["die:200000", "cut:200000", "busy:3"])
  func `a registry that fails in the middle and comes back is asked for the rest`(
    fault: String
  ) throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.imageOfNoise(500_000))
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      let port = try Server.freePort()
      let proxy = try Server.proxy(directory, to: registry.host, fault: fault, port: port)
      defer { proxy.stop() }
      var store = try TestStore(directory)
      store.settings.insecure = [proxy.host]
      let ready = store
      var second: Server?
      if fault.hasPrefix("die") {
        let done = DispatchSemaphore(value: 0)
        let outcome = Mutex<Result<ImageStore.Pulled, any Error>?>(nil)
        Thread.detachNewThread {
          let result = Result<ImageStore.Pulled, any Error> {
            try ready.pull("\(proxy.host)/app:1")
          }
          outcome.withLock { $0 = result }
          done.signal()
        }
        try proxy.wait()
        second = try Server.proxy(directory, to: registry.host, fault: "none", port: port)
        #expect(done.wait(timeout: .now() + 60) == .success)
        #expect(try #require(outcome.withLock { $0 }).get().digest.hex.count == 64)
        #expect(second?.log.contains("\"range\": \"bytes=") ?? false)
      } else {
        _ = try store.pull("\(proxy.host)/app:1")
        #expect(fault.hasPrefix("busy") || proxy.log.contains("\"range\": \"bytes="))
      }
      second?.stop()
      #expect(store.published.count == 1)
    }
  }

  @Test func `a registry that serves other bytes is found out, and a mirror is no way around`()
    throws
  {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image())
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try Self.push(layout, to: "\(registry.host)/app:1")
      let proxy = try Server.proxy(directory, to: registry.host, fault: "corrupt")
      defer { proxy.stop() }
      var store = try TestStore(directory)
      store.settings.insecure = [proxy.host, registry.host]
      let error = #expect(throws: ImageError.self) { try store.pull("\(proxy.host)/app:1") }
      #expect(error?.kind == .badData, "\(error.map { "\($0)" } ?? "")")
      #expect(store.published.isEmpty)
      // The origin has what the mirror has not.
      try store.mirror(registry, by: [(proxy.host, nil)])
      let pulled = try store.pull("\(registry.host)/app:1")
      #expect(try store.file("a", of: pulled.image) == "hello")
      #expect(proxy.log.contains("/blobs/"))
    }
  }

  @Test func `mirrors are asked in order, and the origin where they have nothing`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let manifest = try layout.image()
      try layout.finish(manifest)
      let origin = try Server.registry(directory, "origin")
      defer { origin.stop() }
      let mirror = try Server.registry(directory, "mirror")
      defer { mirror.stop() }
      try Self.push(layout, to: "\(origin.host)/app:1")
      try Self.push(layout, to: "\(mirror.host)/proxy-hub/app:1")
      let dead = "127.0.0.1:\(try Server.freePort())"
      let store = try TestStore(directory)
      try store.mirror(origin, by: [("\(mirror.host)/proxy-hub", "all")])
      let before = origin.log
      #expect(try store.pull("\(origin.host)/app:1").digest == Digest(manifest.digest))
      #expect(origin.log == before)
      _ = try store.store().remove("\(origin.host)/app:1")
      try store.mirror(origin, by: [("\(mirror.host)/none", "all"), (dead, "all")])
      #expect(!(try store.pull("\(origin.host)/app:1").wasPresent))
      #expect(origin.log.contains("/v2/app/manifests/1"))
      _ = try store.store().remove("\(origin.host)/app:1")
      try store.mirror(origin, by: [("\(mirror.host)/proxy-hub", "digest-only")])
      let asked = mirror.log
      _ = try store.pull("\(origin.host)/app:1")
      #expect(mirror.log == asked)
    }
  }
}
