import Foundation
import Layers
import TestSupport
import Testing

/// The cases of hostile and of legal layers, in both forms.
@Suite(.tags(.large), .needs("sqfstar", "unsquashfs"))
struct LayerCaseTests {
  @Test(arguments: 1...33, ImageForm.allCases)
  func `a case has its outcome, and nothing outside changes`(
    number: Int, form: ImageForm
  ) throws {
    try TemporaryDirectory.with { directory in
      let out = try Self.makeOutside(directory)
      let layerCase = LayerCase.all(outside: out)[number - 1]
      try #require(layerCase.name.hasPrefix(number < 10 ? "0\(number) " : "\(number) "))
      let fixture = LayerFixture(directory: directory)
      let layers = try layerCase.layers.map { try fixture.layer($0) }
      switch layerCase.outcome {
      case .tree(let expected):
        try form.build(layers, in: directory) { root, report in
          #expect(TreeReading.read(root) == expected, "\(layerCase.name)")
          try Self.checkMore(number, root, report)
        }
      case .refused(let entry, let text):
        let error = #expect(throws: LayerError.self) {
          try form.build(layers, in: directory) { _, _ in }
        }
        #expect(error?.entry == Array(entry.utf8), "\(layerCase.name)")
        #expect(error?.description.contains(text) == true, "\(String(describing: error))")
        #expect(error?.layer != nil)
      }
      for name in ["rootfs", "image.squashfs"] {
        #expect(TreeReading.mode(directory(name)) == 0, "\(name) is left")
      }
      Self.checkOutside(out)
    }
  }

  /// What the table says beside the tree.
  private static func checkMore(_ number: Int, _ root: String, _ report: BuildReport) throws {
    switch number {
    case 19: #expect(report.warnings.count == 1)
    case 22:
      let list = """
        import os, sys
        for f in ('x', 'capf'):
            p = sys.argv[1] + '/' + f
            print(f, [(a, os.getxattr(p, a)) for a in os.listxattr(p)])
        """
      let result = try run(["python3", "-c", list, root])
      #expect(result.stdout == "x [('user.foo', b'bar')]\ncapf []\n", "\(result.stderr)")
    case 24:
      let (one, other) = (TreeReading.status("\(root)/orig"), TreeReading.status("\(root)/hl"))
      #expect(one.st_ino == other.st_ino && one.st_nlink == 2)
    default: #expect(report.warnings.isEmpty)
    }
  }

  private static func makeOutside(_ directory: TemporaryDirectory) throws -> String {
    let out = try directory.makeDirectory("out")
    chmod(out, 0o755)
    try directory.write("out/victim", "ORIGINAL")
    chmod("\(out)/victim", 0o644)
    try directory.makeDirectory("out/subdir")
    chmod("\(out)/subdir", 0o700)
    return out
  }

  private static func checkOutside(_ out: String) {
    #expect(TreeReading.read(out) == ["victim": "f 644 ORIGINAL", "subdir": "d 700"])
    #expect(TreeReading.mode(out) & 0o7777 == 0o755)
    #expect(TreeReading.status("\(out)/victim").st_nlink == 1)
  }
}
