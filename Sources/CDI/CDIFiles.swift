package import ELF
package import Injection
import Yams

extension CDISpecification {
  /// The most bytes of a file.
  private static let limit = 1 << 18

  /// The specifications of a machine, and what is wrong with those that cannot be used.
  ///
  /// Static ones are in `/etc/cdi`, generated ones in `/var/run/cdi`. Source:
  /// cncf-tags/container-device-interface, SPEC.md.
  package static func all(
    of files: some LoaderFiles
  ) -> (specifications: [CDISpecification], findings: [Finding]) {
    var specifications: [CDISpecification] = []
    var findings: [Finding] = []
    for directory in ["/etc/cdi", "/var/run/cdi"] {
      guard case .names(let all) = files.names(in: directory) else { continue }
      let names = all.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".json") }.sorted()
      for name in names.prefix(64) {
        let file = "\(directory)/\(name)"
        do throws(CDIError) {
          guard let bytes = files.contents(of: file, limit: limit) else {
            throw CDIError(
              file: file, problem: "no file of at most \(limit) bytes that can be read")
          }
          specifications.append(try CDISpecification(bytes, file: file))
        } catch {
          findings.append(error.finding)
        }
      }
    }
    return (specifications, findings)
  }

  /// Reads a text that nobody trusts; JSON is read as the YAML that it is.
  package init(_ bytes: [UInt8], file: String) throws(CDIError) {
    func wrong(_ problem: String) -> CDIError { CDIError(file: file, problem: problem) }
    guard bytes.count <= Self.limit else { throw wrong("it is larger than \(Self.limit) bytes") }
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw wrong("it is not UTF-8 text")
    }
    // Aliases can make a small text a tree too large to walk, and no generator writes them.
    var before: UInt8 = 0x20
    for byte in bytes {
      if byte == UInt8(ascii: "*") || byte == UInt8(ascii: "&"),
        " \t\r\n[{,:?-".utf8.contains(before)
      {
        throw wrong("it has YAML anchors or aliases, which are not read")
      }
      before = byte
    }
    let root: Node?
    do {
      root = try compose(yaml: text, .default, .default, .utf8)
    } catch {
      throw wrong("not YAML: \("\(error)".split(separator: "\n").first.map(String.init) ?? "")")
    }
    guard let root else { throw wrong("it is empty") }
    guard let tree = DataTree(root) else { throw wrong("a mapping has a key that is no text") }
    try self.init(tree, file: file)
  }
}

extension DataTree {
  /// nil when a key is no text.
  fileprivate init?(_ node: Node) {
    switch node {
    case .scalar(let scalar): self = node.null == nil ? .text(scalar.string) : .null
    case .sequence(let sequence):
      var list: [DataTree] = []
      for node in sequence {
        guard let tree = DataTree(node) else { return nil }
        list.append(tree)
      }
      self = .list(list)
    case .mapping(let mapping):
      var members: [String: DataTree] = [:]
      for (key, value) in mapping {
        guard let name = key.scalar?.string, let tree = DataTree(value) else { return nil }
        members[name] = tree
      }
      self = .members(members)
    // An alias has been replaced by what it stands for.
    case .alias: return nil
    }
  }
}
