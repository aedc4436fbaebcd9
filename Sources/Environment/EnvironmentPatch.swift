/// A change of an environment as a value: made once, printed or applied anywhere.
package struct EnvironmentPatch: Equatable, Sendable {
  package var operations: [Operation]

  package init(_ operations: [Operation] = []) { self.operations = operations }

  /// One step of a patch, in order.
  package enum Operation: Equatable, Sendable {
    case set(String, String)
    case unset(String)
    /// Puts an element in front of a colon-separated list, unless the list already holds it:
    /// what a user put before it stays before it.
    case prepend(String, String)
    /// Puts an element behind a colon-separated list, unless the list already holds it.
    case append(String, String)

    package var name: String {
      switch self {
      case .set(let name, _), .unset(let name), .prepend(let name, _), .append(let name, _): name
      }
    }
  }

  package mutating func set(_ name: String, _ value: String) {
    operations.append(.set(name, value))
  }
  package mutating func unset(_ name: String) { operations.append(.unset(name)) }
  package mutating func prepend(_ name: String, _ element: String) {
    operations.append(.prepend(name, element))
  }
  package mutating func append(_ name: String, _ element: String) {
    operations.append(.append(name, element))
  }
  package mutating func append(_ other: EnvironmentPatch) { operations += other.operations }

  package func applied(to environment: Environment) -> Environment {
    var result = environment
    for operation in operations {
      switch operation {
      case .set(let name, let value): result[name] = value
      case .unset(let name): result[name] = nil
      case .prepend(let name, let element):
        result[name] = Self.joined(result[name], adding: element, inFront: true)
      case .append(let name, let element):
        result[name] = Self.joined(result[name], adding: element, inFront: false)
      }
    }
    return result
  }

  private static func joined(_ list: String?, adding element: String, inFront: Bool) -> String {
    guard let list, !list.isEmpty else { return element }
    if list.split(separator: ":").contains(where: { $0 == element }) { return list }
    return inFront ? "\(element):\(list)" : "\(list):\(element)"
  }
}
