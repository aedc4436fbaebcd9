/// What a site puts under a stack.
package enum InjectionKind: String, CaseIterable, Codable, Sendable {
  case mpi, cuda, rocm
}
