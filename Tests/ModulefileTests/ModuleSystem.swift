import Foundation
import TestSupport
import Testing

/// A module system as it is installed, used from bash.
struct ModuleSystem: Sendable, CustomTestStringConvertible {
  enum Kind: Sendable { case lmod, environmentModules }

  var testDescription: String
  var kind: Kind
  /// Where it is installed; nil when it is not.
  var path: @Sendable () throws -> String?

  static let lmod = ModuleSystem(testDescription: "Lmod", kind: .lmod) {
    existing("/usr/share/lmod/lmod")
  }
  /// The Lmod that the compat layer of the stack has.
  static let stacksLmod = ModuleSystem(testDescription: "the stack's Lmod", kind: .lmod) {
    existing(
      try DemoStack.build() + "/cvmfs/software.eessi.io/versions/2023.06/compat/linux/x86_64"
        + "/usr/share/Lmod")
  }
  static let environmentModules = ModuleSystem(
    testDescription: "Environment Modules", kind: .environmentModules
  ) {
    // Its package conflicts with lmod, so the lab unpacks it beside.
    let result = try run(["\(Package.root)/lab/environment-modules", "build"], seconds: 300)
    return result.status == 0 ? result.lines.last : nil
  }

  static let all = [lmod, stacksLmod, environmentModules]

  private static func existing(_ path: String) -> String? {
    FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// The argument of `slipway modulefile`.
  var language: String { kind == .lmod ? "lmod" : "tcl" }

  /// The file of a module of one version, below a directory of modules.
  func file(_ module: String) -> String { kind == .lmod ? "\(module).lua" : module }

  /// Bash that defines `module`, and nothing else of the system's own start-up files.
  func definition() throws -> String {
    guard let path = try self.path() else {
      try Test.cancel(
        "\(testDescription) is not here: install lmod, or see lab/environment-modules help")
    }
    return switch kind {
    case .lmod: "module() { eval \"$('\(path)/libexec/lmod' bash \"$@\")\"; }"
    case .environmentModules: ". '\(path)/init/bash'"
    }
  }

  /// Whether a variable is the system's own account of what it did, and stays when all is unloaded.
  ///
  /// Lmod keeps its table, the counts of the elements of lists that it has touched, and the stack
  /// of a variable that it gave its first value back; Environment
  /// Modules takes an empty list of loaded modules away, or leaves one. Neither can be seen by
  /// another program.
  func isBookkeeping(_ name: String) -> Bool {
    switch kind {
    case .lmod:
      ["_ModuleTable", "__LMOD_REF_COUNT_", "__LMOD_STACK_"].contains(where: name.hasPrefix)
    case .environmentModules: name == "LOADEDMODULES"
    }
  }
}
