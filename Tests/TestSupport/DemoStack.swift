#if canImport(Testing)  // absent from a release build, which has no tests
  import Foundation
  package import Testing

  /// The lab's stack.
  package enum DemoStack {
    private static let result = Result {
      let base =
        ProcessInfo.processInfo.environment["SLIPWAY_LAB_DIR"] ?? "/tmp/slipway-lab-\(getuid())"
      let result = try run(["\(Package.root)/lab/stack", "build", "\(base)/stack"], seconds: 600)
      try #require(result.status == 0, "\(result.stderr)")
      return "\(base)/stack"
    }

    /// Builds it, once, and gives its directory.
    package static func build() throws -> String { try result.get() }

    package static let isPossible = (try? run(["uname", "-m"]).lines) == ["x86_64"]
    package static let impossible: Comment = "lab/stack builds for x86_64 only"
  }
#endif
