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

    // A task of `srun --export=NONE` has no PATH: the shell and its tools must be found all the same.
    if environment.nonEmpty("PATH") == nil { patch.set("PATH", "/usr/local/bin:/usr/bin:/bin") }
    patch.prepend("PATH", "\(eprefix)/bin")
    patch.prepend("PATH", "\(eprefix)/usr/bin")

    let lmod = "\(softwarePath)/.lmod"
    patch.set("LMOD_CONFIG_DIR", lmod)
    patch.prepend("LMOD_RC", "\(lmod)/lmodrc.lua")
    patch.set("LMOD_PACKAGE_PATH", lmod)

    if hasCertificates {
      for name in ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
        patch.set(name, Self.certificates)
      }
    }
    guard environment.nonEmpty("EESSI_BASIC_ENV") == nil else { return patch }

    let site = sitePath(of: softwarePath, environment: environment)
    let modules = environment.nonEmpty("EESSI_MODULE_SUBDIR") ?? "modules/all"
    let modulePath =
      environment.nonEmpty("EESSI_CUSTOM_MODULEPATH") ?? "\(softwarePath)/\(modules)"
    patch.set("EESSI_MODULEPATH", modulePath)
    patch.set("EESSI_SITE_SOFTWARE_PATH", site)
    patch.set("EESSI_SITE_MODULEPATH", "\(site)/\(modules)")
    patch.prepend("LMOD_RC", "\(site)/.lmod/lmodrc.lua")

    // EESSI_CUSTOM_MODULEPATH may be a list.
    for directory in modulePath.split(separator: ":").reversed() {
      patch.prepend("MODULEPATH", String(directory))
    }
    if let acceleratorSubtree, let acceleratorPath {
      patch.set("EESSI_ACCELERATOR_TARGET", acceleratorSubtree)
      patch.set("EESSI_MODULEPATH_ACCEL", "\(acceleratorPath)/\(modules)")
      patch.prepend("MODULEPATH", "\(acceleratorPath)/\(modules)")
    }
    patch.prepend("MODULEPATH", "\(site)/\(modules)")
    if let acceleratorPath {
      let siteAccelerator = sitePath(of: acceleratorPath, environment: environment) + "/\(modules)"
      patch.set("EESSI_SITE_MODULEPATH_ACCEL", siteAccelerator)
      patch.prepend("MODULEPATH", siteAccelerator)
    }
    return patch
  }

  /// The bundle of certificates of Red Hat's systems, where the stack's own libcurl does not look.
  package static let certificates = "/etc/pki/tls/certs/ca-bundle.crt"

  /// Where the site mirrors a path of the stack: below `host_injections` instead of `versions`.
  private func sitePath(of path: String, environment: Environment) -> String {
    let rest = path.dropFirst(repository.root.count)
    if let site = environment.nonEmpty("EESSI_SITE_SOFTWARE_PREFIX") { return site + rest }
    return "\(repository.root)/host_injections" + rest.dropFirst("/versions".count)
  }
}
