import Environment
import Host

/// The module files of one version of a stack: of every target, and of the site's additions.
package struct ModuleIndex: Equatable {
  /// What it was made of, as text: equal keys, the same trees.
  var key: String
  package var trees: [Tree] = []
  /// In the order of their names, then from the lowest version to the highest.
  package var modules: [Module] = []
  /// Directories and files that were looked at, where no revision stands for them; nil for those
  /// that were not there.
  var marks: [String: FileMark?] = [:]
  /// When it was begun, in nanoseconds since 1970; nil for one that was kept.
  var began: Int64?

  /// A directory of modules, one of those that a node may have in its MODULEPATH.
  package struct Tree: Equatable {
    package var directory: String
    /// The target; empty for a directory of the site's own choice.
    package var subdirectory: String
    package var accelerator: String?
    /// Whether it is the site's, below `host_injections`.
    package var isSite: Bool
    /// Whether a name has versions such as `a/1.0`; then Lmod looks for a name in one directory only.
    var isNested = false
    /// Names that stand for another.
    package var aliases: [String: String] = [:]
    var hidden: Set<String> = []

    /// The target and the accelerator: `x86_64/amd/zen2/accel/nvidia/cc80`.
    package var target: String {
      subdirectory.isEmpty ? directory : subdirectory + (accelerator.map { "/\($0)" } ?? "")
    }
  }

  package struct Module: Equatable {
    package var name: String
    /// Empty for a module without versions.
    package var version: String
    package var places: [Place]
    /// What it says of itself; empty where it says nothing, nil where nobody has asked yet.
    package var description: String?

    package var fullName: String { version.isEmpty ? name : "\(name)/\(version)" }
    /// Whether some part of it begins with a dot.
    package var isDotted: Bool {
      fullName.hasPrefix(".") || fullName.utf8.firstRange(of: "/.".utf8) != nil
    }
  }

  /// A file of a module.
  package struct Place: Equatable {
    /// The number of the tree.
    package var tree: Int
    package var isLua: Bool
    /// The components of the version that their directory names as its default, by number.
    package var marked: Set<Int> = []
  }

  package func file(of module: Module, in place: Place) -> String {
    "\(trees[place.tree].directory)/\(module.fullName)\(place.isLua ? ".lua" : "")"
  }

  package func isHidden(_ module: Module, in tree: Int) -> Bool {
    module.isDotted || trees[tree].hidden.contains(module.fullName)
  }

  package func isHidden(_ module: Module) -> Bool {
    module.places.allSatisfy { isHidden(module, in: $0.tree) }
  }
}

// MARK: questions

extension ModuleIndex {
  /// A module of a list of directories, as Lmod lists them.
  package struct Available: Equatable {
    package var module: Module
    package var place: Place
    package var isDefault: Bool
  }

  /// The modules of trees in the order of a MODULEPATH, hidden ones left out.
  ///
  /// The default of a name is the version that its directory names, else the highest of all
  /// directories. A name with one version has none.
  package func available(in order: [Int]) -> [Available] {
    let isNested = order.contains { trees[$0].isNested }
    struct Best {
      var key: [UInt8] = []
      var at: (tree: Int, version: String)
      var count = 0
      var rank: Int
    }
    var best: [String: Best] = [:]
    var lists: [[Available]] = []
    for (rank, tree) in order.enumerated() {
      var list: [Available] = []
      for module in modules {
        guard let place = module.places.first(where: { $0.tree == tree }) else { continue }
        let isHidden = isHidden(module, in: tree)
        // A hidden version that is named as the default is loaded by the name alone.
        guard !isHidden || !place.marked.isEmpty else { continue }
        if !isHidden { list.append(Available(module: module, place: place, isDefault: false)) }
        let key = VersionOrder.key(of: module.version, marked: place.marked)
        var entry = best[module.name] ?? Best(at: (tree, module.version), rank: rank)
        if !isNested || entry.rank == rank {
          entry.count += 1
          if entry.key.lexicographicallyPrecedes(key) {
            entry.key = key
            entry.at = (tree, module.version)
          }
          best[module.name] = entry
        }
      }
      lists.append(list)
    }
    return lists.flatMap { list in
      list.map { item in
        var item = item
        if let entry = best[item.module.name], entry.count > 1 {
          item.isDefault = entry.at == (item.place.tree, item.module.version)
        }
        return item
      }
    }
  }

  /// What a name means in trees: the name behind an alias such as `Java/17`.
  package func resolved(_ name: String, in order: [Int]) -> String {
    var name = name
    // An alias may name another one; a circle ends.
    for _ in 0..<4 {
      guard let next = order.lazy.compactMap({ trees[$0].aliases[name] }).first else { break }
      name = next
    }
    return name
  }

  /// Names that somebody may have meant, the likeliest first.
  package func similar(to name: String) -> [String] {
    let wanted = name.lowercased()
    let word = wanted.prefix { $0 != "/" }
    var ranked: [(distance: Int, name: String)] = []
    var seen: Set<String> = []
    for module in modules where !isHidden(module) {
      let full = module.fullName.lowercased()
      // A version that goes on: GROMACS/2024.4 for GROMACS/2024.4-foss-2023b.
      if name.contains("/"), full.hasPrefix(wanted) || full == wanted {
        ranked.append((0, module.fullName))
        continue
      }
      guard seen.insert(module.name).inserted else { continue }
      let short = module.name.lowercased()
      if short == wanted || short == word {
        ranked.append((1, module.name))
      } else {
        let distance = Self.distance(Array(word.utf8), Array(short.utf8))
        if distance <= max(1, word.utf8.count / 4) {
          ranked.append((1 + distance, module.name))
        } else if word.count >= 3, short.contains(word) {
          ranked.append((100 + short.count, module.name))
        }
      }
    }
    return ranked.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.map(\.name)
  }

  /// How many letters are to be changed, put in, taken out or swapped with their neighbour.
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard abs(a.count - b.count) < 8, a.count < 64, b.count < 64 else { return 64 }
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, rows[i - 1][j - 1] + 1)
        }
        row.append(cost)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}

// MARK: as bytes

extension ModuleIndex {
  /// The first record's field; a change of the format or of what an index means changes it.
  static let format = "slipway index 1"

  var bytes: [UInt8] {
    var records = [Record("C", [Self.format]), Record("K", [key])]
    for tree in trees {
      records.append(
        Record(
          "T",
          [
            tree.directory, tree.subdirectory, tree.accelerator ?? "",
            (tree.isSite ? "s" : "") + (tree.isNested ? "n" : ""),
          ]))
      for (name, value) in tree.aliases.sorted(by: { $0.key < $1.key }) {
        records.append(Record("A", [name, value]))
      }
      for name in tree.hidden.sorted() { records.append(Record("H", [name])) }
    }
    for module in modules {
      let places = module.places.map { place in
        (["\(place.tree)", place.isLua ? "l" : "t"] + place.marked.sorted().map(String.init))
          .joined(separator: " ")
      }.joined(separator: ",")
      records.append(
        Record(
          "N", [module.name, module.version, places] + (module.description.map { [$0] } ?? [])))
    }
    // Next to each other they share their directory.
    var directory = ""
    for (path, mark) in marks.sorted(by: { $0.key < $1.key }) {
      let slash = path.lastIndex(of: "/") ?? path.startIndex
      if path[..<slash] != directory {
        directory = String(path[..<slash])
        records.append(Record("P", [directory]))
      }
      let name = String(path[slash...])
      records.append(
        Record(
          "M",
          mark.map { [name, $0.isDirectory ? "d" : "f", "\($0.size)", "\($0.mtime)"] } ?? [name]))
    }
    let body = Records.encode(records)
    return body + Records.encode([Record("Z", [Fingerprint.hex(of: body)])])
  }

  /// Reads an index; nil when the bytes are not exactly one.
  init?(bytes: [UInt8]) {
    guard let records = Records.decode(bytes), records.count >= 3,
      records[0] == Record("C", [Self.format]), records[1].letter == "K",
      records[1].fields.count == 1, let last = records.last, last.letter == "Z",
      let sum = last.fields.first,
      case let end = Records.encode([last]).count, bytes.count >= end,
      Fingerprint.hex(of: bytes.dropLast(end)) == sum
    else { return nil }
    key = records[1].fields[0]
    var directory = ""
    for record in records[2..<(records.count - 1)] {
      let fields = record.fields
      switch (record.letter, fields.count) {
      case ("T", 4):
        trees.append(
          Tree(
            directory: fields[0], subdirectory: fields[1],
            accelerator: fields[2].isEmpty ? nil : fields[2], isSite: fields[3].contains("s"),
            isNested: fields[3].contains("n")))
      case ("A", 2) where !trees.isEmpty: trees[trees.count - 1].aliases[fields[0]] = fields[1]
      case ("H", 1) where !trees.isEmpty: trees[trees.count - 1].hidden.insert(fields[0])
      case ("N", 3), ("N", 4):
        guard let places = places(fields[2]) else { return nil }
        modules.append(
          Module(
            name: fields[0], version: fields[1], places: places,
            description: fields.count > 3 ? fields[3] : nil))
      case ("P", 1): directory = fields[0]
      case ("M", 1): marks.updateValue(nil, forKey: directory + fields[0])
      case ("M", 4):
        guard let size = Int64(fields[2]), let mtime = Int64(fields[3]) else { return nil }
        marks.updateValue(
          FileMark(isDirectory: fields[1] == "d", size: size, mtime: mtime),
          forKey: directory + fields[0])
      default: return nil
      }
    }
  }

  private func places(_ text: String) -> [Place]? {
    var places: [Place] = []
    for part in text.split(separator: ",") {
      let words = part.split(separator: " ")
      guard words.count >= 2, let tree = Int(words[0]), trees.indices.contains(tree) else {
        return nil
      }
      let marked = words.dropFirst(2).compactMap { Int($0) }
      guard marked.count == words.count - 2 else { return nil }
      places.append(Place(tree: tree, isLua: words[1] == "l", marked: Set(marked)))
    }
    return places
  }
}
