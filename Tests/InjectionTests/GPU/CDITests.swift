import CDI
import Foundation
import Host
import Injection
import TestSupport
import Testing

/// Specifications as NVIDIA's generator lays them out.
enum CDIText {
  static func specification(
    version: String = DriverTree.running, directory: String = "/usr/lib/x86_64-linux-gnu"
  ) -> String {
    """
    ---
    cdiVersion: 0.5.0
    kind: nvidia.com/gpu
    containerEdits:
      env:
      - NVIDIA_VISIBLE_DEVICES=void
      deviceNodes:
      - path: /dev/nvidiactl
      - path: /dev/nvidia-uvm
        hostPath: /dev/nvidia-uvm
        major: 511
      mounts:
      - hostPath: \(directory)/libcuda.so.\(version)
        containerPath: \(directory)/libcuda.so.\(version)
        options:
        - ro
        - nosuid
        - bind
      - hostPath: /run/nvidia-persistenced/socket
        containerPath: /run/nvidia-persistenced/socket
      hooks:
      - hookName: createContainer
        path: /usr/bin/nvidia-cdi-hook
        args:
        - nvidia-cdi-hook
        - create-symlinks
        - --link
        - libcuda.so.1::\(directory)/libcuda.so
        - --link=libcuda.so.\(version)::\(directory)/libcuda.so.1
        env:
        - NVIDIA_CTK_DEBUG=false
      - hookName: createContainer
        path: /usr/bin/nvidia-ctk
        args: [nvidia-ctk, hook, update-ldcache, --folder, \(directory)]
      - hookName: createContainer
        path: /usr/bin/nvidia-cdi-hook
        args: [nvidia-cdi-hook, enable-cuda-compat, --host-driver-version=\(version)]
      - hookName: poststop
        path: /opt/site/tidy
    devices:
    - name: "0"
      containerEdits:
        deviceNodes:
        - path: /dev/nvidia0
    - name: all
      containerEdits:
        deviceNodes:
        - path: /dev/nvidia0

    """
  }
}

/// Specifications of the Container Device Interface.
@Suite(.tags(.medium))
struct CDITests {
  private func read(_ text: String) throws -> CDISpecification {
    try CDISpecification(Array(text.utf8), file: "/etc/cdi/nvidia.yaml")
  }

  @Test func `a specification of NVIDIA's generator is read`() throws {
    let specification = try read(CDIText.specification())
    #expect(specification.kind == "nvidia.com/gpu")
    #expect(specification.cdiVersion == "0.5.0")
    #expect(specification.devices.map(\.name) == ["0", "all"])
    #expect(specification.devices[0].edits.deviceNodes.map(\.path) == ["/dev/nvidia0"])
    let edits = specification.edits
    #expect(edits.environment == ["NVIDIA_VISIBLE_DEVICES=void"])
    #expect(edits.deviceNodes.map(\.path) == ["/dev/nvidiactl", "/dev/nvidia-uvm"])
    #expect(edits.mounts.map(\.options) == [["ro", "nosuid", "bind"], []])
    #expect(
      edits.links.map { "\($0.path) -> \($0.target)" } == [
        "/usr/lib/x86_64-linux-gnu/libcuda.so -> libcuda.so.1",
        "/usr/lib/x86_64-linux-gnu/libcuda.so.1 -> libcuda.so.535.261.03",
      ])
    #expect(edits.folders == ["/usr/lib/x86_64-linux-gnu"])
    #expect(edits.skippedHooks == ["nvidia-cdi-hook enable-cuda-compat", "tidy"])
    #expect(specification.skipped?.subject == "nvidia-cdi-hook enable-cuda-compat tidy")
    #expect(specification.skipped?.verdict == .ok)
  }

  @Test func `JSON is read as well`() throws {
    let text = """
      {
      \t"cdiVersion": "1.1.0", "kind": "nvidia.com/gpu",
      \t"containerEdits": {"mounts": [{"hostPath": "\\/usr\\/lib64/libcuda.so.535.261.03",
      \t\t"containerPath": "/usr/lib64/libcuda.so.535.261.03", "type": null}], "hooks": null},
      \t"devices": [{"name": "0", "containerEdits": {"intelRdt": {"closID": "x"}}}]
      }
      """
    let specification = try read(text)
    #expect(specification.edits.mounts.map(\.hostPath) == ["/usr/lib64/libcuda.so.535.261.03"])
    #expect(specification.devices.count == 1)
  }

  @Test func `what only looks like an anchor, an alias or nothing is text`() throws {
    let text = """
      cdiVersion: 1.1.0
      kind: nvidia.com/gpu
      containerEdits:
        env: [A=&b, B=*, "C= &d", D=null, E=~]
        hooks: ~
      """
    #expect(
      try read(text).edits.environment == ["A=&b", "B=*", "C= &d", "D=null", "E=~"])
  }

  @Test func `a specification of another driver is stale`() throws {
    let running = try #require(DriverVersion("535.261.03"))
    #expect(try read(CDIText.specification()).staleness(driver: running) == nil)
    let finding = try #require(
      try read(CDIText.specification(version: "550.54.15")).staleness(driver: running))
    #expect(finding.verdict == .warn)
    #expect(finding.message.contains("550.54.15"))
    #expect(finding.message.contains("535.261.03"))
    #expect(finding.remedy == "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml")
  }

  /// Libraries that are no driver's have versions of their own.
  @Test func `versions of other libraries are not taken for a driver's`() throws {
    let text = CDIText.specification().replacingOccurrences(
      of: "/run/nvidia-persistenced/socket", with: "/usr/lib64/libnvidia-egl-wayland.so.1.1.13")
    #expect(try read(text).staleness(driver: try #require(DriverVersion("535.261.03"))) == nil)
  }

  // MARK: Hostile input

  static let head = "cdiVersion: 1.1.0\nkind: nvidia.com/gpu\n"

  /// A text that is none, and the word that its error must have.
  struct Hostile: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var text: String
    var word: String

    init(_ description: String, _ text: String, _ word: String) {
      (testDescription, self.text, self.word) = (description, text, word)
    }

    /// Edits behind a right beginning.
    init(edits: String, _ word: String) {
      self.init(edits, "\(head)containerEdits: \(edits)\n", word)
    }

    init(hook words: String, _ word: String) {
      self.init(edits: "{hooks: [{path: /h, args: [h, \(words)]}]}", word)
    }
  }

  static let hostile = [
    Hostile("nothing", "", "empty"), Hostile("a list", "[]", "mapping"),
    Hostile("text", "just text", "mapping"), Hostile("no version", "kind: a/b\n", "cdiVersion"),
    Hostile("no kind", "cdiVersion: 1.1.0\n", "kind"),
    Hostile("version 2", "cdiVersion: 2.0.0\nkind: a/b\n", "cdiVersion"),
    Hostile("version in words", "cdiVersion: one\nkind: a/b\n", "cdiVersion"),
    Hostile("version a list", "cdiVersion: [1]\nkind: a/b\n", "cdiVersion"),
    Hostile("kind without class", "cdiVersion: 1.1.0\nkind: ab\n", "kind"),
    Hostile("kind a mapping", "cdiVersion: 1.1.0\nkind: {a: b}\n", "kind"),
    Hostile("devices a number", head + "devices: 5\n", "devices"),
    Hostile("devices a mapping", head + "devices: {a: b}\n", "devices"),
    Hostile("device a number", head + "devices: [5]\n", "devices[0]"),
    Hostile("device without a name", head + "devices: [{}]\n", "devices[0].name"),
    Hostile(edits: "[]", "containerEdits"),
    Hostile(edits: "{mounts: x}", "containerEdits.mounts"),
    Hostile(edits: "{mounts: [{}]}", "hostPath"),
    Hostile(edits: "{mounts: [{hostPath: a, containerPath: /a}]}", "absolute"),
    Hostile(edits: "{mounts: [{hostPath: /../a, containerPath: /a}]}", "absolute"),
    Hostile(edits: "{mounts: [{hostPath: /a, containerPath: /b/../../c}]}", "absolute"),
    Hostile(edits: #"{mounts: [{hostPath: "/a\0b", containerPath: /a}]}"#, "absolute"),
    Hostile(edits: "{mounts: [{hostPath: [/a], containerPath: /a}]}", "no text"),
    Hostile(edits: "{env: [[a]]}", "env[0]"), Hostile(edits: "{hooks: [{args: [a]}]}", "path"),
    Hostile(hook: "create-symlinks, --link, nonsense", "TARGET::LINK"),
    Hostile(hook: "create-symlinks, --link, 'a::../../b'", "absolute"),
    Hostile(hook: "update-ldcache, --folder, lib", "absolute"),
    Hostile("an open brace", head + "{", "not YAML"), Hostile("a tab", head + "\t- x", "not YAML"),
    Hostile("a key twice", head + "kind: c/d\n", "not YAML"),
    Hostile("an alias", head + "a: &a [x]\nb: *a\n", "aliases"),
    Hostile("an anchor", head + "a: &a x\n", "anchors"),
    Hostile(edits: String(repeating: "{a: ", count: 64), "at most 64"),
    Hostile("two documents", head + "---\nmore: 1\n", "not YAML"),
    Hostile("a NUL", head + "a: \"\u{0}\"\n", "text"),
    Hostile("a list as a key", head + "? [a, b]\n: c\n", "key"),
    Hostile("100,000 lists in each other", String(repeating: "[", count: 100_000), "not YAML"),
    Hostile("too large", head + "x: " + String(repeating: "y", count: 1 << 20), "larger"),
    Hostile("an open quote", head + "k: '" + String(repeating: "a", count: 9000), "not YAML"),
  ]

  @Test(arguments: hostile)
  func `what is wrong is told, with its place`(case: Hostile) {
    let error = #expect(throws: CDIError.self) { try read(`case`.text) }
    #expect(error?.problem.contains(`case`.word) == true, "\(error?.problem.prefix(300) ?? "")")
    #expect(error?.description.contains("remedy: ") == true)
  }

  @Test func `more entries than any machine has are refused`() {
    let words = String(repeating: "a,", count: 20_000)
    let error = #expect(throws: CDIError.self) {
      try read(Self.head + "containerEdits: {env: [\(words)]}\n")
    }
    #expect(error?.problem.contains("entries") == true)
  }

  @Test func `bytes that are no text are told`() {
    #expect(throws: CDIError.self) { try CDISpecification([0xff, 0xfe, 0x80], file: "f") }
    #expect(throws: CDIError.self) { try CDISpecification([0], file: "f") }
  }

  /// A specification whose bytes are changed at random, 300 times.
  @Test func `no bytes make the reader fail otherwise than by an error`() {
    var random = SeededGenerator(seed: 7)
    let whole = Array(CDIText.specification().utf8)
    var readable = 0
    for _ in 0..<300 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        let at = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[at] = .random(in: 0...255, using: &random)
        case 1: bytes.remove(at: at)
        default: bytes.insert("[]{}:-,'\"|>#!%@\n \t".utf8.randomElement(using: &random)!, at: at)
        }
      }
      if (try? CDISpecification(bytes, file: "f")) != nil { readable += 1 }
    }
    #expect((1..<300).contains(readable))
  }

  // MARK: Machines

  @Test func `the specifications of a machine are those of both directories`() throws {
    try DriverTree.with { tree in
      try tree.directory.write("etc/cdi/nvidia.yaml", CDIText.specification())
      try tree.directory.write("run/cdi/other.json", #"{"cdiVersion":"1.1.0","kind":"v.com/c"}"#)
      try tree.directory.link("var/run", to: "/run")
      try tree.directory.write("etc/cdi/broken.yaml", "[")
      try tree.directory.write("etc/cdi/README", "no specification")
      try tree.directory.link("etc/cdi/loop.json", to: "loop.json")
      let (specifications, findings) = CDISpecification.all(of: tree.files)
      #expect(specifications.map(\.kind) == ["nvidia.com/gpu", "v.com/c"])
      #expect(specifications.map(\.file) == ["/etc/cdi/nvidia.yaml", "/var/run/cdi/other.json"])
      #expect(findings.map(\.file) == ["/etc/cdi/broken.yaml", "/etc/cdi/loop.json"])
      #expect(findings.allSatisfy { $0.verdict == .warn && $0.remedy != nil })
    }
  }

  @Test func `a pipe among them does not make anybody wait`() throws {
    try DriverTree.with { tree in
      try tree.directory.makeDirectory("etc/cdi")
      #expect(mkfifo(tree.directory("etc/cdi/pipe.yaml"), 0o644) == 0)
      #expect(CDISpecification.all(of: tree.files).findings.count == 1)
    }
  }

  @Test(.enabled(if: DriverTree.isX86, DriverTree.needsX86))
  func `what is stale or skipped is told with the driver`() throws {
    try DriverTree.with { tree in
      try tree.install()
      try tree.directory.write("etc/cdi/nvidia.yaml", CDIText.specification(version: "550.54.15"))
      let driver = try #require(tree.find())
      #expect(driver.verdict == .warn)
      #expect(driver.findings.count { $0.file == "/etc/cdi/nvidia.yaml" } == 2)
      #expect(driver.links.count == 5)
    }
  }
}
