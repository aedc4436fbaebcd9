import Environment

/// A colon-separated list as Lmod keeps one: tidied elements, each once, with a count of its uses.
///
/// Lmod's rules (Lmod 8, Var.lua and path_regularize in fileOps.lua; seen by comparing with the
/// program): the first of equal elements stays, empty ones stay as one, and the counts of elements
/// stand in `__LMOD_REF_COUNT_NAME` as `ELEMENT:COUNT;…`.
struct PathList: Equatable {
  struct Element: Equatable {
    /// The path; a space for an empty element, which has no count.
    var path: String
    var count: Int
  }

  var elements: [Element] = []

  static func countName(_ name: String) -> String { "__LMOD_REF_COUNT_\(name)" }
  static func priorityName(_ name: String) -> String { "__LMOD_Priority_\(name)" }

  /// Reads the list of an environment; nil where an element needs what only Lmod knows of it.
  init?(_ name: String, of environment: Environment) {
    guard let value = environment.nonEmpty(name) else { return }
    guard let paths = Self.paths(value) else { return nil }
    var counts: [String: Int] = [:]
    for entry in (environment[Self.countName(name)] ?? "").split(separator: ";") {
      guard let colon = entry.lastIndex(of: ":"),
        let count = Int(entry[entry.index(after: colon)...])
      else { return nil }
      counts[String(entry[..<colon])] = count
    }
    var places: [String: Int] = [:]
    for path in paths {
      if let place = places[path] {
        elements[place].count += 1
      } else {
        places[path] = elements.count
        elements.append(Element(path: path, count: counts[path] ?? 1))
      }
    }
  }

  init(elements: [Element]) { self.elements = elements }

  /// The tidied elements of a value; nil where one has what only Lmod resolves (`~`, `.`, `..`).
  static func paths(_ value: String) -> [String]? {
    var paths: [String] = []
    for element in value.split(separator: ":", omittingEmptySubsequences: false) {
      guard let path = tidied(element) else { return nil }
      paths.append(path)
    }
    // Of empty elements at the end one stays.
    while paths.count > 1, paths.last == " ", paths[paths.count - 2] == " " { paths.removeLast() }
    return paths
  }

  private static func tidied(_ element: Substring) -> String? {
    let isSpace = { (c: UInt8) in c == 0x20 || (0x09...0x0d).contains(c) }
    let bytes = element.utf8
    guard !bytes.isEmpty else { return " " }
    guard bytes.first != UInt8(ascii: "~") else { return nil }
    if !bytes.contains(where: { isSpace($0) || $0 == UInt8(ascii: ".") }),
      bytes.last != UInt8(ascii: "/"), !element.contains("//")
    {
      return String(element)
    }
    var path = element
    while let first = path.utf8.first, isSpace(first) { path = path.dropFirst() }
    while let last = path.utf8.last, isSpace(last) { path = path.dropLast() }
    guard !path.hasPrefix("~") else { return nil }
    let parts = path.split(separator: "/", omittingEmptySubsequences: true)
    guard !parts.contains("."), !parts.contains("..") else { return nil }
    let joined = (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    // Lmod makes an empty element of "/" too.
    return joined.isEmpty || joined == "/" ? " " : joined
  }

  /// Puts elements in front and behind; those that are there already move.
  func adding(inFront: [Element], behind: [Element]) -> PathList {
    var former: [String: Int] = [:]
    for element in elements { former[element.path] = element.count }
    let added = Set((inFront + behind).map(\.path))
    func counted(_ element: Element) -> Element {
      Element(path: element.path, count: element.count + (former[element.path] ?? 0))
    }
    return PathList(
      elements: inFront.map(counted) + elements.filter { !added.contains($0.path) }
        + behind.map(counted))
  }

  /// The list as the value of a variable.
  func value(of name: String) -> String {
    let paths = elements.map { $0.path == " " ? "" : $0.path }
    var value = paths == [""] ? "::" : paths.joined(separator: ":")
    if paths.count > 1, paths.last == "" { value += ":" }
    guard name == "PATH" else { return value }
    return value.split(separator: ":").joined(separator: ":")
  }

  var counts: String {
    elements.filter { $0.path != " " }.map { "\($0.path):\($0.count)" }.joined(separator: ";")
  }
}
