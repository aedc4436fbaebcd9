import Foundation
import Injection
import TestSupport
import Testing

@Suite(.tags(.medium))
struct StatusTests {
  private func drifts(
    _ site: Site, driver: String? = "535.261.03", buildID: (String) -> String? = { _ in nil }
  ) throws -> [Drift] {
    try site.writer().status(runningDriver: driver, buildID: buildID)
  }

  private func withInjected(_ body: (Site) throws -> Void) throws {
    try Site.with { site in
      _ = try site.writer().apply(
        InjectionTree([try site.driver("535.261.03"), site.copiedMPI]))
      try body(site)
    }
  }

  @Test func nothingAndNoDrift() throws {
    try Site.with { site throws in #expect(try drifts(site).isEmpty) }
    try withInjected { site in
      let before = try site.snapshot()
      #expect(try drifts(site).isEmpty)
      #expect(try drifts(site, driver: nil).isEmpty, "on a node without GPU")
      #expect(try site.snapshot() == before)
    }
  }

  @Test func anotherDriverRuns() throws {
    try withInjected { site in
      let drift = try #require(try drifts(site, driver: "555.58.02").first)
      #expect(drift.kind == .driver && drift.command == "slipway inject apply cuda")
      #expect(drift.message == "is of driver 535.261.03, and the kernel runs 555.58.02")
    }
  }

  @Test func sources() throws {
    try withInjected { site in
      let library = site.directory("usr/lib64/libcuda.so.535.261.03")
      let mpi = "\(site.prefix)/lib/libmpi.so.40"
      unlink(library)
      try "of another size".write(toFile: mpi, atomically: true, encoding: .utf8)
      let found = try drifts(site)
      #expect(found.map(\.kind) == [.source, .source])
      #expect(found.map(\.path) == [library, mpi])
      #expect(found[0].message == "is gone")
      #expect(found[1].message == "is another file than the one that was injected")
      #expect(
        found.map(\.command) == ["slipway inject apply cuda", "slipway inject apply mpi"])
      // The same library, installed again.
      try "libcuda.so.1 of 535.261.03".write(toFile: library, atomically: true, encoding: .utf8)
      #expect(try drifts(site) { $0 == library ? "ab12" : nil }.map(\.path) == [mpi])
      #expect(try drifts(site) { $0 == library ? "cd34" : nil }.count == 2)
    }
  }

  @Test(arguments: ["unlink", "link", "file", "directory"])
  func linksChangedByHand(_ how: String) throws {
    try withInjected { site in
      let path = "\(site.target)/\(Site.trusted)"
      unlink(path)
      switch how {
      case "link": try site.directory.link("target/\(Site.trusted)", to: "/elsewhere")
      case "file": try site.directory.write("target/\(Site.trusted)", "")
      case "directory": try site.directory.makeDirectory("target/\(Site.trusted)")
      default: break
      }
      let found = try drifts(site)
      #expect(found.map(\.kind) == [.anchor] && found.map(\.path) == [path])
      #expect(found[0].command == "slipway inject apply cuda")
      // What it says to do, helps.
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      #expect(try drifts(site).isEmpty)
      #expect(site.exists("\(Site.trusted)/libcuda.so"))
    }
  }

  @Test func contentsChangedByHand() throws {
    try withInjected { site in
      let tree = "\(site.target)/.slipway/current/tree"
      unlink("\(tree)/\(Site.host)/libcuda.so.1")
      try "9.0\n".write(
        toFile: "\(tree)/\(Site.host)/cuda_version.txt", atomically: false, encoding: .utf8)
      try "patched".write(
        toFile: "\(tree)/\(Site.override)/lib/libmpi.so.40", atomically: false, encoding: .utf8)
      unlink("\(tree)/\(Site.override)/lib64")
      try FileManager.default.createSymbolicLink(
        atPath: "\(tree)/\(Site.override)/lib64", withDestinationPath: "lib32")
      let found = try drifts(site)
      #expect(found.allSatisfy { $0.kind == .entry })
      #expect(
        Set(found.map(\.path)) == [
          "\(site.target)/\(Site.host)/libcuda.so.1",
          "\(site.target)/\(Site.host)/cuda_version.txt",
          "\(site.target)/\(Site.override)/lib/libmpi.so.40",
          "\(site.target)/\(Site.override)/lib64",
        ])
    }
  }

  @Test func theTargetMoved() throws {
    try withInjected { site in
      let moved = site.directory("moved")
      try FileManager.default.moveItem(atPath: site.target, toPath: moved)
      let found = try site.writer(target: moved).status(runningDriver: nil)
      #expect(found.map(\.kind) == [.target])
      #expect(found[0].message == "was \(site.target) when it was written")
      // Its links are relative: what was injected works there too.
      let library = "\(moved)/\(Site.override)/lib/libmpi.so.40"
      #expect(FileManager.default.contents(atPath: library) == Data("Open MPI 4.1.4".utf8))
    }
  }

  @Test func leftoversAndStrangers() throws {
    try withInjected { site in
      try site.directory.makeDirectory("target/.slipway/generations/2.partial/tree")
      #expect(chmod(site.target, 0o775) == 0)
      let found = try drifts(site)
      #expect(found.map(\.kind) == [.leftover, .writable])
      #expect(found[1].command == "chmod go-w \(site.target)")
      #expect(chmod(site.target, 0o755) == 0)
      // What a writer is at is no leftover.
      _ = try site.writer().apply(InjectionTree([site.mpi])) {
        _ = try? site.directory.makeDirectory("target/.slipway/generations/9.partial")
        #expect((try? drifts(site)) == [])
        return nil
      }
    }
  }
}
