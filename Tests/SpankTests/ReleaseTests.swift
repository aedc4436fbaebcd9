import TestSupport
import Testing

/// One source for every Slurm release: compiled with each release's version number, and with the
/// declarations that later headers add.
@Suite(.tags(.medium), .needs("gcc"))
struct ReleaseTests {
  @Test(arguments: [
    "22.05", "23.02", "23.11", "24.05", "24.11", "25.05", "25.11", "26.05",
  ])
  func thePluginCompilesForEveryRelease(_ release: String) throws {
    let number = release.split(separator: ".").map { Int($0)! }
    try TemporaryDirectory.with { directory in
      // The installed spank.h; between 22.05 and 26.05 it gained two names (slurm/spank.h).
      let header = "/usr/include/slurm/spank.h"
      let isInstalled = try run(["test", "-r", header]).status == 0
      try #require(isInstalled, "libslurm-dev is not installed; ./check does it")
      try directory.link("slurm/slurm_errno.h", to: "/usr/include/slurm/slurm_errno.h")
      try directory.write(
        "slurm/slurm_version.h",
        "#define SLURM_VERSION_NUMBER \((number[0] << 16) + (number[1] << 8))\n")
      try directory.link("slurm/original.h", to: header)
      var text = "#include <slurm/original.h>\n"
      if release >= "23.11" {
        text += "spank_err_t spank_prepend_task_argv(spank_t, int, const char *[]);\n"
      }
      if release >= "25.05" { text += "extern int slurm_spank_init_failure_mode;\n" }
      try directory.write("slurm/spank.h", text)
      let built = try run([
        "make", "-C", "\(Package.root)/spank", "BUILD=\(directory.path)",
        "SLURM_INCLUDE=\(directory.path)",
      ])
      #expect(built.status == 0, "\(built.stderr)")
      let symbols = try run(["nm", "-D", directory("slipway.so")]).stdout
      for name in ["plugin_version", "slurm_spank_user_init", "slurm_spank_task_init"] {
        #expect(symbols.contains(name))
      }
      // 22.05 has it not: the loader leaves a weak name without an address.
      let later = symbols.split(separator: "\n").filter { $0.contains("spank_prepend_task_argv") }
      #expect(later.count == 1 && later.allSatisfy { $0.contains(" w ") }, "\(later)")
    }
  }

  /// The probe's library is loaded by programs with C libraries of their own, such as a stack's.
  @Test(.needs("readelf"))
  func theProbesLibraryAsksLittleOfTheCLibrary() throws {
    try TemporaryDirectory.with { directory in
      let built = try run([
        "make", "-C", "\(Package.root)/spank", "BUILD=\(directory.path)",
        directory("slipway-probe.so"),
      ])
      try #require(built.status == 0, "\(built.stderr)")
      let text = try run(["readelf", "-dVW", directory("slipway-probe.so")]).stdout
      #expect(text.split(separator: "(NEEDED)").count == 2 && text.contains("[libc.so.6]"))
      // 2.17 is the first release for aarch64 and that of the manylinux2014 standard (PEP 599).
      let releases = text.split(separator: "GLIBC_2.").dropFirst().compactMap {
        Int($0.prefix(while: \.isNumber))
      }
      #expect(!releases.isEmpty && releases.allSatisfy { $0 <= 17 }, "\(releases)")
    }
  }
}
