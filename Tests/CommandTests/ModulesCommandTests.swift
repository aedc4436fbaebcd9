import Foundation
import TestSupport
import Testing

/// `slipway modules` on the demo stack, compared with the real Lmod and with the list that the stack
/// is made from.
@Suite(.tags(.large), .enabled(if: DemoStack.isPossible, DemoStack.impossible))
struct ModulesCommandTests {
  /// Every target of the demo stack, by version; the machine of the tests may be of any kind.
  private static let targets: [(version: String, target: String)] = [
    ("2023.06", "x86_64/generic"), ("2023.06", "x86_64/intel/haswell"),
    ("2023.06", "x86_64/intel/skylake_avx512"), ("2023.06", "x86_64/amd/zen2"),
    ("2025.06", "x86_64/generic"), ("2025.06", "x86_64/intel/haswell"),
    ("2025.06", "x86_64/intel/skylake_avx512"),
  ]

  private struct Place {
    var cvmfs: String
    var directory: TemporaryDirectory

    /// Runs `slipway modules` with no environment but its own.
    func modules(_ arguments: String..., variables: [String: String] = [:]) throws -> ToolResult {
      let program = try #require(Package.executable("slipway"))
      var environment = ["PATH": "/usr/bin:/bin", "HOME": directory("home")]
      environment.merge(variables) { $1 }
      return try run(
        [program, "modules", arguments[0], "--config", directory("slipway.toml")]
          + arguments.dropFirst(), environment: environment)
    }

    func json(_ result: ToolResult) throws -> [String: Any] {
      try #require(result.status == 0, "\(result.stderr)")
      return try #require(
        JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
    }
  }

  private func withStack<Result>(_ body: (Place) throws -> Result) throws -> Result {
    let cvmfs = try DemoStack.build() + "/cvmfs"
    return try TemporaryDirectory.with { directory in
      // A node may be asked what another kind of node would see.
      try directory.write(
        "slipway.toml",
        "[stack]\ncvmfs = \"\(cvmfs)\"\nversion = \"2023.06\"\n"
          + "[selection]\nallow_unsafe_override = true\n")
      return try body(Place(cvmfs: cvmfs, directory: directory))
    }
  }

  /// No difference is left: Lmod shows a default only where a name has two versions, and so does
  /// slipway.
  @Test(.enabled(if: InstalledLmod.isThere, InstalledLmod.isNeeded), arguments: targets)
  func `the modules of a target are those that Lmod lists, with its defaults`(
    _ version: String, _ target: String
  ) throws {
    try withStack { place in
      let directory =
        "\(place.cvmfs)/software.eessi.io/versions/\(version)/software/linux/\(target)/modules/all"
      let document = try place.json(
        place.modules("avail", "--eessi", version, "--eessi-arch", target, "--json"))
      let modules = try #require(document["modules"] as? [[String: Any]])
      let names = modules.compactMap { $0["fullName"] as? String }
      let expected = try InstalledLmod.avail(directory)
      #expect(expected.count > 200)
      #expect(Set(names) == Set(expected))
      #expect(names.count == Set(names).count)

      let several = Dictionary(grouping: expected) { $0.split(separator: "/")[0] }
        .filter { $0.value.count > 1 }
      let defaults = try InstalledLmod.avail(directory, "-d").filter {
        several[$0.split(separator: "/")[0]] != nil
      }
      let marked = modules.filter { $0["default"] as? Bool == true }
      #expect(Set(marked.compactMap { $0["fullName"] as? String }) == Set(defaults))
      #expect(defaults.count > 10)
    }
  }

  /// The table agrees with the list of the stack's modules, of both versions.
  @Test(arguments: ["2023.06", "2025.06"])
  func `the table tells which targets have what`(_ version: String) throws {
    try withStack { place in
      let accelerators = version == "2023.06" ? ["cc80", "cc90"] : []
      let trees =
        Self.targets.filter { $0.version == version }.map(\.target)
        + accelerators.map { "x86_64/amd/zen2/accel/nvidia/\($0)" }
      let list = try String(
        contentsOfFile: "\(Package.root)/lab/stack.d/modules", encoding: .utf8)
      var expected: [String: Set<String>] = [:]
      for line in list.split(separator: "\n") where !line.hasPrefix("#") {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false)
          .map { $0.trimmingCharacters(in: .whitespaces) }
        // Not in a MODULEPATH, or hidden.
        guard !fields[1].contains("below:"), !fields[0].contains("/.") else { continue }
        let places = (fields.count > 4 ? fields[4] : "").split(separator: " ").map(String.init)
        let having = trees.filter { tree in
          let ofAccelerator = tree.contains("/accel/")
          guard !places.isEmpty else { return !ofAccelerator }
          return places.contains { place in
            (!ofAccelerator || place.contains("/accel/"))
              && ["\(version)/\(tree)/", "\(tree)/"].contains { $0.hasPrefix("\(place)/") }
          }
        }
        if !having.isEmpty { expected[fields[0]] = Set(having) }
      }
      let document = try place.json(place.modules("spider", "--eessi", version, "--json"))
      var found: [String: Set<String>] = [:]
      for module in try #require(document["modules"] as? [[String: Any]]) {
        found[try #require(module["fullName"] as? String)] = Set(
          try #require(module["targets"] as? [String]))
      }
      #expect(found.count == expected.count)
      for (name, targets) in expected { #expect(found[name] == targets, "\(name)") }

      // The table for people has the same.
      let lines = try place.modules("spider", "--eessi", version).lines
      let heading = try #require(lines.first { $0.hasPrefix("module ") })
      #expect(heading.contains("generic+") || heading.contains("generic*"))
      for (name, targets) in expected {
        let row = try #require(lines.first { $0.split(separator: " ").first == name[...] })
        #expect(row.split(separator: " ").count { $0 == "x" } == targets.count, "\(row)")
      }
    }
  }

  @Test func `a version says where it is and how it is loaded here`() throws {
    try withStack { place in
      func text(_ name: String) throws -> String {
        try place.modules("spider", "--eessi-arch", "x86_64/intel/haswell", name).stdout
      }
      #expect(
        try text("imkl/2023.2.0").contains(
          "srun --eessi=2023.06 --eessi-load=imkl/2023.2.0 COMMAND"))
      let lesser = try text("Extrae/4.2.0-gompi-2023b")
      #expect(lesser.contains("--eessi-load=Extrae/4.2.0-gompi-2023b --eessi-load-fallback"))
      #expect(lesser.contains("in x86_64/generic, which this node can run"))
      #expect(try text("UCX-CUDA/1.15.0-GCCcore-13.2.0-CUDA-12.1.1").contains("cannot run any"))
      #expect(try text("Java/17").hasPrefix("Java/17.0.6"))
      #expect(try text("terminfo-db/.6.4-GCCcore-13.2.0").contains("targets"))
    }
  }

  @Test(arguments: [
    ("gromacs", "GROMACS"), ("GROMACZ", "GROMACS"), ("GROMACS/2024.4", "GROMACS/2024.4-foss-2023b"),
    ("nothing-like-it", "slipway modules spider lists all"),
  ])
  func `a near miss is answered by a name`(_ word: String, _ expected: String) throws {
    try withStack { place in
      for arguments in [["spider", word], ["show", word]] {
        let result = try place.modules(arguments[0], arguments[1])
        #expect(result.status == 69)
        #expect(result.stdout.isEmpty)
        #expect(result.stderr.contains(expected), "\(result.stderr)")
      }
    }
  }

  @Test(.enabled(if: InstalledLmod.isThere, InstalledLmod.isNeeded))
  func `a module is shown with what loading it changes`() throws {
    try withStack { place in
      func show(_ name: String) throws -> [String: Any] {
        try place.json(
          place.modules("show", "--eessi-arch", "x86_64/generic", "--json", name))
      }
      let numbers = try show("Numbers")
      #expect(numbers["fullName"] as? String == "Numbers/1.0-GCC-13.2.0")
      #expect(numbers["target"] as? String == "x86_64/generic")
      #expect(numbers["capsule"] as? String == "computed")
      #expect((numbers["loads"] as? [String])?.last == "Numbers/1.0-GCC-13.2.0")
      #expect((numbers["loads"] as? [String])?.contains("GCC/13.2.0") == true)
      let prepend = try #require(numbers["prepend"] as? [String: [String]])
      #expect(prepend["PATH"]?.first?.hasSuffix("/Numbers/1.0-GCC-13.2.0/bin") == true)
      #expect((numbers["set"] as? [String: String])?["EBVERSIONNUMBERS"] == "1.0")
      #expect(try show("Numbers")["capsule"] as? String == "capsule")
      let impure = try show("UCX-settings")
      #expect(impure["capsule"] as? String == "impure")
      #expect((impure["reasons"] as? [String])?.isEmpty == false)
      let refused = try show("ANSYS")
      #expect(refused["capsule"] as? String == "refused")
      #expect((refused["messages"] as? String)?.contains("licence") == true)
      #expect((try show("tmux")["aliases"] as? [String: String])?.count == 3)
      let text = try place.modules("show", "--eessi-arch", "x86_64/generic", "UCX-settings").stdout
      #expect(text.contains("not kept, because the set runs uname -n"))
      // Another kind of node has it.
      let other = try place.modules("show", "--eessi-arch", "x86_64/generic", "AOCL-BLAS")
      #expect(other.status == 69 && other.stderr.contains("x86_64/amd/zen2"))
    }
  }

  @Test func `loaded modules are listed with their trees`() throws {
    try withStack { place in
      #expect(try place.modules("list").stdout == "no modules are loaded\n")
      let all =
        "\(place.cvmfs)/software.eessi.io/versions/2023.06/software/linux/x86_64/amd/zen2/modules/all"
      let variables = [
        "LOADEDMODULES": "GCC/13.2.0:AOCL-BLAS/5.0-GCC-13.2.0:mine/1",
        "_LMFILES_": "\(all)/GCC/13.2.0.lua:\(all)/AOCL-BLAS/5.0-GCC-13.2.0.lua:/home/me/mine/1",
      ]
      let document = try place.json(
        place.modules(
          "list", "--eessi-arch", "x86_64/generic", "--json", variables: variables))
      let modules = try #require(document["modules"] as? [[String: Any]])
      #expect(modules.map { $0["here"] as? Bool } == [true, false, false])
      #expect(
        modules.map { $0["target"] as? String } == ["x86_64/amd/zen2", "x86_64/amd/zen2", nil])
      #expect(modules.map { ($0["targets"] as? [String])?.count } == [4, 1, 0])
    }
  }

  @Test func `patterns, descriptions and wrong options`() throws {
    try withStack { place in
      let long = try place.modules("avail", "java", "--long").lines
      #expect(long.count == 4)
      #expect(long.contains { $0.contains("Java/17.0.6 (D,17)  Java 17:") })
      #expect(try place.modules("avail", "nothing-like-it").status == 69)
      #expect(try place.modules("avail", "--load", "GCC").status == 64)
      #expect(try place.modules("show", "GCC,GROMACS").status == 64)
      #expect(try place.modules("show", "$(id)").status == 64)
      let again = try place.modules("avail", "--verbose")
      #expect(again.stderr.contains("by the index that is kept"), "\(again.stderr)")
    }
  }

  /// What a user may not read is not there for them; root runs slipway as another user for it.
  @Test func `a directory that may not be read is passed over`() throws {
    try TemporaryDirectory.with { directory in
      let all = "cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/generic/modules/all"
      try directory.makeDirectory(
        "cvmfs/software.eessi.io/versions/2023.06/software/linux/x86_64/generic/software")
      try directory.makeDirectory(
        "cvmfs/software.eessi.io/versions/2023.06/compat/linux/x86_64/usr/bin")
      try directory.write("\(all)/GCC/1.lua", "")
      try directory.write("\(all)/closed/1.lua", "")
      let configuration = try directory.write(
        "slipway.toml", "[stack]\ncvmfs = \"\(directory("cvmfs"))\"\n")
      let copy = directory("slipway")
      let made = try run(
        ["sh", "-c", "chmod 755 $1; cp $0 $2", "\(Lab.products)/slipway", directory.path, copy])
      try #require(made.status == 0, "\(Lab.products)/slipway is not built; run ./check")
      let user = Lab.isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
      _ = try run(["chmod", "000", directory("\(all)/closed")])
      defer { _ = try? run(["chmod", "755", directory("\(all)/closed")]) }
      let result = try run(
        user + [
          copy, "modules", "avail", "--config", configuration, "--eessi-arch", "x86_64/generic",
        ],
        environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"])
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.lines == ["\(directory(all)):", "  GCC/1"])
      #expect(result.stderr.isEmpty)
    }
  }
}
