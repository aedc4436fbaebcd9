package import Microarchitecture

/// Reads the text of `/proc/cpuinfo`, or of `lscpu`, which names the same things.
///
/// Sources: arch/*/kernel/cpu/proc.c, setup.c and cpuinfo.c of the kernel; lscpu(1).
package enum CPUInfo {
  /// The processor that a text describes; nil when the text fits no architecture of ``Catalog``.
  ///
  /// Where processors differ (big and little cores), only features of all of them count: a task
  /// may run on any.
  package static func processor(
    in text: [UInt8], architecture: Architecture? = nil, kernel: KernelRelease? = nil
  ) -> Processor? {
    var fields: [String: String] = [:]
    var features: Set<String>?
    var lastList: ArraySlice<UInt8> = []
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
        let key = Key(line[..<colon])
      else { continue }
      let value = trimmed(line[(colon + 1)...])
      if key == .features {
        // Hundreds of equal lines on a large node: only a different one is worth reading.
        if features != nil && value == lastList { continue }
        lastList = value
        let words = Set(
          value.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) })
        features = features?.intersection(words) ?? words
      } else if fields[key.rawValue] == nil {
        fields[key.rawValue] = String(decoding: value, as: UTF8.self)
      } else if key == .isa, fields[key.rawValue] != String(decoding: value, as: UTF8.self) {
        let other = riscvExtensions(isa: String(decoding: value, as: UTF8.self))
        features = (features ?? riscvExtensions(isa: fields[key.rawValue]!)).intersection(other)
      }
    }

    func number(_ key: Key) -> Int? {
      fields[key.rawValue].flatMap { text in
        text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
      }
    }
    guard let architecture = architecture ?? guess(fields) else { return nil }
    let vendor =
      fields[Key.vendor.rawValue] ?? fields[Key.implementer.rawValue]
      ?? fields[Key.riscvVendor.rawValue] ?? ""
    switch architecture {
    case .ppc64le: features = powerLevels(fields[Key.cpu.rawValue] ?? "")
    case .riscv64: features = features ?? riscvExtensions(isa: fields[Key.isa.rawValue] ?? "")
    case .x86_64, .aarch64: break
    }
    return Processor(
      architecture: architecture, vendor: architecture == .ppc64le ? "" : vendor,
      family: number(.family), model: number(.model), stepping: number(.stepping),
      part: number(.part),
      name: fields[Key.name.rawValue]
        ?? (architecture == .ppc64le ? fields[Key.cpu.rawValue] : nil),
      features: features ?? [], kernel: kernel)
  }

  private enum Key: String {
    case vendor, implementer, riscvVendor, family, model, stepping, part, name, features, cpu, isa
    case machine

    init?(_ text: ArraySlice<UInt8>) {
      switch String(decoding: trimmed(text), as: UTF8.self).lowercased() {
      case "vendor_id", "vendor id": self = .vendor
      case "cpu implementer": self = .implementer
      case "mvendorid": self = .riscvVendor
      case "cpu family": self = .family
      case "model": self = .model
      case "stepping": self = .stepping
      case "cpu part": self = .part
      case "model name": self = .name
      case "flags", "features": self = .features
      case "cpu": self = .cpu
      case "isa": self = .isa
      case "architecture": self = .machine
      default: return nil
      }
    }
  }

  private static func guess(_ fields: [String: String]) -> Architecture? {
    if let named = fields[Key.machine.rawValue].flatMap(Architecture.init(rawValue:)) {
      return named
    }
    if fields[Key.implementer.rawValue] != nil { return .aarch64 }
    if fields[Key.isa.rawValue]?.hasPrefix("rv64") == true { return .riscv64 }
    if fields[Key.cpu.rawValue]?.uppercased().hasPrefix("POWER") == true { return .ppc64le }
    return fields[Key.vendor.rawValue] == nil ? nil : .x86_64
  }

  /// `POWER9 (architected), altivec supported` implements every level up to 9.
  private static func powerLevels(_ cpu: String) -> Set<String> {
    // "POWER10", "Power11".
    guard cpu.uppercased().hasPrefix("POWER"),
      let level = Int(cpu.dropFirst(5).prefix(while: \.isNumber)), (8...99).contains(level)
    else { return [] }
    return Set((8...level).map { "power\($0)" })
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
    guard let start = bytes.firstIndex(where: { !isSpace($0) }),
      let end = bytes.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return bytes[start...end]
  }
}
