/// What a load did and what it depended on, as ``LmodTracer`` wrote it down.
///
/// | record | fields |
/// | --- | --- |
/// | b | a part of the tracer that is in place: `begin`, `functions` |
/// | p, a, d | `prepend_path`, `append_path`, `remove_path`: name, value, delimiter, priority, mode |
/// | s, h, u | `setenv`, `pushenv`, `unsetenv`: name, value, mode |
/// | r | a variable that a module or a hook read |
/// | f | a path that was looked at or read |
/// | i | why the result holds for this moment and host only |
/// | c | a setting of Lmod and its value |
/// | A, B, F, G | `set_alias`, `unset_alias`, `set_shell_function`, `unset_shell_function` |
struct Trace: Equatable {
  /// What modules did to one variable.
  struct Variable: Equatable {
    /// Values put in front of or behind a list, in order.
    var additions: [Addition] = []
    var isSet = false
    var isUnset = false
    /// Whether something was done that only its incoming value explains.
    var isDeep = false
  }
  struct Addition: Equatable {
    var value: String
    var isInFront: Bool
  }

  var variables: [String: Variable] = [:]
  var reads: Set<String> = []
  var paths: Set<String> = []
  /// Why nothing of this may be kept.
  var impurities: [String] = []
  var aliases: [String: String] = [:]
  var functions: [String: (sh: String, csh: String)] = [:]
  /// Whether the lists of variables follow Lmod's usual rule: no duplicates, the newest in front.
  var hasUsualLists = true
  /// Whether the whole tracer was in place.
  var isComplete = false

  static func == (a: Trace, b: Trace) -> Bool {
    a.variables == b.variables && a.reads == b.reads && a.paths == b.paths
      && a.impurities == b.impurities && a.aliases == b.aliases
  }

  init() {}

  init(_ bytes: [UInt8]) {
    guard let records = Records.decode(bytes) else { return }
    var parts: Set<String> = []
    for record in records {
      let fields = record.fields
      switch (record.letter, fields.count) {
      case ("b", 1): parts.insert(fields[0])
      case (_, 2...) where "padshuABFG".contains(record.letter) && Self.hasNoEffect(fields.last!):
        continue
      case ("p", 5), ("a", 5):
        let isUsual = fields[2] == ":" && fields[3] == "0" && fields[4] == "load"
        if isUsual {
          variables[fields[0], default: Variable()].additions
            .append(Addition(value: fields[1], isInFront: record.letter == "p"))
        } else {
          variables[fields[0], default: Variable()].isDeep = true
        }
      case ("d", 5), ("h", 3): variables[fields[0], default: Variable()].isDeep = true
      case ("s", 3):
        variables[fields[0], default: Variable()].isSet = true
        if fields[2] != "load" { variables[fields[0]]!.isDeep = true }
      case ("u", 3):
        variables[fields[0], default: Variable()].isUnset = true
        if fields[2] != "load" { variables[fields[0]]!.isDeep = true }
      case ("r", 1): reads.insert(fields[0])
      case ("f", 1): paths.insert(fields[0])
      case ("i", 1): impurities.append(fields[0])
      case ("c", 2): if fields[1] == "yes" { hasUsualLists = false }
      case ("A", 3): aliases[fields[0]] = fields[2] == "load" ? fields[1] : nil
      case ("B", 2): aliases[fields[0]] = nil
      case ("F", 4): functions[fields[0]] = fields[3] == "load" ? (fields[1], fields[2]) : nil
      case ("G", 2): functions[fields[0]] = nil
      default: impurities.append("has a trace that slipway does not know")
      }
    }
    isComplete = parts == ["begin", "functions"]
  }

  /// Modes in which Lmod reads module files without doing what they say (Lmod, MC_*.lua): checking
  /// the dependencies of what is loaded, listing, showing.
  private static func hasNoEffect(_ mode: String) -> Bool {
    !["load", "unload", "refresh"].contains(mode)
  }
}
