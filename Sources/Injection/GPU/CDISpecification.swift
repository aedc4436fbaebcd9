/// A specification of the Container Device Interface: what an administrator lets containers have of a
/// device.
///
/// Source: cncf-tags/container-device-interface, SPEC.md 1.1.0. What does not bear on a driver's
/// libraries and devices (network devices, Intel RDT, groups) is not read.
package struct CDISpecification: Equatable, Sendable {
  package var file: String
  package var cdiVersion: String
  /// Vendor and class, `nvidia.com/gpu`.
  package var kind: String
  package var devices: [Device]
  /// What every device has.
  package var edits: Edits

  package struct Device: Equatable, Sendable {
    package var name: String
    package var edits: Edits
  }

  package struct Edits: Equatable, Sendable {
    /// `NAME=VALUE`.
    package var environment: [String] = []
    package var deviceNodes: [DeviceNode] = []
    package var mounts: [Mount] = []
    /// What `create-symlinks` hooks would make.
    package var links: [Link] = []
    /// The directories that `update-ldcache` hooks would put into the container's cache.
    package var folders: [String] = []
    /// Hooks that are not carried out, by their names.
    package var skippedHooks: [String] = []
  }

  package struct DeviceNode: Equatable, Sendable {
    package var path: String
    package var hostPath: String
  }

  package struct Mount: Equatable, Sendable {
    package var hostPath: String
    package var containerPath: String
    package var options: [String]
  }

  package struct Link: Equatable, Sendable {
    /// Where the link is, in the container.
    package var path: String
    /// What it says.
    package var target: String
  }

  /// The most devices, mounts, words and so on of one file.
  static let entryLimit = 1 << 14

  /// Reads what a text says.
  ///
  /// Values that are used are checked: absolute paths without `..` and NUL, and their types.
  package init(_ root: DataTree, file: String) throws(CDIError) {
    func wrong(_ problem: String) -> CDIError { CDIError(file: file, problem: problem) }
    var reader = Reader(file: file)
    let members = try reader.members(root, "the file")
    self.file = file
    cdiVersion = try reader.text(members["cdiVersion"], "cdiVersion")
    kind = try reader.text(members["kind"], "kind")
    let parts = cdiVersion.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let major = Int(parts[0].trimmingPrefix("v")), major <= 1 else {
      throw wrong("cdiVersion \(cdiVersion.prefix(32)) is not 0.x.y or 1.x.y")
    }
    guard kind.split(separator: "/", omittingEmptySubsequences: false).count == 2 else {
      throw wrong("kind \(kind.prefix(64)) is not VENDOR/CLASS")
    }
    edits = try reader.edits(members["containerEdits"], "containerEdits")
    devices = []
    for (index, node) in try reader.list(members["devices"], "devices").enumerated() {
      let place = "devices[\(index)]"
      let members = try reader.members(node, place)
      devices.append(
        Device(
          name: try reader.text(members["name"], "\(place).name"),
          edits: try reader.edits(members["containerEdits"], "\(place).containerEdits")))
    }
  }

  /// The edits of the specification and of all its devices.
  package var allEdits: [Edits] { [edits] + devices.map(\.edits) }

  /// What is wrong with a specification of NVIDIA's for the driver that runs.
  ///
  /// The files of another driver are gone, or do not work with this one.
  package func staleness(driver: DriverVersion) -> Finding? {
    for mount in allEdits.flatMap(\.mounts) {
      guard let name = mount.hostPath.split(separator: "/").last,
        let range = name.firstRange(of: ".so."),
        let version = DriverVersion(name[range.upperBound...]), version.branch >= 100,
        version != driver
      else { continue }
      return Finding(
        .driver, .warn, file: file, subject: mount.hostPath,
        "it was made for driver \(version), and \(driver) runs",
        remedy: "nvidia-ctk cdi generate --output=\(file)")
    }
    return nil
  }

  /// What is told of hooks that are not carried out.
  package var skipped: Finding? {
    let hooks = Set(allEdits.flatMap(\.skippedHooks)).sorted()
    guard !hooks.isEmpty else { return nil }
    return Finding(
      .driver, .ok, file: file, subject: hooks.joined(separator: " "),
      "these hooks are not carried out")
  }
}

/// Lists and mappings of texts, as YAML and JSON write them; what the texts mean is not said yet.
package enum DataTree: Equatable, Sendable {
  case null
  case text(String)
  case list([DataTree])
  case members([String: DataTree])
}

/// Why a specification is not used.
package struct CDIError: Error, Equatable, CustomStringConvertible {
  package var file: String
  package var problem: String

  package init(file: String, problem: String) {
    self.file = file
    self.problem = problem
  }

  package var description: String {
    "\(file) is no CDI specification that can be used: \(problem); remedy: make it anew with "
      + "nvidia-ctk cdi generate --output=\(file), or remove it"
  }

  package var finding: Finding {
    Finding(
      .driver, .warn, file: file, "no CDI specification that can be used: \(problem)",
      remedy: "make it anew with nvidia-ctk cdi generate --output=\(file), or remove it")
  }
}

/// Takes values out of a tree of which nothing is known yet.
private struct Reader {
  var file: String
  /// How many lists' entries have been taken so far.
  var entries = 0

  private func wrong(_ place: String, _ problem: String) -> CDIError {
    CDIError(file: file, problem: "\(place) \(problem)")
  }

  func members(_ node: DataTree, _ place: String) throws(CDIError) -> [String: DataTree] {
    guard case .members(let members) = node else { throw wrong(place, "is no mapping") }
    return members
  }

  /// nil and `null` are an empty list, as Go writes one.
  mutating func list(_ node: DataTree?, _ place: String) throws(CDIError) -> [DataTree] {
    guard let node, node != .null else { return [] }
    guard case .list(let list) = node else { throw wrong(place, "is no list") }
    entries += list.count
    guard entries <= CDISpecification.entryLimit else {
      throw wrong(place, "makes more than \(CDISpecification.entryLimit) entries")
    }
    return list
  }

  func text(_ node: DataTree?, _ place: String) throws(CDIError) -> String {
    guard let node else { throw wrong(place, "is missing") }
    guard case .text(let text) = node, text.utf8.count <= 4096 else {
      throw wrong(place, "is no text of at most 4096 bytes")
    }
    return text
  }

  mutating func texts(_ node: DataTree?, _ place: String) throws(CDIError) -> [String] {
    var texts: [String] = []
    for (index, node) in try list(node, place).enumerated() {
      texts.append(try text(node, "\(place)[\(index)]"))
    }
    return texts
  }

  func path(_ node: DataTree?, _ place: String) throws(CDIError) -> String {
    let path = try text(node, place)
    guard path.hasPrefix("/"), !path.utf8.contains(0),
      !path.split(separator: "/").contains("..")
    else { throw wrong(place, "is no absolute path without ..") }
    return path
  }

  mutating func edits(_ node: DataTree?, _ place: String) throws(CDIError) -> CDISpecification.Edits
  {
    var edits = CDISpecification.Edits()
    guard let node, node != .null else { return edits }
    let members = try members(node, place)
    edits.environment = try texts(members["env"], "\(place).env")
    for (index, node) in try list(members["deviceNodes"], "\(place).deviceNodes").enumerated() {
      let place = "\(place).deviceNodes[\(index)]"
      let members = try self.members(node, place)
      let path = try path(members["path"], "\(place).path")
      edits.deviceNodes.append(
        .init(
          path: path,
          hostPath: members["hostPath"] == nil
            ? path : try self.path(members["hostPath"], "\(place).hostPath")))
    }
    for (index, node) in try list(members["mounts"], "\(place).mounts").enumerated() {
      let place = "\(place).mounts[\(index)]"
      let members = try self.members(node, place)
      edits.mounts.append(
        .init(
          hostPath: try path(members["hostPath"], "\(place).hostPath"),
          containerPath: try path(members["containerPath"], "\(place).containerPath"),
          options: try texts(members["options"], "\(place).options")))
    }
    for (index, node) in try list(members["hooks"], "\(place).hooks").enumerated() {
      try hook(node, "\(place).hooks[\(index)]", into: &edits)
    }
    return edits
  }

  /// `nvidia-cdi-hook create-symlinks --link TARGET::LINK …`, `… update-ldcache --folder DIR …`.
  ///
  /// Older ones have `nvidia-ctk hook` in front. Source: NVIDIA/nvidia-container-toolkit,
  /// cmd/nvidia-cdi-hook.
  private mutating func hook(
    _ node: DataTree, _ place: String, into edits: inout CDISpecification.Edits
  ) throws(CDIError) {
    let members = try members(node, place)
    let path = try text(members["path"], "\(place).path")
    var words = try texts(members["args"], "\(place).args")[...].dropFirst()
    if words.first == "hook" { words = words.dropFirst() }
    let verb = words.popFirst()
    let options: [String: String] = ["create-symlinks": "--link", "update-ldcache": "--folder"]
    guard let verb, let option = options[verb] else {
      let program = path.split(separator: "/").last.map(String.init) ?? path
      edits.skippedHooks.append(verb.map { "\(program) \($0)" } ?? program)
      return
    }
    while let word = words.popFirst() {
      var value: String?
      if word == option {
        value = words.popFirst()
      } else if word.hasPrefix("\(option)=") {
        value = String(word.dropFirst(option.count + 1))
      }
      guard let value else { continue }
      if verb == "update-ldcache" {
        edits.folders.append(try self.path(.text(value), "\(place): \(option)"))
        continue
      }
      let parts = value.split(separator: "::", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw wrong(place, "has a link that is not TARGET::LINK")
      }
      edits.links.append(
        .init(
          path: try self.path(.text(String(parts[1])), "\(place): \(option)"),
          target: String(parts[0])))
    }
  }
}
