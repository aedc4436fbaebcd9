import Environment
import Microarchitecture
import Stack
import TestSupport

/// Repositories and machines that the tests of this target choose from.
enum Stacks {
  static let root = "/cvmfs/software.eessi.io"
  static let prefix = "\(root)/versions/2023.06"
  static let software = "\(prefix)/software/linux"

  /// Subtrees of version 2023.06 that exist in ``software(without:)``.
  static let subtrees = [
    "x86_64/generic", "x86_64/intel/haswell", "x86_64/intel/skylake_avx512", "x86_64/amd/zen2",
    "x86_64/amd/zen3", "aarch64/generic", "aarch64/neoverse_n1", "aarch64/nvidia/grace",
    "ppc64le/generic",
  ]

  /// `software.eessi.io` with 2023.06, all of its subtrees less some, and 2025.06 with fewer.
  static func software(without missing: [String] = [], with more: [String] = []) -> MemoryStack {
    var directories = ["x86_64", "aarch64", "ppc64le"].flatMap {
      ["\(prefix)/compat/linux/\($0)", "\(root)/versions/2025.06/compat/linux/\($0)"]
    }
    directories += subtrees.filter { !missing.contains($0) }.map { "\(software)/\($0)/software" }
    directories.append("\(root)/versions/2025.06/software/linux/x86_64/generic/software")
    directories += more
    var stack = MemoryStack(directories: directories, files: ["\(root)/versions/README"])
    stack.add(directory: "\(root)/versions/latest")
    return stack
  }

  static func processor(_ target: String, vendor: String? = nil) -> Processor {
    let target = Catalog.target(named: target)!
    return Processor(
      architecture: target.architecture, vendor: vendor ?? target.vendors.sorted().first ?? "",
      features: target.features)
  }

  /// Chooses for a processor that has what a target asks for.
  static func choose(
    on target: String, _ request: StackRequest = StackRequest(version: "2023.06"),
    _ variables: [String: String] = [:], from stack: MemoryStack = software()
  ) throws -> StackSelection {
    let environment = Environment(variables)
    var request = request
    request.honour(environment)
    let selection = Selection(for: processor(target), policy: request.site.policy)
    return try StackSelection(
      request, on: selection, environment: environment, reading: stack.reader)
  }

  static func request(
    _ override: String? = nil, accelerator: String? = nil, policy: SelectionPolicy = .init()
  ) -> StackRequest {
    StackRequest(
      version: .init("2023.06", source: "--eessi"),
      subdirectory: override.map { .init($0, source: "--eessi-arch") },
      accelerator: accelerator, site: SiteDefaults(policy: policy))
  }
}

/// A word in a test is one that an option named.
extension StackRequest.Override: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self.init(value, source: "an option") }
}
