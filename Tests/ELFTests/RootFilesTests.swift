import CLinux
import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// The files of an image, whose links are its own.
@Suite(.tags(.medium))
struct RootFilesTests {
  /// A root with links that would lead out of it, were they followed by the host.
  func image(_ body: (TemporaryDirectory) throws -> Void) throws {
    try TemporaryDirectory.with { directory in
      let object = ELFWriter(soname: "libx.so").bytes
      try directory.write("root/lib/libx.so", object)
      try directory.write("root/lib/text", "text")
      try directory.write("outside/libx.so", ELFWriter(soname: "outside.so").bytes)
      try directory.link("root/absolute", to: "/lib/libx.so")
      try directory.link("root/relative", to: "lib/../lib/./libx.so")
      try directory.link("root/above", to: "../../../../lib/libx.so")
      try directory.link("root/out", to: "../outside/libx.so")
      try directory.link("root/host", to: "\(directory.path)/outside/libx.so")
      try directory.link("root/loop", to: "loop2")
      try directory.link("root/loop2", to: "loop")
      try directory.link("root/dangling", to: "/nowhere")
      try directory.link("root/etc/lib", to: "/lib")
      try directory.link("root/etc/chain", to: "lib/../absolute")
      try directory.link("root/proc", to: "/proc")
      try directory.link("root/slash", to: "/")
      for number in 0..<45 { try directory.link("root/link\(number)", to: "link\(number + 1)") }
      try directory.link("root/link45", to: "lib/libx.so")
      try directory.makeDirectory("root/empty")
      try body(directory)
    }
  }

  static let paths = [
    "/lib/libx.so", "lib/libx.so", "//lib///libx.so", "/lib/./libx.so", "/../../lib/libx.so",
    "/absolute", "/relative", "/above", "/out", "/host", "/loop", "/dangling", "/etc/lib/libx.so",
    "/etc/chain", "/etc/lib/../absolute", "/slash/slash/lib/libx.so", "/lib", "/", "", ".", "..",
    "/lib/libx.so/", "/lib/libx.so/x", "/lib/text/..", "/proc/self/exe", "/proc/1/root/etc/passwd",
    "/link0", "/link5", "/link6", "/link44", "/empty/nothing", "/empty/", "/nowhere/at/all",
    "/" + String(repeating: "x", count: 255), "/" + String(repeating: "x", count: 256),
    "/" + String(repeating: "lib/../", count: 300) + "absolute",
    "/" + String(repeating: "lib/../", count: 600) + "absolute",
  ]

  @Test func `links are followed inside the root`() throws {
    try image { directory in
      let files = try #require(RootFiles(root: directory("root")))
      func soname(_ path: String) -> String? {
        if case .object(let object, _) = files.file(at: path) { object.soname } else { nil }
      }
      for path in [
        "/lib/libx.so", "/absolute", "/relative", "/above", "/etc/lib/libx.so", "/etc/chain",
        "/slash/slash/lib/libx.so", "/../../lib/libx.so",
      ] {
        #expect(soname(path) == "libx.so", "\(path)")
        #expect(files.realPath(of: path) == "/lib/libx.so", "\(path)")
        #expect(files.source(at: path)?.count == ELFWriter(soname: "libx.so").bytes.count)
      }
      for path in [
        "/out", "/host", "/loop", "/dangling", "/proc/self/exe", "/proc/1/root/etc/passwd",
      ] {
        #expect(soname(path) == nil, "\(path)")
        #expect(files.source(at: path) == nil, "\(path)")
        #expect(files.realPath(of: path) == nil, "\(path)")
      }
      guard case .names(let names) = files.names(in: "/slash/etc/lib") else {
        Issue.record("a directory by links is none")
        return
      }
      #expect(names.isSuperset(of: ["libx.so", "text"]))
      if case .absent = files.names(in: "/host") {} else { Issue.record("a file is listed") }
      #expect(files.realPath(of: "/") == "/")
      #expect(RootFiles(root: directory("nowhere")) == nil)
      #expect(RootFiles(root: directory("root/lib/text")) == nil)
    }
  }

  @Test func `the walk by hand leads where the kernel's does`() throws {
    try image { directory in
      let root = open(directory("root"), O_RDONLY | O_DIRECTORY)
      try #require(root >= 0)
      defer { close(root) }
      var (opened, failed) = (0, 0)
      for path in Self.paths {
        for flags in [O_RDONLY, sw_path_only, sw_path_only | O_DIRECTORY, O_RDONLY | O_DIRECTORY] {
          let kernel = sw_open_in_root(root, path, flags | O_CLOEXEC)
          let walked = sw_walk_in_root(root, path, flags | O_CLOEXEC)
          defer { for file in [kernel, walked] where file >= 0 { close(file) } }
          guard kernel >= 0 else {
            #expect(walked == kernel, "\(path.prefix(60)) \(flags)")
            failed += 1
            continue
          }
          try #require(walked >= 0, "\(path.prefix(60)) \(flags): \(walked)")
          var (a, b) = (stat(), stat())
          fstat(kernel, &a)
          fstat(walked, &b)
          #expect(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "\(path)")
          opened += 1
        }
      }
      #expect(opened > 40 && failed > 20)
      // Nothing stays open; other tests open files too, but not so many.
      func count() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
      }
      let before = try count()
      for path in Self.paths {
        for _ in 0..<300 { close(sw_walk_in_root(root, path, O_RDONLY)) }
      }
      #expect(try count() < before + 200)
    }
  }

  @Test func `what is no file is told, and opened by nobody`() throws {
    try TemporaryDirectory.with { directory in
      try #require(mkfifo(directory("fifo"), 0o600) == 0)
      try directory.write("text", "text")
      try directory.write("long", String(repeating: "text ", count: 100))
      try directory.link("null", to: "/dev/null")
      try directory.link("loop", to: "loop")
      for files in [RootFiles(), RootFiles(root: directory.path)] {
        let files = try #require(files)
        let base = files.root == "/" ? directory.path : ""
        func answer(_ name: String) -> String { "\(files.file(at: "\(base)/\(name)"))" }
        #expect(answer("fifo") == "waiting")
        #expect(answer("nothing") == "absent")
        #expect(answer("loop") == "unreadable(\(ELOOP))")
        #expect(answer("text/below") == "unreadable(\(ENOTDIR))")
        #expect(answer("") == "unreadable(\(EISDIR))")
        #expect(answer("text").hasPrefix("unusable"))
        #expect(answer("long").hasPrefix("unusable"))
        // In the root /dev/null is nothing.
        #expect(answer("null") == (files.root == "/" ? "unusable(file too short)" : "absent"))
      }
    }
  }

  @Test func `a file is parsed once, by whatever path, and its reads stay in it`() throws {
    try TemporaryDirectory.with { directory in
      let bytes = ELFWriter(soname: "libx.so").bytes
      try directory.write("libx.so", bytes)
      try directory.link("liby.so", to: "libx.so")
      let files = try #require(RootFiles())
      func object(_ name: String) throws -> ELFObject {
        guard case .object(let object, _) = files.file(at: directory(name)) else {
          throw CocoaError(.fileReadUnknown)
        }
        return object
      }
      #expect(try object("libx.so") === object("liby.so"))
      let source = try #require(files.source(at: directory("libx.so")))
      #expect(source.read(0, bytes.count) == bytes)
      #expect(source.read(bytes.count - 1, 1) == [bytes.last!])
      #expect(source.read(bytes.count, 0) == [])
      for (offset, count) in [
        (bytes.count, 1), (-1, 1), (0, -1), (0, bytes.count + 1), (Int.max, 1), (1, Int.max),
      ] {
        #expect(source.read(offset, count) == nil)
      }
      // Cut short after it was opened.
      truncate(directory("libx.so"), 10)
      #expect(source.read(0, 20) == nil)
      #expect(source.read(0, 10) == Array(bytes.prefix(10)))
    }
  }

  @Test(
    .enabled(
      if: RealLoader.isPresent && geteuid() == 0 && Tool.isInstalled("setpriv"),
      "root and setpriv(1) are needed to become somebody else"),
    .tags(.large))
  func `what may not be listed may be opened, and what may not be read is passed over`() throws {
    try TemporaryDirectory.with { directory in
      for (place, mode) in [("closed", 0o711), ("shut", 0o700), ("open", 0o755)]
        as [(String, mode_t)]
      {
        for name in ["libx.so", "liby.so", "libz.so"] {
          try directory.write("\(place)/\(name)", ELFWriter(soname: name).bytes)
        }
        chmod(directory(place), mode)
      }
      chmod(directory("closed/liby.so"), 0o600)
      chmod(directory("open/libz.so"), 0)
      var program = ELFWriter(needed: ["libx.so", "liby.so", "libz.so", "libnone.so"])
      program.runpath = "$ORIGIN/shut:$ORIGIN/closed:$ORIGIN/open"
      try directory.write("program", program.bytes)
      let real = try RealLoader.native.listing(
        directory("program"), traces: true,
        wrapper: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
      let world = try RealLoader.native.world(in: try #require(RootFiles()))
      let files = try #require(RootFiles())
      let closure = try asNobody {
        if case .unlisted = files.names(in: directory("closed")) {
        } else {
          Issue.record("a directory of mode 0711 is listed")
        }
        return Loader(world: world, files: files).closure(of: directory("program"))
      }
      #expect(closure.listing(traces: true) == real)
      #expect(closure.objects[1].path == directory("closed/libx.so"))
      #expect(closure.objects[2].path == directory("open/liby.so"))
    }
  }

  static let canChange = geteuid() == 0 && Tool.isInstalled("chroot")

  @Test(
    .enabled(if: RealLoader.isPresent && canChange, "chroot(8) needs root"),
    .tags(.large))
  func `a root is what the linker sees in it`() throws {
    try TemporaryDirectory.with { directory in
      func write(
        _ path: String, needed: [String] = [], _ change: (inout ELFWriter) -> Void = { _ in }
      )
        throws
      {
        var object = ELFWriter(needed: needed)
        change(&object)
        try directory.write(path, object.bytes)
      }
      let linker = try #require(RootFiles()).realPath(of: RealLoader.native.path)
      try directory.write(
        "usr/lib/ld.so", Array(try Data(contentsOf: URL(filePath: try #require(linker)))))
      chmod(directory("usr/lib/ld.so"), 0o755)
      try directory.link("lib64", to: "/usr/lib")
      try directory.link("lib", to: "usr/lib")
      try write("usr/lib/libsystem.so")
      try write("opt/own/libown.so", needed: ["libsystem.so", "libcached.so", "libc.so.6"]) {
        $0.runpath = "$ORIGIN/../beside"
      }
      try write("opt/beside/libcached.so")
      try write("srv/libcached.so")
      // Absolute links, and those that would leave the root.
      try directory.link("opt/link", to: "/opt/own")
      try directory.link("srv/libout.so", to: "../../../../srv/libcached.so")
      try directory.link("srv/libhost.so", to: linker!)
      for (name, last) in [("program", "libpre.so"), ("other", "libhost.so")] {
        try write("bin/\(name)", needed: ["libown.so", "libout.so", last]) {
          $0.interpreter = "/lib64/ld.so"
          $0.rpath = "/opt/link:/srv"
        }
      }
      try write("usr/lib/libpre.so", needed: ["ld-linux-x86-64.so.2"])
      try directory.write("etc/ld.so.preload", "/lib/libpre.so\n")
      try directory.write(
        "etc/ld.so.cache", CacheWriter([("libc.so.6", "/srv/libcached.so")]).bytes)
      let files = try #require(RootFiles(root: directory.path))
      let world = try LoaderWorld.reading(
        interpreter: "/lib64/ld.so", files: files, processor: try RealLoader.native.processor())
      let loader = Loader(world: world, files: files)
      func check(_ program: String) throws -> Closure {
        let closure = loader.closure(of: program)
        let real = try RealLoader(path: "/lib64/ld.so").listing(
          program, traces: false, wrapper: ["chroot", directory.path])
        #expect(closure.listing(traces: false) == real)
        return closure
      }
      #expect(try check("/bin/program").objects.count == 7)
      // It leads to the linker outside, and in the root to nothing.
      #expect(try check("/bin/other").missing.map(\.name) == ["libhost.so"])
    }
  }
}
