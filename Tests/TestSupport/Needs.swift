import Glibc

#if canImport(Testing)  // absent from a release build, which has no tests
  import Foundation
  package import Testing

  extension Trait where Self == ConditionTrait {
    /// Skips a test without these programs, and says which are missing.
    package static func needs(_ programs: String...) -> Self {
      let missing = programs.filter { !Tool.isInstalled($0) }
      return .enabled(
        if: missing.isEmpty,
        "\(missing.joined(separator: ", ")) not installed; ./check installs all that tests need")
    }

    /// Skips a test that must give files away or mount.
    package static var needsRoot: Self { .enabled(if: geteuid() == 0, "needs root") }

    /// Skips a test of containers where users get none, and says why.
    package static var needsContainers: Self {
      .enabled(if: LabImage.isPossible, LabImage.impossible)
    }
  }
#endif

/// Does something with the rights to files of a user who is nobody special.
///
/// By setfsuid(2), which is for this thread and for what it starts alone. Whoever is not root is such a
/// user already.
package func asNobody<Result>(_ body: () throws -> Result) throws -> Result {
  guard geteuid() == 0 else { return try body() }
  // No module of Swift's has it.
  typealias Change = @convention(c) (uid_t) -> CInt
  guard let function = dlsym(nil, "setfsuid") else { throw ToolError.notFound("setfsuid") }
  let change = unsafeBitCast(function, to: Change.self)
  _ = change(65534)
  defer { _ = change(0) }
  return try body()
}
