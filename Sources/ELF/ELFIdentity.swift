/// What two ELF objects must share to be in one process.
///
/// Source: System V ABI, chapter 4 "Object files"; processor supplements for the flags.
package struct ELFIdentity: Hashable, Sendable {
  package var is64Bit: Bool
  package var order: ByteOrder
  package var machine: Machine
  /// `e_flags`.
  package var flags: UInt32

  package init(is64Bit: Bool, order: ByteOrder, machine: Machine, flags: UInt32 = 0) {
    self.is64Bit = is64Bit
    self.order = order
    self.machine = machine
    self.flags = flags
  }

  /// `e_machine`.
  package struct Machine: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package var rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let i386 = Machine(rawValue: 3)
    package static let ppc64 = Machine(rawValue: 21)
    package static let s390 = Machine(rawValue: 22)
    package static let arm = Machine(rawValue: 40)
    package static let x86_64 = Machine(rawValue: 62)
    package static let aarch64 = Machine(rawValue: 183)
    package static let riscv = Machine(rawValue: 243)

    package var description: String {
      switch self {
      case .i386: "i386"
      case .ppc64: "ppc64"
      case .s390: "s390"
      case .arm: "arm"
      case .x86_64: "x86_64"
      case .aarch64: "aarch64"
      case .riscv: "riscv"
      default: "machine \(rawValue)"
      }
    }

    /// The relocation that copies an object of a library into the program.
    ///
    /// R_X86_64_COPY, R_386_COPY, R_AARCH64_COPY, R_PPC64_COPY, R_RISCV_COPY, R_ARM_COPY, R_390_COPY
    /// of elf.h.
    var copyRelocation: UInt32? {
      switch self {
      case .x86_64, .i386: 5
      case .aarch64: 1024
      case .ppc64: 19
      case .riscv: 4
      case .arm: 20
      case .s390: 9
      default: nil
      }
    }
  }

  /// The bits of `e_flags` that say how functions are called.
  ///
  /// elf.h: EF_PPC64_ABI; EF_ARM_ABI_FLOAT_HARD and _SOFT; EF_RISCV_FLOAT_ABI and EF_RISCV_RVE.
  package var callingConvention: UInt32 {
    switch machine {
    case .ppc64: flags & 3
    case .arm: flags & 0x600
    case .riscv: flags & 0xe
    default: 0
    }
  }

  /// Whether an object of this identity can be in one process with one of another.
  package func isCompatible(with other: Self) -> Bool {
    guard is64Bit == other.is64Bit, order == other.order, machine == other.machine else {
      return false
    }
    // ppc64 0 and ARM 0 are "not said".
    let (a, b) = (callingConvention, other.callingConvention)
    return a == b || (machine != .riscv && (a == 0 || b == 0))
  }

  package var description: String {
    "\(machine) \(is64Bit ? 64 : 32)-bit \(order == .little ? "little" : "big")-endian"
  }
}

/// Why bytes are no ELF object that could be used.
package enum ELFError: Error, Equatable, CustomStringConvertible {
  case tooShort
  case noELF
  /// It says that it is one, by a header that tells which programs it is for.
  case invalid(String, ELFHeader)

  package var description: String {
    switch self {
    case .tooShort: "file too short"
    case .noELF: "not an ELF file"
    case .invalid(let what, _): what
    }
  }
}
