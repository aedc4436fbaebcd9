/// Which GPUs of its node a step may use, in the words of those who say it.
package enum GPUAllocation: Equatable, Sendable {
  /// Nobody divides them.
  case undivided
  case nothing
  /// Slurm's numbers, and where `gres.conf` tells it, the minor number that stands behind each.
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

  /// Slurm numbers GPUs by their place in its own list.
  ///
  /// That is the order of the files of gres.conf(5), measured with Slurm 22.05; found by itself, they
  /// are in the order of their PCI addresses, which is not always that of their minor numbers
  /// (gres.conf(5), "Links"). Where the list is not known, the GPUs that either order means are
  /// taken: no accelerator is chosen that one of them lacks.
  private func places(numbered numbers: [Int], minors: [Int]?) -> [Int]? {
    func place(ofMinor minor: Int) -> Int? { gpus.firstIndex { $0.minor == minor } }
    func all(_ place: (Int) -> Int?) -> [Int]? {
      let places = numbers.compactMap(place)
      return places.count == numbers.count ? places : nil
    }
    if let minors,
      let places = all({ minors.indices.contains($0) ? place(ofMinor: minors[$0]) : nil })
    {
      return places.sorted()
    }
    let byAddress = gpus.indices.sorted {
      (gpus[$0].address ?? "", $0) < (gpus[$1].address ?? "", $1)
    }
    let meant = [
      all(place(ofMinor:)), all { byAddress.indices.contains($0) ? byAddress[$0] : nil },
    ]
    let places = Set(meant.compactMap { $0 }.joined())
    return places.isEmpty ? nil : places.sorted()
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
      guard fitting.count == 1, whole.count > "GPU-".count else { return nil }
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
  package init(on machine: MachineRoot, file: String?, node: String) {
    let limit = 1 << 22
    let places = file.map { [$0] } ?? ["/etc/slurm/slurm.conf", "/run/slurm/conf/slurm.conf"]
    isManaging = false
    for place in places {
      guard let text = machine.contents(of: place, limit: limit) else { continue }
      let lines = Self.lines(of: text)
      isManaging = lines.contains { line in
        line.contains { $0.key == "grestypes" && Self.words($0.value).contains("gpu") }
      }
      guard isManaging else { return }
      let directory = place.lastIndex(of: "/").map { place[..<$0] } ?? ""
      minors = machine.contents(of: "\(directory)/gres.conf", limit: limit)
        .flatMap { Self.minors(in: Self.lines(of: $0), node: node) }
      return
    }
  }

  private typealias Line = [(key: String, value: String)]

  /// The words `Key=Value` of each line, keys in small letters.
  ///
  /// Source: slurm.conf(5), gres.conf(5).
  private static func lines(of text: [UInt8]) -> [Line] {
    var lines: [Line] = []
    var isContinued = false
    for piece in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let piece = String(decoding: piece, as: UTF8.self)
      let words = piece.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      let pairs = words.compactMap { word -> (key: String, value: String)? in
        guard let equals = word.firstIndex(of: "=") else { return nil }
        return (word[..<equals].lowercased(), String(word[word.index(after: equals)...]))
      }
      if isContinued { lines[lines.count - 1] += pairs } else { lines.append(pairs) }
      isContinued = words.last == "\\"
    }
    return lines
  }

  private static func words(_ list: String) -> [Substring] { list.split(separator: ",") }

  /// The numbers at the ends of the names of device files, in the order of the lines.
  private static func minors(in lines: [Line], node: String) -> [Int]? {
    var minors: [Int] = []
    for line in lines {
      func value(_ key: String) -> String? { line.first { $0.key == key }?.value }
      if let nodes = value("nodename"), !names(in: nodes).contains(node) { continue }
      // What slurmd finds by itself has its own order.
      if let detection = value("autodetect"), detection.lowercased() != "off" { return nil }
      guard value("name")?.lowercased() == "gpu" else { continue }
      guard let files = value("file"), value("multiplefiles") == nil else { return nil }
      for file in names(in: files) {
        let digits = String(file.reversed().prefix { $0.isASCII && $0.isNumber }.reversed())
        guard let minor = Int(digits) else { return nil }
        minors.append(minor)
      }
    }
    return minors.isEmpty ? nil : minors
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
