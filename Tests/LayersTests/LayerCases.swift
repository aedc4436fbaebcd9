/// The 33 layer cases, each with what must come of it.
struct LayerCase: Sendable {
  enum Outcome: Sendable {
    /// Exactly this tree.
    case tree([String: String])
    /// An error that names the entry and holds the text.
    case refused(entry: String, String)
  }

  var name: String
  var layers: [[TarItem]]
  var outcome: Outcome

  init(_ name: String, _ layers: [[TarItem]], _ outcome: Outcome) {
    (self.name, self.layers, self.outcome) = (name, layers, outcome)
  }

  /// The cases for an outside directory; `out` is its absolute path.
  static func all(outside out: String) -> [LayerCase] {
    let bare = String(out.dropFirst())
    func up(_ count: Int) -> String { String(repeating: "../", count: count) + bare }
    func inside(_ more: [String: String], _ name: String, _ what: String = "f 644 ESC") -> Outcome {
      var (tree, path) = (more, "")
      for part in bare.split(separator: "/") {
        path += (path.isEmpty ? "" : "/") + part
        tree[path] = "d 755"
      }
      tree["\(path)/\(name)"] = what
      return .tree(tree)
    }
    let overwritten = "f 644 OVERWRITTEN"
    return [
      .init("01 dotdot name", [[.file("\(up(8))/esc1")]], inside([:], "esc1")),
      .init("02 absolute name", [[.file("\(out)/esc2")]], inside([:], "esc2")),
      .init(
        "03 absolute symlink directory, then file", [[.link("d", to: out), .file("d/esc3")]],
        inside(["d": "l \(out)"], "esc3")),
      .init(
        "04 relative symlink directory, then file", [[.link("d", to: up(8)), .file("d/esc4")]],
        inside(["d": "l \(up(8))"], "esc4")),
      .init(
        "05 the same across layers", [[.link("d", to: out)], [.file("d/esc5")]],
        inside(["d": "l \(out)"], "esc5")),
      .init(
        "06 hard link to an absolute host path",
        [[.hardLink("h", to: "\(out)/victim"), .file("h", "OVERWRITTEN")]],
        .refused(entry: "h", "hard link is missing")),
      .init(
        "07 hard link with dotdot",
        [[.hardLink("h", to: "\(up(9))/victim"), .file("h", "OVERWRITTEN")]],
        .refused(entry: "h", "hard link is missing")),
      .init(
        "08 hard link to a symlink",
        [[.link("s", to: "\(out)/victim"), .hardLink("h", to: "s"), .file("h", "OVERWRITTEN")]],
        .tree(["s": "l \(out)/victim", "h": overwritten])),
      .init(
        "09 write through a file symlink",
        [[.link("f", to: "\(out)/victim")], [.file("f", "OVERWRITTEN")]],
        .tree(["f": overwritten])),
      .init(
        "10 root becomes a symlink", [[.link(".", to: out), .file("./esc10")]],
        .refused(entry: ".", "never changes")),
      .init(
        "11 whiteout through a symlink", [[.link("d", to: out)], [.file("d/.wh.victim", "")]],
        .tree(["d": "l \(out)"])),
      .init(
        "12 opaque through a symlink", [[.link("d", to: out)], [.file("d/.wh..wh..opq", "")]],
        .tree(["d": "l \(out)"])),
      .init(
        "13 whiteout of ..", [[.directory("a/"), .file("keep")], [.file("a/.wh...", "")]],
        .refused(entry: "a/.wh...", "whiteout")),
      .init(
        "14 whiteout of an empty name",
        [[.directory("a/"), .file("a/keep")], [.file("a/.wh.", "")]],
        .refused(entry: "a/.wh.", "whiteout")),
      .init(
        "15 whiteout of .", [[.directory("a/"), .file("a/keep")], [.file("a/.wh..", "")]],
        .refused(entry: "a/.wh..", "whiteout")),
      .init(
        "16 directory over a symlink",
        [[.link("d", to: "\(out)/subdir")], [.directory("d", 0o777)]], .tree(["d": "d 777"])),
      .init(
        "17 whiteout after its entry, same layer",
        [[.directory("a/"), .file("a/new", "N"), .file("a/.wh.new", "")]],
        .tree(["a": "d 755", "a/new": "f 644 N"])),
      .init(
        "18 opaque after entries",
        [
          [.directory("a/"), .file("a/old")],
          [.file("a/new", "N"), .file("a/.wh..wh..opq", "")],
        ], .tree(["a": "d 755", "a/new": "f 644 N"])),
      .init(
        "19 devices, FIFO",
        [
          [
            .directory("dev/"), .node("dev/evil", "3", 1, 8), .node("dev/blk", "4", 254, 0),
            .node("fifo", "6", 0, 0, 0o644),
          ]
        ], .tree(["dev": "d 755", "fifo": "p 644"])),
      .init(
        "20 setuid, sticky", [[.file("su", "x", 0o6755), .directory("sd", 0o1777)]],
        .tree(["su": "f 755 x", "sd": "d 1777"])),
      .init(
        "21 mode-000 directories",
        [
          [
            .directory("z/", 0), .file("z/f", "F", 0), .directory("z/sub", 0o555),
            .file("z/sub/g", "G"),
          ]
        ],
        .tree(["z": "d 0", "z/f": "f 0 F", "z/sub": "d 555", "z/sub/g": "f 644 G"])),
      .init(
        "22 xattrs",
        [
          [
            .file("x", "x").pax("SCHILY.xattr.user.foo", "bar")
              .pax("SCHILY.xattr.trusted.overlay.opaque", "y")
              .pax("SCHILY.xattr.user.overlay.opaque", "y")
              .pax("SCHILY.xattr.security.selinux", "s"),
            .file("capf", "x").pax("SCHILY.xattr.security.capability", "\u{1}"),
          ]
        ], .tree(["x": "f 644 x", "capf": "f 644 x"])),
      .init(
        "23 spaces, newline, UTF-8",
        [
          [
            .directory("dir with space/", 0o750), .file("dir with space/a b", "1", 0o640),
            .file("new\nline", "2"), .file("unié", "3"),
          ]
        ],
        .tree([
          "dir with space": "d 750", "dir with space/a b": "f 640 1", "new\nline": "f 644 2",
          "unié": "f 644 3",
        ])),
      .init(
        "24 hard link to a lower layer", [[.file("orig", "DATA")], [.hardLink("hl", to: "orig")]],
        .tree(["orig": "f 644 DATA", "hl": "f 644 DATA"])),
      .init(
        "25 hard link before its target", [[.hardLink("hl", to: "later"), .file("later")]],
        .refused(entry: "hl", "hard link is missing")),
      .init(
        "26 symlink loop as parent", [[.link("l", to: "l"), .file("l/x")]],
        .refused(entry: "l/x", "ELOOP")),
      .init(
        "27 file, then directory", [[.file("p")], [.directory("p"), .file("p/q", "y")]],
        .tree(["p": "d 755", "p/q": "f 644 y"])),
      .init(
        "28 directory, symlink, file",
        [[.directory("etc/"), .file("etc/a")], [.link("etc", to: out)], [.file("etc/esc28")]],
        inside(["etc": "l \(out)"], "esc28")),
      .init(
        "29 legal absolute symlink",
        [[.directory("usr/lib/"), .link("lib", to: "/usr/lib")], [.file("lib/x.so", "LIB")]],
        .tree([
          "usr": "d 755", "usr/lib": "d 755", "lib": "l /usr/lib", "usr/lib/x.so": "f 644 LIB",
        ])),
      .init(
        "30 pax path", [[.file("harmless").pax("path", "\(up(7))/esc30")]],
        inside([:], "esc30")),
      .init(
        "31 pax linkpath",
        [
          [
            .hardLink("h", to: "harmless").pax("linkpath", "\(out)/victim"),
            .file("h", "OVERWRITTEN"),
          ]
        ], .refused(entry: "h", "hard link is missing")),
      .init(
        "32 whiteout of a directory and a file",
        [
          [.directory("b/"), .file("b/f"), .file("c")], [.file(".wh.b", ""), .file(".wh.c", "")],
        ], .tree([:])),
      .init(
        "33 symlink chain",
        [
          [.link("s0", to: out)] + (1...5).map { .link("s\($0)", to: "s\($0 - 1)") }
            + [.file("s5/esc33")]
        ],
        inside(
          [
            "s0": "l \(out)", "s1": "l s0", "s2": "l s1", "s3": "l s2", "s4": "l s3", "s5": "l s4",
          ], "esc33")),
    ]
  }
}
