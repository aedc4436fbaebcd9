package import Configuration
import Glibc
import Host
package import Sandbox

/// Host-passthrough: repositories of `stack.roots`, shown below `/cvmfs` where the node has none.
package struct Passthrough: Equatable, Sendable {
  /// Where the files of each are, by its name.
  package var roots: [String: String]

  /// nil where the site does not want it, or the node has every repository in its place.
  package init?(_ configuration: Configuration) {
    guard configuration.container.passthrough else { return nil }
    let files = GuardedFiles(seconds: configuration.deadline)
    defer { files.stop() }
    roots = configuration.stack.roots.filter { name, _ in
      (try? files.isDirectory("/cvmfs/\(name)/versions")) != true
    }
    if roots.isEmpty { return nil }
  }

  /// The host's own files with the repositories in their place.
  var plan: SandboxPlan {
    var plan = SandboxPlan(root: .host)
    for (name, root) in roots.sorted(by: { $0.key < $1.key }) {
      plan.mounts.append(.init(root, at: "/cvmfs/\(name)", isReadOnly: true))
    }
    return plan
  }

  /// Takes this process, which must have one thread, to where the repositories are in their place, and
  /// a directory that it is to work in.
  package func enter(
    _ configuration: inout Configuration, holder: String, directory: String
  ) throws(SandboxError) {
    try plan.enter(
      using: SandboxPrograms(configuration, holder: holder), seconds: configuration.deadline)
    for name in roots.keys { configuration.stack.roots[name] = nil }
    // A directory that the mounts cover is not there; the root always is.
    if chdir(directory) != 0 { chdir("/") }
  }
}
