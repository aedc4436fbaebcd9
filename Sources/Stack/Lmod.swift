package import Environment

/// Lmod as a shell's environment shows it.
package enum Lmod {
  /// Whether a site's own Lmod serves the shell already and can read the stack's modules.
  ///
  /// EESSI's module files ask for Lmod 8.6 (init/modules/EESSI of EESSI/software-layer-scripts).
  package static func isUsable(in environment: Environment) -> Bool {
    guard environment.nonEmpty("LMOD_CMD") != nil, let version = environment["LMOD_VERSION"]
    else { return false }
    let numbers = version.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
    return (numbers.first ?? 0, numbers.dropFirst().first ?? 0) >= (8, 6)
  }

  package static func hasTable(_ environment: Environment) -> Bool {
    environment["_ModuleTable_Sz_"] != nil
  }

  /// The variables in which Lmod counts what it has loaded.
  package static func bookkeeping(in environment: Environment) -> [String] {
    environment.names.filter { $0.hasPrefix("_ModuleTable") || $0.hasPrefix("__LMOD_") }
  }

  /// The loaded modules whose files lie below one of the directories, in the order of loading.
  package static func loaded(in environment: Environment, below directories: [String]) -> [String] {
    let modules = environment["LOADEDMODULES"]?.split(separator: ":") ?? []
    let files = environment["_LMFILES_"]?.split(separator: ":") ?? []
    guard modules.count == files.count else { return [] }
    return zip(modules, files).filter { _, file in
      directories.contains { file.hasPrefix($0 + "/") }
    }.map { String($0.0) }
  }
}

extension StackSelection {
  /// Where the compat layer keeps Lmod.
  package var lmod: String { "\(eprefix)/usr/share/Lmod" }

  /// The program behind the `module` command.
  package var lmodCommand: String { "\(lmod)/libexec/lmod" }

  /// Makes the stack's Lmod the one of an environment.
  ///
  /// Its version is not known without running it; one that another Lmod has left is wrong. Where it
  /// replaces a tool that is no Lmod, it begins with no module loaded.
  package func lmodInitialisation(replacingOtherTool: Bool) -> EnvironmentPatch {
    var patch = EnvironmentPatch()
    patch.set("LMOD_ROOT", "\(eprefix)/usr/share")
    patch.set("LMOD_PKG", lmod)
    patch.set("LMOD_DIR", "\(lmod)/libexec")
    patch.set("LMOD_CMD", lmodCommand)
    patch.set("MODULESHOME", lmod)
    patch.unset("LMOD_VERSION")
    if replacingOtherTool {
      patch.unset("LOADEDMODULES")
      patch.unset("_LMFILES_")
    }
    return patch
  }
}
