import Foundation
import TestSupport
import Testing

/// The Lmod of this machine, asked without slipway.
enum InstalledLmod {
  private static let command = "/usr/share/lmod/lmod/libexec/lmod"
  static let isThere = FileManager.default.isExecutableFile(atPath: command)
  static let isNeeded: Comment = "needs Lmod (apt-get install lmod)"

  /// The modules of a directory as `module -t avail` lists them.
  static func avail(_ directory: String, _ options: String...) throws -> [String] {
    let result = try run(
      [command, "bash", "-t"] + options + ["avail"],
      environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "MODULEPATH": directory])
    // Lines of directories, of names with more versions below, and of further names of versions.
    return result.stderr.split(separator: "\n").map(String.init)
      .filter { !$0.hasSuffix(":") && !$0.hasSuffix("/") && !$0.contains("(@") }
  }
}
