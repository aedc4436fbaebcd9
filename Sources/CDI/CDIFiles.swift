package import ELF
package import Injection

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
    guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else {
      throw wrong("it is not UTF-8 text")
    }
    let tree: DataTree?
    do throws(YAMLError) {
      tree = try DataTree(yaml: bytes)
    } catch {
      throw wrong(error.problem)
    }
    guard let tree else { throw wrong("it is empty") }
    try self.init(tree, file: file)
  }
}
