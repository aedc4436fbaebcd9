import ELF
import Foundation
import Injection
import TestSupport
import Testing

/// The linkers of other machines, whose C libraries come with the cross compilers.
@Suite(.tags(.large))
struct LoaderForeignTests {
  static let runnable = RealLoader.foreign.filter(\.isRunnable)
  static let absence = "no linker of another machine is here; install gcc-*-linux-gnu and qemu-user"

  @Test(.enabled(if: !runnable.isEmpty, "\(absence)"), arguments: runnable.map(\.path))
  func `the facts in a linker's file are those that it tells`(path: String) throws {
    let linker = try #require(Self.runnable.first { $0.path == path })
    let world = try linker.world(in: try #require(RootFiles()))
    let told = try linker.diagnostics()
    #expect(world.libraryToken == told["dl_dst_lib"])
    // On 32-bit ARM the linker of 2.36 stumbles over its own output after the first lines.
    guard linker.machine != 40 else { return }
    #expect("\(world.release)" == told["version.version"])
    let directories = (0..<20).compactMap { told["path.system_dirs[0x\(String($0, radix: 16))]"] }
    #expect(!directories.isEmpty && world.systemDirectories == directories)
    #expect(world.cachePath == (told["path.sysconfdir"] ?? "") + "/ld.so.cache")
  }

  @Test(.enabled(if: !runnable.isEmpty, "\(absence)"), arguments: runnable.map(\.path))
  func `what is loaded is what the linker itself loads`(path: String) throws {
    let linker = try #require(Self.runnable.first { $0.path == path })
    let files = try #require(RootFiles())
    let world = try linker.world(in: files)
    // Its own libraries: they are not where it looks, but for the path that is given.
    let directory = URL(filePath: path).deletingLastPathComponent().path
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
      .filter {
        $0.contains(".so") && files.realPath(of: "\(directory)/\($0)") == "\(directory)/\($0)"
      }
    let loader = Loader(world: world, files: files)
    var compared = 0
    for name in names {
      let file = "\(directory)/\(name)"
      let closure = loader.closure(of: file, libraryPath: [directory])
      let real = try linker.listing(file, traces: true, libraryPath: directory)
      #expect(closure.listing(traces: true) == real, "\(file)")
      compared += closure.objects.count
    }
    #expect(compared > 30)

    try TemporaryDirectory.with { place in
      func library(
        _ path: String, needed: [String] = [], _ change: (inout ELFWriter) -> Void = { _ in }
      )
        throws
      {
        var object = linker.object(needed: needed)
        change(&object)
        try place.write(path, object.bytes)
      }
      // What every linker is asked: paths, tokens, its processor's directories, files for others.
      let subdirectories = world.capabilityDirectories + [""]
      for (number, subdirectory) in subdirectories.enumerated() {
        for other in 0...number { try library("one/\(subdirectory)libx\(other).so") }
      }
      let platform = world.processor.platform ?? "none"
      for token in ["lib", world.libraryToken, platform, "none"] {
        try library("at/\(token)/libtoken.so")
      }
      try library("class/libother.so") { $0.is64Bit.toggle() }
      try library("machine/libother.so") { $0.machine = 8 }
      try library("order/libother.so") { $0.order = $0.order == .little ? .big : .little }
      try library("order8/libother.so") {
        $0.order = $0.order == .little ? .big : .little
        $0.machine = 8
      }
      // The other calling convention: soft floats, the older ABI.
      let flags: [UInt16: UInt32] = [21: 3 ^ (linker.flags & 3), 243: 1, 40: 0x0500_0200]
      try library("flags/libother.so") { $0.flags = flags[linker.machine, default: 0] }
      try library("unsaid/libother.so") { $0.flags = 0 }
      try library("one/libother.so", needed: ["libx0.so", "libnone.so"]) { $0.runpath = "$ORIGIN" }
      let asked = subdirectories.indices.map { "libx\($0).so" }
      let programs: [(needed: [String], runpath: String)] = [
        (asked, "$ORIGIN/one"), (["libtoken.so"], "$ORIGIN/at/$LIB"),
        (["libtoken.so"], "$ORIGIN/at/$PLATFORM:$ORIGIN/at/none"),
        (["libother.so"], "$ORIGIN/class:$ORIGIN/machine:$ORIGIN/order8:$ORIGIN/one"),
        (["libother.so"], "$ORIGIN/order:$ORIGIN/one"), (["libother.so"], "$ORIGIN/class"),
        (["libother.so"], "$ORIGIN/flags:$ORIGIN/one"),
        (["libother.so"], "$ORIGIN/unsaid:$ORIGIN/one"),
        (["libother.so", "libc.so.6"], "$ORIGIN/one"),
      ]
      for (number, program) in programs.enumerated() {
        try library("program\(number)", needed: program.needed) { $0.runpath = program.runpath }
        let closure = Loader(world: world, files: try #require(RootFiles()))
          .closure(of: place("program\(number)"))
        for traces in [false, true] {
          let real = try linker.listing(place("program\(number)"), traces: traces)
          #expect(closure.listing(traces: traces) == real, "program \(number), traces: \(traces)")
        }
      }
    }
  }
}
