/// Versions that an object needs of one other: an entry of `DT_VERNEED`.
package struct VersionRequirement: Hashable, Sendable {
  /// The name of the object, as in `DT_NEEDED`.
  package var file: String
  package var versions: [Version]

  package struct Version: Hashable, Sendable {
    package var name: String
    /// Whether its absence is no error (`VER_FLG_WEAK`).
    package var isWeak: Bool
    /// By which ``SymbolTable`` names it.
    var index: UInt16
  }

  static func read(at address: UInt64?, count: UInt64?, strings: ByteTable, memory: Memory)
    -> [Self]
  {
    guard let address, let count, count <= 1 << 12,
      let table = memory.beginning(at: address, count: 1 << 20)
    else { return [] }
    var requirements: [Self] = []
    var at = 0
    for _ in 0..<count {
      guard at + 16 <= table.count else { break }
      var requirement = Self(file: strings.string(Int(table.u32(at + 4))) ?? "", versions: [])
      var entry = at + Int(table.u32(at + 8))
      for _ in 0..<table.u16(at + 2) {
        guard entry + 16 <= table.count else { break }
        if let name = strings.string(Int(table.u32(entry + 8))) {
          requirement.versions.append(
            .init(
              name: name, isWeak: table.u16(entry + 4) & 2 != 0,
              index: table.u16(entry + 6) & 0x7fff))
        }
        let next = Int(table.u32(entry + 12))
        if next == 0 { break }
        entry += next
      }
      requirements.append(requirement)
      let next = Int(table.u32(at + 12))
      if next == 0 { break }
      at += next
    }
    return requirements
  }
}

/// A version that an object defines: an entry of `DT_VERDEF`.
package struct VersionDefinition: Hashable, Sendable {
  package var name: String
  /// Whether it is the object's own name rather than a version (`VER_FLG_BASE`).
  package var isBase: Bool
  var index: UInt16

  static func read(at address: UInt64?, count: UInt64?, strings: ByteTable, memory: Memory)
    -> [Self]
  {
    guard let address, let count, count <= 1 << 12,
      let table = memory.beginning(at: address, count: 1 << 20)
    else { return [] }
    var definitions: [Self] = []
    var at = 0
    for _ in 0..<count {
      guard at + 20 <= table.count else { break }
      let entry = at + Int(table.u32(at + 12))
      if entry + 8 <= table.count, let name = strings.string(Int(table.u32(entry))) {
        definitions.append(
          Self(
            name: name, isBase: table.u16(at + 2) & 1 != 0, index: table.u16(at + 4) & 0x7fff))
      }
      let next = Int(table.u32(at + 16))
      if next == 0 { break }
      at += next
    }
    return definitions
  }
}
