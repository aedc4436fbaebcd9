#if canImport(Testing)  // absent from a release build, which has no tests
  import Foundation
  package import Testing

  /// The image that `lab/image` builds: a userland, Open MPI and MPICH of this machine.
  package enum LabImage {
    private static let result = Result {
      let base =
        ProcessInfo.processInfo.environment["SLIPWAY_LAB_DIR"] ?? "/tmp/slipway-lab-\(getuid())"
      let result = try run(["\(Package.root)/lab/image", "build", "\(base)/image"], seconds: 300)
      try #require(result.status == 0, "\(result.stderr)")
      return "\(base)/image"
    }

    /// Builds it, once, and gives its directory.
    package static func build() throws -> String { try result.get() }

    /// Why users get no containers here; nil where they do.
    package static let obstacle: String? = {
      for program in ["bwrap", "squashfuse", "sqfstar", "unshare"] where !Tool.isInstalled(program)
      {
        return "\(program) is not installed"
      }
      guard access("/dev/fuse", R_OK | W_OK) == 0 else { return "/dev/fuse cannot be opened" }
      let result = try? run(["unshare", "-Urm", "true"])
      return result?.status == 0 ? nil : "user namespaces are not allowed: \(result?.stderr ?? "")"
    }()

    package static let isPossible = obstacle == nil
    package static let impossible: Comment = "\(obstacle ?? "")"
  }
#endif
