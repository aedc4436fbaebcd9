import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// What is known of a linker before it loads anything.
@Suite(.tags(.medium))
struct LoaderWorldTests {
  @Test(.enabled(if: RealLoader.isPresent, "\(RealLoader.absence)"))
  func `the facts in this machine's linker are those that it tells`() throws {
    let told = try RealLoader.native.diagnostics()
    try #require(!told.isEmpty)
    let world = try RealLoader.native.world(in: try #require(RootFiles()))
    #expect("\(world.release)" == told["version.version"])
    #expect(world.libraryToken == told["dl_dst_lib"])
    #expect(world.systemDirectories.first == told["path.system_dirs[0x0]"])
    #expect(told["path.system_dirs[0x\(String(world.systemDirectories.count, radix: 16))]"] == nil)
    #expect(world.cachePath == (told["path.sysconfdir"] ?? "") + "/ld.so.cache")
    #expect(world.preloadPath == "/etc/ld.so.preload")
    #expect(world.cache != nil)
  }

  @Test(.enabled(if: RealLoader.isPresent, "\(RealLoader.absence)"))
  func `a processor of x86-64 is what the linker makes of this machine's`() throws {
    let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let real = try RealLoader.native.processor()
    let isIntel = text.contains("GenuineIntel")
    let processor = LoaderProcessor.x86_64(level: real.level, isIntel: isIntel)
    // Releases without old subdirectories do not tell the capabilities.
    #expect(processor.platform == real.platform)
    #expect(processor.subdirectories == real.subdirectories)
    #expect(real.capabilities.isEmpty || processor.capabilities == real.capabilities)
  }

  /// A linker as EESSI's compat layer has one: not Debian's, with directories that are trusted.
  static func compat(release: String) -> [UInt8] {
    let prefix = "/cvmfs/software.eessi.io/versions/2023.06/compat/linux/x86_64"
    let texts = [
      "/x/", "not/absolute/", "\(prefix)/lib64/", "\(prefix)/usr/lib64/",
      "/cvmfs/software.eessi.io/host_injections/2023.06/compat/linux/x86_64/lib/", "", "/var/tmp",
      "/", "lib64", "\(prefix)/etc/ld.so.cache", "\(prefix)/etc/ld.so.preload",
      "ld.so (Gentoo \(release)-r7 (patchset 10)) stable release version \(release).\nCopyright",
    ]
    var writer = ELFWriter(soname: "ld-linux-x86-64.so.2")
    writer.sections = [(".rodata", texts.flatMap { Array($0.utf8) + [0] })]
    return writer.bytes
  }

  @Test func `a linker with directories of its own is read from its file alone`() throws {
    try TemporaryDirectory.with { directory in
      let prefix = "/cvmfs/software.eessi.io/versions/2023.06/compat/linux/x86_64"
      try directory.write("\(prefix)/lib64/ld-linux-x86-64.so.2", Self.compat(release: "2.37"))
      try directory.write(
        "\(prefix)/etc/ld.so.preload", "# none\nliba.so:/lib/libb.so\tlibc.so#x\n")
      let files = try #require(RootFiles(root: directory.path))
      let world = try LoaderWorld.reading(
        interpreter: "\(prefix)/lib64/ld-linux-x86-64.so.2", files: files,
        processor: .x86_64(level: 3, isIntel: false))
      #expect(world.release == .init(2, 37))
      #expect(
        world.systemDirectories == [
          "\(prefix)/lib64/", "\(prefix)/usr/lib64/",
          "/cvmfs/software.eessi.io/host_injections/2023.06/compat/linux/x86_64/lib/",
        ])
      #expect(world.libraryToken == "lib64")
      #expect(world.cachePath == "\(prefix)/etc/ld.so.cache")
      #expect(world.cache == nil)
      #expect(world.preloads == ["liba.so", "/lib/libb.so", "libc.so"])
      #expect(
        world.capabilityDirectories == ["glibc-hwcaps/x86-64-v3/", "glibc-hwcaps/x86-64-v2/"])
    }
  }

  @Test func `what is no linker is refused with the reason`() throws {
    try TemporaryDirectory.with { directory in
      try directory.write("text", "no object")
      try directory.write("object", ELFWriter().bytes)
      try #require(mkfifo(directory("fifo"), 0o600) == 0)
      let files = try #require(RootFiles(root: directory.path))
      func reason(_ path: String) throws -> String {
        let error = try #require(
          #expect(throws: LoaderWorldError.self) {
            _ = try LoaderWorld.reading(
              interpreter: path, files: files, processor: .x86_64(level: 1, isIntel: true))
          })
        #expect("\(error)".contains("remedy"))
        return error.reason
      }
      #expect(try reason("/nowhere") == "there is no such file")
      #expect(try reason("/text") == "file too short")
      #expect(try reason("/object") == "it is not the one of a GNU C library")
      #expect(try reason("/fifo") == "it is a FIFO")
      #expect(try reason("/") == "Is a directory")
    }
  }

  @Test func `older releases make directories of every combination, the oldest no others`() {
    var world = Self.world(release: .init(2, 36))
    world.processor = .x86_64(level: 4, isIntel: true)
    let all = world.capabilityDirectories
    #expect(all.count == 3 + 15)
    #expect(
      all[3...5] == [
        "tls/haswell/avx512_1/x86_64/", "tls/haswell/avx512_1/", "tls/haswell/x86_64/",
      ])
    #expect(all.last == "x86_64/")
    world.release = .init(2, 31)
    #expect(world.capabilityDirectories == Array(all[3...]))
    world.release = .init(2, 37)
    #expect(world.capabilityDirectories == Array(all[..<3]))
    world.release = .init(2, 33)
    world.processor = .x86_64(level: 1, isIntel: false)
    #expect(
      world.capabilityDirectories == [
        "tls/x86_64/x86_64/", "tls/x86_64/", "tls/x86_64/", "tls/", "x86_64/x86_64/", "x86_64/",
        "x86_64/",
      ])
    world.processor = LoaderProcessor()
    #expect(world.capabilityDirectories == ["tls/"])
  }

  static func world(release: LoaderWorld.Release) -> LoaderWorld {
    let object = try! ELFObject(ByteSource(ELFWriter().bytes))
    return LoaderWorld(
      interpreter: "/ld.so", interpreterObject: object,
      interpreterIdentity: .init(device: 0, inode: 0, size: 0, modified: 0), release: release,
      systemDirectories: ["/lib/"], cachePath: "/etc/ld.so.cache",
      preloadPath: "/etc/ld.so.preload", libraryToken: "lib", processor: LoaderProcessor(),
      cache: nil, preloads: [])
  }
}
