import Foundation
import Injection
import TestSupport
import Testing

@Suite(.tags(.medium))
struct WriterTests {
  // MARK: Applying

  @Test func firstDriver() throws {
    try Site.with { site in
      let tree = InjectionTree([try site.driver("535.261.03")])
      let outcome = try site.writer().apply(tree)
      #expect(outcome.generation == 1 && outcome.adopted.isEmpty && outcome.notes.isEmpty)
      #expect(outcome.changes.allSatisfy { $0.kind == .added })
      #expect(site.read("\(Site.host)/libcuda.so.1") == "libcuda.so.1 of 535.261.03")
      // Through the paths at which EESSI looks, the variant symlink among them.
      #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of 535.261.03")
      #expect(site.read("nvidia/x86_64/latest/driver_version.txt") == "535.261.03\n")
      #expect(site.read("nvidia/x86_64/latest/cuda_version.txt") == "12.2\n")
      let (manifest, placed) = try #require(try site.writer().current())
      #expect(manifest.author == "root on login1" && manifest.release == "1.0")
      #expect(manifest.written == "2026-11-21T15:44:00Z")
      #expect(manifest.injection(at: Site.host)?.version == "535.261.03")
      #expect(placed == tree)
      let bytes = try Data(contentsOf: URL(filePath: InjectionLayout.manifest(of: site.target)))
      #expect(try InjectionManifest(toml: Array(bytes), file: "") == manifest)
    }
  }

  @Test func anotherDriverChangesAllByOneLink() throws {
    try Site.with { site in
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      let before = try site.snapshot(store: false)
      let outcome = try site.writer().apply(
        InjectionTree([try site.driver("555.58.02", cuda: "12.5")]))
      #expect(outcome.generation == 2)
      #expect(try site.snapshot(store: false) == before, "no link of the target's own is touched")
      #expect(site.read("\(Site.trusted)/libcuda.so.1") == "libcuda.so.1 of 555.58.02")
      let kinds = Dictionary(grouping: outcome.changes, by: \.kind).mapValues { $0.map(\.path) }
      #expect(kinds[.added] == ["\(Site.host)/libnvidia-gpucomp.so.555.58.02"])
      #expect(kinds[.removed] == ["\(Site.host)/libnvidia-gpucomp.so.535.261.03"])
      #expect(kinds[.changed]?.contains("\(Site.host)/libcuda.so.1") == true)
      #expect(kinds[.changed]?.contains("\(Site.host)/libcuda.so") == false)
    }
  }

  /// A change of one kind leaves the other, whose sources may be gone by then.
  @Test func kindsStandBesideEachOther() throws {
    try Site.with { site in
      _ = try site.writer().apply(InjectionTree([site.copiedMPI]))
      try FileManager.default.removeItem(atPath: site.prefix)
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      for path in ["lib/libmpi.so.40", "lib/libmpi.so", "lib64/libmpi.so"] {
        #expect(site.read("\(Site.override)/\(path)") == "Open MPI 4.1.4")
      }
      #expect(site.read("\(Site.override)/lib/openmpi/mca_btl_vader.so") == "a plugin")
      _ = try site.writer().remove(.cuda)
      #expect(site.read("\(Site.override)/lib/libmpi.so.40") == "Open MPI 4.1.4")
      #expect(!site.exists("nvidia") && !site.exists("2023.06/compat"))
      #expect(throws: InjectionTreeError.nothingInjected(site.target, kind: .cuda)) {
        try site.writer().remove(.cuda)
      }
      _ = try site.writer().remove()
      #expect(try site.snapshot().isEmpty, "not a trace")
    }
  }

  /// A link to a prefix keeps what an MPI finds beside its libraries.
  @Test func anMPIIsOneLink() throws {
    try Site.with { site in
      _ = try site.writer().apply(InjectionTree([site.mpi]))
      #expect(
        try site.text(ofLink: Site.override)?.hasSuffix("/.slipway/current/tree/\(Site.override)")
          == true)
      #expect(site.read("\(Site.override)/lib/openmpi/../libmpi.so") == "Open MPI 4.1.4")
    }
  }

  @Test func copiesAreAsTheirSources() throws {
    try Site.with { site in
      let source = "\(site.prefix)/lib/libmpi.so.40"
      #expect(chmod(source, 0o700) == 0)
      let old = umask(0o077)
      defer { umask(old) }
      _ = try site.writer().apply(InjectionTree([site.copiedMPI]))
      var (copy, original) = (stat(), stat())
      #expect(stat("\(site.target)/\(Site.override)/lib/libmpi.so.40", &copy) == 0)
      #expect(stat(source, &original) == 0)
      #expect(copy.st_mode & 0o7777 == 0o755, "everyone's jobs read it, whatever the umask")
      #expect(copy.st_mtim.tv_sec == original.st_mtim.tv_sec)
      #expect(copy.st_ino != original.st_ino)
      for path in [".slipway", "2023.06", "\(Site.override)/lib", ".slipway/current/tree"] {
        var status = stat()
        #expect(stat("\(site.target)/\(path)", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o755, "\(path)")
      }
    }
  }

  @Test func aDryRunWritesNothing() throws {
    try Site.with { site in
      try site.runEESSIScript(driver: "535.261.03")
      let before = try site.snapshot()
      let tree = InjectionTree([try site.driver("555.58.02"), site.mpi])
      let preview = try site.writer().preview(tree)
      #expect(try site.snapshot() == before)
      #expect(preview.generation == nil)
      let outcome = try site.writer().apply(tree)
      #expect(preview.changes == outcome.changes)
      #expect(preview.adopted == outcome.adopted && preview.adopted.count == 3)
      #expect(
        preview.adopted.map(\.was) == [
          "a directory of 7 entries, of driver 535.261.03", "the same link", "the same link",
        ])
    }
  }

  /// Versions of the stack share the directory of drivers, each with a link of its own.
  @Test func versionsShareADriver() throws {
    try Site.with { site in
      _ = try site.writer().apply(
        InjectionTree([try site.driver("535.261.03", versions: ["2023.06"])]))
      _ = try site.writer().apply(
        InjectionTree([try site.driver("535.261.03", versions: ["20240402", "2025.06"])]))
      for version in ["2023.06", "20240402"] {
        #expect(site.exists("\(version)/compat/linux/x86_64/lib/libcuda.so"))
      }
      #expect(!site.exists("2025.06"), "its linker looks elsewhere")
    }
  }

  /// A directory of drivers that is a target of its own, as from 2025.06 on.
  @Test func aTargetOfDrivers() throws {
    try Site.with { site in
      try site.directory.write("target/site.txt", "the site's own")
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03", place: "")]))
      #expect(site.read("libcuda.so") == "libcuda.so.1 of 535.261.03")
      #expect(try site.text(ofLink: "libcuda.so") == ".slipway/current/tree/libcuda.so")
      _ = try site.writer().apply(InjectionTree([try site.driver("555.58.02", place: "")]))
      #expect(site.read("libnvidia-gpucomp.so.555.58.02") != nil)
      #expect(try site.text(ofLink: "libnvidia-gpucomp.so.535.261.03") == nil)
      _ = try site.writer().remove()
      #expect(try site.snapshot().keys.sorted() == ["site.txt"])
    }
  }

  // MARK: Going back

  @Test func rollback() throws {
    try Site.with { site in
      let versions = ["525.60.13", "535.261.03", "545.23.06", "555.58.02", "580.65.06"]
      for version in versions {
        _ = try site.writer().apply(InjectionTree([try site.driver(version)]))
      }
      let generations = try FileManager.default.contentsOfDirectory(
        atPath: "\(site.target)/.slipway/generations")
      #expect(generations.sorted() == ["3", "4", "5"], "the last three are kept")
      let outcome = try site.writer().rollback()
      #expect(outcome.generation == 4)
      #expect(outcome.changes.contains { $0.path == "\(Site.host)/libcuda.so.1" })
      #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of 555.58.02")
      #expect(try site.writer().rollback().generation == 3)
      let oldest = try site.snapshot(store: false)
      #expect(throws: InjectionTreeError.noFormerGeneration(site.target)) {
        try site.writer().rollback()
      }
      #expect(try site.snapshot(store: false) == oldest)
      let new = try site.writer().apply(InjectionTree([try site.driver("590.44.01")]))
      #expect(new.generation == 4)
      #expect(try site.writer().rollback().generation == 3)
      _ = try site.writer().apply(InjectionTree([try site.driver("590.44.01")]))
      #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of 590.44.01")
    }
  }

  @Test func rollbackTakesAndGivesPlaces() throws {
    try Site.with { site in
      try site.directory.write("target/\(Site.override)/lib/libmpi.so.40", "by hand")
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      _ = try site.writer().apply(InjectionTree([site.mpi]))
      #expect(site.read("\(Site.override)/lib/libmpi.so.40") == "Open MPI 4.1.4")
      _ = try site.writer().rollback()
      #expect(site.read("\(Site.override)/lib/libmpi.so.40") == "by hand")
      #expect(try site.text(ofLink: Site.override) == nil)
      #expect(site.exists("\(Site.trusted)/libcuda.so"))
    }
  }

  // MARK: What others put there

  @Test(arguments: [Optional<InjectionKind>.none, .cuda])
  func aTreeOfEESSIsScriptIsAdopted(_ kind: InjectionKind?) throws {
    try Site.with { site in
      try site.runEESSIScript(driver: "535.261.03")
      try site.directory.write("target/2023.06/.lmod/SitePackage.lua", "-- the site's own")
      let before = try site.snapshot()
      let outcome = try site.writer().apply(InjectionTree([try site.driver("555.58.02")]))
      #expect(outcome.adopted.count == 3)
      #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of 555.58.02")
      #expect(!site.exists("\(Site.host)/libGL.so.1"), "it is not beside the new ones")
      let manifest = try #require(try site.writer().current()).0
      #expect(manifest.adopted == outcome.adopted)
      // Again, and with the other kind: what was there first is still known.
      #expect(try site.writer().apply(InjectionTree([site.mpi])).adopted.isEmpty)
      _ = try site.writer().apply(InjectionTree([try site.driver("580.65.06")]))
      _ = try site.writer().remove(.mpi)
      #expect(try #require(try site.writer().current()).0.adopted == outcome.adopted)
      _ = try site.writer().remove(kind)
      #expect(try site.snapshot() == before)
    }
  }

  /// Some of EESSI's scripts left the linker's directory a real one (EESSI/compatibility-layer #226).
  @Test func twoDirectoriesOfDrivers() throws {
    try Site.with { site in
      try site.runEESSIScript(driver: "535.261.03")
      let lib = "\(site.target)/\(Site.trusted)"
      try FileManager.default.removeItem(atPath: lib)
      try FileManager.default.copyItem(atPath: "\(site.target)/\(Site.host)", toPath: lib)
      let before = try site.snapshot()
      _ = try site.writer().apply(InjectionTree([try site.driver("555.58.02")]))
      #expect(
        try site.text(ofLink: Site.trusted)
          == "\(site.repository)/host_injections/nvidia/x86_64/latest")
      _ = try site.writer().remove()
      #expect(try site.snapshot() == before)
    }
  }

  /// The linker's directory of 2023.06 is the only one, so sites keep other libraries there too.
  @Test func aSitesOwnLibrariesStayWhereTheLinkerLooks() throws {
    try Site.with { site in
      try site.directory.write("target/\(Site.trusted)/libefa.so.1", "the site's own")
      try site.directory.link("target/\(Site.trusted)/libcuda.so.1", to: "/old/libcuda.so.1")
      let before = try site.snapshot()
      for version in ["535.261.03", "555.58.02"] {
        _ = try site.writer().apply(InjectionTree([try site.driver(version)]))
        #expect(site.read("\(Site.trusted)/libefa.so.1") == "the site's own")
        #expect(site.read("\(Site.trusted)/libcuda.so.1") == "libcuda.so.1 of \(version)")
        #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of \(version)")
        #expect(site.exists("\(Site.trusted)/libnvidia-gpucomp.so.\(version)"))
      }
      #expect(try site.text(ofLink: "\(Site.trusted)/libnvidia-gpucomp.so.535.261.03") == nil)
      _ = try site.writer().remove()
      #expect(try site.snapshot() == before)
    }
  }

  @Test(arguments: ["a file", "a tree", "a link", "a link to nothing"])
  func anOverrideMadeByHand(_ kind: String) throws {
    try Site.with { site in
      switch kind {
      case "a file": try site.directory.write("target/\(Site.override)", "?")
      case "a tree":
        try site.directory.write("target/\(Site.override)/lib/libmpi.so.40", "patched")
        try site.directory.link("target/\(Site.override)/lib64", to: "lib")
        #expect(chmod("\(site.target)/\(Site.override)/lib", 0o2750) == 0)
      case "a link": try site.directory.link("target/\(Site.override)", to: "../../../../../..")
      default: try site.directory.link("target/\(Site.override)", to: "/nonexistent")
      }
      let before = try site.snapshot()
      let outcome = try site.writer().apply(InjectionTree([site.mpi]))
      #expect(outcome.adopted.map(\.path) == [Site.override])
      #expect(site.read("\(Site.override)/lib/libmpi.so.40") == "Open MPI 4.1.4")
      _ = try site.writer().remove(.mpi)
      #expect(try site.snapshot() == before)
    }
  }

  /// Someone runs EESSI's script again after slipway: both states are kept, the newer comes back.
  @Test func whatOthersPutThereLaterIsNotLost() throws {
    try Site.with { site in
      try site.runEESSIScript(driver: "525.60.13")
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      for path in [Site.host, "nvidia/x86_64/latest", Site.trusted] {
        unlink("\(site.target)/\(path)")
      }
      try site.runEESSIScript(driver: "555.58.02")
      let byHand = try site.snapshot(store: false)
      // The other kind leaves it alone.
      _ = try site.writer().apply(InjectionTree([site.mpi]))
      #expect(site.read("\(Site.host)/driver_version.txt") == "555.58.02\n")
      let again = try site.writer().apply(InjectionTree([try site.driver("580.65.06")]))
      #expect(again.adopted.contains { $0.was.hasSuffix("driver 555.58.02") })
      #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of 580.65.06")
      let outcome = try site.writer().remove()
      #expect(try site.snapshot(store: false) == byHand)
      let note = try #require(outcome.notes.first)
      #expect(note.contains(Site.host) && note.contains(".slipway/adopted/1/content"))
      #expect(site.read(".slipway/adopted/1/content/driver_version.txt") == "525.60.13\n")
    }
  }

  /// What someone else put in a place since is theirs.
  @Test func removalLeavesWhatIsNotItsOwn() throws {
    try Site.with { site in
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03"), site.mpi]))
      unlink("\(site.target)/\(Site.override)")
      try site.directory.write("target/\(Site.override)/lib/libmpi.so.40", "by hand")
      try site.directory.write("target/nvidia/notes.txt", "the site's own")
      _ = try site.writer().remove()
      #expect(site.read("\(Site.override)/lib/libmpi.so.40") == "by hand")
      #expect(site.read("nvidia/notes.txt") == "the site's own")
      #expect(!site.exists(".slipway") && !site.exists("nvidia/x86_64"))
    }
  }

  @Test func directoriesThatWereEmptyStay() throws {
    try Site.with { site in
      try site.directory.makeDirectory("target/nvidia/x86_64")
      let before = try site.snapshot()
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      _ = try site.writer().remove()
      #expect(try site.snapshot() == before)
    }
  }
}
