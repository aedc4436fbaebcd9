import Microarchitecture

/// Processors made of the catalogue's own features, for tests of the selection's rules.
enum Processors {
  static let zen2Words: Set = Catalog.target(named: "x86_64/amd/zen2")!.features

  /// A zen2 as a kernel of CentOS 7 lists it: without rdpid, which kernel 4.10 first printed.
  static func oldZen2(model: Int = 49, kernel: KernelRelease? = nil) -> Processor {
    Processor(
      architecture: .x86_64, vendor: "AuthenticAMD", family: 23, model: model, stepping: 0,
      features: zen2Words.subtracting(["rdpid"]).union(["eagerfpu", "fpu", "sse2"]), kernel: kernel)
  }

  /// A processor that has what a target asks for, and is of its vendor.
  static func fitting(_ target: Target) -> Processor {
    Processor(
      architecture: target.architecture, vendor: target.vendors.sorted().first ?? "",
      features: target.features)
  }
}
