import Digests
import Foundation
import Hashing
import Layers
import Synchronization
import TestSupport
import Testing

/// Builds that are cancelled, killed, or have no room or no program.
@Suite(.tags(.large), .needs("sqfstar"))
struct BuildFaultTests {
  private static let many = (0..<4000).map {
    TarItem.file("d\($0 % 40)/f\($0)", String(repeating: "text \($0) ", count: $0 % 900))
  }

  private func build(
    _ form: ImageForm, _ layers: [Layer], at path: String, _ builder: ImageBuilder
  ) throws {
    _ =
      try form == .squashfs
      ? builder.buildSquashfs(layers, at: path) : builder.unpack(layers, into: path)
  }

  @Test(arguments: ImageForm.allCases)
  func `a cancelled build leaves nothing, whenever that is`(form: ImageForm) throws {
    try TemporaryDirectory.with { directory in
      let fixture = LayerFixture(directory: directory)
      let layers = [
        try fixture.layer(Self.many, type: LayerFixture.tar),
        try fixture.layer(Array(Self.many.suffix(900)), type: LayerFixture.tar),
      ]
      for after in [0, 1, 3, 8, 20] {
        let asked = Asked()
        var builder = ImageBuilder()
        builder.isCancelled = { asked.count.add(1, ordering: .relaxed).oldValue >= after }
        let error = #expect(throws: LayerError.self) {
          try build(form, layers, at: directory("image"), builder)
        }
        #expect(error?.cause == .cancelled)
        #expect(TreeReading.mode(directory("image")) == 0)
      }
    }
  }

  private final class Asked: Sendable {
    let count = Atomic<Int>(0)
  }

  @Test(arguments: ImageForm.allCases)
  func `what stands at the name stays`(form: ImageForm) throws {
    try TemporaryDirectory.with { directory in
      let path = try directory.write("image", "mine")
      #expect(throws: LayerError.self) { try build(form, [], at: path, ImageBuilder()) }
      #expect(TreeReading.read(directory.path) == ["image": "f 644 mine"])
    }
  }

  @Test(.enabled(if: getuid() == 0, "mounts a small file system"), arguments: ImageForm.allCases)
  func `a full disk is an error that says so, and leaves nothing`(form: ImageForm) throws {
    try TemporaryDirectory.with { directory in
      let small = try directory.makeDirectory("small")
      let mounted = try run(["mount", "-t", "tmpfs", "-o", "size=400k", "small", small])
      try #require(mounted.status == 0, "\(mounted.stderr)")
      defer { _ = try? run(["umount", small]) }
      var noise = SeededGenerator(seed: 1)
      let bytes = (0..<200_000).map { _ in noise.next() }.withUnsafeBytes { Array($0) }
      var item = TarItem.file("big")
      item.contents = bytes
      let layer = try LayerFixture(directory: directory).layer([item], type: LayerFixture.tar)
      let error = #expect(throws: LayerError.self) {
        try build(form, [layer], at: "\(small)/image", ImageBuilder())
      }
      guard case .full = error?.cause else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(TreeReading.read(small).isEmpty)
    }
  }

  @Test func `a missing program, one that fails and one that hangs are errors`() throws {
    try TemporaryDirectory.with { directory in
      let layer = try LayerFixture(directory: directory).layer(Self.many)
      func program(_ text: String) throws -> String {
        let path = directory("sqfstar")
        // By another process: a child of this one that begins meanwhile would hold the file open
        // for writing, and then it cannot be executed (ETXTBSY).
        let made = try run(
          ["sh", "-c", "cat > \(path) && chmod 755 \(path)"],
          input: Array("#!/bin/sh\n\(text)\n".utf8))
        try #require(made.status == 0, "\(made.stderr)")
        return path
      }
      func cause(_ sqfstar: String, patience: Double = 60) -> LayerError.Cause? {
        var builder = ImageBuilder()
        (builder.sqfstar, builder.patience) = (sqfstar, patience)
        let path = directory("image")
        let error = #expect(throws: LayerError.self) {
          try builder.buildSquashfs([layer], at: path)
        }
        #expect(TreeReading.mode(path) == 0)
        return error?.cause
      }
      guard case .missing = cause("/nonexistent/sqfstar") else {
        Issue.record("not missing")
        return
      }
      #expect(
        cause(try program("echo some words >&2; exit 3"))
          == .failed("sqfstar failed with status 3: some words"))
      #expect(
        cause(try program("kill -9 $$")) == .failed("sqfstar failed with signal 9"))
      #expect(
        cause(try program("exec sleep 1000"), patience: 0.5)
          == .failed("sqfstar made no progress for 0 s"))
      // It reads all and makes nothing.
      guard case .failed = cause(try program("cat > /dev/null")) else {
        Issue.record("not failed")
        return
      }
    }
  }

  @Test(
    arguments: ImageForm.allCases)
  func `a build that is killed leaves its own name at most, and no process`(
    form: ImageForm
  ) throws {
    try TemporaryDirectory.with { directory in
      let layer = try LayerFixture(directory: directory).layer(Self.many)
      let blob = directory("blobs/\(layer.digest.hex)")
      let out = try directory.makeDirectory("out")
      let writer = try #require(Package.executable("layer-writer"))
      let argv = [writer, form.rawValue, "\(out)/image", LayerFixture.gzip, blob]
      let whole = try ContinuousClock().measure { _ = try run(argv) }
      try ImageBuilder.removeTree("\(out)/image")
      var (random, ended) = (SeededGenerator(seed: 7), 0)
      for _ in 0..<20 {
        let program = try RunningProgram(argv)
        let micros = Double(whole.components.attoseconds / 1_000_000_000_000)
        usleep(UInt32(Double.random(in: 0...max(1, micros), using: &random)))
        kill(program.identifier, SIGKILL)
        if try program.finish().status == 137 { ended += 1 }
        #expect(
          Set(TreeReading.read(out).keys.filter { !$0.contains("/") }).isSubset(of: ["image"]))
        try Self.waitForNone(of: "\(out)/image")
        try ImageBuilder.removeTree("\(out)/image")
        #expect(TreeReading.read(out).isEmpty)
      }
      #expect(ended > 0)
      let result = try run(argv)
      #expect(result.status == 0, "\(result.stdout)")
    }
  }

  /// Waits until no process has a name among its arguments.
  private static func waitForNone(of name: String) throws {
    let deadline = ContinuousClock.now + .seconds(10)
    func isThere() -> Bool {
      ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).contains {
        guard Int($0) != nil, let line = FileManager.default.contents(atPath: "/proc/\($0)/cmdline")
        else { return false }
        return String(decoding: line, as: UTF8.self).contains(name)
      }
    }
    while isThere() {
      try #require(ContinuousClock.now < deadline, "a process is left")
      usleep(1000)
    }
  }

  @Test func `a tree is removed whatever its modes, and no link is followed`() throws {
    try TemporaryDirectory.with { directory in
      try directory.write("keep/file", "K")
      try directory.write("tree/a/b/c", "x")
      try directory.link("tree/a/out", to: directory("keep"))
      try directory.link("link", to: directory("keep"))
      // By a user who is not root: to root every directory is open.
      let make = "chmod 0 tree/a/b; chmod 0 tree/a; chmod 0555 tree"
      _ = try run(["sh", "-c", make], directory: directory.path)
      try ImageBuilder.removeTree(directory("tree"))
      try ImageBuilder.removeTree(directory("link"))
      try ImageBuilder.removeTree(directory("absent"))
      #expect(TreeReading.read(directory.path) == ["keep": "d 755", "keep/file": "f 644 K"])
    }
  }
}
