/// An instruction-set architecture, by the name that `uname -m` prints.
package enum Architecture: String, CaseIterable, Codable, Sendable {
  case x86_64, aarch64, ppc64le, riscv64
}
