package import Configuration
package import Digests
package import Environment
import Files
import Glibc
package import Host
package import Images
import Injection
package import Microarchitecture
package import Sandbox

/// A container that was asked for, on the way to a plan.
package struct ContainerLaunch: Equatable, Sendable {
  package var source: ImageSource
  /// What the source was resolved to for the whole job: a manifest, and the index that it was chosen
  /// from where it was from one.
  package var pins: [Digest] = []
  package var request: ContainerRequest

  package init(_ source: ImageSource, request: ContainerRequest) {
    self.source = source
    self.request = request
  }

  /// The variable in which a submission hands its choice to all steps: digests, a space, the source.
  package static let variable = "SLURM_SLIPWAY_IMAGE"

  /// Takes the digest that the job was pinned to, where that was for the same source.
  package mutating func honour(_ environment: Environment) {
    let parts = environment.nonEmpty(Self.variable)?.split(separator: " ", maxSplits: 1)
    guard let parts, parts.count == 2, parts[1] == source.description else { return }
    pins = parts[0].split(separator: ",").compactMap { Digest($0) }
  }

  /// What a node that lacks the image fetches.
  package var wanted: String {
    guard case .registry(let reference) = source, let pin = pins.last else {
      return source.description
    }
    return "\(reference.name)@\(pin)"
  }

  /// The image for this node: of the index the variant that was chosen for such a processor, else the
  /// manifest that was chosen where the job was submitted, if this node can run it.
  private func image(in catalog: ImageCatalog) throws(ImageError) -> Image {
    for pin in pins.reversed().dropLast() {
      if let image = try catalog.image(pin) { return image }
    }
    return try catalog.resolve(source, pin: pins.first)
  }

  /// Plans the container on this node; the image must be in a store.
  package func plan(
    for user: ContainerUser, configuration: Configuration, on host: HostProfile,
    exists: @escaping (String) -> Bool
  ) throws -> ContainerPlan {
    let processor = host.processor
    let catalog = ImageCatalog(configuration, user: user, on: processor)
    let image = try self.image(in: catalog)
    catalog.markUse(of: image, by: user.job, until: user.end)
    var profiles = ProfileSet(user: user, on: processor, exists: exists)
    for name in configuration.container.profiles { try profiles.add(name, isOptional: true) }
    for name in request.profiles { try profiles.add(name, isOptional: false) }
    let choice = try request.injections ?? InjectionChoice(of: profiles.profiles)
    let offer = RootFiles().map { files in
      InjectionOffer(
        for: choice, configuration.container, on: host, machine: MachineRoot(), files: files,
        environment: user.environment)
    }
    return try ContainerPlan(
      image, request, for: user, configuration: configuration, profiles: profiles.profiles,
      injecting: choice, from: offer ?? InjectionOffer(), exists: exists)
  }
}

extension ProfileSet {
  /// Where profiles are kept: the user's first.
  package static func directories(_ environment: Environment) -> [String] {
    let home = environment.nonEmpty("HOME").map { "\($0)/.config" }
    let own = (environment.nonEmpty("XDG_CONFIG_HOME") ?? home).map { "\($0)/slipway/profiles.d" }
    return (own.map { [$0] } ?? []) + ["/etc/slipway/profiles.d"]
  }

  init(
    user: ContainerUser, on processor: Processor, exists: @escaping (String) -> Bool
  ) {
    let directories = Self.directories(user.environment)
    self.init(
      read: { name throws(ConfigurationError) in
        for directory in directories where directory.hasPrefix("/") {
          let file = "\(directory)/\(name).toml"
          guard let bytes = contents(of: file) else { continue }
          return try Profile(toml: bytes, name: name, file: file)
        }
        return nil
      },
      obstacle: { profile in
        profile.obstacle(architecture: processor.architecture.rawValue, exists: exists)
      })
  }
}

/// The bytes of a small regular file; nil where there is none.
private func contents(of path: String) -> [UInt8]? {
  let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var status = stat()
  guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 1 << 18
  else { return nil }
  return Files.contents(of: file, limit: Int(status.st_size))
}

extension ContainerPlan {
  /// Takes this process into the container; gives the directory where the command starts.
  package func enter(
    configuration: Configuration, holder: String
  ) throws -> String {
    let programs = SandboxPrograms(configuration, holder: holder)
    try sandbox.enter(using: programs, seconds: configuration.deadline)
    for directory in directories where chdir(directory) == 0 { return directory }
    let directory = directories.first ?? "/"
    throw ContainerError.usage(
      "starting in \(directory)", "it is not there in \(image.root.path)",
      remedy: "mount it, or name another directory")
  }
}

extension SandboxPrograms {
  package init(_ configuration: Configuration, holder: String) {
    func program(_ name: String, _ set: String?) -> String {
      if let set { return set }
      let places = ["/usr/bin", "/usr/local/bin", "/bin"].map { "\($0)/\(name)" }
      return places.first { access($0, X_OK) == 0 } ?? places[0]
    }
    self.init(
      bubblewrap: program("bwrap", configuration.container.bubblewrap),
      squashfuse: program(
        access("/usr/bin/squashfuse_ll", X_OK) == 0 ? "squashfuse_ll" : "squashfuse",
        configuration.container.squashfuse), holder: holder)
  }
}

extension ImageCatalog {
  /// The images that a user can start: the user's own, then the site's.
  package init(_ configuration: Configuration, user: ContainerUser, on processor: Processor) {
    var roots: [Root] = []
    if let store = configuration.images.store?.replacing("{uid}", with: "\(user.uid)")
      ?? Root.own(in: user.environment)
    {
      roots.append(Root(store))
    }
    roots += configuration.images.shared.map { Root($0, isShared: true) }
    self.init(roots: roots, host: Platform(processor), user: user.uid)
  }
}

extension ImageCatalog.Root {
  /// The user's own store where the site names none: in the cache directory (XDG Base Directory
  /// Specification).
  static func own(in environment: Environment) -> String? {
    let home = environment.nonEmpty("HOME").map { "\($0)/.cache" }
    guard let cache = environment.nonEmpty("XDG_CACHE_HOME") ?? home, cache.hasPrefix("/") else {
      return nil
    }
    return "\(cache)/slipway"
  }
}
