import Foundation
import TestSupport
import Testing

/// Names, versions and defaults of random trees, told by slipway and by the real Lmod.
@Suite(.tags(.large), .enabled(if: InstalledLmod.isThere, InstalledLmod.isNeeded))
struct ModuleRulesTests {
  /// No two are equal, such as 1 and 1.0: of these Lmod takes one or the other.
  private static let words = [
    "1", "2", "10", "1.10", "1.9", "2.4rc1", "2.4a1", "2.4-1", "2.4dev", "2023a", "2023b",
    "2023.1-foss-2022b", "2023.1-foss-2023a", "v2312", "beta", ".7", "1-p2", "1.0-GCC-13.2.0",
    "1.0_x", "0", "1..2",
  ]

  @Test(arguments: 0..<12)
  func `slipway and Lmod agree on a random tree`(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    try TemporaryDirectory.with { directory in
      let version = "cvmfs/software.eessi.io/versions/2023.06"
      let tree = "\(version)/software/linux/x86_64/generic"
      try directory.makeDirectory("\(version)/compat/linux/x86_64")
      try directory.makeDirectory("\(tree)/software")
      let all = "\(tree)/modules/all"
      for number in 0..<12 {
        // Every fourth seed has versions below versions; Lmod then looks at names in another way.
        var folder = "\(all)/n\(number)"
        if number % 5 == 4 { folder += "/sub" }
        let versions = Self.words.shuffled(using: &random).prefix(
          Int.random(in: 1...6, using: &random))
        for word in versions {
          if Bool.random(using: &random) {
            try directory.write("\(folder)/\(word).lua", "")
          } else {
            try directory.write("\(folder)/\(word)", "#%Module\n")
          }
        }
        if seed % 4 == 3, number == 0 {
          try directory.write("\(all)/nvv/a/1.0.lua", "")
          try directory.write("\(all)/nvv/b/0.5.lua", "")
          try directory.write("\(all)/nvv/.modulerc.lua", "module_version('nvv/a/1.0', 'x')")
        }
        let marked = versions.randomElement(using: &random)!
        let name = folder.dropFirst(all.count + 1)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: try directory.link("\(folder)/default", to: marked)
        case 1:
          try directory.write("\(folder)/.version", "#%Module\nset ModulesVersion \"\(marked)\"\n")
        case 2:
          try directory.write(
            "\(folder)/.modulerc.lua", "module_version(\"\(name)/\(marked)\", \"default\")\n")
        case 3:
          try directory.write(
            "\(folder)/.modulerc", "#%Module\nmodule-version \(name)/\(marked) default\n")
        case 4:
          try directory.write("\(folder)/.modulerc.lua", "hide_version(\"\(name)/\(marked)\")\n")
        default: break
        }
      }
      let configuration = try directory.write(
        "slipway.toml",
        "[stack]\ncvmfs = \"\(directory("cvmfs"))\"\n[selection]\n"
          + "allow_unsafe_override = true\n")
      let environment = ["PATH": "/usr/bin:/bin", "HOME": directory("home")]
      let program = try #require(Package.executable("slipway"))
      let own = try run(
        [
          program, "modules", "avail", "--json", "--config", configuration, "--eessi-arch",
          "x86_64/generic",
        ], environment: environment)
      try #require(own.status == 0, "\(own.stderr)")
      let document = try #require(
        JSONSerialization.jsonObject(with: Data(own.output)) as? [String: Any])
      let modules = try #require(document["modules"] as? [[String: Any]])

      let expected = try InstalledLmod.avail(directory(all))
      #expect(Set(modules.compactMap { $0["fullName"] as? String }) == Set(expected))
      // Of names with one version Lmod does not mark the default; slipway neither.
      let marked = modules.filter { $0["default"] as? Bool == true }
        .compactMap { $0["fullName"] as? String }
      let count = Dictionary(grouping: modules) { $0["name"] as? String }.mapValues(\.count)
      let defaults = try Set(InstalledLmod.avail(directory(all), "-d"))
      for module in modules where count[module["name"] as? String]! > 1 {
        let name = try #require(module["fullName"] as? String)
        #expect(marked.contains(name) == defaults.contains(name), "\(name)")
      }
    }
  }
}
