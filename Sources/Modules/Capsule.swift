package import Environment
package import Host

/// What a set of modules does to an environment, computed once, and when that holds.
///
/// A capsule holds for the key that it was made for, for environments in which `conditions` hold,
/// and as long as the files in `marks` are as they were.
package struct Capsule: Equatable {
  /// What was asked, as text: equal keys, equal answers.
  package var key: String
  /// Variables whose incoming value decided something, with that value; nil for unset.
  package var conditions: [String: String?]
  /// Files and directories that were looked at; nil for those that were not there.
  package var marks: [String: FileMark?]
  package var outcome: Outcome
  /// What Lmod and the modules said.
  package var messages: String
  package var definitions: ShellDefinitions

  package enum Outcome: Equatable {
    case operations([Operation])
    /// Lmod or a module refused; `messages` says why.
    case refused
    /// The result holds for one moment or host only: it must be computed each time.
    case impure([String])
  }

  package enum Operation: Equatable {
    case set(String, String)
    case unset(String)
    case list(String, inFront: [Element], behind: [Element])
  }

  package struct Element: Equatable {
    package var path: String
    /// How often the modules added it.
    package var count: Int
  }

  /// Whether the conditions hold in an environment.
  package func holds(in environment: Environment) -> Bool {
    conditions.allSatisfy { environment[$0.key] == $0.value }
  }

  /// The environment with the modules loaded; nil where only Lmod itself can tell.
  package func applied(to environment: Environment) -> Environment? {
    guard case .operations(let operations) = outcome else { return nil }
    var result = environment
    for operation in operations {
      switch operation {
      case .set(let name, let value): result[name] = value
      case .unset(let name): result[name] = nil
      case .list(let name, let inFront, let behind):
        guard let list = PathList(name, of: environment) else { return nil }
        let added = list.adding(
          inFront: inFront.map { PathList.Element(path: $0.path, count: $0.count) },
          behind: behind.map { PathList.Element(path: $0.path, count: $0.count) })
        result[name] = added.value(of: name)
        result[PathList.countName(name)] = added.counts
      }
    }
    return result
  }
}

// MARK: making one

extension Capsule {
  /// Describes what a load made of an environment.
  ///
  /// Variables that modules only set, or only add to in the usual way, are described as such; every
  /// other that changed holds for its incoming value only, which becomes a condition.
  init(
    key: String, keyed: (String) -> Bool, before: Environment, outcome load: Lmod.Outcome,
    marks: [String: FileMark?]
  ) {
    let trace = load.trace
    self.key = key
    self.marks = marks
    messages = load.messages
    definitions = ShellDefinitions(
      aliases: trace.aliases.sorted { $0.key < $1.key }
        .map { ShellDefinitions.Alias(name: $0.key, value: $0.value) },
      functions: trace.functions.sorted { $0.key < $1.key }
        .map { ShellDefinitions.Function(name: $0.key, sh: $0.value.sh, csh: $0.value.csh) })
    conditions = [:]
    var conditions: [String: String?] = [:]
    for name in trace.reads where !keyed(name) {
      conditions.updateValue(before[name], forKey: name)
    }
    guard let after = load.environment else {
      outcome = .refused
      self.conditions = conditions
      return
    }
    var operations: [Operation] = []
    var lists: Set<String> = []
    let changed = Set(before.changes(to: after).map(\.name))
    let names = changed.union(trace.variables.keys).sorted()
    for name in names where !name.hasPrefix("__LMOD_REF_COUNT_") {
      let variable = trace.variables[name]
      if let variable, let operation = Self.operation(variable, name, before, after, trace) {
        operations.append(operation)
        if case .list = operation {
          lists.insert(name)
          conditions.updateValue(nil, forKey: PathList.priorityName(name))
        }
        continue
      }
      if !keyed(name) {
        for name in [name, PathList.countName(name), PathList.priorityName(name)] {
          conditions.updateValue(before[name], forKey: name)
        }
      }
      operations.append(after[name].map { .set(name, $0) } ?? .unset(name))
    }
    for name in changed where name.hasPrefix("__LMOD_REF_COUNT_") {
      let list = String(name.dropFirst("__LMOD_REF_COUNT_".count))
      guard !lists.contains(list) else { continue }
      if !keyed(name) {
        conditions.updateValue(before[name], forKey: name)
        conditions.updateValue(before[list], forKey: list)
      }
      operations.append(after[name].map { .set(name, $0) } ?? .unset(name))
    }
    outcome = .operations(operations)
    self.conditions = conditions
  }

  /// What modules did to a variable, when that is the same for every incoming value.
  private static func operation(
    _ variable: Trace.Variable, _ name: String, _ before: Environment, _ after: Environment,
    _ trace: Trace
  ) -> Operation? {
    guard !variable.isDeep, before[PathList.priorityName(name)] == nil,
      after[PathList.priorityName(name)] == nil
    else { return nil }
    if variable.additions.isEmpty {
      // The last of several assignments counts, and it did not look at the value before.
      return after[name].map { .set(name, $0) } ?? .unset(name)
    }
    guard !variable.isSet, !variable.isUnset, trace.hasUsualLists,
      let former = PathList(name, of: before), let list = PathList(name, of: after)
    else { return nil }
    var isInFront: [String: Bool] = [:]
    for addition in variable.additions {
      guard let paths = PathList.paths(addition.value) else { return nil }
      for path in paths { isInFront[path] = addition.isInFront }
    }
    let kept = former.elements.filter { isInFront[$0.path] == nil }
    let inFront = list.elements.prefix { isInFront[$0.path] == true }
    let behind = list.elements.dropFirst(inFront.count + kept.count)
    guard list.elements.dropFirst(inFront.count).prefix(kept.count).map(\.path) == kept.map(\.path),
      behind.allSatisfy({ isInFront[$0.path] == false })
    else { return nil }
    func uses(_ element: PathList.Element) -> Element {
      let before = former.elements.first { $0.path == element.path }?.count ?? 0
      return Element(path: element.path, count: element.count - before)
    }
    let operation = Operation.list(
      name, inFront: inFront.map(uses), behind: behind.map(uses))
    // Applied to where it came from it must give what Lmod gave.
    let again = former.adding(
      inFront: inFront.map { PathList.Element(path: $0.path, count: uses($0).count) },
      behind: behind.map { PathList.Element(path: $0.path, count: uses($0).count) })
    guard again.value(of: name) == after[name], again.counts == after[PathList.countName(name)]
    else { return nil }
    return operation
  }
}

// MARK: as bytes

extension Capsule {
  /// The first record's field; a change of the format or of what a capsule means changes it.
  static let format = "slipway capsule 1"

  package var bytes: [UInt8] {
    var records = [Record("C", [Self.format]), Record("K", [key])]
    for (name, value) in conditions.sorted(by: { $0.key < $1.key }) {
      records.append(Record("V", value.map { [name, $0] } ?? [name]))
    }
    for (path, mark) in marks.sorted(by: { $0.key < $1.key }) {
      records.append(
        Record(
          "M",
          mark.map { [path, $0.isDirectory ? "d" : "f", "\($0.size)", "\($0.mtime)"] } ?? [path]))
    }
    switch outcome {
    case .refused: records.append(Record("R", []))
    case .impure(let reasons): records.append(Record("I", reasons))
    case .operations(let operations):
      records.append(Record("O", []))
      for operation in operations {
        switch operation {
        case .set(let name, let value): records.append(Record("S", [name, value]))
        case .unset(let name): records.append(Record("U", [name]))
        case .list(let name, let inFront, let behind):
          records.append(
            Record(
              "L",
              [name, "\(inFront.count)"] + (inFront + behind).flatMap { [$0.path, "\($0.count)"] }))
        }
      }
    }
    if !messages.isEmpty { records.append(Record("T", [messages])) }
    for alias in definitions.aliases { records.append(Record("A", [alias.name, alias.value])) }
    for function in definitions.functions {
      records.append(Record("F", [function.name, function.sh, function.csh]))
    }
    let body = Records.encode(records)
    return body + Records.encode([Record("Z", [Fingerprint.hex(of: body)])])
  }

  /// Reads a capsule; nil when the bytes are not exactly one.
  package init?(bytes: [UInt8]) {
    guard let records = Records.decode(bytes), records.count >= 4,
      records[0] == Record("C", [Self.format]), records[1].letter == "K",
      records[1].fields.count == 1, let last = records.last, last.letter == "Z",
      let sum = last.fields.first,
      // The digest is of the bytes, not of what was made of them.
      bytes.count > sum.utf8.count,
      Fingerprint.hex(of: bytes.dropLast(Records.encode([last]).count)) == sum
    else { return nil }
    key = records[1].fields[0]
    conditions = [:]
    marks = [:]
    messages = ""
    definitions = ShellDefinitions()
    var outcome: Outcome?
    var operations: [Operation] = []
    for record in records[2..<(records.count - 1)] {
      let fields = record.fields
      switch (record.letter, fields.count) {
      case ("V", 1): conditions.updateValue(nil, forKey: fields[0])
      case ("V", 2): conditions.updateValue(fields[1], forKey: fields[0])
      case ("M", 1): marks.updateValue(nil, forKey: fields[0])
      case ("M", 4):
        guard let size = Int64(fields[2]), let mtime = Int64(fields[3]) else { return nil }
        marks.updateValue(
          FileMark(isDirectory: fields[1] == "d", size: size, mtime: mtime), forKey: fields[0])
      case ("R", 0): outcome = .refused
      case ("I", _): outcome = .impure(fields)
      case ("O", 0): outcome = .operations([])
      case ("S", 2): operations.append(.set(fields[0], fields[1]))
      case ("U", 1): operations.append(.unset(fields[0]))
      case ("L", 2...):
        guard let split = Int(fields[1]), (fields.count - 2).isMultiple(of: 2) else { return nil }
        var elements: [Element] = []
        for at in stride(from: 2, to: fields.count, by: 2) {
          guard let count = Int(fields[at + 1]) else { return nil }
          elements.append(Element(path: fields[at], count: count))
        }
        guard split <= elements.count else { return nil }
        operations.append(
          .list(
            fields[0], inFront: Array(elements.prefix(split)),
            behind: Array(elements.dropFirst(split))))
      case ("T", 1): messages = fields[0]
      case ("A", 2):
        definitions.aliases.append(ShellDefinitions.Alias(name: fields[0], value: fields[1]))
      case ("F", 3):
        definitions.functions.append(
          ShellDefinitions.Function(name: fields[0], sh: fields[1], csh: fields[2]))
      default: return nil
      }
    }
    guard var outcome else { return nil }
    if case .operations = outcome { outcome = .operations(operations) }
    self.outcome = outcome
  }
}
