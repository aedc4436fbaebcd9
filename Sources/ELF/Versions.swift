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
    guard let address, let count, count <= 1 << 12 else { return [] }
    return VersionEntries.read(at: address, memory) { table in
      read(table, count: count, strings: strings)
    }
  }

  /// nil where the table goes on behind its end.
  private static func read(_ table: ByteTable, count: UInt64, strings: ByteTable) -> [Self]? {
    var requirements: [Self] = []
    var at = 0
    var left = VersionEntries.most
    for _ in 0..<count {
      guard at + 16 <= table.count else { return nil }
      var requirement = Self(
        file: strings.string(Int(table.u32(at + 4)), limit: VersionEntries.longest) ?? "",
        versions: [])
      var entry = at + Int(table.u32(at + 8))
      for _ in 0..<table.u16(at + 2) {
        guard entry + 16 <= table.count, left > 0 else { return nil }
        left -= 1
        if let name = strings.string(Int(table.u32(entry + 8)), limit: VersionEntries.longest) {
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
    guard let address, let count, count <= 1 << 12 else { return [] }
    return VersionEntries.read(at: address, memory) { table in
      read(table, count: count, strings: strings)
    }
  }

  /// nil where the table goes on behind its end.
  private static func read(_ table: ByteTable, count: UInt64, strings: ByteTable) -> [Self]? {
    var definitions: [Self] = []
    var at = 0
    for _ in 0..<count {
      guard at + 20 <= table.count else { return nil }
      let entry = at + Int(table.u32(at + 12))
      guard entry + 8 <= table.count else { return nil }
      if let name = strings.string(Int(table.u32(entry)), limit: VersionEntries.longest) {
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

/// Tables that do not say how long they are.
private enum VersionEntries {
  /// As many as there are numbers for them.
  static let most = 1 << 15
  /// The longest name, in bytes.
  static let longest = 1 << 12

  /// Reads a little, and more where that does not hold all; of a table that is cut short, nothing.
  static func read<Entry>(
    at address: UInt64, _ memory: Memory, _ body: (ByteTable) -> [Entry]?
  ) -> [Entry] {
    for count: UInt64 in [1 << 13, 1 << 20] {
      guard let table = memory.beginning(at: address, count: count) else { return [] }
      if let entries = body(table) { return entries }
    }
    return []
  }
}
