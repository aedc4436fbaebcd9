package import Environment

extension StackSelection {
  /// What a module does of an initialisation, in the words of module systems.
  ///
  /// The settings of a running Lmod stay the site's (`LMOD_CONFIG_DIR`), as with EESSI's own
  /// module; and `PATH` is only added to, so that an unload leaves the user's.
  ///
  /// Throws ``StackError`` for a value with a line break or another control character: what stands
  /// behind a line break, Lmod and Environment Modules have the shell execute.
  package static func moduleRecords(
    of initialisation: EnvironmentPatch
  ) throws(StackError) -> [ModuleRecord] {
    let records: [ModuleRecord] = initialisation.operations.compactMap { operation in
      switch operation {
      case .set("LMOD_CONFIG_DIR", _), .set("PATH", _): nil
      case .set(let name, let value):
        sharedVariables.contains(name) ? .push(name, value) : .set(name, value)
      case .unset(let name): .unset(name)
      case .prepend(let name, let element): .prepend(name, element)
      case .append(let name, let element): .append(name, element)
      }
    }
    for case let (name, value)? in records.map(\.assignment)
    where value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      throw .invalidWord(
        what: "value that a module system can set", value: value, source: name)
    }
    return records
  }
}
