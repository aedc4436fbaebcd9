import Digests
import Foundation
import Hashing
import Images
import TestSupport
import Testing

@testable import OCI

/// `slipway image` and `slipway store` as processes; without the program, in a package of less than
/// all targets, there is nothing to run.
@Suite(
  .tags(.large),
  .needs("docker-registry", "skopeo", "sqfstar"))
struct ImageCommandTests {
  /// The program in a home of its own.
  private struct Program: Sendable {
    let directory: TemporaryDirectory
    let path: String
    let environment: [String: String]

    init(_ directory: TemporaryDirectory, insecure: [String] = [], more: String = "") throws {
      self.directory = directory
      path = try #require(Package.executable("slipway"))
      try directory.write("registries.conf", "")
      try directory.write(
        "slipway.toml",
        "[images]\ninsecure = [\(insecure.map { "\"\($0)\"" }.joined(separator: ", "))]\n\(more)\n")
      environment = [
        "HOME": directory("home"), "PATH": "/usr/bin:/bin",
        "CONTAINERS_REGISTRIES_CONF": directory("registries.conf"),
      ]
    }

    func argv(_ words: [String]) -> [String] {
      [path] + words + ["--config", directory("slipway.toml")]
    }

    func callAsFunction(_ words: String...) throws -> ToolResult {
      try run(argv(words), environment: environment)
    }

    func start(_ words: String...) throws -> RunningProgram {
      try RunningProgram(argv(words), environment: environment)
    }

    var cache: String { directory("home/.cache/slipway") }
  }

  @Test func `pull says the digest alone, and every failure has its code`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      let manifest = try layout.image()
      try layout.finish(manifest)
      let slipway = try Program(directory)
      let source = "oci:\(layout.path):t"
      let machine = try run(["uname", "-m"]).stdout
      let platform = machine == "x86_64\n" ? [] : ["--platform", "linux/amd64"]
      let pulled = try run(
        slipway.argv(["image", "pull", "--quiet", "--name", "site/app:1"] + platform + [source]),
        environment: slipway.environment)
      #expect(pulled.status == 0 && pulled.stdout == "\(manifest.digest)\n" && pulled.stderr == "")
      #expect(try slipway("image", "list").stdout.contains("docker.io/site/app:1"))
      let resolved = try slipway("image", "resolve", "site/app:1", "--json")
      #expect(JSON(resolved.output)?["digest"]?.text == manifest.digest)
      #expect(JSON(resolved.output)?["kind"]?.text == "squashfs")
      let shown = try slipway("image", "show", "site/app:1", "--json")
      #expect(JSON(shown.output)?["image"]?["command"]?.texts == ["/a"])
      #expect(try slipway("image", "tag", "site/app:1", "site/app:2").status == 0)
      #expect(try slipway("image", "remove", "site/app:1").stdout == "name docker.io/site/app:1\n")
      #expect(
        try slipway(
          "image", "import", source, "x/y:1", "--as-directory", "--platform", "linux/amd64"
        )
        .status == 0)
      #expect(try JSON(slipway("store", "list", "--json").output)?["items"]?.list?.count == 1)
      #expect(try slipway("store", "verify").stdout.hasPrefix("checked 1"))
      #expect(try JSON(slipway("store", "gc", "--json").output)?["freed"]?.integer == 0)
      #expect(try slipway("store", "repair", "--json").status == 0)
      for (words, code) in [
        (["image", "pull", "Foo"], 64), (["image", "pull", "./x"], 64),
        (["image", "pull", "oci:\(directory("none"))"], 69),
        (["image", "import", "ubuntu", "a:1"], 64), (["image", "show", "none"], 69),
        (["image", "resolve", "none"], 69), (["image", "resolve", "x/y:1", "--pin", "7"], 64),
        (["image", "export", "x/y:1", "oci:\(directory("e"))"], 69),
        (["image", "remove", "none"], 69), (["image", "tag", "x/y:1", "A"], 64),
        (["image", "pull", source, "--platform", "x"], 64),
        (["image", "pull", source, "--platform", "linux/arm64"], 69),
      ] {
        let result = try run(slipway.argv(words), environment: slipway.environment)
        #expect(result.status == Int32(code), "\(words): \(result.stderr)")
        #expect(result.stderr.contains("; remedy: ") && result.stdout == "", "\(result.stderr)")
      }
    }
  }

  @Test func `a user's images are nobody else's to read, whatever the umask, and a site's are`()
    throws
  {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image(architecture: ""))
      let shared = directory("shared")
      let slipway = try Program(directory, more: "shared = [\"\(shared)\"]")
      func pull(_ umask: String, _ more: [String] = []) throws {
        let words = ["image", "pull", "--name", "site/app:1", "oci:\(layout.path):t"] + more
        let result = try run(
          ["sh", "-c", "umask \(umask); exec \"$@\"", "sh"] + slipway.argv(words),
          environment: slipway.environment)
        #expect(result.status == 0, "\(result.stderr)")
      }
      func modes(_ root: String, _ test: String...) throws -> String {
        try run(["find", "\(root)/images", "\(root)/names"] + test).stdout
      }
      try pull("0")
      #expect(try modes(slipway.cache, "-perm", "/077") == "")
      try pull("077", ["--store", shared])
      #expect(try modes(shared, "-perm", "/022", "-o", "-not", "-perm", "-044") == "")
      #expect(try slipway("image", "remove", "site/app:1").status == 0)
      // Another user, who has nothing, sees the site's.
      let catalog = ImageCatalog(
        roots: [ImageCatalog.Root(shared, isShared: true)],
        host: Platform(architecture: "amd64"), user: geteuid() &+ 1)
      #expect(
        try ImageStore.list(catalog).map { $0.names.map(\.description) } == [
          ["docker.io/site/app:1"]
        ])
      #expect(try slipway("image", "resolve", "site/app:1").stdout.contains(shared))
    }
  }

  @Test func `processes that start at once fetch and build once`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image([["a": "hello"], ["b": "b"]], architecture: ""))
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try RegistryTests.push(layout, to: "\(registry.host)/app:1")
      let proxy = try Server.proxy(directory, to: registry.host, fault: "none")
      defer { proxy.stop() }
      let slipway = try Program(directory, insecure: [proxy.host])
      let count = ProcessInfo.processInfo.environment["SLIPWAY_PULLS"].flatMap { Int($0) } ?? 24
      let programs = try (0..<count).map { _ in
        try slipway.start("image", "pull", "--quiet", "\(proxy.host)/app:1")
      }
      let results = try programs.map { try $0.finish(seconds: 300) }
      #expect(results.allSatisfy { $0.status == 0 }, "\(results.map(\.stderr))")
      #expect(Set(results.map(\.stdout)).count == 1)
      let lines = proxy.log.split(separator: "\n")
      #expect(lines.count { $0.contains("/blobs/") } == 3)
      #expect(lines.count { $0.contains("/manifests/1") } < count)
    }
  }

  @Test func `the site's proxy is used by those who have none`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image([["a": "hello"]], architecture: ""))
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try RegistryTests.push(layout, to: "\(registry.host)/app:1")
      let proxy = try Server.proxy(directory, to: registry.host, fault: "none")
      defer { proxy.stop() }
      // A name that no resolver knows (RFC 2606): the proxy alone leads to it.
      let far = "registry.invalid"
      let slipway = try Program(
        directory, insecure: [far], more: "proxy = \"http://\(proxy.host)\"")
      let pulled = try slipway("image", "pull", "\(far)/app:1")
      #expect(pulled.status == 0, "\(pulled.stderr)")
      let asked = proxy.log.split(separator: "\n").count
      #expect(asked > 2)

      for variable in [["https_proxy": "http://127.0.0.1:9"], ["NO_PROXY": far]] {
        let own = try run(
          slipway.argv(["image", "pull", "\(far)/app:2"]),
          environment: slipway.environment.merging(variable) { $1 })
        #expect(own.status == 69, "\(own.stderr)")
      }
      let excepted = try Program(
        directory, insecure: [far],
        more: "proxy = \"http://\(proxy.host)\"\nno_proxy = [\"invalid\"]")
      #expect(try excepted("image", "pull", "\(far)/app:3").status == 69)
      #expect(proxy.log.split(separator: "\n").count == asked)
    }
  }

  @Test func `a pull that is killed at any moment leaves nothing that the next one minds`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      var generator = SeededGenerator(seed: 2)
      var (layers, diffIDs): ([JSON], [String]) = ([], [])
      for number in 0..<4 {
        var tar = TestTar([:])
        for file in 0..<60 {
          tar.add(
            "d\(number)-\(file)",
            (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
        layers.append(
          TestLayout.descriptor(try layout.blob(try packed(tar.whole)), TestLayout.layerType))
        diffIDs.append("\(Digest(of: tar.whole))")
      }
      let configuration = try layout.configuration(diffIDs: diffIDs, architecture: "")
      let manifest = try layout.manifest(configuration: configuration, layers: layers)
      try layout.finish(manifest)
      let registry = try Server.registry(directory)
      defer { registry.stop() }
      try RegistryTests.push(layout, to: "\(registry.host)/app:1")
      let slipway = try Program(directory, insecure: [registry.host])
      let start = ContinuousClock.now
      #expect(try slipway("image", "pull", "\(registry.host)/app:1").status == 0)
      let whole = ContinuousClock.now - start
      #expect(try slipway("image", "remove", "\(registry.host)/app:1").status == 0)
      let count = ProcessInfo.processInfo.environment["SLIPWAY_KILLS"].flatMap { Int($0) } ?? 15
      let most = Int(whole / .microseconds(1))
      var killed = 0
      for _ in 0..<count {
        let program = try slipway.start("image", "pull", "\(registry.host)/app:1")
        // The moment of death is what is tried: any time of a pull.
        usleep(UInt32(Int.random(in: 0...most, using: &generator)))
        kill(program.identifier, SIGKILL)
        let status = try program.finish(seconds: 60).status
        #expect(status == 137 || status == 0)
        if status == 137 { killed += 1 }
        // Names and images are whole or not there.
        let catalog = ImageCatalog(
          roots: [ImageCatalog.Root(slipway.cache)], host: Platform(architecture: "amd64"))
        for listed in try ImageStore.list(catalog) {
          #expect(try run(["unsquashfs", "-s", listed.image.root.path]).status == 0)
        }
        if status == 0 { _ = try slipway("image", "remove", "\(registry.host)/app:1") }
      }
      #expect(killed > 0)
      let last = try slipway("image", "pull", "--quiet", "\(registry.host)/app:1")
      #expect(last.stdout == "\(manifest.digest)\n", "\(last.stderr)")
      #expect(try slipway("store", "verify").status == 0)
      #expect(try slipway("store", "repair").status == 0)
      for folder in ["tmp", "locks"] {
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(slipway.cache)/\(folder)")
        #expect(left == [], "\(folder)")
      }
      let alive = try run(["pgrep", "-f", slipway.cache]).stdout
      #expect(alive == "")
    }
  }

  @Test func `no process list shows what proves who one is`() throws {
    try TemporaryDirectory.with { directory in
      let layout = try TestLayout(directory)
      try layout.finish(try layout.image([["a": "hello"]], architecture: ""))
      try directory.write(
        "bin/docker-credential-x",
        """
        #!/bin/sh
        tr '\\0' ' ' </proc/$PPID/cmdline >"\(directory("parent"))"
        tr '\\0' ' ' </proc/$$/cmdline >"\(directory("self"))"
        printf '{"Username":"me","Secret":"s3cret-of-me"}'
        """)
      _ = try run(["chmod", "755", directory("bin/docker-credential-x")])
      let path = try directory.write("home/.docker/config.json", "{\"credsStore\":\"x\"}")
      _ = try run(["chmod", "600", path])
      let words = try run(["htpasswd", "-Bbn", "me", "s3cret-of-me"]).stdout
      let file = try directory.write("htpasswd", words)
      let closed = try Server.registry(
        directory, "closed", more: "auth: {htpasswd: {realm: r, path: \(file)}}")
      defer { closed.stop() }
      try RegistryTests.push(
        layout, to: "\(closed.host)/app:1", ["--dest-creds", "me:s3cret-of-me"])
      let slipway = try Program(directory, insecure: [closed.host])
      let variables = slipway.environment.merging(
        ["PATH": "\(directory("bin")):/usr/bin:/bin"]) { $1 }
      let result = try run(
        slipway.argv(["image", "pull", "\(closed.host)/app:1"]), environment: variables)
      #expect(result.status == 0, "\(result.stderr)")
      for text in [
        result.stdout, result.stderr,
        try String(contentsOfFile: directory("parent"), encoding: .utf8),
        try String(contentsOfFile: directory("self"), encoding: .utf8),
      ] {
        #expect(!text.isEmpty && !text.contains("s3cret") && !text.contains("czNjcmV0"))
      }
      let parent = try String(contentsOfFile: directory("parent"), encoding: .utf8)
      #expect(parent.contains("image pull"))
      let found = try run(["grep", "-rl", "s3cret-of-me", slipway.cache]).stdout
      #expect(found == "")
    }
  }
}
