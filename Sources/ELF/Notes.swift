/// What the notes of an object tell.
///
/// Sources: binutils, "Linux gABI extensions" (.note.gnu.property) and elf.h (NT_GNU_*).
package struct Notes: Hashable, Sendable {
  package var buildID: [UInt8]?
  /// The x86-64 level that the object needs, 1 to 4; nil where it does not say.
  package var x86Level: Int?
  /// The oldest Linux kernel that it runs on, of NT_GNU_ABI_TAG.
  package var minimumKernel: [UInt32]?

  /// PT_GNU_PROPERTY.
  static let property: UInt32 = 0x6474_e553

  /// Reads the notes of one segment.
  mutating func read(_ table: ByteTable, alignment: UInt64, is64Bit: Bool) {
    // Notes are padded to 4 bytes; only segments of property notes to 8 in 64-bit files.
    let unit = alignment == 8 ? 8 : 4
    var at = 0
    while at + 12 <= table.count {
      let nameSize = Int(table.u32(at))
      let size = Int(table.u32(at + 4))
      let kind = table.u32(at + 8)
      let nameAt = at + 12
      guard nameSize <= table.count, size <= table.count else { return }
      let dataAt = (nameAt + nameSize + unit - 1) / unit * unit
      guard dataAt + size <= table.count else { return }
      if table.bytes[nameAt..<(nameAt + nameSize)].elementsEqual([0x47, 0x4e, 0x55, 0]) {
        read(table, kind: kind, from: dataAt, size: size, is64Bit: is64Bit)
      }
      at = (dataAt + size + unit - 1) / unit * unit
    }
  }

  private mutating func read(
    _ table: ByteTable, kind: UInt32, from start: Int, size: Int, is64Bit: Bool
  ) {
    switch kind {
    case 1 where size >= 16 && table.u32(start) == 0:
      minimumKernel = [table.u32(start + 4), table.u32(start + 8), table.u32(start + 12)]
    case 3: buildID = Array(table.bytes[start..<(start + size)])
    case 5:
      let unit = is64Bit ? 8 : 4
      var at = start
      while at + 8 <= start + size {
        let length = Int(table.u32(at + 4))
        guard length <= start + size - at - 8 else { return }
        // GNU_PROPERTY_X86_ISA_1_NEEDED: bits baseline, v2, v3, v4.
        if table.u32(at) == 0xc000_8002, length == 4 {
          let bits = table.u32(at + 8) & 0xf
          if bits != 0 { x86Level = 32 - bits.leadingZeroBitCount }
        }
        at += 8 + (length + unit - 1) / unit * unit
      }
    default: break
    }
  }
}
