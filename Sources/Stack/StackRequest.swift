package import Environment
package import Microarchitecture

/// What a user, a site and an inherited environment ask of the stack.
package struct StackRequest: Equatable, Sendable {
  package var repository: Override?
  package var version: Override?
  package var subdirectory: Override?
  /// A site's own order of subdirectories instead of the detected one.
  package var subdirectories: [String]?
  /// The accelerator that the node was found to have, or that an override names.
  package var accelerator: String?
  package var site: SiteDefaults

  /// A value and who gave it, for messages.
  package struct Override: Equatable, Sendable {
    package var value: String
    package var source: String

    package init(_ value: String, source: String) {
      self.value = value
      self.source = source
    }
  }

  package init(
    repository: Override? = nil, version: Override? = nil, subdirectory: Override? = nil,
    accelerator: String? = nil, site: SiteDefaults = SiteDefaults()
  ) {
    self.repository = repository
    self.version = version
    self.subdirectory = subdirectory
    self.accelerator = accelerator
    self.site = site
  }

  /// Fills what the user did not say from the variables that EESSI's own scripts honour.
  ///
  /// For the version that is `EESSI_VERSION_OVERRIDE`, then the version that the environment is
  /// initialised for already, then the site's default.
  /// Sources: EESSI/software-layer-scripts init/eessi_defaults, init/eessi_archdetect.sh.
  package mutating func honour(_ environment: Environment) {
    func override(_ name: String) -> Override? {
      environment.nonEmpty(name).map { Override($0, source: name) }
    }
    repository = repository ?? override("EESSI_CVMFS_REPO_OVERRIDE")
    version = version ?? override("EESSI_VERSION_OVERRIDE")
    if environment.nonEmpty("EESSI_PREFIX") != nil {
      version = version ?? override("EESSI_VERSION")
    }
    subdirectory = subdirectory ?? override("EESSI_SOFTWARE_SUBDIR_OVERRIDE")
    if let list = environment.nonEmpty("EESSI_ARCHDETECT_OPTIONS_OVERRIDE") {
      subdirectories = list.split(separator: ":").map(String.init)
    }
    if let value = environment.nonEmpty("EESSI_ACCELERATOR_TARGET_OVERRIDE") {
      accelerator = value
    }
  }
}

/// What a site's configuration says of repositories and versions.
package struct SiteDefaults: Equatable, Sendable {
  /// Where CVMFS repositories are mounted.
  package var cvmfs: String
  package var repository: String
  /// The version for users who name none; nil takes the newest that is there.
  package var version: String?
  /// Roots of repositories that are not below `cvmfs`, by name.
  package var roots: [String: String]
  package var policy: SelectionPolicy

  package init(
    cvmfs: String = "/cvmfs", repository: String = "software.eessi.io", version: String? = nil,
    roots: [String: String] = [:], policy: SelectionPolicy = SelectionPolicy()
  ) {
    self.cvmfs = cvmfs
    self.repository = repository
    self.version = version
    self.roots = roots
    self.policy = policy
  }
}
