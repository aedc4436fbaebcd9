import TOML

/// A named set of what goes into a container: mounts, variables and injections.
///
/// A file `NAME.toml` in a directory of profiles; the site's and the user's are of one form.
package struct Profile: Equatable, Sendable {
  package var name: String
  package var file: String
  package var description = ""
  /// Profiles that come before this one.
  package var inherits: [String] = []
  /// `SRC[:DST[:ro|rw]]`; what the node lacks is left out.
  package var mounts: [String] = []
  /// Variables of the host that the image does not set.
  package var keep: [String] = []
  package var set: [String: String] = [:]
  /// Put before a list that is separated by colons.
  package var prepend: [String: String] = [:]
  /// What of the host is injected, as the words of `--eessi-inject`.
  package var inject: [String] = []
  /// Files of the host without which it does not apply.
  package var needs: [String] = []
  /// The architectures for which it is; empty for all.
  package var architectures: [String] = []

  /// Reads a profile.
  package init(
    toml bytes: some Sequence<UInt8>, name: String, file: String
  ) throws(ConfigurationError) {
    self.name = name
    self.file = file
    do throws(TOMLError) {
      var reader = try TOMLReader(Array(bytes))
      try read(&reader)
    } catch {
      throw ConfigurationError(
        error, in: file, remedy: "correct it (docs/containers.md explains every key)")
    }
  }

  private mutating func read(_ table: inout TOMLReader) throws(TOMLError) {
    description = try table.value("description", .nonEmptyText) ?? ""
    inherits = try table.value("inherits", .texts) ?? []
    mounts = try table.value("mounts", .texts) ?? []
    keep = try table.value("keep", .texts) ?? []
    set = try table.members("set", .text)
    prepend = try table.members("prepend", .text)
    inject = try table.value("inject", .texts) ?? []
    if var when = try table.table("when") {
      needs = try when.value("exists", .absolutePaths) ?? []
      architectures = try when.value("architecture", .texts) ?? []
      try when.end()
    }
    try table.end()
  }

  /// Whether a word can be the name of one, and so of a file.
  package static func isName(_ word: some StringProtocol) -> Bool {
    (1...64).contains(word.utf8.count) && word.first?.isLetter == true
      && word.utf8.allSatisfy {
        (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == 45 || $0 == 95
      }
  }

  /// Why it does not apply to a node; nil where it does.
  package func obstacle(architecture: String, exists: (String) -> Bool) -> String? {
    if !architectures.isEmpty, !architectures.contains(architecture) {
      return "it is for \(architectures.joined(separator: ", ")), and this node is \(architecture)"
    }
    return needs.first { !exists($0) }.map { "this node has no \($0)" }
  }
}

/// The profiles that a launch takes, with those that they inherit from.
package struct ProfileSet {
  package private(set) var profiles: [Profile] = []
  /// Why profiles of the site's choice do not apply.
  package private(set) var notes: [String] = []
  private let read: (String) throws(ConfigurationError) -> Profile?
  private let obstacle: (Profile) -> String?

  /// `read` gives the profile of a name, the user's before the site's; nil where there is none.
  package init(
    read: @escaping (String) throws(ConfigurationError) -> Profile?,
    obstacle: @escaping (Profile) -> String?
  ) {
    self.read = read
    self.obstacle = obstacle
  }

  /// Takes a profile in, after those that it inherits from; each stands in the set once.
  ///
  /// One that a user names must apply; one of the site's choice is left out where it does not.
  package mutating func add(
    _ name: String, isOptional: Bool, by: [String] = []
  ) throws(ConfigurationError) {
    guard !profiles.contains(where: { $0.name == name }) else { return }
    let asker = by.last.map { "profile \($0)" } ?? "profile \(name)"
    guard Profile.isName(name) else {
      throw ConfigurationError(
        file: asker, problem: "\(name) is no name of a profile",
        remedy: "take letters, digits, - and _, with a letter first")
    }
    guard !by.contains(name) else {
      throw ConfigurationError(
        file: asker, problem: "inherits from itself (\((by + [name]).joined(separator: " -> ")))",
        remedy: "take one of them out of inherits")
    }
    guard let profile = try read(name) else {
      throw ConfigurationError(
        file: asker, problem: "there is no profile \(name)",
        remedy: "see slipway run --help for where profiles are kept")
    }
    if let obstacle = obstacle(profile) {
      guard isOptional else {
        throw ConfigurationError(
          file: profile.file, problem: "profile \(name) does not apply: \(obstacle)",
          remedy: "leave it out, or run on other nodes")
      }
      notes.append("profile \(name) is left out: \(obstacle)")
      return
    }
    for parent in profile.inherits {
      try add(parent, isOptional: isOptional, by: by + [name])
    }
    profiles.append(profile)
  }
}
