package struct LaunchKind: Sendable { package init(_ s: String) {} }
enum LaunchRule {
  static func findings(for library: MPILibrary, launchedBy kind: LaunchKind) -> [Finding] { [] }
}
