import Sandbox

/// A file or directory of the host that a user wants in a container: `SRC[:DST[:ro|rw]]`.
package struct BindMount: Equatable, Sendable {
  package var source: String
  package var destination: String
  package var isReadOnly: Bool

  /// Reads one; a backslash makes a colon, a comma or a backslash part of a path.
  package init(parsing text: String, source option: String) throws(ContainerError) {
    let parts = text.escapedParts(by: ":")
    guard (1...3).contains(parts.count), let source = parts.first, source.hasPrefix("/"),
      parts.count < 2 || parts[1].hasPrefix("/"),
      parts.count < 3 || ["ro", "rw"].contains(parts[2]),
      parts.allSatisfy({ $0.utf8.count < 4096 })
    else {
      throw .usage(
        "\(option): \(text)", "it is no SRC[:DST[:ro|rw]] of absolute paths",
        remedy: "write for example /data:/mnt/data:ro")
    }
    self.source = source
    destination = parts.count > 1 ? parts[1] : source
    isReadOnly = parts.count > 2 && parts[2] == "ro"
    let components = destination.split(separator: "/")
    guard !components.isEmpty, !components.contains("..") else {
      throw .usage(
        "\(option): \(text)", "\(destination) is no place in a container",
        remedy: "name a path without .. that is not /")
    }
  }

  /// Reads several, separated by commas.
  package static func list(
    _ text: String, source option: String
  ) throws(ContainerError) -> [BindMount] {
    var mounts: [BindMount] = []
    for part in text.escapedParts(by: ",", keepingEscapes: true) {
      mounts.append(try BindMount(parsing: part, source: option))
    }
    return mounts
  }

  var mount: SandboxPlan.Mount {
    .init(source, at: destination, isReadOnly: isReadOnly)
  }
}

/// A variable that a user wants in a container: `NAME=VALUE`, or `NAME` for the host's value.
package struct ContainerVariable: Equatable, Sendable {
  package var name: String
  /// nil is the value that the host's environment has.
  package var value: String?

  package init(parsing text: String, source option: String) throws(ContainerError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    value = parts.count == 2 ? String(parts[1]) : nil
    guard let first = name.utf8.first, !(48...57).contains(first),
      name.utf8.allSatisfy({ $0 == 95 || (48...57).contains($0) || (65...90).contains($0 & 0xDF) })
    else {
      throw .usage(
        "\(option): \(text)", "it is no NAME or NAME=VALUE",
        remedy: "begin with the variable's name; write a comma in a value as \\,")
    }
  }

  /// Reads several, separated by commas.
  package static func list(
    _ text: String, source option: String
  ) throws(ContainerError) -> [ContainerVariable] {
    var variables: [ContainerVariable] = []
    for part in text.escapedParts(by: ",") {
      variables.append(try ContainerVariable(parsing: part, source: option))
    }
    return variables
  }
}

extension String {
  /// The parts between separators; a backslash makes the character behind it part of one.
  func escapedParts(by separator: Character, keepingEscapes: Bool = false) -> [String] {
    var parts = [""]
    var isEscaped = false
    for character in self {
      if isEscaped {
        if keepingEscapes || !"\\:,".contains(character) { parts[parts.count - 1].append("\\") }
        parts[parts.count - 1].append(character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == separator {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    if isEscaped { parts[parts.count - 1].append("\\") }
    return parts
  }
}
