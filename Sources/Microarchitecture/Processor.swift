/// What is known of one machine's processor: its identity and its feature flags.
///
/// Features carry the kernel's names (`/proc/cpuinfo`: `flags`, `Features`). On POWER, whose
/// kernel prints no flags, they are `power8`, `power9`, …: one per ISA level that the processor
/// implements. On RISC-V they are the extensions of the `isa` string, in lower case.
package struct Processor: Equatable, Sendable {
  package var architecture: Architecture
  /// The `vendor_id`, Arm implementer (`0x41`) or RISC-V `mvendorid`; empty when not known.
  package var vendor: String
  package var family: Int?
  package var model: Int?
  package var stepping: Int?
  /// The Arm part number.
  package var part: Int?
  /// The processor's marketing name, as its maker or the kernel gives it.
  package var name: String?
  package var features: Set<String>
  /// Where the features come from.
  package var evidence: Evidence
  /// The release of the kernel that listed the features; nil when it is not known.
  package var kernel: KernelRelease?

  package init(
    architecture: Architecture, vendor: String = "", family: Int? = nil, model: Int? = nil,
    stepping: Int? = nil, part: Int? = nil, name: String? = nil, features: Set<String> = [],
    evidence: Evidence = .flags, kernel: KernelRelease? = nil
  ) {
    self.architecture = architecture
    self.vendor = vendor
    self.family = family
    self.model = model
    self.stepping = stepping
    self.part = part
    self.name = name
    self.features = features
    self.evidence = evidence
    self.kernel = kernel
  }

  /// The source of a processor's features.
  package enum Evidence: String, Codable, Sendable {
    /// The kernel listed them: what a program can use on this machine.
    case flags
    /// Only the identity is known (an hwloc XML file): the features that the model was made with.
    case identity
  }

  /// Whether a hypervisor shows this processor to the machine.
  package var isVirtual: Bool { features.contains("hypervisor") }
}

/// The first two numbers of a kernel release, such as 5.14.
package struct KernelRelease: Comparable, Sendable, CustomStringConvertible {
  package var major: Int
  package var minor: Int

  package init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Reads `5.14.0-427.el9.x86_64`; nil when the text does not start with two numbers.
  package init?(parsing text: some StringProtocol) {
    let numbers = text.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
    guard numbers.count == 2, text.first?.isNumber == true else { return nil }
    self.init(numbers[0], numbers[1])
  }

  package static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
  package var description: String { "\(major).\(minor)" }
}
