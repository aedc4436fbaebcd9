import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// Programs and libraries made for one rule each, against the dynamic linker of this machine.
@Suite(.tags(.large), .enabled(if: RealLoader.isPresent, "\(RealLoader.absence)"))
struct LoaderConstructionTests {
  /// A directory with a program in it.
  struct Scene {
    let directory: TemporaryDirectory

    /// Writes an object below the directory.
    @discardableResult
    func write(_ path: String, _ object: ELFWriter) throws -> String {
      try directory.write(path, object.bytes)
    }

    @discardableResult
    func library(
      _ path: String, soname: String? = nil, needed: [String] = [],
      _ change: (inout ELFWriter) -> Void = { _ in }
    ) throws -> String {
      var object = ELFWriter(soname: soname, needed: needed)
      change(&object)
      return try write(path, object)
    }

    @discardableResult
    func program(
      _ path: String = "program", needed: [String], _ change: (inout ELFWriter) -> Void = { _ in }
    ) throws -> String {
      try library(path, needed: needed) {
        $0.interpreter = RealLoader.native.path
        change(&$0)
      }
    }

    func link(_ path: String, to destination: String) throws {
      try directory.link(path, to: destination)
    }

    /// Expects what the linker says, by its list and by its trace; gives what was simulated.
    @discardableResult
    func check(
      _ program: String = "program", libraryPath: String = "", preload: String = "",
      in workingDirectory: String? = nil, traces: [Bool] = [false, true],
      _ location: SourceLocation = #_sourceLocation
    ) throws -> Closure {
      let path = program.contains("/") ? program : directory(program)
      let files = try #require(RootFiles())
      let world = try RealLoader.native.world(in: files)
      let loader = Loader(world: world, files: files, workingDirectory: workingDirectory ?? "/")
      let absolute = path.hasPrefix("/") ? path : "\(workingDirectory ?? "/")/\(path)"
      let real = RealLoader.hasRealOrigin ? files.realPath(of: absolute) : nil
      let closure = loader.closure(
        of: path, libraryPath: Loader.libraryPath(of: libraryPath),
        preload: Loader.preloads(of: preload),
        origin: real.map { URL(filePath: $0).deletingLastPathComponent().path })
      for traces in traces {
        let real = try RealLoader.native.listing(
          path, traces: traces, libraryPath: libraryPath, preload: preload,
          directory: workingDirectory)
        let simulated = closure.listing(traces: traces)
        #expect(simulated == real, "traces: \(traces)", sourceLocation: location)
      }
      return closure
    }

    /// The paths of what was loaded, below the directory; without the linker, which newer releases
    /// always list.
    func paths(_ closure: Closure) -> [String] {
      closure.objects.dropFirst().filter { $0.via != .interpreter }.map { object in
        object.path.hasPrefix(directory.path)
          ? String(object.path.dropFirst(directory.path.count + 1)) : object.path
      }
    }
  }

  func scene(_ body: (Scene) throws -> Void) throws {
    try TemporaryDirectory.with { try body(Scene(directory: $0)) }
  }

  // MARK: RPATH and RUNPATH

  @Test func `RPATH comes before LD_LIBRARY_PATH, and RUNPATH after it`() throws {
    try scene { scene in
      let directory = scene.directory
      for place in ["own", "variable"] { try scene.library("\(place)/libx.so", soname: "libx.so") }
      try scene.program("rpath", needed: ["libx.so"]) { $0.rpath = directory("own") }
      try scene.program("runpath", needed: ["libx.so"]) { $0.runpath = directory("own") }
      try scene.program("both", needed: ["libx.so"]) {
        $0.rpath = directory("own")
        $0.runpath = directory("nowhere")
      }
      let variable = directory("variable")
      var closure = try scene.check("rpath", libraryPath: variable)
      #expect(scene.paths(closure) == ["own/libx.so"])
      #expect(closure.objects[1].via == .rpath(directory: directory("own") + "/", of: 0))
      closure = try scene.check("runpath", libraryPath: variable)
      #expect(closure.objects[1].via == .libraryPath(variable + "/"))
      closure = try scene.check("runpath")
      #expect(closure.objects[1].via == .runpath(directory("own") + "/"))
      closure = try scene.check("both")
      #expect(closure.missing.map(\.name) == ["libx.so"])
    }
  }

  @Test func `the RPATHs of all that led to an object are searched`() throws {
    try scene { scene in
      let directory = scene.directory
      try scene.program(needed: ["liba.so"]) { $0.rpath = directory("one") }
      try scene.library("one/liba.so", needed: ["libb.so"]) { $0.rpath = directory("two") }
      try scene.library("two/libb.so", needed: ["libc1.so", "libc2.so", "libc3.so"])
      try scene.library("one/libc1.so")
      try scene.library("two/libc1.so")
      try scene.library("one/libc2.so")
      let closure = try scene.check()
      #expect(
        scene.paths(closure) == ["one/liba.so", "two/libb.so", "two/libc1.so", "one/libc2.so"])
      #expect(closure.objects[3].via == .rpath(directory: directory("two") + "/", of: 1))
      #expect(closure.objects[2].needed == [3, 4, nil])
      #expect(closure.missing.first?.requester == 2)
    }
  }

  @Test func `an object with a RUNPATH is passed over in the chain, and uses no RPATH`() throws {
    try scene { scene in
      let directory = scene.directory
      try scene.program(needed: ["liba.so"]) { $0.rpath = directory("one") }
      try scene.library("one/liba.so", needed: ["libb.so"]) {
        $0.rpath = directory("two")
        $0.runpath = directory("three")
      }
      try scene.library("three/libb.so", needed: ["libx.so", "liby.so"])
      try scene.library("two/libx.so")
      try scene.library("three/libx.so")
      try scene.library("one/liby.so")
      try scene.library("one/libb.so")
      let closure = try scene.check()
      #expect(scene.paths(closure) == ["one/liba.so", "three/libb.so", "one/liby.so"])
    }
  }

  @Test func `a RUNPATH is not inherited`() throws {
    try scene { scene in
      try scene.program(needed: ["liba.so"]) { $0.runpath = scene.directory("one") }
      try scene.library("one/liba.so", needed: ["libb.so"])
      try scene.library("one/libb.so")
      #expect(try scene.check().missing.map(\.name) == ["libb.so"])
    }
  }

  @Test func `empty paths, empty elements and doubled directories`() throws {
    try scene { scene in
      let directory = scene.directory
      try scene.library("here/libx.so")
      try scene.library("there/libx.so")
      for (number, path) in [
        "", ":", "::", "\(directory("there"))::", ":\(directory("there"))", "there:here",
        "./there///", "there;here", "/", "\(directory("none")):\(directory("none"))/:there",
        "//\(directory("there"))//", "$", "${}", "there/$", "$there",
      ].enumerated() {
        try scene.program("rpath\(number)", needed: ["libx.so"]) { $0.rpath = path }
        try scene.program("runpath\(number)", needed: ["libx.so"]) { $0.runpath = path }
        for kind in ["rpath", "runpath"] {
          for place in [directory("here"), directory.path, "/"] {
            try scene.check(directory("\(kind)\(number)"), in: place)
          }
        }
      }
    }
  }

  @Test func `LD_LIBRARY_PATH has colons and semicolons, and empty elements are here`() throws {
    try scene { scene in
      let directory = scene.directory
      try scene.program(needed: ["libx.so", "liby.so"])
      try scene.library("here/libx.so")
      try scene.library("there/libx.so")
      try scene.library("there/liby.so")
      for path in [
        "\(directory("none")):;\(directory("there"))", "\(directory("there"));", ";", ":",
        "\(directory("there"));\(directory("here"))", "there", "../there/:.", "./", "$ORIGIN/there",
        "${ORIGIN}/here:$ORIGIN/there", "$LIB", "$ORIGINS:$ORIGIN_:${ORIGIN:$ORIGIN}/there",
      ] {
        try scene.check(libraryPath: path, in: directory("here"))
        try scene.check(libraryPath: path, in: directory.path)
      }
    }
  }

  // MARK: tokens

  @Test func `the token ORIGIN is the directory of the path by which an object was opened`() throws
  {
    try scene { scene in
      try scene.program("bin/program", needed: ["liba.so"]) { $0.rpath = "$ORIGIN/../lib" }
      try scene.library("store/liba.so", needed: ["libb.so"]) { $0.runpath = "${ORIGIN}/beside" }
      try scene.library("store/beside/libb.so")
      try scene.library("lib/beside/libb.so", needed: ["libm.so.6"])
      try scene.link("lib/liba.so", to: "../store/liba.so")
      try scene.link("elsewhere/program", to: "../bin/program")
      try scene.link("linked", to: "bin")
      var closure = try scene.check(scene.directory("bin/program"))
      #expect(scene.paths(closure)[1] == "bin/../lib/beside/libb.so")
      closure = try scene.check(scene.directory("linked/program"))
      let origins = RealLoader.hasRealOrigin ? ["bin", "bin"] : ["linked", "elsewhere"]
      #expect(scene.paths(closure)[0] == "\(origins[0])/../lib/liba.so")
      #expect(
        try scene.check(scene.directory("elsewhere/program")).objects[1].path
          == scene.directory("\(origins[1])/../lib/liba.so"))
      try scene.check("./program", in: scene.directory("bin"))
      try scene.check("bin/program", in: scene.directory.path)
      try scene.check("../bin/program", in: scene.directory("lib"))
    }
  }

  @Test func `a program that the kernel starts has its real directory for $ORIGIN`() throws {
    try scene { scene in
      // This one runs, so it is compiled.
      try scene.directory.write("x.c", "int x(void) { return 0; }")
      try scene.directory.write("main.c", "int x(void); int main(void) { return x(); }")
      try FileManager.default.createDirectory(
        atPath: scene.directory("store/lib"), withIntermediateDirectories: true)
      for argv in [
        ["gcc", "-shared", "-fPIC", "-o", "store/lib/libx.so", "x.c"],
        [
          "gcc", "-o", "store/main", "main.c", "-Lstore/lib", "-lx",
          "-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib",
        ],
      ] {
        let result = try run(argv, directory: scene.directory.path)
        try #require(result.status == 0, "\(result.stderr)")
      }
      try scene.link("main", to: "store/main")
      let path = scene.directory("main")
      // Through the linker it is the directory of the link: nothing is found there.
      let missing = try scene.check("main").missing.map(\.name)
      #expect(missing == (RealLoader.hasRealOrigin ? [] : ["libx.so"]))
      #expect(try run([path]).status == 0)
      let files = try #require(RootFiles())
      let world = try RealLoader.native.world(in: files)
      let real = try #require(files.realPath(of: path))
      #expect(real.hasSuffix("/store/main"))
      let closure = Loader(world: world, files: files)
        .closure(of: path, origin: String(real.dropLast("/main".count)))
      #expect(closure.missing.isEmpty)
      let traced = try run([path], environment: ["LD_TRACE_LOADED_OBJECTS": "1"])
      #expect(traced.stdout.contains("libx.so => \(closure.objects[1].path) ("))
    }
  }

  @Test func `the tokens LIB and PLATFORM are the linker's own`() throws {
    try scene { scene in
      let platform = try #require(try RealLoader.native.processor().platform)
      let names = ["lib", "lib64", "lib/x86_64-linux-gnu", "haswell", "x86_64", platform]
      for name in Set(names) { try scene.library("at/\(name)/libx.so") }
      for (number, path) in [
        "$LIB", "${LIB}", "$PLATFORM", "${PLATFORM}", "$LIBRARY", "${LIB", "$LIB}", "$LIB$PLATFORM",
        "$PLATFORM/../$LIB", "$ORIGIN", "x$LIB/../$LIB",
      ].enumerated() {
        try scene.program("program\(number)", needed: ["libx.so"]) {
          $0.runpath = "$ORIGIN/at/\(path)"
        }
        try scene.check("program\(number)")
      }
      #expect(scene.paths(try scene.check("program0")).count == 1)
      #expect(scene.paths(try scene.check("program2")).count == 1)
    }
  }

  @Test func `names with a slash and with tokens are opened as they are`() throws {
    try scene { scene in
      try scene.program(
        needed: [
          "$ORIGIN/lib/liba.so", "lib/libb.so", "./lib/liba.so", scene.directory("lib/libb.so"),
          "lib/none.so", "$LIB/none.so", "$NOTHING/libc.so",
        ])
      try scene.library("lib/liba.so", needed: ["liba.so", "libb.so", "lib/libb.so"])
      try scene.library("lib/libb.so", soname: "libb.so")
      try scene.check(in: scene.directory.path)
      try scene.check(in: scene.directory("lib"))
      try scene.check(in: "/")
    }
  }

  // MARK: capabilities

  @Test func `subdirectories for the processor are searched before each directory`() throws {
    try scene { scene in
      let directory = scene.directory
      let files = try #require(RootFiles())
      let world = try RealLoader.native.world(in: files)
      let subdirectories = world.capabilityDirectories
      #expect(subdirectories.count >= 3)
      // A name for each: the first so many have it.
      for (number, subdirectory) in subdirectories.enumerated() {
        for other in 0...number {
          try scene.library("one/\(subdirectory)libx\(other).so", soname: "libx\(other).so")
        }
      }
      let names = subdirectories.indices.map { "libx\($0).so" }
      for name in names { try scene.library("one/\(name)") }
      try scene.program(needed: names) { $0.runpath = directory("none") + ":" + directory("one") }
      let closure = try scene.check()
      #expect(scene.paths(closure) == subdirectories.enumerated().map { "one/\($1)libx\($0).so" })
      try scene.program("variable", needed: names)
      try scene.check("variable", libraryPath: directory("one"))
      try scene.check("variable", libraryPath: "one", in: directory.path)
      // What the processor cannot use, and what is no directory.
      for name in ["x86-64-v5", "x86-64-v1", "power10"] {
        try scene.library("two/glibc-hwcaps/\(name)/liby.so")
      }
      try scene.directory.write("two/tls", "no directory")
      try scene.directory.write("three/glibc-hwcaps", "no directory")
      try scene.link("three/x86_64", to: "../one/x86_64")
      try scene.library("two/liby.so")
      try scene.program("other", needed: ["liby.so", names.last!, "libz.so"]) {
        $0.runpath = directory("two") + ":" + directory("three")
      }
      try scene.check("other")
    }
  }

  @Test func `the list of subdirectories is the linker's own`() throws {
    try scene { scene in
      let program = try scene.program(needed: ["libnone.so"]) { $0.runpath = "/tmp" }
      let result = try run(
        ["sh", "-c", "LD_DEBUG=libs exec \"$@\"", "sh", RealLoader.native.path, "--list", program])
      let tried = result.stderr.split(separator: "\n").compactMap { line -> String? in
        guard let range = line.range(of: "trying file=/tmp/") else { return nil }
        return String(line[range.upperBound...].dropLast("libnone.so".count))
      }
      let files = try #require(RootFiles())
      let world = try RealLoader.native.world(in: files)
      #expect(tried == world.capabilityDirectories + [""])
    }
  }

  // MARK: what is passed over, and what ends the linker

  @Test func `files for other programs are passed over`() throws {
    try scene { scene in
      let directory = scene.directory
      try scene.library("class/libx.so") {
        $0.is64Bit = false
        $0.machine = 3
      }
      try scene.library("machine/libx.so") { $0.machine = 183 }
      try scene.library("order/libx.so") {
        $0.machine = 22
        $0.order = .big
      }
      try scene.library("x32/libx.so") { $0.is64Bit = false }
      var bytes = ELFWriter().bytes
      bytes[4] = 7
      try directory.write("nonsense/libx.so", bytes)
      try scene.library("good/libx.so")
      let wrong = ["class", "machine", "order", "x32", "nonsense"]
      try scene.program(needed: ["libx.so"]) {
        $0.runpath = (wrong + ["good"]).map { directory($0) }.joined(separator: ":")
      }
      #expect(scene.paths(try scene.check()) == ["good/libx.so"])
      for place in wrong {
        try scene.program(place + "-only", needed: ["libx.so"]) { $0.runpath = directory(place) }
        #expect(try scene.check(place + "-only").missing.count == 1)
        try scene.check(directory("\(place)/libx.so"))
      }
    }
  }

  @Test func `broken files end the linker, with its own words`() throws {
    try scene { scene in
      let directory = scene.directory
      let good = ELFWriter(soname: "libx.so").bytes
      func variant(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes = good
        change(&bytes)
        return bytes
      }
      var executable = ELFWriter()
      executable.kind = 2
      var pie = ELFWriter()
      pie.flags1 = 0x0800_0000
      let broken: [(name: String, bytes: [UInt8])] = [
        ("empty", []), ("short", Array(good.prefix(63))), ("text", Array("INPUT(-lx)\n".utf8)),
        ("script", Array("#!/bin/sh\n".utf8) + [UInt8](repeating: 0x0a, count: 100)),
        ("order", variant { $0[5] = 2 }), ("order3", variant { $0[5] = 3 }),
        ("version", variant { $0[6] = 2 }), ("abi", variant { $0[7] = 9 }),
        ("gnu", variant { $0[7] = 3 }), ("gnu3", variant { ($0[7], $0[8]) = (3, 3) }),
        ("gnu4", variant { ($0[7], $0[8]) = (3, 4) }), ("abiversion", variant { $0[8] = 1 }),
        ("padding", variant { $0[12] = 1 }), ("version2", variant { $0[20] = 2 }),
        ("relocatable", variant { $0[16] = 1 }), ("core", variant { $0[16] = 4 }),
        ("phentsize", variant { $0[54] = 57 }), ("phnum0", variant { $0[56] = 0 }),
        ("phoff", variant { $0[34] = 9 }), ("headers", Array(good.prefix(100))),
        ("unaligned", variant { $0[64 + 8] = 0x10 }),
        // No PT_LOAD, no PT_DYNAMIC, an empty PT_DYNAMIC.
        ("noload", variant { $0[64] = 7 }), ("nodynamic", variant { $0[64 + 56] = 7 }),
        ("emptydynamic", variant { bytes in for at in 32..<40 { bytes[64 + 56 + at] = 0 } }),
        ("executable", executable.bytes), ("pie", pie.bytes),
      ]
      for (name, bytes) in broken {
        try directory.write("\(name)/libx.so", bytes)
        try scene.program(name + "-program", needed: ["libx.so"]) {
          $0.runpath = directory(name)
        }
        let closure = try scene.check(name + "-program")
        #expect((closure.failure == nil) == ["gnu", "gnu3"].contains(name), "\(name)")
        // The same file as the program itself.
        if name != "noload" { try scene.check(directory("\(name)/libx.so")) }
      }
    }
  }

  @Test func `what is no file at all`() throws {
    try scene { scene in
      let directory = scene.directory
      for name in ["dangling", "loop", "directory", "null", "socket", "closed", "good"] {
        try directory.makeDirectory(name)
      }
      try scene.link("dangling/libx.so", to: "nowhere")
      try scene.link("loop/libx.so", to: "libx.so")
      try directory.makeDirectory("directory/libx.so")
      try scene.link("null/libx.so", to: "/dev/null")
      try scene.library("good/libx.so")
      for (name, isFatal) in [
        ("dangling", false), ("loop", false), ("directory", true), ("null", true),
        ("nowhere", false), ("good/libx.so", false),
      ] {
        try scene.program(name.replacing("/", with: "-") + "-program", needed: ["libx.so"]) {
          $0.runpath = directory(name) + ":" + directory("good")
        }
        let closure = try scene.check(name.replacing("/", with: "-") + "-program")
        #expect((closure.failure != nil) == isFatal, "\(name)")
      }
      // A loop ends the search of its list only.
      try scene.program("list", needed: ["libx.so"]) { $0.runpath = directory("loop") }
      #expect(scene.paths(try scene.check("list", libraryPath: directory("good"))).count == 1)
      try scene.program("ended", needed: ["libx.so"]) {
        $0.rpath = directory("loop") + ":" + directory("good")
      }
      #expect(try scene.check("ended").missing.count == 1)
      try scene.check("ended", libraryPath: directory("good"))
      // Relative directories that are none.
      try scene.program("relative", needed: ["libx.so"]) { $0.rpath = "list:none:good" }
      try scene.check("relative", in: directory.path)
      for name in ["none", "loop/libx.so", "directory", "/dev/null", "good"] {
        try scene.check(name.hasPrefix("/") ? name : directory(name))
      }
      // The longest name that a file can have, and one more.
      for length in [255, 256, 5000] {
        let name = String(repeating: "x", count: length)
        try scene.program("long\(length)", needed: [name]) { $0.runpath = directory("good") }
        try scene.check("long\(length)")
      }
    }
  }

  @Test func `a FIFO is told, and waited at for nobody`() throws {
    try scene { scene in
      try #require(mkfifo(scene.directory("libx.so"), 0o600) == 0)
      let program = try scene.program(needed: ["libx.so"]) { $0.runpath = "$ORIGIN" }
      // The linker itself waits until somebody writes.
      #expect(throws: ToolError.self) {
        try run([RealLoader.native.path, "--list", program], seconds: 0.3)
      }
      let files = try #require(RootFiles())
      let world = try RealLoader.native.world(in: files)
      let failure = Loader(world: world, files: files).closure(of: program).failure
      #expect(failure?.path == scene.directory("libx.so"))
      #expect(failure?.reason.contains("FIFO") == true)
    }
  }

  // MARK: names

  @Test func `a name or SONAME that is loaded is taken, whoever else has it`() throws {
    try scene { scene in
      try scene.program(needed: ["liba.so", "libother.so", "libb.so"]) { $0.rpath = "$ORIGIN/one" }
      try scene.library("one/liba.so", soname: "libother.so")
      try scene.library("one/libother.so")
      try scene.library("one/libb.so", needed: ["libc1.so", "libd.so"])
      // No SONAME: known by the names by which it was asked for alone.
      try scene.library("one/libc1.so")
      try scene.link("one/libd.so", to: "libc1.so")
      try scene.link("one/libe.so", to: "libc1.so")
      try scene.library("one/libf.so", soname: "libe.so")
      let closure = try scene.check()
      #expect(scene.paths(closure) == ["one/liba.so", "one/libb.so", "one/libc1.so"])
      #expect(closure.objects[0].needed == [1, 1, 2])
      #expect(closure.objects[3].names == ["libc1.so", "libd.so"])
      try scene.program("second", needed: ["libf.so", "libe.so", "libd.so", "libc1.so"]) {
        $0.rpath = "$ORIGIN/one"
      }
      try scene.check("second")
      try scene.program("third", needed: ["libe.so", "libf.so", "libe.so"]) {
        $0.rpath = "$ORIGIN/one"
      }
      try scene.check("third")
    }
  }

  @Test func `hard links, and copies`() throws {
    try scene { scene in
      try scene.program(needed: ["libx.so", "liby.so", "libz.so"]) { $0.rpath = "$ORIGIN" }
      try scene.library("libx.so", soname: "libx.so")
      try scene.library("libz.so", soname: "libx.so")
      try FileManager.default.linkItem(
        atPath: scene.directory("libx.so"), toPath: scene.directory("liby.so"))
      let closure = try scene.check()
      #expect(scene.paths(closure) == ["libx.so", "libz.so"])
    }
  }

  @Test func `the program answers to its SONAME, and is no library of itself`() throws {
    try scene { scene in
      try scene.program(needed: ["libself.so", "liba.so"]) {
        $0.soname = "libself.so"
        $0.rpath = "$ORIGIN"
      }
      try scene.library("liba.so", needed: ["program", "libself.so", ""])
      try scene.check()
      try scene.library("libloop.so", soname: "libloop.so", needed: ["libloop.so", "libback.so"]) {
        $0.rpath = "$ORIGIN"
      }
      try scene.library("libback.so", needed: ["libloop.so", scene.directory("libloop.so")])
      try scene.check("libloop.so")
    }
  }

  @Test func `the linker stands where it is asked for`() throws {
    try scene { scene in
      let own = "ld-linux-x86-64.so.2"
      try scene.program("first", needed: [own, "liba.so"]) { $0.rpath = "$ORIGIN" }
      try scene.program("last", needed: ["liba.so", "libnone.so", "libb.so"]) {
        $0.rpath = "$ORIGIN"
      }
      try scene.program("by-path", needed: [RealLoader.native.path, "liba.so"]) {
        $0.rpath = "$ORIGIN"
      }
      try scene.program("other", needed: ["liba.so", "libb.so"]) {
        $0.interpreter = "/somewhere/ld.so"
        $0.rpath = "$ORIGIN"
      }
      try scene.library("none", needed: ["liba.so", "libb.so"]) { $0.rpath = "$ORIGIN" }
      try scene.library("liba.so")
      try scene.library("libb.so", needed: ["libnone.so", own, "/somewhere/ld.so"])
      for name in ["first", "last", "by-path", "other", "none"] { try scene.check(name) }
      #expect(try scene.check("last").objects.map(\.via).last == .interpreter)
      #expect(try scene.check("first").objects[1].via == .interpreter)
      // Nobody asks for it.
      try scene.program("alone", needed: ["liba.so"]) { $0.rpath = "$ORIGIN" }
      #expect(scene.paths(try scene.check("alone")) == ["liba.so"])
    }
  }

  @Test func `what is missing is listed for each that asks, where it was asked`() throws {
    try scene { scene in
      try scene.program(needed: ["libno.so", "liba.so", "libno.so", "libb.so", "libnever.so"]) {
        $0.rpath = "$ORIGIN"
      }
      try scene.library("liba.so", needed: ["libno.so", "libb.so", "libnono.so"])
      try scene.library("libb.so", needed: ["libno.so"])
      let closure = try scene.check()
      #expect(closure.missing.count == 6)
      #expect(closure.missing.map(\.requester) == [0, 0, 0, 1, 1, 2])
    }
  }

  // MARK: the system's own directories

  @Test func `NODEFLIB leaves out the system's directories, in the cache too`() throws {
    try scene { scene in
      for (name, flags) in [("with", 0), ("without", 0x800 as UInt64)] {
        try scene.program(name, needed: ["libc.so.6", "liba.so", "libnone.so"]) {
          $0.rpath = "$ORIGIN"
          $0.flags1 = flags
        }
        let closure = try scene.check(name)
        #expect(closure.missing.contains { $0.name == "libc.so.6" } == (flags != 0))
      }
      try scene.library("liba.so", needed: ["libgcc_s.so.1"])
      for name in ["with", "without"] { try scene.check(name) }
      // The requester's flag counts, not the program's.
      try scene.library("liba.so", needed: ["libgcc_s.so.1"]) { $0.flags1 = 0x800 }
      for name in ["with", "without"] { try scene.check(name) }
    }
  }

  // MARK: filters

  @Test func `filters stand before what they filter`() throws {
    try scene { scene in
      let (auxiliary, filter): (UInt64, UInt64) = (0x7fff_fffd, 0x7fff_ffff)
      func write(_ name: String, _ dependencies: [(UInt64, String)]) throws {
        try scene.library(name) {
          $0.dependencies = dependencies.map { (tag: $0.0, name: $0.1) }
          $0.runpath = "$ORIGIN"
          if name.hasPrefix("program") { $0.interpreter = RealLoader.native.path }
        }
      }
      for name in ["libx.so", "liby.so", "libz.so"] { try write(name, [(1, "liblast.so")]) }
      try write("liblast.so", [])
      try write("libaux.so", [(auxiliary, "libx.so"), (1, "libz.so"), (auxiliary, "libnone.so")])
      try write("libfilter.so", [(1, "liby.so"), (filter, "libz.so"), (filter, "libx.so")])
      try write("libbroken.so", [(filter, "libnone.so"), (1, "libx.so")])
      try write("libself.so", [(auxiliary, "libself.so"), (auxiliary, "liblast.so")])
      try scene.directory.write("libtext.so", "no object")
      try write("libtexts.so", [(auxiliary, "libtext.so"), (1, "libx.so")])
      let programs: [[(UInt64, String)]] = [
        [(1, "libaux.so")], [(1, "libfilter.so")], [(1, "libaux.so"), (1, "libfilter.so")],
        [(1, "libx.so"), (1, "libaux.so")], [(1, "libaux.so"), (1, "libx.so"), (1, "liby.so")],
        [(1, "liblast.so"), (1, "libfilter.so")], [(1, "libbroken.so")], [(1, "libself.so")],
        [(1, "liby.so"), (1, "libself.so"), (1, "liblast.so")], [(1, "libtexts.so")],
        [(1, "libz.so"), (1, "libfilter.so"), (1, "libaux.so")],
        // The program's own.
        [(auxiliary, "libx.so"), (1, "liby.so")], [(1, "liby.so"), (filter, "libx.so")],
        [(auxiliary, "libnone.so"), (1, "libx.so")], [(1, "libx.so"), (auxiliary, "libx.so")],
        [(auxiliary, "libx.so"), (auxiliary, "liby.so"), (1, "libaux.so")],
      ]
      for (number, dependencies) in programs.enumerated() {
        try write("program\(number)", dependencies)
        // The trace lists an auxiliary object that is missing, which is no fault.
        let isAuxiliary = dependencies.contains {
          $0.1 == "libaux.so" || $0 == (auxiliary, "libnone.so")
        }
        try scene.check("program\(number)", traces: isAuxiliary ? [false] : [false, true])
      }
    }
  }

  @Test func `filters of each other are told, with which the linker never ends`() throws {
    try scene { scene in
      for (name, other) in [("liba.so", "libb.so"), ("libb.so", "liba.so")] {
        try scene.library(name) {
          $0.dependencies = [(tag: 0x7fff_ffff, name: other)]
          $0.runpath = "$ORIGIN"
        }
      }
      let program = try scene.program(needed: ["liba.so"]) { $0.runpath = "$ORIGIN" }
      // The linker itself runs until its stack is full.
      #expect((try? run([RealLoader.native.path, "--list", program], seconds: 10))?.status != 0)
      let files = try #require(RootFiles())
      let closure = Loader(world: try RealLoader.native.world(in: files), files: files)
        .closure(of: program)
      #expect(closure.failure?.reason.contains("filters") == true)
    }
  }

  // MARK: preload

  @Test func `preloaded objects come first, by LD_PRELOAD's own rules`() throws {
    try scene { scene in
      let directory = scene.directory
      try scene.program(needed: ["liba.so", "libb.so"]) { $0.rpath = "$ORIGIN/lib" }
      for name in ["liba.so", "libb.so", "libp.so"] {
        try scene.library("lib/\(name)", soname: name)
      }
      try scene.library("lib/libq.so", needed: ["libb.so", "libr.so"]) { $0.rpath = "$ORIGIN/q" }
      try scene.library("lib/q/libr.so")
      try directory.write("text.so", "no object")
      try scene.library("foreign.so") { $0.machine = 183 }
      for preload in [
        "libp.so", "libb.so", "libp.so:libq.so", "libq.so libp.so", directory("lib/libq.so"),
        "libnone.so:libp.so", directory("text.so") + " libp.so", directory("foreign.so"),
        "libp.so:libp.so", "::libp.so  ", "libc.so.6", "ld-linux-x86-64.so.2", "lib/libp.so",
        "$ORIGIN/lib/libp.so", "libq.so:libr.so",
      ] {
        try scene.check(preload: preload, in: directory.path)
      }
      #expect(try scene.check(preload: "libp.so").objects[1].via == .preload)
    }
  }

  // MARK: what a program opens

  @Test func `an object that is opened brings what is not there yet`() throws {
    try scene { scene in
      let files = try #require(RootFiles())
      let world = try RealLoader.native.world(in: files)
      let directory = scene.directory
      let program = try scene.program(needed: ["liba.so", "libc.so.6"]) {
        $0.rpath = "$ORIGIN/own"
      }
      try scene.library("own/liba.so", soname: "liba.so") { $0.rpath = directory("a") }
      try scene.library("own/libb.so", soname: "libb.so")
      let plugin = try scene.library("plugins/mca.so", needed: ["liba.so", "libb.so", "libc1.so"]) {
        $0.rpath = "$ORIGIN"
      }
      try scene.library("plugins/libc1.so", needed: ["libd.so"])
      try scene.library("a/libd.so")
      let loader = Loader(world: world, files: files)
      let before = loader.closure(of: program)
      let after = loader.closure(before, opening: plugin)
      #expect(after.objects.prefix(before.objects.count).map(\.path) == before.objects.map(\.path))
      let new = after.objects.dropFirst(before.objects.count)
      // The program's RPATH counts for what is opened, that of other libraries does not.
      #expect(
        new.map(\.path) == [plugin, directory("own/libb.so"), directory("plugins/libc1.so")])
      #expect(new.first?.needed == [1, before.objects.count + 1, before.objects.count + 2])
      #expect(new.first?.requester == nil)
      #expect(after.missing.map(\.name) == ["libd.so"])
      #expect(after.missing.first?.requester == before.objects.count + 2)
      // Again: it is there.
      #expect(loader.closure(after, opening: plugin).objects.count == after.objects.count)
      // What the program was told of its directory counts on.
      let moved = loader.closure(
        loader.closure(of: program, origin: directory("plugins")), opening: "libc1.so")
      #expect(moved.missing.map(\.name).contains("liba.so"))
      #expect(moved.failure?.path == "libc1.so")
      try scene.program("elsewhere", needed: ["libb.so"]) { $0.rpath = "$ORIGIN" }
      let told = loader.closure(of: directory("elsewhere"), origin: directory("own"))
      #expect(told.missing.isEmpty)
      #expect(
        loader.closure(told, opening: "liba.so").objects.last?.path == directory("own/liba.so"))
      // By a name, through the search path of who opens it.
      #expect(
        loader.closure(before, opening: "libb.so").objects.last?.path.hasSuffix("b.so") == true)
      #expect(loader.closure(before, opening: "libd.so").failure?.path == "libd.so")
      #expect(
        loader.closure(before, opening: "libd.so", by: 1).objects.last?.path
          == directory("a/libd.so"))
    }
  }
}
