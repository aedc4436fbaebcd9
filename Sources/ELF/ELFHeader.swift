/// The header of an ELF file, and what a dynamic linker says of it before it maps the file.
///
/// Sources: System V ABI, chapter 4 "ELF Header"; the order of the checks and their words are those
/// of glibc's elf/dl-load.c, `open_verify`.
package struct ELFHeader: Hashable, Sendable {
  /// The first bytes of the file, 64 where there are as many.
  private let bytes: [UInt8]
  private let fileSize: Int

  init(_ bytes: some Sequence<UInt8>, fileSize: Int) {
    self.bytes = Array(bytes.prefix(64))
    self.fileSize = fileSize
  }

  /// What a dynamic linker does with a file that it cannot use.
  package enum Refusal: Hashable, Sendable {
    /// It searches on: the file is for programs of the other class, or of another machine.
    case otherClass, otherMachine
    /// It ends with these words: something is wrong with the installation.
    case fatal(String)
  }

  /// Why the dynamic linker of a machine would not map the file; nil where it would.
  ///
  /// `looksAtMachineFirst` where it passes over files of other machines whatever else is wrong with
  /// their identification, as Debian's does.
  package func refusal(by linker: ELFIdentity, looksAtMachineFirst: Bool = false) -> Refusal? {
    let is64Bit = linker.is64Bit
    guard fileSize >= (is64Bit ? 64 : 52) else { return .fatal("file too short") }
    guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return .fatal("invalid ELF header") }
    guard bytes[4] == (is64Bit ? 2 : 1) else { return .otherClass }
    let table = ByteTable(bytes: bytes, order: linker.order)
    let flags = table.u32(is64Bit ? 48 : 36)
    let own = ELFIdentity(
      is64Bit: is64Bit, order: linker.order, machine: .init(rawValue: table.u16(18)), flags: flags)
    let isCompatible = own.isCompatible(with: linker)
    if let fault = identificationFault(by: linker) {
      return looksAtMachineFirst && !isCompatible ? .otherMachine : .fatal(fault)
    }
    guard table.u32(20) == 1 else {
      return .fatal("ELF file version does not match current one")
    }
    guard isCompatible else { return .otherMachine }
    guard table.u16(16) == 2 || table.u16(16) == 3 else {
      return .fatal("only ET_DYN and ET_EXEC can be loaded")
    }
    guard table.u16(is64Bit ? 54 : 42) == (is64Bit ? 56 : 32) else {
      return .fatal("ELF file's phentsize not the expected size")
    }
    let (end, overflow) = table.word(is64Bit ? 32 : 28, is64Bit: is64Bit)
      .addingReportingOverflow(UInt64(table.u16(is64Bit ? 56 : 44)) * (is64Bit ? 56 : 32))
    guard !overflow, end <= UInt64(fileSize) else { return .fatal("cannot read file data") }
    return nil
  }

  /// What is wrong with `e_ident` behind the class.
  private func identificationFault(by linker: ELFIdentity) -> String? {
    if bytes[5] != (linker.order == .little ? 1 : 2) {
      return "ELF file data encoding not \(linker.order == .little ? "little" : "big")-endian"
    }
    if bytes[6] != 1 { return "ELF file version ident does not match current one" }
    // ELFOSABI_SYSV, ELFOSABI_GNU, ELFOSABI_ARM_AEABI.
    guard bytes[7] == 0 || bytes[7] == 3 || (linker.machine == .arm && bytes[7] == 64) else {
      return "ELF file OS ABI invalid"
    }
    // glibc's libc-abis: the GNU ABI has versions up to that of ABSOLUTE.
    guard bytes[8] == 0 || (bytes[7] == 3 && bytes[8] < 4) else {
      return "ELF file ABI version invalid"
    }
    return bytes[9..<16].allSatisfy { $0 == 0 } ? nil : "nonzero padding in e_ident"
  }
}
