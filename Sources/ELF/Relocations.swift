extension ELFObject {
  /// What the relocations tell of the symbols that an object asks for.
  package struct SymbolUse: Sendable {
    /// Numbers of the symbols that are resolved at load.
    package var eager: Set<Int> = []
    /// Those whose objects are copied into the program.
    package var copied: Set<Int> = []
  }

  /// Reads how symbols are used, from the file that the object was read from.
  ///
  /// Only where something is missing does it matter who needs it when: the tables may be large, and
  /// are read when they are asked for.
  package func symbolUse(in source: ByteSource) -> SymbolUse {
    var use = SymbolUse()
    let memory = Memory(source: source, segments: segments, order: identity.order)
    let copy = identity.machine.copyRelocation
    Self.relocations(in: relocationTables, memory: memory, identity: identity) {
      symbol, kind, isLazy in
      if !isLazy { use.eager.insert(symbol) }
      if kind == copy { use.copied.insert(symbol) }
    }
    return use
  }

  /// Calls `body` with the number of a symbol and the kind of the relocation that asks for it.
  static func relocations(
    in tables: [RelocationTable], memory: Memory, identity: ELFIdentity,
    _ body: (_ symbol: Int, _ kind: UInt32, _ isLazy: Bool) -> Void
  ) {
    let word = identity.is64Bit ? 8 : 4
    for description in tables {
      guard description.size <= 1 << 30,
        let table = memory.table(at: description.address, count: description.size)
      else { continue }
      let size = word * (description.hasAddends ? 3 : 2)
      for at in stride(from: 0, to: table.count - size + 1, by: size) {
        let info = table.word(at + word, is64Bit: identity.is64Bit)
        let symbol = Int(identity.is64Bit ? info >> 32 : info >> 8)
        guard symbol != 0 else { continue }
        body(
          symbol, UInt32(truncatingIfNeeded: identity.is64Bit ? info & 0xffff_ffff : info & 0xff),
          description.isLazy)
      }
    }
  }

  /// The contents of a section, found by the section headers; nil where there is none.
  package func section(named name: String, in source: ByteSource, limit: Int = 1 << 16) -> [UInt8]?
  {
    let (is64Bit, order) = (identity.is64Bit, identity.order)
    guard let header = source.table(at: 0, count: is64Bit ? 64 : 52, order: order) else {
      return nil
    }
    let at = header.word(is64Bit ? 40 : 32, is64Bit: is64Bit)
    let size = Int(header.u16(is64Bit ? 58 : 46))
    let count = Int(header.u16(is64Bit ? 60 : 48))
    let names = Int(header.u16(is64Bit ? 62 : 50))
    guard size == (is64Bit ? 64 : 40), names < count,
      let table = source.table(at: at, count: UInt64(size * count), order: order)
    else { return nil }
    func contents(_ index: Int, limit: UInt64) -> ByteTable? {
      let entry = index * size
      let offset = table.word(entry + (is64Bit ? 24 : 16), is64Bit: is64Bit)
      let length = table.word(entry + (is64Bit ? 32 : 20), is64Bit: is64Bit)
      return length <= limit ? source.table(at: offset, count: length, order: order) : nil
    }
    guard let strings = contents(names, limit: 1 << 20) else { return nil }
    for index in 0..<count where strings.string(Int(table.u32(index * size))) == name {
      return contents(index, limit: UInt64(limit))?.bytes
    }
    return nil
  }
}
