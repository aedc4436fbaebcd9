/// What leads back from an initialised environment, kept in one variable of that environment.
///
/// The text has the version of the format, then a record for each variable that was changed. It
/// holds no colon, so that moving the elements of lists to another node's subtree leaves it alone;
/// who changes an initialised environment writes it anew.
package struct EnvironmentUndo: Equatable, Sendable {
  /// The variable that holds the text.
  package static let variable = "SLIPWAY_UNDO"

  /// The length that one variable may have: the kernel refuses strings of 128 KiB (execve(2)).
  package static let limit = 96 << 10

  private var records: [Record]

  /// Whether a table of Lmod was there already, which is then not ours to remove.
  package var hadModuleTable: Bool

  /// The changes that lead from one environment to another, those left out that no shell makes.
  package init(from before: Environment, to after: Environment, hadModuleTable: Bool) {
    self.hadModuleTable = hadModuleTable
    records = before.changes(to: after).filter { Self.isRecorded($0.name) }.map {
      Record(name: $0.name, from: before[$0.name], to: $0.value)
    }
    // A hundred modules set more than one variable holds.
    if isTooLong { records = records.map(\.shortened) }
  }

  /// What an environment says of its own undoing; nil when it was not initialised.
  package init?(of environment: Environment) throws(EnvironmentUndoError) {
    guard let text = environment[Self.variable] else { return nil }
    try self.init(text: text)
  }

  /// The environment without the changes and without the variable.
  ///
  /// A variable that still has its elements gets the former ones back. In a list that was changed
  /// since, the elements that were added are taken away. What was replaced or unset since, stays.
  package func undone(_ environment: Environment) -> Environment {
    var result = environment
    for record in records { result[record.name] = record.undone(environment[record.name]) }
    result[Self.variable] = nil
    return result
  }

  /// The environment after further changes to an initialised one, both to be undone as one.
  ///
  /// `moved` are changes that are not undone: paths that became this node's stay so.
  package func following(
    _ environment: Environment, with after: Environment,
    moved: (Environment) -> EnvironmentPatch = { _ in EnvironmentPatch() }
  ) -> Environment {
    var result = after
    let clean = undone(environment)
    let undo = Self(
      from: moved(clean).applied(to: clean), to: after, hadModuleTable: hadModuleTable)
    result[Self.variable] = undo.isTooLong ? nil : undo.text
    return result
  }

  package var isTooLong: Bool { text.utf8.count > Self.limit }

  /// The elements that were put into a list.
  package func elementsAdded(to name: String) -> [String] {
    records.first { $0.name == name }?.added?.map { Environment.text($0) } ?? []
  }

  private static func isRecorded(_ name: String) -> Bool {
    Shell.isAssignable(name) && !Shell.ownVariables.contains(name) && name != variable
  }

  // MARK: Text

  /// `1,NAME=FRONT=BACK=ADDED=FORMER,…`, with `1t` where a table was there; each element begins
  /// with `+`, a variable that is not set is `-`, and a value that was too long is `#` and its
  /// digest.
  package var text: String {
    ([hadModuleTable ? "1t" : "1"] + records.map(\.text)).joined(separator: ",")
  }

  package init(text: String) throws(EnvironmentUndoError) {
    guard text.utf8.count <= Self.limit else { throw .corrupt("it is too long") }
    let fields = text.split(separator: ",", omittingEmptySubsequences: false)
    guard fields[0] == "1" || fields[0] == "1t" else {
      throw .corrupt("it has a format that this slipway does not know")
    }
    hadModuleTable = fields[0] == "1t"
    records = []
    var names: Set<String> = []
    for field in fields.dropFirst() {
      guard let record = Record(text: field) else { throw .corrupt("a record is no record") }
      guard Self.isRecorded(record.name) else {
        throw .corrupt("it names a variable that slipway never changes")
      }
      guard names.insert(record.name).inserted else { throw .corrupt("it names a variable twice") }
      records.append(record)
    }
    // One spelling only: what slipway would not write, it does not read.
    guard self.text.utf8.elementsEqual(text.utf8) else { throw .corrupt("it is misspelt") }
  }

  // MARK: Records

  private typealias Element = [UInt8]

  /// One variable, as a list of elements that colons separate; a scalar is a list of one.
  private struct Record: Equatable, Sendable {
    var name: String
    /// How many elements before the changed ones, and behind them, stayed as they were.
    var front = 0
    var back = 0
    /// What was put there; nil when the variable was unset.
    var added: [Element]?
    /// What stood there before; nil when the variable was not set.
    var former: [Element]?
    /// Stands for `added` where the variable was not set and the value is long: then a value that
    /// was changed since stays as a whole.
    var digest: String?

    /// The record with a digest, where that is shorter.
    var shortened: Record {
      guard former == nil, let added, !name.hasPrefix("EESSI_"), name != "MODULEPATH" else {
        return self
      }
      let value = Array(added.joined(separator: [UInt8(ascii: ":")]))
      guard value.count > 48 else { return self }
      var record = self
      record.added = nil
      record.digest = Fingerprint.hex(of: value)
      return record
    }

    init(name: String, from before: String?, to after: String?) {
      self.name = name
      former = before.map(Self.elements)
      added = after.map(Self.elements)
      guard let old = former, let new = added else { return }
      front = zip(old, new).prefix { $0 == $1 }.count
      let left = min(old.count, new.count) - front
      back = zip(old.reversed(), new.reversed()).prefix(left).prefix { $0 == $1 }.count
      former = Array(old[front..<old.count - back])
      added = Array(new[front..<new.count - back])
    }

    func undone(_ current: String?) -> String? {
      if let digest {
        return current.flatMap { Fingerprint.hex(of: Environment.bytes($0)) == digest ? nil : $0 }
      }
      guard let added else { return current ?? former.map(Self.joined) }
      guard let current else { return nil }
      let elements = Self.elements(current)
      if elements.count == front + added.count + back,
        elements[front..<front + added.count].elementsEqual(added)
      {
        return former.map { Self.joined(elements.prefix(front) + $0 + elements.suffix(back)) }
      }
      var surplus = added
      var pending = former ?? []
      var rest: [Element] = []
      for element in elements {
        if let index = surplus.firstIndex(of: element) {
          surplus.remove(at: index)
          rest += pending
          pending = []
        } else {
          rest.append(element)
        }
      }
      return rest.isEmpty && former == nil ? nil : Self.joined(rest)
    }

    private static func elements(_ value: String) -> [Element] {
      // By bytes: a colon with a combining accent behind it is one of Swift's characters.
      Environment.bytes(value).split(
        separator: UInt8(ascii: ":"), omittingEmptySubsequences: false
      ).map(Array.init)
    }

    private static func joined(_ elements: some Sequence<Element>) -> String {
      Environment.text(Array(elements.joined(separator: [UInt8(ascii: ":")])))
    }

    var text: String {
      func list(_ elements: [Element]?) -> String {
        elements.map { $0.map { "+" + Self.encoded($0) }.joined() } ?? "-"
      }
      let added = digest.map { "#" + $0 } ?? list(added)
      return "\(name)=\(front)=\(back)=\(added)=\(list(former))"
    }

    init?(text: Substring) {
      let fields = text.split(separator: "=", omittingEmptySubsequences: false)
      // More elements than a variable can hold are no count.
      guard fields.count == 5, let front = UInt32(fields[1]), let back = UInt32(fields[2])
      else { return nil }
      name = String(fields[0])
      (self.front, self.back) = (Int(front), Int(back))
      if fields[3].first == "#" {
        let digits = fields[3].dropFirst()
        guard digits.utf8.count == 32, digits.allSatisfy(\.isHexDigit), fields[4] == "-",
          front == 0, back == 0
        else { return nil }
        digest = String(digits)
        return
      }
      for (field, isAdded) in [(fields[3], true), (fields[4], false)] where field != "-" {
        guard let elements = Self.decodedList(field) else { return nil }
        if isAdded { added = elements } else { former = elements }
      }
      if added == nil || former == nil {
        guard front == 0, back == 0, added != nil || former != nil else { return nil }
      }
      for whole in [added, former] where whole?.isEmpty == true && front == 0 && back == 0 {
        return nil
      }
    }

    private static func decodedList(_ text: Substring) -> [Element]? {
      guard text.isEmpty || text.first == "+" else { return nil }
      var elements: [Element] = []
      for field in text.split(separator: "+", omittingEmptySubsequences: false).dropFirst() {
        guard let element = decoded(field) else { return nil }
        elements.append(element)
      }
      return elements
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func encoded(_ element: Element) -> String {
      var bytes: [UInt8] = []
      for byte in element {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
          UInt8(ascii: "_"), UInt8(ascii: "-"):
          bytes.append(byte)
        default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
      }
      return String(decoding: bytes, as: UTF8.self)
    }

    private static func decoded(_ text: Substring) -> Element? {
      var element: Element = []
      var rest = text.utf8[...]
      while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
          element.append(byte)
          continue
        }
        guard let high = rest.popFirst().flatMap(digits.firstIndex(of:)),
          let low = rest.popFirst().flatMap(digits.firstIndex(of:)), high + low > 0
        else { return nil }
        element.append(UInt8(high << 4 | low))
      }
      return element
    }
  }
}

/// An undoing that cannot be done.
package enum EnvironmentUndoError: Error, Equatable, CustomStringConvertible {
  /// The environment was not initialised.
  case absent
  /// The variable holds something that slipway has not written.
  case corrupt(String)
  /// The changes do not fit into one variable.
  case tooLong

  package var description: String {
    let variable = EnvironmentUndo.variable
    return switch self {
    case .absent:
      "this shell was not initialised by slipway: \(variable) is not set; remedy: slipway deinit "
        + "takes back what slipway init or slipway shell has done, and nothing else"
    case .corrupt(let why):
      "\(variable) does not say how to undo the initialisation: \(why); nothing was changed; "
        + "remedy: unset \(variable), or start a new shell"
    case .tooLong:
      "the changes of this environment do not fit into \(variable); nothing was changed; remedy: "
        + "shorten its lists, or use slipway env, which cannot be undone"
    }
  }
}
