import TOML

/// What an administrator sets in `slipway.toml`.
package struct Configuration: Equatable, Sendable {
  package var stack = Stack()
  package var selection = Selection()
  package var modules = Modules()
  package var injection = Injection()
  package var container = Container()
  package var images = Images()
  /// Seconds that everything which may wait for a file system may take together.
  package var deadline: Double = 10

  /// The `[stack]` table.
  package struct Stack: Equatable, Sendable {
    package var repository = "software.eessi.io"
    /// nil takes the newest version that the repository holds.
    package var version: String?
    /// Where CVMFS repositories are mounted.
    package var cvmfs = "/cvmfs"
    /// Roots of repositories that are not below `cvmfs`, by name.
    package var roots: [String: String] = [:]
  }

  /// The `[selection]` table.
  package struct Selection: Equatable, Sendable {
    /// Targets that processors of another vendor may use.
    package var crossVendor: Set<String> = []
    package var allowUnsafeOverride = false
  }

  /// The `[modules]` table.
  package struct Modules: Equatable, Sendable {
    /// Seconds that a load may take.
    package var deadline: Double = 60
    /// The directory of capsules, with `{uid}` for the user's number; nil is the user's cache.
    package var capsules: String?
    /// Whether capsules are kept.
    package var keepsCapsules = true
  }

  /// The `[injection]` table.
  package struct Injection: Equatable, Sendable {
    /// Where injections are written and looked for; nil is where the repository's host_injections
    /// leads.
    package var target: String?
  }

  /// The `[container]` table.
  package struct Container: Equatable, Sendable {
    /// Mounts of every container, `SRC[:DST[:ro|rw]]`.
    package var binds: [String] = []
    /// Paths that users may not mount, nor cover.
    package var forbidden: [String] = []
    /// Whether containers have no home unless a user binds it.
    package var hidesHome = false
    /// Profiles of every container whose conditions hold.
    package var profiles: [String] = []
    /// bwrap and squashfuse; nil is looked for in the usual directories.
    package var bubblewrap: String?
    package var squashfuse: String?
    /// Directories of the MPIs that containers may get, best first; nil where the site names none.
    package var mpi: [String]?
    /// Whether repositories of `stack.roots` are shown to jobs at `/cvmfs`, by namespaces.
    package var passthrough = false
  }

  /// The `[images]` table.
  package struct Images: Equatable, Sendable {
    /// The root of the user's own store, with `{uid}` for the user's number; nil is the user's cache.
    package var store: String?
    /// Roots that the site fills and everyone reads.
    package var shared: [String] = []
    /// Bytes that the user's store may hold; nil is as many as there are.
    package var quota: Int64?
    /// Whether layers are unpacked into directories instead of squashfs files.
    package var isDirectory = false
    /// Whether layers are kept after the build.
    package var keepsLayers = false
    /// Seconds that a pull may take, and that one waits for another process's.
    package var deadline: Double = 3600
    /// Files that are fetched at once.
    package var connections = 16
    /// A file of certificates of authorities beside the system's.
    package var ca: String?
    /// Registries `HOST[:PORT]` whose certificates are not checked, or that have http alone.
    package var insecure: Set<String> = []
  }

  package init() {}

  /// Where a site keeps the file.
  package static let path = "/etc/slipway/slipway.toml"

  /// Reads a configuration file.
  ///
  /// Every key must be known and of its type: a misspelt key would silently change nothing.
  package init(toml bytes: some Sequence<UInt8>, file: String) throws(ConfigurationError) {
    do throws(TOMLError) {
      var reader = try TOMLReader(Array(bytes))
      try read(&reader)
    } catch {
      throw ConfigurationError(error, in: file)
    }
  }

  private mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    deadline = try table.value("deadline", .seconds) ?? deadline
    if var table = try table.table("stack") { try stack.read(&table) }
    if var table = try table.table("selection") { try selection.read(&table) }
    if var table = try table.table("modules") { try modules.read(&table) }
    if var table = try table.table("injection") { try injection.read(&table) }
    if var table = try table.table("container") { try container.read(&table) }
    if var table = try table.table("images") { try images.read(&table) }
    try table.end()
  }
}

extension Configuration.Stack {
  fileprivate mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    repository = try table.value("repository", .nonEmptyText) ?? repository
    version = try table.value("version", .nonEmptyText)
    cvmfs = try table.value("cvmfs", .path) ?? cvmfs
    roots = try table.members("roots", .path)
    try table.end()
  }
}

extension Configuration.Selection {
  fileprivate mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    crossVendor = Set(try table.value("cross_vendor", .texts) ?? [])
    allowUnsafeOverride = try table.value("allow_unsafe_override", .flag) ?? allowUnsafeOverride
    try table.end()
  }
}

extension Configuration.Modules {
  fileprivate mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    deadline = try table.value("deadline", .seconds) ?? deadline
    if let place = try table.value("capsules", .pathOrFalse) {
      capsules = place
      keepsCapsules = place != nil
    }
    try table.end()
  }
}

extension Configuration.Injection {
  fileprivate mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    target = try table.value("target", .path)
    try table.end()
  }
}

extension Configuration.Container {
  fileprivate mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    binds = try table.value("binds", .texts) ?? []
    forbidden = try table.value("forbidden", .absolutePaths) ?? []
    hidesHome = try table.value("home", .flag) == false
    profiles = try table.value("profiles", .texts) ?? []
    bubblewrap = try table.value("bwrap", .path)
    squashfuse = try table.value("squashfuse", .path)
    mpi = try table.value("mpi", .paths)
    passthrough = try table.value("passthrough", .flag) ?? passthrough
    try table.end()
  }
}

extension Configuration.Images {
  fileprivate mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    store = try table.value("store", .path)
    shared = try table.value("shared", .paths) ?? []
    quota = try table.value(
      "quota", TOMLForm<Int>.integer.then("a number of bytes") { $0 > 0 ? Int64($0) : nil })
    isDirectory = try table.value("as_directory", .flag) ?? isDirectory
    keepsLayers = try table.value("keep_layers", .flag) ?? keepsLayers
    deadline = try table.value("deadline", .seconds) ?? deadline
    connections =
      try table.value(
        "connections",
        .integer.then("a number from 1 to 64") { (1...64).contains($0) ? $0 : nil }) ?? connections
    ca = try table.value("ca", .path)
    insecure = Set(try table.value("insecure", .texts) ?? [])
    try table.end()
  }
}

extension TOMLForm where Value == Double {
  fileprivate static var seconds: Self {
    Self("a number of seconds from 1 to 3600") { value in
      let seconds: Double? =
        switch value {
        case .integer(let integer): Double(integer)
        case .float(let float): float
        default: nil
        }
      return seconds.flatMap { (1...3600).contains($0) ? $0 : nil }
    }
  }
}

extension TOMLForm where Value == String {
  fileprivate static var path: Self {
    nonEmptyText.then("an absolute path without a slash at its end") { path in
      path.hasPrefix("/") && (path == "/" || !path.hasSuffix("/")) ? path : nil
    }
  }
}

extension TOMLForm where Value == String? {
  /// false is no path.
  fileprivate static var pathOrFalse: Self {
    TOMLForm<String>.path.or(.boolean(false))
  }
}

extension TOMLForm where Value == [String] {
  fileprivate static var paths: Self { TOMLForm<String>.path.list("a list of paths") }

  static var absolutePaths: Self {
    texts.then("a list of absolute paths") { paths in
      paths.allSatisfy { $0.hasPrefix("/") } ? paths : nil
    }
  }
}

/// A configuration file that cannot be used.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// Or what else was read; with the line and the column where they are known.
  package var file: String
  package var problem: String
  package var remedy: String

  package init(
    file: String, problem: String,
    remedy: String = "correct it (slipway.toml(5) explains every key)"
  ) {
    self.file = file
    self.problem = problem
    self.remedy = remedy
  }

  package var description: String { "\(file): \(problem); remedy: \(remedy)" }
}

extension ConfigurationError {
  init(
    _ error: TOMLError, in file: String,
    remedy: String = "correct it (slipway.toml(5) explains every key)"
  ) {
    self.init(
      file: "\(file):\(error.place.line):\(error.place.column)", problem: error.problem,
      remedy: remedy)
  }
}
