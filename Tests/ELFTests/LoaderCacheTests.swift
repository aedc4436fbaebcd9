import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// Caches of this machine and of our own making.
@Suite(.tags(.large))
struct LoaderCacheTests {
  static let hasCache =
    Tool.isInstalled("ldconfig") && FileManager.default.fileExists(atPath: "/etc/ld.so.cache")

  @Test(.enabled(if: hasCache, "this machine has no ldconfig or no ld.so.cache"))
  func `the entries are those that ldconfig prints`() throws {
    let bytes = Array(try Data(contentsOf: URL(filePath: "/etc/ld.so.cache")))
    let cache = try #require(LoaderCache(bytes, order: .little))
    let printed = try run(["ldconfig", "-p"]).stdout.split(separator: "\n").dropFirst()
      .filter { $0.contains(" => ") }
    let ours = cache.entries.map { "\t\($0.name) (" }
    #expect(cache.count == printed.count)
    #expect(cache.entries.count == printed.count)
    for (entry, line) in zip(zip(cache.entries, ours), printed) {
      #expect(line.hasPrefix(entry.1) && line.hasSuffix(" => \(entry.0.path)"))
    }
  }

  @Test(.needs("ldconfig"))
  func `a cache that ldconfig writes has the subdirectories for processors`() throws {
    try TemporaryDirectory.with { directory in
      for path in [
        "lib", "lib/glibc-hwcaps/x86-64-v2", "lib/glibc-hwcaps/x86-64-v3",
        "lib/glibc-hwcaps/x86-64-v4",
        "lib/glibc-hwcaps/other",
      ] {
        try directory.write("\(path)/libx.so.1", ELFWriter(soname: "libx.so.1").bytes)
      }
      try directory.write("conf", directory("lib") + "\n")
      let result = try run([
        "ldconfig", "-X", "-f", directory("conf"), "-C", directory("cache"),
      ])
      try #require(result.status == 0, "\(result.stderr)")
      let bytes = Array(try Data(contentsOf: URL(filePath: directory("cache"))))
      let cache = try #require(LoaderCache(bytes, order: .little))
      #expect(cache.subdirectories == ["other", "x86-64-v2", "x86-64-v3", "x86-64-v4"])
      #expect(cache.entries.filter { $0.name == "libx.so.1" }.count == 5)
      for level in 1...4 {
        let demand = LoaderCache.Demand(
          flags: [0x0303],
          subdirectories: LoaderProcessor.x86_64(level: level, isIntel: true).subdirectories,
          level: level, capabilities: nil, platform: 0)
        let place = level == 1 ? "" : "glibc-hwcaps/x86-64-v\(level)/"
        #expect(cache.path(of: "libx.so.1", for: demand) == directory("lib/\(place)libx.so.1"))
      }
    }
  }

  /// Caches that a linker must cope with, each with names to ask for.
  static func caches(below directory: String) -> [(name: String, bytes: [UInt8])] {
    func path(_ number: Int) -> String { "\(directory)/\(number)/libx.so" }
    func cache(
      _ entries: [(String, Int, Int32, UInt64)], _ change: (inout CacheWriter) -> Void = { _ in }
    ) -> [UInt8] {
      var writer = CacheWriter()
      writer.entries = entries.map { ($0.0, path($0.1), $0.2, $0.3) }
      change(&writer)
      return writer.bytes
    }
    let plain: [(String, Int, Int32, UInt64)] = [
      ("libx.so", 1, 0x0303, 0), ("liba.so", 2, 0x0303, 0), ("libz.so.10", 3, 0x0303, 0),
      ("libz.so.9", 4, 0x0303, 0), ("libz.so", 5, 0x0303, 0), ("lib10z.so", 6, 0x0303, 0),
      ("libzz.so.9", 7, 0x0303, 0), ("", 8, 0x0303, 0), ("9", 9, 0x0303, 0),
    ]
    let levels: [(String, Int, Int32, UInt64)] = [
      ("libx.so", 1, 0x0303, 0), ("libx.so", 2, 0x0303, CacheWriter.extended(0)),
      ("libx.so", 3, 0x0303, CacheWriter.extended(1, level: 1)),
      ("libx.so", 4, 0x0303, CacheWriter.extended(2, level: 2)),
      ("libx.so", 5, 0x0303, CacheWriter.extended(3, level: 3)),
      ("liba.so", 6, 0x0303, CacheWriter.extended(7)),
      ("libz.so", 7, 0x0303, CacheWriter.extended(0)), ("libz.so", 8, 0x0003, 0),
    ]
    let names = ["other", "x86-64-v2", "x86-64-v3", "x86-64-v4"]
    var cut = cache(plain)
    cut.removeLast(3)
    var many = cache(plain)
    many[20] = 200
    var far = cache(plain)
    far[48 + 4 * 24 + 7] = 0x7f
    return [
      ("plain", cache(plain)), ("old", cache(plain) { ($0.hasOld, $0.hasNew) = (true, false) }),
      ("mixed", cache(plain) { $0.hasOld = true }), ("unsaid", cache(plain) { $0.endian = 0 }),
      ("invalid", cache(plain) { $0.endian = 1 }), ("big", cache(plain) { $0.endian = 3 }),
      ("unsorted", cache(plain) { $0.isSorted = false }),
      (
        "flags",
        cache([
          ("libx.so", 1, 0x0003, 0), ("libx.so", 2, 0x0803, 0), ("libx.so", 3, 0x0303, 0),
          ("libz.so", 4, 1, 0), ("liba.so", 5, 0x0a03, 0),
        ])
      ),
      ("levels", cache(levels) { $0.subdirectories = names }),
      ("reversed", cache(levels.reversed()) { ($0.subdirectories, $0.isSorted) = (names, false) }),
      ("nameless", cache(levels)),
      (
        "demands",
        cache([
          ("libx.so", 1, 0x0303, 0), ("libx.so", 2, 0x0303, 4), ("libx.so", 3, 0x0303, 1 << 50),
          ("libx.so", 4, 0x0303, 1 << 63), ("libx.so", 5, 0x0303, 1 << 20),
          ("liba.so", 6, 0x0303, 1 << 51),
          ("liba.so", 7, 0x0303, 2), ("libz.so", 8, 0x0303, 1 << 50 | 4 | 2),
        ])
      ),
      ("dangling", cache([("libx.so", 77, 0x0303, 0), ("liba.so", 1, 0x0303, 0)])),
      (
        "equal",
        cache([
          ("libz.so.010", 1, 0x0303, 0), ("libz.so.10", 2, 0x0303, 0), ("libz.so.0", 3, 0x0303, 0),
        ])
      ),
      ("cut", cut), ("many", many), ("far", far), ("empty", []), ("short", Array(cut.prefix(40))),
      ("header", Array(cache([]).prefix(48))), ("text", Array("no cache".utf8)),
      ("oldheader", Array("ld.so-1.7.0".utf8) + [0, 200, 0, 0, 0, 0]),
    ]
  }

  /// Puts a cache in place of the machine's own for one run of the linker.
  static let canBind: Bool =
    RealLoader.isPresent && Tool.isInstalled("bwrap")
    && (try? run(["bwrap", "--dev-bind", "/", "/", "true"]))?.status == 0

  @Test(.enabled(if: canBind, "bwrap is needed to show the linker another cache"))
  func `the linker finds the same in caches of our making`() throws {
    try TemporaryDirectory.with { directory in
      for number in 1...9 {
        try directory.write("\(number)/libx.so", ELFWriter(soname: "lib\(number).so").bytes)
      }
      let names = [
        "libx.so", "liba.so", "libz.so", "libz.so.9", "libz.so.10", "libz.so.010", "libz.so.00",
        "lib10z.so", "libzz.so.9", "9", "lib", "libzz.so.99999999999", "liby.so",
      ]
      let program = try directory.write("program", ELFWriter(needed: names).bytes)
      for (name, bytes) in Self.caches(below: directory.path) {
        let path = try directory.write("caches/\(name)", bytes)
        let real = try RealLoader.native.listing(
          program, traces: true,
          wrapper: ["bwrap", "--dev-bind", "/", "/", "--bind", path, "/etc/ld.so.cache"])
        let files = try #require(RootFiles())
        let world = try RealLoader.native.world(in: files, cache: path)
        let closure = Loader(world: world, files: files).closure(of: program)
        #expect(closure.listing(traces: true) == real, "\(name)")
        if name == "plain" {
          #expect(closure.objects.filter { $0.via == .cache }.count > 5)
        }
      }
    }
  }

  @Test(.enabled(if: canBind, "bwrap is needed to show the linker another list"))
  func `ld.so.preload is read as the linker reads it`() throws {
    try TemporaryDirectory.with { directory in
      for name in ["liba.so", "libb.so", "libc1.so"] {
        try directory.write(name, ELFWriter().bytes)
      }
      let program = try directory.write("program", ELFWriter(needed: ["libnone.so"]).bytes)
      let (a, b) = (directory("liba.so"), directory("libb.so"))
      for text in [
        a, "\(a)\n", "\(a):\(b)", "\(a) \(b)\n", "# \(a)\n\(b)", "\(a)#\(b)\n", "\n\n:\t\(b)\t:\n",
        "\(a)\n#\n\(b)\n# end", "libnone.so \(b)", "\(b)\n\(a)\n\(b)", "#", "liba.so",
      ] {
        let path = try directory.write("preload", text)
        // What is to be the list must be there to be bound over.
        let real = try RealLoader.native.listing(
          program, traces: true,
          wrapper: [
            "bwrap", "--dev-bind", "/", "/", "--tmpfs", "/etc", "--bind", path,
            "/etc/ld.so.preload",
          ])
        let files = try #require(RootFiles())
        var world = try RealLoader.native.world(in: files, cache: "/nowhere")
        world.preloads = LoaderWorld.preloads(in: Array(text.utf8))
        let closure = Loader(world: world, files: files).closure(of: program)
        #expect(closure.listing(traces: true) == real, "\(text)")
      }
    }
  }
}
