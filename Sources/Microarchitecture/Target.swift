/// A CPU target of the software layer: one subtree of builds.
package struct Target: Sendable {
  /// The current name, relative to `software/linux`: `x86_64/amd/zen2`.
  package let subdirectory: String
  /// Names that older repositories use for the same builds, newest first.
  package let aliases: [String]
  package let architecture: Architecture
  /// The processor vendors (`vendor_id`, implementer, `mvendorid`) of the target's own line.
  package let vendors: Set<String>
  /// What the builds were compiled for: the value of GCC's `-march` or `-mcpu`.
  package let compilerTarget: String
  /// Every feature that a program of this target may execute without asking first.
  package let features: Set<String>

  package var isGeneric: Bool { subdirectory.hasSuffix("/generic") }
}

extension Target: Hashable {
  package static func == (a: Self, b: Self) -> Bool { a.subdirectory == b.subdirectory }
  package func hash(into hasher: inout Hasher) { hasher.combine(subdirectory) }
}

extension Target: CustomStringConvertible {
  package var description: String { subdirectory }
}
