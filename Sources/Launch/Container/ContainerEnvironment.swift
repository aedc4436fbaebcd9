package import Environment
package import Images

/// Which variables a program in a container has: who wins, in one place.
///
/// From the weakest to the strongest:
/// 1. the host's, but for those that name files or modules of the host;
/// 2. the image's;
/// 3. what belongs to the job and not to a system: Slurm's, PMI's and MPI's settings, the user's
///    name and home, the terminal;
/// 4. a profile's;
/// 5. the user's own (`--eessi-env`, `--env`).
package struct ContainerEnvironment {
  /// What names files or modules of the host, and means others or nothing in an image.
  static let hostOnly: Set<String> = [
    "BASH_ENV", "CMAKE_PREFIX_PATH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "ENV",
    "GCONV_PATH", "INFOPATH", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_PRELOAD", "LD_RUN_PATH",
    "LIBRARY_PATH", "LOADEDMODULES", "LOCPATH", "MANPATH", "MODULEPATH", "MODULESHOME",
    "MODULES_CMD", "PATH", "PERL5LIB", "PKG_CONFIG_PATH", "PROMPT_COMMAND", "PYTHONHOME",
    "PYTHONPATH", "R_HOME", "R_LIBS", "R_LIBS_SITE", "SHELL", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "TERMINFO", "VIRTUAL_ENV", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "_LMFILES_",
  ]
  static let hostOnlyPrefixes = [
    "BASH_FUNC_", "CONDA_", "EASYBUILD_", "EB", "EESSI_", "LMOD_", "SLIPWAY_", "_Module", "__LMOD",
    "__MODULES_", "__Init_",
  ]

  /// What an image must not set: it belongs to the job.
  static let jobs: Set<String> = [
    "DISPLAY", "HOME", "HOSTNAME", "LOGNAME", "SSH_AUTH_SOCK", "TERM", "TMPDIR", "USER",
    "XAUTHORITY",
  ]
  static let jobPrefixes = [
    "CUDA_VISIBLE_", "FI_", "OMPI_", "PALS_", "PMI", "PMIX_", "SLURM", "UCX_",
  ]

  /// Where programs are, in an image that does not say: as Docker's default.
  static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  static func isHostOnly(_ name: String) -> Bool {
    hostOnly.contains(name) || hostOnlyPrefixes.contains(where: name.hasPrefix)
  }

  static func isJobs(_ name: String) -> Bool {
    jobs.contains(name) || jobPrefixes.contains(where: name.hasPrefix)
  }

  /// The environment of a program in an image, before profiles and the user's own variables.
  package static func base(
    host: Environment, image: ImageConfiguration
  ) -> Environment {
    var environment = Environment()
    for name in host.names where !isHostOnly(name) { environment[name] = host[name] }
    environment["PATH"] = path
    for variable in image.environment where !isJobs(variable.name) {
      // What an image cannot have meant: a name that no shell could set.
      guard !variable.name.isEmpty, !variable.name.utf8.contains(0),
        !variable.value.utf8.contains(0)
      else { continue }
      environment[variable.name] = variable.value
    }
    return environment
  }
}
