package import ELF
package import Microarchitecture

/// Where the dynamic linker of an architecture lies.
package enum DynamicLinker {
  /// Its path on a machine, as programs name it.
  ///
  /// Source: the processor supplements of the System V ABI; glibc's shlib-versions.
  package static func path(of architecture: Architecture) -> String {
    switch architecture {
    case .x86_64: "/lib64/ld-linux-x86-64.so.2"
    case .aarch64: "/lib/ld-linux-aarch64.so.1"
    case .ppc64le: "/lib64/ld64.so.2"
    case .riscv64: "/lib/ld-linux-riscv64-lp64d.so.1"
    }
  }

  /// Where it may lie below the prefix of a compat layer.
  package static func paths(of architecture: Architecture, below prefix: String) -> [String] {
    let name = path(of: architecture).lastComponent
    return ["\(prefix)/lib64/\(name)", "\(prefix)/lib/\(name)", "\(prefix)/usr/lib64/\(name)"]
  }
}

extension LoaderProcessor {
  /// What a dynamic linker makes of a processor, or of one of a certain x86-64 level.
  package init(_ processor: Processor, level: Int? = nil) {
    guard processor.architecture == .x86_64 else {
      self.init(platform: processor.architecture.rawValue)
      return
    }
    self = .x86_64(
      level: level ?? processor.x86Level ?? 1, isIntel: processor.vendor == "GenuineIntel")
  }
}
