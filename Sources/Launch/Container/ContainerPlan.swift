package import Configuration
package import Environment
package import Images
package import Sandbox

/// What a container is made of, and why: a value to print, to compare and to carry out.
package struct ContainerPlan: Equatable, Sendable {
  package var image: Image
  package var sandbox: SandboxPlan
  /// The environment inside, before the stack is initialised in it.
  package var environment: Environment
  /// Where the command starts: the first that is there.
  package var directories: [String]
  /// What stands before the command.
  package var entrypoint: [String]
  /// What goes in, and why, in the order of the sandbox's mounts.
  package var parts: [Part]
  package var warnings: [String] = []
  /// What was decided of the node's MPI and driver.
  package var injections: [InjectionDecision] = []
  /// The node's MPIs, of which one is put into the environment when the container is entered.
  package var mpis: [MPIOffer] = []
  /// How much an MPI of the node is wanted.
  package var mpiWish = InjectionWish.off
  /// Variables that the user sets.
  package var ownVariables: Set<String> = []

  /// A mount, a file or a variable, and who wants it.
  package struct Part: Equatable, Sendable {
    package var text: String
    package var reason: String
  }

  /// Plans a container.
  ///
  /// `exists` tells what the host has; what hangs must be asked elsewhere.
  package init(
    _ image: Image, _ request: ContainerRequest, for user: ContainerUser,
    configuration: Configuration, profiles: [Profile] = [],
    injecting choice: InjectionChoice = .auto, from offer: InjectionOffer = InjectionOffer(),
    exists: (String) -> Bool
  ) throws(ContainerError) {
    self.image = image
    sandbox = SandboxPlan(
      root: { root in
        switch root {
        case .squashfs(let path): .squashfs(path)
        case .directory(let path): .directory(path)
        }
      }(image.root))
    sandbox.isWritable = request.isWritable
    entrypoint = request.usesEntrypoint ? image.configuration.entrypoint : []
    environment = ContainerEnvironment.base(host: user.environment, image: image.configuration)
    directories = []
    parts = []
    let site = configuration.container

    addSystem()
    addAccounts(user)
    addSlurm(user)
    for text in site.binds {
      add(try BindMount(parsing: text, source: "slipway.toml: container.binds").mount, "the site's")
    }
    for profile in profiles { try add(profile, host: user.environment) }
    if let home = user.home, !site.hidesHome || request.binds.contains(where: { $0.source == home })
    {
      if request.hidesHome {
        add(.init(nil, at: home), "an empty home, as asked")
      } else {
        add(.init(home, isOptional: true), "the user's home")
      }
    }
    for bind in request.binds {
      try Self.check(bind, site)
      add(bind.mount, "the user's")
    }
    addDirectory(request, user, exists)
    try addDriver(choice[.cuda], offer)
    try addMPIs(choice[.mpi], offer)
    // What lies below another one comes after it, or would be covered.
    let order = sandbox.mounts.enumerated().sorted { a, b in
      let (x, y) = (a.element.depth, b.element.depth)
      return x == y ? a.offset < b.offset : x < y
    }
    sandbox.mounts = order.map(\.element)
    ownVariables = Set(request.variables.map(\.name))
    for variable in request.variables {
      environment[variable.name] = variable.value ?? user.environment[variable.name]
      parts.append(Part(text: "variable \(variable.name)", reason: "the user's"))
    }
  }

  // MARK: What every container has

  private mutating func addSystem() {
    add(.init("/proc"), "what programs ask about processes")
    add(.init("/dev"), "devices, terminals and shared memory of the job")
    add(.init("/sys", isReadOnly: true), "what hwloc and MPI ask about the node")
    add(.init("/tmp"), "the job's temporary files")
    add(.init("/var/tmp", isOptional: true), "the job's temporary files")
    add(.init("/cvmfs", isOptional: true), "the software stack")
    for file in ["/etc/resolv.conf", "/etc/hosts"] {
      add(.init(file, isReadOnly: true, isOptional: true, replaces: true), "names of the network")
    }
    add(
      .init("/etc/localtime", isReadOnly: true, isOptional: true, replaces: true), "the time zone")
  }

  private mutating func addAccounts(_ user: ContainerUser) {
    for file in user.accounts {
      sandbox.files.append(file)
      parts.append(Part(text: "file \(file.destination)", reason: "a line for the user"))
    }
  }

  private mutating func addSlurm(_ user: ContainerUser) {
    guard user.environment.nonEmpty("SLURM_JOB_ID") != nil else { return }
    add(.init("/run/munge", isOptional: true), "munge, for Slurm's commands")
    if let directory = user.slurmTemporary, directory != "/tmp" {
      add(.init(directory, isOptional: true), "Slurm's temporary files, PMIx's among them")
    }
    if let spool = user.spool { add(.init(spool, isOptional: true), "PMIx's server in slurmstepd") }
    if let file = user.environment.nonEmpty("SLURM_CONF"), file.hasPrefix("/"),
      let slash = file.lastIndex(of: "/"), slash != file.startIndex
    {
      add(
        .init(String(file[..<slash]), isReadOnly: true, isOptional: true), "Slurm's configuration")
    } else {
      add(.init("/etc/slurm", isReadOnly: true, isOptional: true), "Slurm's configuration")
    }
  }

  private mutating func addDirectory(
    _ request: ContainerRequest, _ user: ContainerUser, _ exists: (String) -> Bool
  ) {
    if let directory = request.workingDirectory {
      directories = [directory]
      return
    }
    let directory = user.directory
    // A directory of the host's system would cover the image's.
    let isSystem = directory.split(separator: "/").first.map(Self.system.contains) ?? true
    if directory.hasPrefix("/"), !isSystem, !isVisible(directory), exists(directory) {
      add(.init(directory, isOptional: true), "the directory where the job was started")
    }
    if isVisible(directory) { directories.append(directory) }
    if !image.configuration.workingDirectory.isEmpty {
      directories.append(image.configuration.workingDirectory)
    }
    directories.append("/")
  }

  private static let system: Set<Substring> = [
    "bin", "boot", "etc", "lib", "lib32", "lib64", "sbin", "usr",
  ]

  // MARK: Parts

  mutating func add(_ mount: SandboxPlan.Mount, _ reason: String) {
    // The later one counts, in the earlier one's place: what lies below it stays visible.
    if let index = sandbox.mounts.firstIndex(where: { $0.destination == mount.destination }) {
      sandbox.mounts[index] = mount
    } else {
      sandbox.mounts.append(mount)
    }
    let source = mount.source ?? "an empty directory"
    parts.append(
      Part(
        text: "mount \(source)" + (source == mount.destination ? "" : " at \(mount.destination)")
          + (mount.isReadOnly ? " read-only" : ""), reason: reason))
  }

  private mutating func add(_ profile: Profile, host: Environment) throws(ContainerError) {
    let reason = "profile \(profile.name)"
    for text in profile.mounts {
      var mount = try BindMount(parsing: text, source: "\(profile.file): mounts").mount
      mount.isOptional = true
      add(mount, reason)
    }
    for name in profile.keep where environment[name] == nil { environment[name] = host[name] }
    for (name, value) in profile.set { environment[name] = value }
    for (name, value) in profile.prepend {
      environment[name] = environment.nonEmpty(name).map { "\(value):\($0)" } ?? value
    }
  }

  /// What it is made of in one line, for `--eessi-verbose`.
  package var summary: String {
    "a container of \(image.digest.map { "\($0)" } ?? image.root.path) with \(sandbox.mounts.count)"
      + " mounts"
  }

  /// Whether a path of the host is the same one inside: by the innermost mount that holds it.
  func isVisible(_ path: String) -> Bool {
    let holding = sandbox.mounts.filter {
      path == $0.destination || path.hasPrefix("\($0.destination)/")
    }
    return holding.max { $0.destination.utf8.count < $1.destination.utf8.count }
      .map { $0.source == $0.destination } ?? false
  }

  private static func check(
    _ bind: BindMount, _ site: Configuration.Container
  ) throws(ContainerError) {
    for place in site.forbidden {
      for path in [bind.source, bind.destination] where isAtOrBelow(path, place) {
        throw .forbidden(
          "mounting \(bind.source) at \(bind.destination)", "the site does not allow \(place)",
          remedy: "leave it out, or ask the administrator (slipway.toml, container.forbidden)")
      }
    }
  }

  private static func isAtOrBelow(_ path: String, _ place: String) -> Bool {
    let parts = path.split(separator: "/").filter { $0 != "." }
    let above = place.split(separator: "/")
    return parts.starts(with: above)
  }
}

extension SandboxPlan.Mount {
  fileprivate var depth: Int { destination.split(separator: "/").count }
}
