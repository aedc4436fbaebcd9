import Foundation
import TestSupport
import Testing

/// What the shipped programs may need and weigh; ./check builds them first.
@Suite(.tags(.medium))
struct BudgetTests {
  private func product(_ name: String) throws -> String {
    let path = "\(Lab.products)/\(name)"
    try #require(
      FileManager.default.fileExists(atPath: path), "\(path) is not built; run ./check")
    return path
  }

  private func needed(_ name: String) throws -> Set<String> {
    Set(
      try run(["readelf", "-d", product(name)]).lines.filter { $0.contains("(NEEDED)") }
        .compactMap { $0.split(separator: "[").last?.dropLast() }.map(String.init))
  }

  @Test func thePluginNeedsLibcAlone() throws {
    #expect(try needed("slipway.so") == ["libc.so.6"])
    #expect(try Data(contentsOf: URL(filePath: product("slipway.so"))).count < 200_000)
  }

  @Test func thePluginShowsSlurmItsOwnNamesOnly() throws {
    let names = try run(["nm", "-D", "--defined-only", product("slipway.so")]).lines
      .compactMap { $0.split(separator: " ").last }
    #expect(!names.isEmpty)
    #expect(names.allSatisfy { $0.hasPrefix("slurm_spank_") || $0.contains("plugin_") })
    #expect(!names.contains { $0.contains("prolog") || $0.contains("epilog") })
  }

  @Test func theHelperStartsOnANodeWithAnyLibraries() throws {
    #expect(try needed("slipway-node") == [])
    let segments = try run(["readelf", "-l", product("slipway-node")])
    #expect(segments.status == 0 && !segments.stdout.contains("INTERP"))
  }

  @Test func theHelperHoldsNothingOfFoundation() throws {
    let names = try run(["nm", product("slipway-node")]).stdout
    #expect(names.contains("4TOML") && !names.contains("Foundation"))
  }

  @Test func theCommandStartsOnGlibc234() throws {
    let versions = try run(["objdump", "-T", product("slipway")]).lines.compactMap { line in
      line.split(separator: "(GLIBC_").dropFirst().first?.split(separator: ")").first
    }.map { $0.split(separator: ".").compactMap { Int($0) } }
    #expect(!versions.isEmpty)
    for version in versions { #expect(version[0] == 2 && version[1] <= 34, "GLIBC_\(version)") }
  }

  @Test func fullFoundationIsNotImported() throws {
    for file in filesBelow("\(Package.root)/Sources", ending: ".swift") {
      let text = try String(contentsOfFile: "\(Package.root)/Sources/\(file)", encoding: .utf8)
      for line in text.split(separator: "\n")
      where line.hasPrefix("import ") || line.contains(" import ") {
        #expect(!line.hasSuffix("import Foundation"), "\(file)")
      }
    }
  }
}
