import Foundation
import Injection
import TestSupport
import Testing

@Suite(.tags(.small))
struct InjectionTreeTests {
  private static let record = InjectionRecord(
    kind: .mpi, place: "a/b", version: "1", verdict: .ok, reason: "", sources: [])

  // MARK: Paths

  @Test func layout() {
    #expect(
      InjectionLayout.mpi(
        version: "2023.06", subdirectory: "aarch64/nvidia/grace", family: .openMPI)
        == "2023.06/software/linux/aarch64/nvidia/grace/rpath_overrides/OpenMPI/system")
    #expect(
      InjectionLayout.mpi(
        version: "2025.06", subdirectory: "x86_64/amd/zen2", family: .mpich, label: "GCC-CUDA-12.4")
        == "2025.06/software/linux/x86_64/amd/zen2/rpath_overrides/MPICH/system-GCC-CUDA-12.4")
    #expect(InjectionLayout.nvidia(architecture: "aarch64") == "nvidia/aarch64/host")
    #expect(
      InjectionLayout.nvidiaLinks(
        versions: ["2021.12", "2023.06", "2025.06", "2026.06"], architecture: "x86_64",
        repository: "/cvmfs/software.eessi.io") == [
          .init(path: "nvidia/x86_64/latest", text: "host"),
          .init(
            path: "2021.12/compat/linux/x86_64/lib",
            text: "/cvmfs/software.eessi.io/host_injections/nvidia/x86_64/latest"),
          .init(
            path: "2023.06/compat/linux/x86_64/lib",
            text: "/cvmfs/software.eessi.io/host_injections/nvidia/x86_64/latest"),
        ])
    #expect(
      InjectionLayout.manifest(of: "/opt/eessi") == "/opt/eessi/.slipway/current/manifest.toml")
  }

  // MARK: What is refused

  @Test(arguments: [
    ("/a", "b", Injection.Content.text("")), ("a/../b", "c", .text("")), ("a//b", "c", .text("")),
    (".slipway/current", "c", .text("")), ("a\nb", "c", .text("")), ("a/", "c", .text("")),
    ("a", "../c", .text("")), ("a", "/c", .text("")), ("", ".slipway/lock", .text("")),
    ("", "", .link("/usr")), ("a", "c", .link("")), ("a", "c", .link("../../usr")),
    ("a", "c/d", .link("../../e")), ("a", "c", .link("..")), ("a", "", .link("b")),
    ("a", "c", .link("/x\u{0}y")), ("a", "c", .copy(of: "relative")), ("a", "c", .text("\u{0}")),
    ("a", "c", .text(String(repeating: "x", count: 5000))),
  ])
  func refusedEntries(_ place: String, _ path: String, _ content: Injection.Content) throws {
    try refuse { injection in
      injection.record.place = place
      injection.entries = [.init(path, content, reason: "")]
    }
  }

  @Test func refusedTrees() throws {
    try refuse { $0.entries = [] }
    try refuse { $0.entries += $0.entries }
    try refuse { $0.entries.append(.init("lib/libmpi.so/x", .text(""), reason: "")) }
    try refuse { $0.entries.append(.init("", .link("/usr"), reason: "")) }
    try refuse { $0.links = [.init(path: "a/b/c", text: "x")] }
    try refuse { $0.links = [.init(path: "a/b", text: "x")] }
    try refuse { $0.links = [.init(path: "../c", text: "x")] }
    try refuse { $0.links = [.init(path: "c", text: "")] }
    try refuse { $0.record.cuda = "12" }
    try refuse { $0.record.cuda = "12.x" }
    try refuse { $0.record.reason = String(repeating: "x", count: 5000) }
    for place in ["", "a", "a/b", "a/b/c"] {
      try Site.with { site throws in
        var other = Self.injection
        other.record.place = place
        #expect(throws: InjectionTreeError.self) {
          try site.writer().apply(InjectionTree([Self.injection, other]))
        }
        #expect(try site.snapshot().isEmpty)
      }
    }
  }

  private static let injection = Injection(
    record, entries: [.init("lib/libmpi.so", .link("/usr/lib/libmpi.so"), reason: "MPI")])

  private func refuse(_ change: (inout Injection) -> Void) throws {
    var injection = Self.injection
    change(&injection)
    try Site.with { site throws in
      let error = #expect(throws: InjectionTreeError.self) {
        try site.writer().apply(InjectionTree([injection]))
      }
      guard case .invalid = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(!"\(error!)".unicodeScalars.contains { $0.value < 32 })
      #expect(try site.snapshot().isEmpty)
    }
  }

  @Test func whatIsNoFileIsNotCopied() throws {
    try Site.with { site throws in
      let fifo = site.directory("fifo")
      try #require(mkfifo(fifo, 0o644) == 0)
      for source in [fifo, site.prefix, site.directory("nowhere")] {
        var injection = Self.injection
        injection.entries = [.init("x", .copy(of: source), reason: "")]
        let tree = InjectionTree([injection])
        #expect(throws: InjectionTreeError.self) { try site.writer().apply(tree) }
        #expect(try site.snapshot().isEmpty)
      }
    }
  }

  // MARK: Comparing

  @Test func changes() {
    let old = InjectionTree([Self.injection])
    var other = Self.injection
    other.entries = [
      .init("lib/libmpi.so", .copy(of: "/opt/libmpi.so"), reason: "MPI"),
      .init("lib/new", .text("one\ntwo\n"), reason: "why"),
    ]
    let new = InjectionTree([other])
    #expect(old.changes(against: old).isEmpty)
    #expect(
      new.changes(against: old) == [
        .init(
          path: "a/b/lib/libmpi.so", kind: .changed, what: "copy of /opt/libmpi.so", why: "MPI"),
        .init(path: "a/b/lib/new", kind: .added, what: "\"one\"", why: "why"),
      ])
    #expect(old.changes(against: new).map(\.kind) == [.changed, .removed])
    #expect(old.adding(new) == new)
    #expect(old.removing(.cuda) == old && old.removing(.mpi) == InjectionTree())
    #expect(old.removing(nil) == InjectionTree())
  }
}
