import Foundation
import Host
import Injection
import TestSupport
import Testing

/// What EESSI's own scripts and Lmod hooks ask of a tree, asked by bash of one that slipway wrote.
///
/// Sources of the facts: EESSI/software-layer-scripts
/// scripts/gpu_support/nvidia/link_nvidia_host_libraries.sh (5d15456) and create_lmodsitepackage.py
/// before and after its pull requests #202 and #226; `isFile` of Lmod's tools/fileOps.lua.
@Suite(.tags(.large))
struct EESSICheckTests {
  /// Asks; each line of what is printed is a question that was answered no.
  private func ask(_ site: Site, _ questions: [String], driver: String) throws {
    let script = """
      arch=x86_64 repo=$1 driver=$2
      # Lmod's isFile: a regular file or a symbolic link, wherever it leads (lstat); with what the
      # hook means by it, that there is a library.
      is_file() { { [ -L "$1" ] || [ -f "$1" ]; } && [ -e "$1" ]; }
      # What the hook reads as string.match(text, "(%d+)%.(%d+)").
      is_version() { [[ $(cat "$1") =~ ^[0-9]+\\.[0-9]+ ]]; }

      """
    let asked = questions.map { "{ \($0); } || echo '\($0.replacing("'", with: "'\\''"))'" }
    let result = try run(
      ["bash", "-c", script + asked.joined(separator: "\n"), "ask", site.repository, driver])
    #expect(result.status == 0 && result.stdout == "" && result.stderr == "")
  }

  private let questions2023 = [
    "[ -d \"$(realpath -m \"$repo/host_injections\")\" ]",
    // The script's: it has nothing to do where this file names the running driver.
    "mkdir -p \"$repo/host_injections/nvidia/$arch/host\"",
    "[ -e \"$repo/host_injections/nvidia/$arch/host/driver_version.txt\" ]",
    "grep -q \"$driver\" \"$repo/host_injections/nvidia/$arch/host/driver_version.txt\"",
    "[ -L \"$repo/host_injections/nvidia/$arch/latest\" ]",
    "[ -L \"$repo/host_injections/2023.06/compat/linux/$arch/lib\" ]",
    "[ \"$(readlink \"$repo/host_injections/2023.06/compat/linux/$arch/lib\")\""
      + " = \"$repo/host_injections/nvidia/$arch/latest\" ]",
    // The hook's, of 2023 to 2025 and of 2026.
    "is_file \"$repo/host_injections/nvidia/$arch/latest/libcuda.so\"",
    "is_version \"$repo/host_injections/nvidia/$arch/latest/cuda_version.txt\"",
    "is_file \"$repo/host_injections/2023.06/compat/linux/$arch/lib/libcuda.so\"",
  ]

  private let questions2025 = [
    "[ -L \"$repo/versions/2025.06/compat/linux/$arch/lib/nvidia\" ]",
    "[ -d \"$(readlink -f \"$repo/versions/2025.06/compat/linux/$arch/lib/nvidia\")\" ]",
    "cd \"$(readlink -f \"$repo/versions/2025.06/compat/linux/$arch/lib/nvidia\")\"",
    "[ -e driver_version.txt ]", "grep -q \"$driver\" driver_version.txt",
    "is_file \"$repo/versions/2025.06/compat/linux/$arch/lib/nvidia/libcuda.so\"",
    "is_version \"$repo/versions/2025.06/compat/linux/$arch/lib/nvidia/cuda_version.txt\"",
  ]

  /// The repository's links of 2025.06, with the default that leads to `directory`.
  private func setUp2025(_ site: Site, _ directory: String) throws {
    let repository = "cvmfs/software.eessi.io"
    try site.directory.link("\(repository)/defaults/nvidia", to: directory)
    try site.directory.link(
      "\(repository)/versions/2025.06/compat/linux/x86_64/lib/nvidia",
      to: "\(site.repository)/defaults/nvidia")
  }

  @Test(arguments: ["nothing", "the script's", "slipway's"])
  func treesOf2023(_ before: String) throws {
    try Site.with { site in
      switch before {
      case "the script's": try site.runEESSIScript(driver: "525.60.13")
      case "slipway's":
        _ = try site.writer().apply(InjectionTree([try site.driver("525.60.13")]))
      default: break
      }
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03"), site.mpi]))
      try ask(site, questions2023, driver: "535.261.03")
      // The directories of get_rpath_override_dirs: one of the two holds the library.
      #expect(["lib", "lib64"].contains { site.exists("\(Site.override)/\($0)/libmpi.so.40") })
    }
  }

  /// The same directory for all versions, below `host_injections`.
  @Test func oneDirectoryForAllVersions() throws {
    try Site.with { site in
      try setUp2025(site, "\(site.target)/\(Site.host)")
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      try ask(site, questions2023 + questions2025, driver: "535.261.03")
    }
  }

  /// A directory elsewhere, which EESSI's script or nobody has filled.
  @Test(arguments: [true, false])
  func treesOf2025(_ isFilled: Bool) throws {
    try Site.with { site in
      try setUp2025(site, site.target)
      if isFilled {
        for (name, file) in try site.install(driver: "525.60.13") {
          try site.directory.link("target/\(name)", to: file)
        }
        try site.directory.write("target/driver_version.txt", "525.60.13\n")
        try site.directory.write("target/cuda_version.txt", "9.0\n")
      }
      let before = try site.snapshot()
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03", place: "")]))
      try ask(site, questions2025, driver: "535.261.03")
      #expect(site.read("driver_version.txt") == "535.261.03\n")
      _ = try site.writer().remove()
      #expect(try site.snapshot() == before)
    }
  }

  /// EESSI's script after a driver's update: it empties the directory of drivers and fills it anew.
  @Test(arguments: [Site.host, ""])
  func theScriptAfterSlipway(_ place: String) throws {
    try Site.with { site in
      try setUp2025(site, "\(site.target)/\(place)")
      _ = try site.writer().apply(InjectionTree([try site.driver("525.60.13", place: place)]))
      let libraries = try site.install(driver: "535.261.03")
      let script = """
        cd "$1" && rm ./* && shift && ln -s "$@" . && echo 535.261.03 > driver_version.txt
        """
      let result = try run(
        ["bash", "-c", script, "script", "\(site.target)/\(place)"] + libraries.values)
      try #require(result.status == 0, "\(result.stderr)")
      let drifts = try site.writer().status(runningDriver: "535.261.03")
      // Where the directory is slipway's, the script writes into the generation.
      let kind: Drift.Kind = place.isEmpty ? .anchor : .entry
      #expect(drifts.contains { $0.kind == kind && $0.path.hasSuffix("/libcuda.so.1") })
      #expect(drifts.contains { $0.kind == .driver })
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03", place: place)]))
      try ask(site, questions2025, driver: "535.261.03")
      #expect(try site.writer().status(runningDriver: "535.261.03").isEmpty)
    }
  }

  /// What Lmod calls a file, asked of the Lmod that is installed: the reason why `libcuda.so` is
  /// never a link to nothing.
  @Test(.needs("lua"))
  func lmodTakesALinkForAFile() throws {
    try Site.with { site in
      try site.directory.link("target/libcuda.so", to: "/nonexistent")
      try site.directory.link("target/directory", to: "/nonexistent")
      let result = try run([
        "lua", "-e",
        """
        local posix = require("posix")
        print((posix.stat("\(site.target)/libcuda.so", "type")))
        print((posix.stat("\(site.target)/directory/libcuda.so", "type")))
        """,
      ])
      #expect(result.stdout.hasPrefix("link\nnil"), "\(result)")
    }
  }
}
