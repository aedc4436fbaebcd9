import Injection
import TestSupport
import Testing

private let hasTOML = (try? run(["python3", "-c", "import tomllib"]))?.status == 0

@Suite(.tags(.small))
struct ManifestTests {
  /// One with two MPIs and a driver, as a site has it.
  private static let manifest: InjectionManifest = {
    func marks(_ names: [String]) -> [SourceMark] {
      names.enumerated().map { index, name in
        SourceMark(
          path: "/usr/lib64/\(name)", size: 1000 + index,
          mtime: 1_795_275_840_123_456_789 + index, buildID: "0123456789abcdef\(index)")
      }
    }
    let mpi = ["OpenMPI", "MPICH"].map { family in
      InjectionRecord(
        kind: .mpi,
        place: "2023.06/software/linux/x86_64/amd/zen2/rpath_overrides/\(family)/system",
        family: MPIFamily(rawValue: family), version: "4.1.8", pmi: [.pmix, .pmi2],
        verdict: .conditional, reason: "MPI_Session_init is \"missing\":\n\\ \u{1}é",
        sources: marks(["lib\(family).so.40", "libopen-pal.so.40", "libopen-rte.so.40"]))
    }
    let driver = InjectionRecord(
      kind: .cuda, place: "nvidia/x86_64/host", version: "535.261.03", cuda: "12.2",
      verdict: .ok, reason: "the running driver",
      sources: marks((0..<12).map { "libnvidia-\($0).so.535.261.03" }))
    return InjectionManifest(
      generation: 7, target: "/opt/eessi", written: "2026-11-21T15:44:00Z",
      author: "root on login1", release: "1.0", injections: mpi + [driver],
      adopted: [.init(path: "nvidia/x86_64/host", was: "a directory of 34 entries", isKept: false)])
  }()

  private func read(_ text: String) throws -> InjectionManifest {
    try InjectionManifest(toml: Array(text.utf8), file: "manifest.toml")
  }

  /// A manifest of every target is not longer than what a job reads.
  @Test func targetsShareTheirSources() throws {
    var manifest = Self.manifest
    let record = manifest.injections[0]
    manifest.injections = (0..<100).map { target in
      var record = record
      record.place =
        "2023.06/software/linux/x86_64/of/target\(target)/rpath_overrides/OpenMPI/system"
      record.reason = "fits"
      if target == 50 { record.sources.removeLast() }
      return record
    }
    let toml = manifest.toml
    #expect(toml.utf8.count < InjectionManifest.sizeLimit)
    #expect(try read(toml) == manifest)
    #expect(throws: InjectionTreeError.self) {
      try read(toml.replacing("sources_of = \"2023", with: "sources_of = \"2022"))
    }
  }

  @Test func roundTrip() throws {
    #expect(try read(Self.manifest.toml) == Self.manifest)
    #expect(Self.manifest.toml.hasPrefix("# Written by slipway inject."))
    #expect(Self.manifest.injection(at: "nvidia/x86_64/host")?.cuda == "12.2")
    #expect(Self.manifest.injection(at: "nvidia") == nil)
  }

  /// It is TOML, and not only what slipway takes for it: Python reads the same.
  @Test(.tags(.large), .enabled(if: hasTOML, "needs Python 3.11"))
  func isTOML() throws {
    let script = """
      import sys, tomllib
      m = tomllib.load(sys.stdin.buffer)
      for i in m["injection"]:
          print(i["kind"], i["place"], i["verdict"], repr(i["reason"]), len(i["source"]))
      print(m["schema"], m["injection"][2]["source"][11]["mtime"], m["injection"][1]["pmi"])
      print(m["adopted"])
      """
    let result = try run(["python3", "-c", script], input: Array(Self.manifest.toml.utf8))
    let override = "2023.06/software/linux/x86_64/amd/zen2/rpath_overrides"
    let reason = #"'MPI_Session_init is "missing":\n\\ \x01é'"#
    #expect(
      result.stdout == """
        mpi \(override)/OpenMPI/system COND \(reason) 3
        mpi \(override)/MPICH/system COND \(reason) 3
        cuda nvidia/x86_64/host OK 'the running driver' 12
        1 1795275840123456800 ['pmix', 'pmi2']
        [{'path': 'nvidia/x86_64/host', 'was': 'a directory of 34 entries', 'kept': False}]

        """, "\(result.stdout)\(result.stderr)")
  }

  @Test(arguments: [
    ("schema = 1", "schema = 2"), ("schema = 1", ""), ("schema = 1", "schema = 1\nschema = 1"),
    ("generation = 7", "generation = \"7\""), ("kind = \"mpi\"", "kind = \"rocm\""),
    ("family = \"MPICH\"", "family = \"Other\""), ("verdict = \"OK\"", "verdict = \"ok\""),
    ("pmi = [\"pmix\", \"pmi2\"]", "pmi = [\"pmix\", 3]"),
    ("pmi = [\"pmix\", \"pmi2\"]", "pmi = [\"pmi3\"]"),
    ("place = \"nvidia/x86_64/host\"", "place = \"../host\""),
    ("place = \"nvidia/x86_64/host\"", "place = \"nvidia/\\u0000host\""),
    ("size = 1000", "size = 1e3"), ("size = 1000", "size = 99999999999999999999"),
    ("size = 1000", "size ="),
    ("size = 1000", "size = 1000\nsize = 1000"), ("size = 1000", "size = 1000 1000"),
    ("reason = \"the running driver\"", "reason = \"the running driver"),
    ("reason = \"the running driver\"", "reason = \"\\q\""),
    ("reason = \"the running driver\"", "reason = \"\\uD800\""),
    ("[[injection.source]]", "[[source]]"), ("[[injection.source]]", "[[injection.source.x]]"),
    ("[[injection]]\nkind", "[[injection.source]]\nkind"), ("[[adopted]]", "[.a]"),
    ("[[adopted]]", "[[é]]"), ("[[adopted]]", "[[target]]"), ("kept = false", "\u{0}"),
    ("author", "\"a\\u0000uthor\""), ("author", "\"schema\\u0000\" = 1\nauthor"),
    ("[[adopted]]", "[adopted]"), ("[[adopted]]", "[[unknown]]"), ("kept = false", "kept = 0"),
  ])
  func refused(_ old: String, _ new: String) throws {
    let text = Self.manifest.toml
    try #require(text.contains(old))
    let error = #expect(throws: InjectionTreeError.self) {
      try read(text.replacing(old, with: new, maxReplacements: 1))
    }
    guard case .damaged("manifest.toml", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func hostileBytes() throws {
    let whole = Array(Self.manifest.toml.utf8)
    var generator = SeededGenerator(seed: 4)
    var (read, refused) = (0, 0)
    for round in 0..<4000 {
      var bytes = whole
      switch round % 4 {
      case 0: bytes.removeSubrange(Int.random(in: 0..<bytes.count, using: &generator)...)
      case 1:
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
            in: 0...255, using: &generator)
        }
      case 2:
        let from = Int.random(in: 0..<bytes.count - 64, using: &generator)
        let part = bytes[from..<from + Int.random(in: 1...64, using: &generator)]
        bytes.insert(contentsOf: part, at: Int.random(in: 0..<bytes.count, using: &generator))
      default:
        let escape = Array("\\u0000".utf8)
        bytes.insert(contentsOf: escape, at: Int.random(in: 0..<bytes.count, using: &generator))
      }
      do throws(InjectionTreeError) {
        _ = try InjectionManifest(toml: bytes, file: "m")
        read += 1
      } catch {
        #expect("\(error)".hasPrefix("m: "))
        refused += 1
      }
    }
    #expect(read > 100 && refused > 1000, "\(read) read, \(refused) refused")
    for text in [
      String(repeating: "[", count: 200_000), "a = " + String(repeating: "[", count: 100_000),
      String(repeating: "a.", count: 50_000) + "a = 1", String(repeating: "x", count: 300_000),
      String(repeating: "[[injection]]\n", count: 10_000),
      "[[" + String(repeating: "a.", count: 50_000) + "a]]",
    ] {
      #expect(throws: InjectionTreeError.self) { try self.read(text) }
    }
  }

  /// Every job reads one; the budget is that of a debug build on a busy machine.
  @Test func quick() throws {
    let bytes = Array(Self.manifest.toml.utf8)
    var best = Duration.seconds(1)
    for _ in 0..<50 {
      let start = ContinuousClock.now
      _ = try InjectionManifest(toml: bytes, file: "")
      best = min(best, ContinuousClock.now - start)
    }
    print("manifest of \(bytes.count) bytes read in \(best)")
    #expect(best < .milliseconds(10))
  }
}
