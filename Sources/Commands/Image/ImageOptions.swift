import ArgumentParser
import Configuration
import Environment
import Glibc
import Host
import Images
import Launch
import OCI
import Transfer

/// The options of every command that reads or changes a store of images.
struct ImageOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Another store than the user's own: its directory.", valueName: "directory"))
  var store: String?

  @Option(
    help: ArgumentHelp(
      "The configuration file (default: \(Configuration.path)).", valueName: "file"))
  var config: String?

  /// What a store is opened with.
  ///
  /// A store that everyone shares is one that the site lists under `shared`.
  func settings(platform: String? = nil) throws -> ImageStoreSettings {
    let images = try Configuration.load(named: config).images
    let environment = Environment.ofThisProcess
    let variables = Dictionary(
      environment.names.map { ($0, environment[$0] ?? "") }, uniquingKeysWith: { $1 })
    let configured = images.store?.replacing("{uid}", with: "\(getuid())")
    guard
      let root = store?.absolutePath ?? configured
        ?? ImageStoreSettings.defaultStore(environment: variables)
    else {
      throw ImageError(
        .usage, "your store of images", cause: "neither HOME nor XDG_CACHE_HOME says where it is",
        remedy: "name it with --store, or set one of them")
    }
    var target = Platform(try MachineRoot().processor())
    if let platform {
      guard let named = Platform(parsing: platform) else {
        throw ImageError(
          .usage, "platform \(ImageError.shown(platform))", cause: "it is none",
          remedy: "write OS/ARCHITECTURE[/VARIANT], such as linux/amd64/v3")
      }
      target = named
    }
    var settings = ImageStoreSettings(store: root, platform: target, environment: variables)
    settings.isShared = images.shared.contains(root)
    settings.sharedRoots = images.shared.filter { $0 != root }
    settings.quota = settings.isShared ? nil : images.quota
    settings.asDirectory = images.isDirectory && !settings.isShared
    settings.keepsLayers = images.keepsLayers
    settings.deadline = images.deadline
    settings.connections = images.connections
    settings.caFile = images.ca
    settings.proxy = images.proxy
    settings.noProxy = images.noProxy
    settings.insecure = images.insecure
    return settings
  }
}

/// The options of every command that builds an image.
struct ImageBuildOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Choose for another platform than this node's, such as linux/amd64/v3.",
      valueName: "os/arch/variant"))
  var platform: String?

  @Flag(help: "Unpack into a directory instead of one squashfs file.")
  var asDirectory = false

  @Flag(help: "Keep the layers, for slipway image export.")
  var keepLayers = false

  @Flag(help: "Print nothing but the digest of the manifest.")
  var quiet = false

  @Flag(help: "Print JSON, schema 1.")
  var json = false

  @Flag(
    help: ArgumentHelp(
      "Keep to what the image meant first in this job, and print what its steps are pinned to.",
      visibility: .hidden))
  var forJob = false

  /// Opens the store, pulls, and says what came.
  func pull(
    _ source: ImageSource, as name: ImageReference?, _ options: ImageOptions
  ) throws {
    var settings = try options.settings(platform: platform)
    if asDirectory { settings.asDirectory = true }
    if keepLayers { settings.keepsLayers = true }
    let job = forJob ? JobPins(store: settings.store, environment: .ofThisProcess) : nil
    if let pin = job?.pin(of: source) { return print(pin) }
    let line = ProgressLine(label: "pulling")
    let pulled: ImageStore.Pulled
    do {
      defer { line.end() }
      stopOnSignals()
      let store = try ImageStore(
        settings, cancellation: cancellation, warn: { writeError("slipway: warning: \($0)") },
        progress: { quiet ? () : line.show($0) })
      pulled = try store.pull(source, as: name)
    }
    if forJob {
      let pin = "\(pulled.digest),\(pulled.top)"
      return print(job?.keep(pin, for: source) ?? pin)
    }
    for warning in pulled.warnings { writeError("slipway: warning: \(warning)") }
    if json { return print(try PullDocument(pulled, source: source, name: name).json) }
    print(pulled.digest)
    guard !quiet else { return }
    writeError("\(pulled.wasPresent ? "there already" : "built"): \(pulled.image.root.path)")
  }
}

private let cancellation = Cancellation()

/// Lets the first interruption end a pull in order, and the second one at once.
private func stopOnSignals() {
  // Made now: no handler may make it.
  _ = cancellation.isCancelled
  for number in [SIGINT, SIGTERM, SIGHUP] {
    signal(number) { number in
      if cancellation.isCancelled { _exit(128 + number) }
      cancellation.cancel()
    }
  }
}
