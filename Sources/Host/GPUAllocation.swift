/// Which GPUs of its node a step may use, in the words of those who say it.
package enum GPUAllocation: Equatable, Sendable {
  /// Nobody divides them.
  case undivided
  case nothing
  /// Slurm's numbers, and where its files tell it, the minor number that stands behind each.
  case numbers([Int], minors: [Int]?)
  /// The names that their drivers give them, or the beginnings of such; of a part of a GPU (MIG) too.
  case names([String])
}

extension HostProfile {
  /// Keeps which GPUs may be used; what names none of them for sure means all.
  package mutating func allocate(_ allocation: GPUAllocation) {
    self.allocation =
      switch allocation {
      case .undivided: nil
      case .nothing: []
      case .numbers(let numbers, let minors): places(numbered: numbers, minors: minors)
      case .names(let names): places(named: names)
      }
  }

  /// Slurm numbers GPUs by their place in a list of its own, which is none that the GPUs show.
  private func places(numbered numbers: [Int], minors: [Int]?) -> [Int]? {
    guard let minors else { return nil }
    let places = numbers.compactMap { number in
      minors.indices.contains(number) ? gpus.firstIndex { $0.minor == minors[number] } : nil
    }
    return places.count == numbers.count ? places.sorted() : nil
  }

  /// CUDA takes the beginning of a name that fits one GPU only; `MIG-GPU-UUID/1/0` is a part of one.
  ///
  /// Source: CUDA C++ Programming Guide, "CUDA Environment Variables". Whose part a newer `MIG-UUID`
  /// is, the driver alone knows.
  private func places(named names: [String]) -> [Int]? {
    var places: Set<Int> = []
    for name in names {
      let whole =
        name.hasPrefix("MIG-GPU-") ? String(name.dropFirst(4).prefix { $0 != "/" }) : name
      let fitting = gpus.indices.filter { gpus[$0].uuid?.hasPrefix(whole) == true }
      guard fitting.count == 1 else { return nil }
      places.insert(fitting[0])
    }
    return places.isEmpty ? nil : places.sorted()
  }
}

/// What Slurm's configuration says of a node's GPUs.
package struct SlurmGPUs: Equatable, Sendable {
  /// Whether Slurm hands out GPUs at all.
  package var isManaging: Bool
  /// The minor numbers of the node's GPUs in Slurm's order; nil where the files do not tell.
  package var minors: [Int]?

  package init(isManaging: Bool, minors: [Int]? = nil) {
    self.isManaging = isManaging
    self.minors = minors
  }

  /// Reads `slurm.conf` and the `gres.conf` beside it.
  ///
  /// `file` is the value of `SLURM_CONF`, which slurmd sets where the file lies elsewhere than in
  /// `/etc/slurm` or, on a node that was given its configuration, `/run/slurm/conf` (slurmd(8)).
  ///
  /// The order of GPUs was measured with Slurm 22.05. Those that Slurm finds by itself (AutoDetect)
  /// are in the order of their PCI addresses, which is not always that of their minor numbers
  /// (gres.conf(5), "Links"); those of `gres.conf` in the order of their types in the node's `Gres` of
  /// `slurm.conf`, and within a type in that of the file.
  package init(on machine: MachineRoot, file: String?, node: String) {
    isManaging = false
    for place in SlurmConfiguration.places(file) {
      guard let slurm = SlurmConfiguration.lines(of: place, on: machine) else { continue }
      isManaging = slurm.contains { line in
        line["grestypes"]?.split(separator: ",").contains("gpu") == true
      }
      guard isManaging,
        let gres = SlurmConfiguration.lines(
          of: SlurmConfiguration.beside(place, "gres.conf"), on: machine),
        !gres.contains(where: { $0["include"] != nil })
      else { return }
      minors = Self.minors(in: gres, types: Self.types(in: slurm, node: node), node: node) {
        machine.nvidiaMinors
      }
      return
    }
  }

  /// The types of a node's GPUs in the order of `slurm.conf`; nil where it does not tell.
  private static func types(in lines: [SlurmConfiguration.Line], node: String) -> [String]? {
    var usual: String?
    for line in lines {
      guard let nodes = line["nodename"] else { continue }
      if nodes.lowercased() == "default" {
        usual = line["gres"] ?? usual
      } else if names(in: nodes).contains(node) {
        // gpu, gpu:2, gpu:a100, gpu:a100:2
        return (line["gres"] ?? usual ?? "").lowercased().split(separator: ",").compactMap { gres in
          let parts = gres.split(separator: ":")
          guard parts.first == "gpu", parts.count > 1, Int(parts[1]) == nil else { return nil }
          return String(parts[1])
        }
      }
    }
    return nil
  }

  /// The minor numbers of the node's GPUs, each at the end of its device file's name.
  private static func minors(
    in lines: [SlurmConfiguration.Line], types: [String]?, node: String, onBus: () -> [Int]?
  ) -> [Int]? {
    var detects: (anywhere: Bool?, here: Bool?)
    var listed: [(type: String, minor: Int)] = []
    for line in lines {
      if let nodes = line["nodename"], !names(in: nodes).contains(node) { continue }
      if let detection = line["autodetect"].map({ $0.lowercased() != "off" }) {
        if line["nodename"] == nil {
          detects.anywhere = detection
        } else {
          detects.here = detection
        }
      }
      guard line["name"]?.lowercased() == "gpu" else { continue }
      // Without a file a GPU has a number, but none of the lists has it.
      guard line["multiplefiles"] == nil, let files = line["file"].map(names(in:)), !files.isEmpty
      else { return nil }
      for file in files {
        let digits = file.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()
        guard let minor = Int(String(digits)) else { return nil }
        listed.append((line["type"]?.lowercased() ?? "", minor))
      }
    }
    if detects.here ?? detects.anywhere ?? false {
      return onBus().map { bus in
        listed.isEmpty ? bus : bus.filter { minor in listed.contains { $0.minor == minor } }
      }
    }
    var order: [Int]
    if Set(listed.map(\.type)).count == 1 || types == [] {
      order = listed.map(\.minor)
    } else {
      order = (types ?? []).flatMap { type in listed.filter { $0.type == type }.map(\.minor) }
      guard order.count == listed.count else { return nil }
    }
    return order.isEmpty ? nil : order
  }

  /// The names that a host list stands for, `n[1-3,07],m2`; at most 65536.
  static func names(in list: String) -> [String] {
    let limit = 1 << 16
    // Commas within brackets separate ranges, those outside names.
    var patterns: [String] = [""]
    var depth = 0
    for character in list {
      if character == "[" { depth += 1 } else if character == "]" { depth -= 1 }
      if character == ",", depth == 0 {
        patterns.append("")
      } else {
        patterns[patterns.count - 1].append(character)
      }
    }
    var names: [String] = []
    for pattern in patterns {
      var beginnings = [""]
      var rest = pattern[...]
      while let open = rest.firstIndex(of: "["), let close = rest[open...].firstIndex(of: "]") {
        var middles: [String] = []
        for range in rest[rest.index(after: open)..<close].split(separator: ",") {
          let ends = range.split(separator: "-", maxSplits: 1)
          guard let first = ends.first, let low = Int(first), let high = Int(ends.last ?? first),
            low >= 0, low <= high, high - low < limit
          else { return [] }
          for number in low...high {
            let digits = "\(number)"
            middles.append(
              String(repeating: "0", count: max(0, first.count - digits.count)) + digits)
          }
        }
        guard !middles.isEmpty, beginnings.count * middles.count <= limit else { return [] }
        let before = rest[..<open]
        beginnings = beginnings.flatMap { beginning in middles.map { beginning + before + $0 } }
        rest = rest[rest.index(after: close)...]
      }
      names += beginnings.map { $0 + rest }
      guard names.count <= limit else { return [] }
    }
    return names
  }
}
