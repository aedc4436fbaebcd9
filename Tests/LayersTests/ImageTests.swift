import Digests
import Foundation
import Hashing
import Layers
import Synchronization
import TestSupport
import Testing

/// What else becomes of layers: rules beside the 33 cases, limits, repetition, and faults.
@Suite(.tags(.large), .needs("sqfstar", "unsquashfs"))
struct ImageTests {
  private func tree(
    _ layers: [[TarItem]], _ form: ImageForm, _ builder: ImageBuilder = ImageBuilder(),
    check: (String, BuildReport) throws -> Void = { _, _ in }
  ) throws -> [String: String] {
    try TemporaryDirectory.with { directory in
      let fixture = LayerFixture(directory: directory)
      return try form.build(try layers.map { try fixture.layer($0) }, in: directory, builder) {
        try check($0, $1)
        return TreeReading.read($0)
      }
    }
  }

  @Test(arguments: ImageForm.allCases)
  func `no layers make an empty root`(form: ImageForm) throws {
    #expect(try tree([], form).isEmpty)
    #expect(try tree([[]], form).isEmpty)
  }

  @Test(arguments: ImageForm.allCases)
  func `the root has the mode and time of its entry`(form: ImageForm) throws {
    var root = TarItem.directory("./", 0o711)
    root.seconds = 123_456_789
    _ = try tree([[.file("a"), root]], form) { path, _ in
      let status = TreeReading.status(path)
      #expect(status.st_mode & 0o7777 == 0o711)
      #expect(status.st_mtim.tv_sec == 123_456_789)
    }
    _ = try tree([[.file("a/b")]], form) { path, _ in
      #expect(TreeReading.status(path).st_mode & 0o7777 == 0o755)
      #expect(TreeReading.status(path).st_mtim.tv_sec == 0)
      #expect(TreeReading.status("\(path)/a").st_mtim.tv_sec == 0)
      #expect(TreeReading.status("\(path)/a/b").st_mtim.tv_sec == 1_000_000_000)
    }
  }

  @Test(arguments: ImageForm.allCases)
  func `the last of two entries of a layer wins`(form: ImageForm) throws {
    // Its contents have been written already when the second comes.
    let layers: [[TarItem]] = [
      [.file("low", "L")],
      [
        .file("a", "first"), .file("b/c", "gone"), .hardLink("d", to: "a"), .file("a", "second"),
        .link("b", to: "elsewhere"), .file("e", "E"),
      ],
    ]
    #expect(
      try tree(layers, form) == [
        "low": "f 644 L", "a": "f 644 second", "b": "l elsewhere", "d": "f 644 first",
        "e": "f 644 E",
      ])
  }

  @Test(arguments: ImageForm.allCases)
  func `contents come from the layer that has the last word`(form: ImageForm) throws {
    let layers: [[TarItem]] = [
      [.file("a", "1"), .file("b", "1"), .file("c", "1"), .file("x/y", "1"), .file("x/z", "1")],
      [.file("b", "2"), .hardLink("d", to: "c"), .file("x/.wh..wh..opq", "")],
      [.file("c", "3"), .file("e", "3"), .hardLink("e2", to: "a"), .file("x/z", "3")],
      [.file(".wh.a", "")],
    ]
    let found = try tree(layers, form) { root, report in
      #expect(report.files == 6 && report.links == 0)
      #expect(TreeReading.status("\(root)/d").st_nlink == 1)
    }
    #expect(
      found == [
        "b": "f 644 2", "c": "f 644 3", "d": "f 644 1", "e": "f 644 3", "e2": "f 644 1",
        "x": "d 755", "x/z": "f 644 3",
      ])
  }

  @Test(arguments: ImageForm.allCases)
  func `an overlay whiteout node hides and is no node, and marks of eStargz stay out`(
    form: ImageForm
  ) throws {
    let layers: [[TarItem]] = [
      [.file("a"), .file("b"), .file(".prefetch.landmark"), .file("stargz.index.json")],
      [.node("a", "3", 0, 0), .directory(".wh..wh.plnk"), .file(".wh..wh.plnk/1.2")],
    ]
    let found = try tree(layers, form) { #expect($1.warnings.count == 1) }
    #expect(found == ["b": "f 644 ESC"])
  }

  @Test(arguments: ImageForm.allCases)
  func `names and kinds of every sort come out`(form: ImageForm) throws {
    var odd = TarItem.file("", "odd")
    odd.name = [0x6c, 0xe9, 0x09, 0x5c, 0x2a]
    let long = String(repeating: "q/", count: 60) + String(repeating: "n", count: 255)
    let layers: [[TarItem]] = [
      [
        odd, .file(long, "long"), .hardLink("hl", to: long), .file("empty", ""),
        .hardLink("empty2", to: "empty"), .link("s", to: String(repeating: "t/", count: 200)),
        .hardLink("s2", to: "s"), .node("p", "6", 0, 0, 0o600), .hardLink("p2", to: "p"),
        .directory("locked", 0), .hardLink("locked/in", to: "empty"),
        .file("big", String(repeating: "0123456789abcdef", count: 40_000)),
        .file("-dash", "d"), .file(" blank ", "b"), .file("...", "dots"),
      ]
    ]
    let found = try tree(layers, form) { root, report in
      chmod("\(root)/locked", 0o700)
      let (a, b) = (TreeReading.status("\(root)/empty"), TreeReading.status("\(root)/locked/in"))
      chmod("\(root)/locked", 0)
      #expect(a.st_ino == b.st_ino && a.st_nlink == 3)
      #expect(TreeReading.status("\(root)/hl").st_nlink == 2)
      #expect(TreeReading.status("\(root)/big").st_size == 640_000)
      #expect(report.links == 6 && report.others == 1)
      // A name that is no UTF-8.
      let shown = try run(["sh", "-c", #"cat "$(printf 'l\351\t\134*')""#], directory: root)
      #expect(shown.stdout == "odd", "\(shown.stderr)")
    }
    #expect(found[long] == "f 644 long" && found["hl"] == "f 644 long")
    #expect(found["p"] == "p 600" && found["p2"] == "p 600")
    #expect(found["s"] == found["s2"] && found["s"]?.hasPrefix("l t/t/") == true)
    #expect(found["locked"] == "d 0" && found["-dash"] == "f 644 d")
    #expect(found[" blank "] == "f 644 b" && found["..."] == "f 644 dots")
  }

  @Test(arguments: ["entries", "directory", "path", "depth", "header", "bytes", "ratio", "name"])
  func `what goes beyond a limit is an error and no image`(what: String) throws {
    var builder = ImageBuilder()
    var items: [TarItem] = [.file("a")]
    switch what {
    case "entries":
      builder.limits.entries = 100
      items = (0...100).map { .file("f\($0)", "") }
    case "directory":
      builder.limits.directoryEntries = 10
      items = (0...10).map { .file("f\($0)", "") }
    case "path": items = [.file(String(repeating: "p/", count: 2050))]
    case "depth": items = [.file(String(repeating: "p/", count: 300))]
    case "header":
      items = [.file("a").pax("comment", String(repeating: "c", count: 1 << 20))]
    case "bytes":
      builder.limits.bytes = 100_000
      items = [.file("a", String(repeating: "c", count: 100_000))]
    case "name": items = [.file(String(repeating: "n", count: 256))]
    default:
      builder.limits.ratioBytes = 1 << 20
      items = [.file("a", String(repeating: "\0", count: 4 << 20))]
    }
    for form in ImageForm.allCases {
      let error = #expect(throws: LayerError.self) { try tree([items], form, builder) }
      guard case .limit = error?.cause else {
        Issue.record("\(what): \(String(describing: error))")
        continue
      }
    }
  }

  @Test func `depth through links has the same limit`() throws {
    // Each entry is short, and each lies below the one before.
    let step = String(repeating: "d/", count: 100)
    var items: [TarItem] = [.file(step + "x"), .link("l0", to: step)]
    items += [.file("l0/" + step + "x"), .link("l1", to: "l0/" + step), .file("l1/" + step + "x")]
    let error = #expect(throws: LayerError.self) { try tree([items], .directory) }
    #expect(error?.cause == .limit("directories deeper than 256"))
  }

  @Test func `the same layers make the same bytes`() throws {
    try TemporaryDirectory.with { directory in
      let fixture = LayerFixture(directory: directory)
      let many = (0..<3000).map {
        TarItem.file("d\($0 % 40)/f\($0)", String(repeating: "text \($0) ", count: $0 % 500))
      }
      let layers = [try fixture.layer(many), try fixture.layer([.file("d1/f1", "new")])]
      var digests: Set<Digest> = []
      for number in 0..<4 {
        let path = directory("image\(number)")
        var builder = ImageBuilder()
        builder.threads = 1 + number % 2
        _ = try builder.buildSquashfs(layers, at: path)
        digests.insert(Digest(of: Array(try Data(contentsOf: URL(filePath: path)))))
        // The time of the build, had it come in, would now be another.
        let second = time(nil)
        while time(nil) == second { usleep(10_000) }
      }
      #expect(digests.count == 1)
    }
  }

  @Test func `a squashfs file can be mounted, and shows one user's files`() throws {
    try TemporaryDirectory.with { directory in
      guard Tool.isInstalled("squashfuse"), access("/dev/fuse", R_OK | W_OK) == 0 else { return }
      let fixture = LayerFixture(directory: directory)
      _ = try ImageBuilder().buildSquashfs(
        [try fixture.layer([.file("bin/x", "X", 0o755)])], at: directory("i"))
      let mount = try directory.makeDirectory("mount")
      let result = try run(["squashfuse", "-o", "uid=1234,gid=4321", directory("i"), mount])
      try #require(result.status == 0, "\(result.stderr)")
      defer { _ = try? run(["umount", mount]) }
      #expect(TreeReading.read(mount) == ["bin": "d 755", "bin/x": "f 755 X"])
      #expect(TreeReading.status("\(mount)/bin/x").st_uid == 1234)
    }
  }
}
