package import Environment

extension StackSelection {
  /// The patch that initialises an environment for this selection, as EESSI's own scripts would.
  ///
  /// Sources: EESSI/software-layer-scripts init/modules/EESSI/2023.06.lua (the values and the order
  /// of the lists), init/eessi_environment_variables (`LMOD_CONFIG_DIR`, the overrides).
  /// `hasCertificates` tells whether the host has ``certificates``.
  package func initialisation(of environment: Environment, hasCertificates: Bool)
    -> EnvironmentPatch
  {
    var patch = EnvironmentPatch()
    patch.set("EESSI_VERSION", version)
    patch.set("EESSI_VERSION_DEFAULT", version)
    if repository.isPilot { patch.set("EESSI_PILOT_VERSION", version) }
    patch.set("EESSI_CVMFS_REPO", repository.root)
    patch.set("EESSI_OS_TYPE", "linux")
    patch.set("EESSI_PREFIX", prefix)
    patch.set("EESSI_INIT_PREFIX", initPrefix)
    patch.set("EESSI_SOFTWARE_LAYER_VERSION_SUFFIX", suffix)
    patch.set("EESSI_CPU_FAMILY", cpuFamily)
    patch.set("EPREFIX", eprefix)
    patch.set("EESSI_EPREFIX", eprefix)
    patch.set("EESSI_USE_ARCHDETECT", "1")
    patch.set("EESSI_USE_ARCHSPEC", "0")
    patch.set("EESSI_ARCHDETECT_OPTIONS", suitable.joined(separator: ":"))
    patch.set("EESSI_SOFTWARE_SUBDIR", subdirectory)
    patch.set("EESSI_SOFTWARE_PATH", softwarePath)

    // What another node's GPU left behind must not stay.
    if let accelerator {
      patch.set("EESSI_ACCEL_SUBDIR", accelerator)
    } else {
      patch.unset("EESSI_ACCEL_SUBDIR")
    }
    for name in [
      "EESSI_ACCELERATOR_TARGET", "EESSI_MODULEPATH_ACCEL", "EESSI_SITE_MODULEPATH_ACCEL",
    ]
    where acceleratorSubtree == nil { patch.unset(name) }

    for name in Self.lmodVariables { patch.set(name, "\(softwarePath)/.lmod") }

    if hasCertificates {
      for name in Self.certificateVariables { patch.set(name, Self.certificates) }
    }
    if environment.nonEmpty("EESSI_BASIC_ENV") == nil {
      let site = sitePath(of: softwarePath, environment: environment)
      let modules = environment.nonEmpty("EESSI_MODULE_SUBDIR") ?? "modules/all"
      patch.set(
        "EESSI_MODULEPATH",
        environment.nonEmpty("EESSI_CUSTOM_MODULEPATH") ?? "\(softwarePath)/\(modules)")
      patch.set("EESSI_SITE_SOFTWARE_PATH", site)
      patch.set("EESSI_SITE_MODULEPATH", "\(site)/\(modules)")
      if let acceleratorSubtree, let acceleratorPath {
        let siteAccelerator = sitePath(of: acceleratorPath, environment: environment)
        patch.set("EESSI_ACCELERATOR_TARGET", acceleratorSubtree)
        patch.set("EESSI_MODULEPATH_ACCEL", "\(acceleratorPath)/\(modules)")
        patch.set("EESSI_SITE_MODULEPATH_ACCEL", "\(siteAccelerator)/\(modules)")
      }
    }
    let lists = Self.lists(of: patch.applied(to: Environment()))
    // A task of `srun --export=NONE` has no PATH: the shell and its tools must be found all the same.
    if environment.nonEmpty("PATH") == nil { patch.set("PATH", "/usr/local/bin:/usr/bin:/bin") }
    patch.append(lists)
    return patch
  }

  /// What an initialisation puts in front of lists, by the variables that it has set.
  private static func lists(of variables: Environment) -> EnvironmentPatch {
    var patch = EnvironmentPatch()
    func prepend(_ list: String, _ name: String, _ tail: String = "") {
      guard let value = variables.nonEmpty(name) else { return }
      // EESSI_CUSTOM_MODULEPATH may be a list.
      for directory in value.split(separator: ":").reversed() {
        patch.prepend(list, directory + tail)
      }
    }
    prepend("PATH", "EESSI_EPREFIX", "/bin")
    prepend("PATH", "EESSI_EPREFIX", "/usr/bin")
    prepend("LMOD_RC", "EESSI_SOFTWARE_PATH", "/.lmod/lmodrc.lua")
    prepend("LMOD_RC", "EESSI_SITE_SOFTWARE_PATH", "/.lmod/lmodrc.lua")
    prepend("MODULEPATH", "EESSI_MODULEPATH")
    prepend("MODULEPATH", "EESSI_MODULEPATH_ACCEL")
    prepend("MODULEPATH", "EESSI_SITE_MODULEPATH")
    prepend("MODULEPATH", "EESSI_SITE_MODULEPATH_ACCEL")
    return patch
  }

  /// The initialisation that an environment shows, without a look at the machine or the stack.
  ///
  /// Its lists and its variables are those that the environment was initialised with, on whichever
  /// node that was: what an unload takes away.
  package static func initialisation(shownBy environment: Environment) -> EnvironmentPatch {
    var patch = EnvironmentPatch()
    guard let softwarePath = environment.nonEmpty("EESSI_SOFTWARE_PATH") else { return patch }
    for name in variables {
      if let value = environment[name] { patch.set(name, value) }
    }
    for name in certificateVariables where environment[name] == certificates {
      patch.set(name, certificates)
    }
    for name in lmodVariables { patch.set(name, "\(softwarePath)/.lmod") }
    patch.append(lists(of: environment))
    return patch
  }

  /// The variables of EESSI itself that an initialisation may set.
  private static let variables = [
    "EESSI_VERSION", "EESSI_VERSION_DEFAULT", "EESSI_PILOT_VERSION", "EESSI_CVMFS_REPO",
    "EESSI_OS_TYPE", "EESSI_PREFIX", "EESSI_INIT_PREFIX", "EESSI_SOFTWARE_LAYER_VERSION_SUFFIX",
    "EESSI_CPU_FAMILY", "EPREFIX", "EESSI_EPREFIX", "EESSI_USE_ARCHDETECT", "EESSI_USE_ARCHSPEC",
    "EESSI_ARCHDETECT_OPTIONS", "EESSI_SOFTWARE_SUBDIR", "EESSI_SOFTWARE_PATH",
    "EESSI_ACCEL_SUBDIR", "EESSI_MODULEPATH", "EESSI_SITE_SOFTWARE_PATH", "EESSI_SITE_MODULEPATH",
    "EESSI_ACCELERATOR_TARGET", "EESSI_MODULEPATH_ACCEL", "EESSI_SITE_MODULEPATH_ACCEL",
  ]
  private static let lmodVariables = ["LMOD_CONFIG_DIR", "LMOD_PACKAGE_PATH"]
  private static let certificateVariables = [
    "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE",
  ]

  /// The variables that a site or a user may have set for themselves before.
  package static let sharedVariables = Set(
    lmodVariables + certificateVariables + ["EESSI_SOFTWARE_LAYER_VERSION_SUFFIX"])

  /// The bundle of certificates of Red Hat's systems, where the stack's own libcurl does not look.
  package static let certificates = "/etc/pki/tls/certs/ca-bundle.crt"

  /// Where the site mirrors a path of the stack: below `host_injections` instead of `versions`.
  private func sitePath(of path: String, environment: Environment) -> String {
    let rest = path.dropFirst(repository.root.count)
    if let site = environment.nonEmpty("EESSI_SITE_SOFTWARE_PREFIX") { return site + rest }
    return "\(repository.root)/host_injections" + rest.dropFirst("/versions".count)
  }
}
