import TestSupport
import Testing

@testable import Modules

/// What is read of module files and of those beside them, and the index as bytes.
@Suite(.tags(.small))
struct ModuleIndexTests {
  /// Each is lower than the next, as Lmod has them.
  @Test(arguments: [
    ["1.9", "1.10", "1.10.1", "2"], ["2023.06", "2023.11", "2024.1", "2024.4"],
    ["2.4dev1", "2.4a1", "2.4rc1", "2.4.0", "2.4-1", "2.4.1"],
    ["2024.1-foss-2022b", "2024.1-foss-2023a", "2024.1-foss-2023b", "2024.4-foss-2023a"],
    ["0.1", ".6.4", "0.7", "1"], ["beta", "1"], ["9", "10", "11"],
    ["a/1.9", "a/1.10", "b/1.0"],
  ])
  func `versions are in their natural order`(_ versions: [String]) {
    for (lower, higher) in zip(versions, versions.dropFirst()) {
      let keys = [lower, higher].map { VersionOrder.key(of: $0) }
      #expect(keys[0].lexicographicallyPrecedes(keys[1]), "\(lower) before \(higher)")
    }
  }

  @Test func `a version that its directory names is above all others`() {
    let marked = VersionOrder.key(of: "1.0", marked: [0])
    #expect(VersionOrder.key(of: "999").lexicographicallyPrecedes(marked))
    #expect(
      VersionOrder.key(of: "b/9").lexicographicallyPrecedes(
        VersionOrder.key(of: "a/1", marked: [0])))
    #expect(VersionOrder.key(of: "2.4.0") == VersionOrder.key(of: "2.4"))
    #expect(VersionOrder.key(of: "") == VersionOrder.key(of: ""))
  }

  @Test(arguments: [
    ("whatis([==[Description: Molecular dynamics. ]==])", true, "Molecular dynamics."),
    (#"whatis("Description: says \"so\"")"#, true, #"says \"so\""#),
    ("whatis('description: small')", true, "small"),
    ("whatis([[Description: in\ntwo lines]])", true, "in two lines"),
    ("whatis(\"Name: x\")\nwhatis(\"Description: second\")", true, "second"),
    ("help([[whatis it?]])\nwhatis([==[Homepage: x]==])", true, ""),
    ("whatis([==[Description: without an end", true, "without an end"),
    ("whatis([==[Description: a\u{1b}[31mb\u{7}\u{202e}c]==])", true, "a [31mb c"),
    ("whatis(", true, ""), ("whatis(\"", true, ""), ("whatis([=", true, ""), ("", true, ""),
    ("#%Module\nmodule-whatis {Description: in Tcl}", false, "in Tcl"),
    ("#%Module\nmodule-whatis \"Description: quoted\"", false, "quoted"),
    ("#%Module\nmodule-whatis   Description: plain\nset a b", false, "plain"),
  ])
  func `a description is the first such line`(_ text: String, _ isLua: Bool, _ expected: String) {
    #expect(ModuleDescription.of(Array(text.utf8), isLua: isLua) == expected)
  }

  @Test func `a description is bounded and may be of any bytes`() {
    let long = "whatis([[Description: \(String(repeating: "é ", count: 5000))]])"
    #expect(ModuleDescription.of(Array(long.utf8), isLua: true).utf8.count <= 403)
    var random = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
      let text = ModuleDescription.of(Array("whatis([[Description: ".utf8) + bytes, isLua: true)
      #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
    }
  }

  @Test func `the files beside modules name defaults, further names and hidden versions`() {
    let lua = ModuleSettings(
      """
      -- module_version("Java/1", "default")
      module_version("Java/17.0.6", "17", 'lts')
      module_version( "/17.0.6" , "default" )
      hide_version("Java/8")
      module_alias("JDK/17", "Java/17")
      module_version(name, "x")
      if mode() then hide_version(v) end
      """, isLua: true, of: "Java")
    #expect(lua.marked == "Java/17.0.6")
    #expect(
      lua.aliases
        == ["Java/17": "Java/17.0.6", "Java/lts": "Java/17.0.6", "JDK/17": "Java/17"])
    #expect(lua.hidden == ["Java/8"])

    let tcl = ModuleSettings(
      "#%Module\nset ModulesVersion \"18.1\"\n", isLua: false, of: "nodejs")
    #expect(tcl.marked == "18.1")
    let rc = ModuleSettings(
      "#%Module\nmodule-version /2.0 default two\nmodule-version $v default\nhide-version /1.0\n",
      isLua: false, of: "a")
    #expect(rc.marked == "a/2.0")
    #expect(rc.aliases == ["a/two": "a/2.0"])
    #expect(rc.hidden == ["a/1.0"])
  }

  @Test func `names that a terminal would not show as they are count for nothing`() {
    #expect(isPrintable("libGLU-9.0.3+é"))
    for name in ["", "a b", "a\nb", "a\u{1b}[2J", "a\u{7f}", "\u{202e}x", "a\u{85}"] {
      #expect(!isPrintable(name), "\(name.debugDescription)")
    }
  }

  @Test func `near misses are counted`() {
    func distance(_ a: String, _ b: String) -> Int {
      ModuleIndex.distance(Array(a.utf8), Array(b.utf8))
    }
    #expect(distance("gromacs", "gromacs") == 0)
    #expect(distance("gromaks", "gromacs") == 1)
    #expect(distance("gormacs", "gromacs") == 1)
    #expect(distance("groma", "gromacs") == 2)
    #expect(distance("", "abc") == 3)
    #expect(distance("a", String(repeating: "b", count: 200)) == 64)
  }

  static func sample() -> ModuleIndex {
    var index = ModuleIndex(key: "1:k\n")
    index.trees = [
      ModuleIndex.Tree(
        directory: "/c/x86_64/generic/m", subdirectory: "x86_64/generic", isSite: false),
      ModuleIndex.Tree(
        directory: "/h/m", subdirectory: "x86_64/amd/zen2", accelerator: "accel/nvidia/cc80",
        isSite: true),
    ]
    index.trees[0].aliases = ["a/1": "a/1.0"]
    index.modules = [
      ModuleIndex.Module(
        name: "a", version: "1.0",
        places: [
          ModuleIndex.Place(tree: 0, isLua: true, marked: [0]),
          ModuleIndex.Place(tree: 1, isLua: false),
        ], description: "an é: 3:x\n"),
      ModuleIndex.Module(
        name: "b/c", version: "", places: [ModuleIndex.Place(tree: 1, isLua: true)]),
    ]
    return index
  }

  @Test func `an index comes back from its bytes`() {
    let index = Self.sample()
    #expect(ModuleIndex(bytes: index.bytes) == index)
  }

  @Test func `damaged bytes are no index`() {
    let bytes = Self.sample().bytes
    for length in 0..<bytes.count {
      #expect(ModuleIndex(bytes: Array(bytes.prefix(length))) == nil)
    }
    for at in bytes.indices {
      var changed = bytes
      changed[at] ^= 0x11
      #expect(ModuleIndex(bytes: changed) == nil)
    }
    #expect(ModuleIndex(bytes: bytes + bytes) == nil)
    #expect(ModuleIndex(bytes: bytes + [0x0a]) == nil)
  }
}
