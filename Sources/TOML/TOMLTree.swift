/// The tables of a document while it is read: what may be defined once, and what may be added to.
///
/// Sources: TOML 1.0.0, "Keys", "Table", "Inline Table" and "Array of Tables".
struct TOMLTree {
  private enum Origin: Equatable {
    /// It is above one that a header names: its own header may follow.
    case implied
    /// By `[a]` or `[[a]]`.
    case header
    /// By `a.b = 1` in a section, in which alone more can be added so.
    case dotted(section: Int)
  }

  private enum Content {
    case value(TOMLValue)
    case table(Int)
    case list(Int)
  }

  private struct Table {
    var origin: Origin
    var place: TOMLPlace
    /// How many tables and lists it is in.
    let depth: Int
    var keys: [TOMLKey] = []
    var contents: [Content] = []
    var places: [TOMLKey: Int] = [:]

    mutating func add(_ key: TOMLKey, _ content: Content) {
      places[key] = keys.count
      keys.append(key)
      contents.append(content)
    }
  }

  /// They name each other by their places here; the first is the root.
  private var tables: [Table]
  private var lists: [[Int]] = []
  private var section = 0
  /// The table that the last header named.
  private var current = 0

  init(at place: TOMLPlace) { tables = [Table(origin: .header, place: place, depth: 0)] }

  /// How many tables and lists the table of the last header is in.
  var depth: Int { tables[current].depth }

  /// Begins the section of a header `[path]`, or `[[path]]` for one more of a list.
  mutating func begin(_ path: [TOMLKey], isElement: Bool) throws(TOMLError) {
    section += 1
    guard let last = path.last else { return }
    var table = 0
    for (depth, key) in path.dropLast().enumerated() {
      switch content(key, in: table) {
      case nil: table = add(key, to: table, origin: .implied)
      case .table(let next): table = next
      case .list(let list): table = lists[list].last ?? table
      case .value: throw noTable(path[...depth], in: table)
      }
    }
    switch content(last, in: table) {
    case nil where isElement:
      tables[table].add(last, .list(lists.count))
      lists.append([])
      current = append(to: lists.count - 1, of: table, at: last.place)
    case .list(let list) where isElement: current = append(to: list, of: table, at: last.place)
    case nil: current = add(last, to: table, origin: .header)
    case .table(let next) where !isElement && tables[next].origin == .implied:
      tables[next].origin = .header
      tables[next].place = last.place
      current = next
    default: throw twice(path[...], in: table)
    }
  }

  /// Sets `path = value` in the table of the last header.
  mutating func set(_ path: [TOMLKey], _ value: TOMLValue) throws(TOMLError) {
    guard let last = path.last else { return }
    var table = current
    for (depth, key) in path.dropLast().enumerated() {
      switch content(key, in: table) {
      case nil: table = add(key, to: table, origin: .dotted(section: section))
      case .table(let next) where tables[next].origin == .implied:
        tables[next].origin = .dotted(section: section)
        table = next
      case .table(let next) where tables[next].origin == .dotted(section: section): table = next
      case .value: throw noTable(path[...depth], in: table)
      default: throw twice(path[...depth], in: table)
      }
    }
    guard content(last, in: table) == nil else { throw twice(path[...], in: table) }
    tables[table].add(last, .value(value))
  }

  private func content(_ key: TOMLKey, in table: Int) -> Content? {
    tables[table].places[key].map { tables[table].contents[$0] }
  }

  private mutating func add(_ key: TOMLKey, to table: Int, origin: Origin) -> Int {
    tables[table].add(key, .table(tables.count))
    tables.append(Table(origin: origin, place: key.place, depth: tables[table].depth + 1))
    return tables.count - 1
  }

  private mutating func append(to list: Int, of table: Int, at place: TOMLPlace) -> Int {
    lists[list].append(tables.count)
    tables.append(Table(origin: .header, place: place, depth: tables[table].depth + 2))
    return tables.count - 1
  }

  // MARK: errors

  /// The line on which the last of a path stands first, which the table holds.
  private func line(_ path: ArraySlice<TOMLKey>, in table: Int) -> Int {
    guard let key = path.last, let place = tables[table].places[key] else { return 0 }
    if case .table(let next) = tables[table].contents[place] { return tables[next].place.line }
    return tables[table].keys[place].place.line
  }

  private func error(_ path: ArraySlice<TOMLKey>, _ problem: String) -> TOMLError {
    let shown = TOMLKey.shown(path.suffix(8).map(\.name))
    return TOMLError(
      place: path.last?.place ?? TOMLPlace(), problem: "not TOML: \(shown) \(problem)")
  }

  private func noTable(_ path: ArraySlice<TOMLKey>, in table: Int) -> TOMLError {
    error(path, "has a value, on line \(line(path, in: table)), to which nothing can be added")
  }

  private func twice(_ path: ArraySlice<TOMLKey>, in table: Int) -> TOMLError {
    error(path, "is defined twice; the first time on line \(line(path, in: table))")
  }

  // MARK: result

  var document: TOMLTable { table(0) }

  private func table(_ place: Int) -> TOMLTable {
    let table = tables[place]
    return TOMLTable(
      place: table.place,
      entries: zip(table.keys, table.contents).map { key, content in
        let value: TOMLValue =
          switch content {
          case .value(let value): value
          case .table(let place): .table(self.table(place))
          case .list(let list): .array(lists[list].map { .table(self.table($0)) })
          }
        return TOMLTable.Entry(key: key.name, place: key.place, value: value)
      })
  }
}
