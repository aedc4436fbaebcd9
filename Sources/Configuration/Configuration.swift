import TOMLKit

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

  /// Reads the text of a configuration file.
  ///
  /// Every key must be known and of its type: a misspelt key would silently change nothing.
  package init(toml text: String, file: String) throws(ConfigurationError) {
    let table = try Self.table(of: text, file: file)
    let reader = Reader(file: file)
    for (section, value) in table {
      switch section {
      case "deadline": deadline = try reader.seconds(value, "deadline")
      case "stack": try readStack(try reader.table(value, section), reader)
      case "selection": try readSelection(try reader.table(value, section), reader)
      case "modules": try readModules(try reader.table(value, section), reader)
      case "injection": try readInjection(try reader.table(value, section), reader)
      case "container": try readContainer(try reader.table(value, section), reader)
      case "images": try readImages(try reader.table(value, section), reader)
      default: throw reader.unknown(section)
      }
    }
  }

  private mutating func readContainer(
    _ table: TOMLTable, _ reader: Reader
  ) throws(ConfigurationError) {
    for (key, value) in table {
      let name = "container.\(key)"
      switch key {
      case "binds": container.binds = try reader.strings(value, name)
      case "forbidden":
        container.forbidden = try reader.strings(value, name)
        guard container.forbidden.allSatisfy({ $0.hasPrefix("/") }) else {
          throw reader.wrong(name, "a list of absolute paths")
        }
      case "home": container.hidesHome = try !reader.flag(value, name)
      case "profiles": container.profiles = try reader.strings(value, name)
      case "bwrap": container.bubblewrap = try reader.path(value, name)
      case "squashfuse": container.squashfuse = try reader.path(value, name)
      case "mpi":
        guard let array = value.array else { throw reader.wrong(name, "a list of paths") }
        var places: [String] = []
        for element in array { places.append(try reader.path(element, name)) }
        container.mpi = places
      case "passthrough": container.passthrough = try reader.flag(value, name)
      default: throw reader.unknown(name)
      }
    }
  }

  static func table(of text: String, file: String) throws(ConfigurationError) -> TOMLTable {
    // TOMLKit hands the text to C++ as a C string: what stands behind a NUL would be ignored.
    guard !text.utf8.contains(0) else {
      throw ConfigurationError(file: file, problem: "not TOML: it has a NUL byte")
    }
    do {
      return try TOMLTable(string: text)
    } catch {
      throw ConfigurationError(file: file, problem: "not TOML: \(error)")
    }
  }

  private mutating func readModules(
    _ table: TOMLTable, _ reader: Reader
  ) throws(ConfigurationError) {
    for (key, value) in table {
      switch key {
      case "deadline": modules.deadline = try reader.seconds(value, "modules.deadline")
      case "capsules":
        if value.bool == false {
          modules.keepsCapsules = false
        } else {
          modules.capsules = try reader.path(value, "modules.capsules")
        }
      default: throw reader.unknown("modules.\(key)")
      }
    }
  }

  private mutating func readInjection(
    _ table: TOMLTable, _ reader: Reader
  ) throws(ConfigurationError) {
    for (key, value) in table {
      switch key {
      case "target": injection.target = try reader.path(value, "injection.target")
      default: throw reader.unknown("injection.\(key)")
      }
    }
  }

  private mutating func readImages(
    _ table: TOMLTable, _ reader: Reader
  ) throws(ConfigurationError) {
    for (key, value) in table {
      switch key {
      case "store": images.store = try reader.path(value, "images.store")
      case "shared":
        guard let array = value.array else {
          throw reader.wrong("images.shared", "a list of paths")
        }
        images.shared = []
        for element in array { images.shared.append(try reader.path(element, "images.shared")) }
      case "quota":
        guard let quota = value.int, quota > 0 else {
          throw reader.wrong("images.quota", "a number of bytes")
        }
        images.quota = Int64(quota)
      case "as_directory": images.isDirectory = try reader.flag(value, "images.as_directory")
      case "keep_layers": images.keepsLayers = try reader.flag(value, "images.keep_layers")
      case "deadline": images.deadline = try reader.seconds(value, "images.deadline")
      case "connections":
        guard let count = value.int, (1...64).contains(count) else {
          throw reader.wrong("images.connections", "a number from 1 to 64")
        }
        images.connections = count
      case "ca": images.ca = try reader.path(value, "images.ca")
      case "insecure": images.insecure = Set(try reader.strings(value, "images.insecure"))
      default: throw reader.unknown("images.\(key)")
      }
    }
  }

  private mutating func readStack(_ table: TOMLTable, _ reader: Reader) throws(ConfigurationError) {
    for (key, value) in table {
      switch key {
      case "repository": stack.repository = try reader.string(value, "stack.repository")
      case "version": stack.version = try reader.string(value, "stack.version")
      case "cvmfs": stack.cvmfs = try reader.path(value, "stack.cvmfs")
      case "roots":
        for (name, root) in try reader.table(value, "stack.roots") {
          stack.roots[name] = try reader.path(root, "stack.roots.\(name)")
        }
      default: throw reader.unknown("stack.\(key)")
      }
    }
  }

  private mutating func readSelection(
    _ table: TOMLTable, _ reader: Reader
  ) throws(ConfigurationError) {
    for (key, value) in table {
      switch key {
      case "cross_vendor":
        selection.crossVendor = Set(try reader.strings(value, "selection.cross_vendor"))
      case "allow_unsafe_override":
        selection.allowUnsafeOverride = try reader.flag(value, "selection.allow_unsafe_override")
      default: throw reader.unknown("selection.\(key)")
      }
    }
  }

  struct Reader {
    var file: String
    var remedy = "correct it (slipway.toml(5) explains every key)"

    func unknown(_ key: String) -> ConfigurationError {
      ConfigurationError(file: file, problem: "unknown key \(key)", remedy: remedy)
    }
    func wrong(_ key: String, _ expected: String) -> ConfigurationError {
      ConfigurationError(file: file, problem: "\(key) must be \(expected)", remedy: remedy)
    }
    /// The texts of a table, by their keys.
    func texts(_ value: any TOMLValueConvertible, _ key: String) throws(ConfigurationError)
      -> [String: String]
    {
      var texts: [String: String] = [:]
      for (name, value) in try table(value, key) {
        guard let text = value.string else { throw wrong("\(key).\(name)", "a text") }
        texts[name] = text
      }
      return texts
    }
    func seconds(_ value: any TOMLValueConvertible, _ key: String) throws(ConfigurationError)
      -> Double
    {
      let seconds = value.double ?? value.int.map(Double.init)
      guard let seconds, (1...3600).contains(seconds) else {
        throw wrong(key, "a number of seconds from 1 to 3600")
      }
      return seconds
    }
    func flag(_ value: any TOMLValueConvertible, _ key: String) throws(ConfigurationError) -> Bool {
      guard let flag = value.bool else { throw wrong(key, "true or false") }
      return flag
    }
    func table(_ value: any TOMLValueConvertible, _ key: String) throws(ConfigurationError)
      -> TOMLTable
    {
      guard let table = value.table else { throw wrong(key, "a table") }
      return table
    }
    func string(_ value: any TOMLValueConvertible, _ key: String) throws(ConfigurationError)
      -> String
    {
      guard let string = value.string, !string.isEmpty else { throw wrong(key, "a text") }
      return string
    }
    func path(_ value: any TOMLValueConvertible, _ key: String) throws(ConfigurationError)
      -> String
    {
      let path = try string(value, key)
      guard path.hasPrefix("/"), path == "/" || !path.hasSuffix("/") else {
        throw wrong(key, "an absolute path without a slash at its end")
      }
      return path
    }
    func strings(_ value: any TOMLValueConvertible, _ key: String) throws(ConfigurationError)
      -> [String]
    {
      guard let array = value.array else { throw wrong(key, "a list of texts") }
      var strings: [String] = []
      for element in array { strings.append(try string(element, key)) }
      return strings
    }
  }
}

/// A configuration file that cannot be used.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
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
