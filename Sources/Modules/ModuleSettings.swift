/// What the small files beside module files say, and what module files say of themselves: read as
/// text, never run.
///
/// Statements of the usual forms are understood. One that is computed, or stands inside another, is
/// passed over: then the highest version is the default, and nothing is hidden.
struct ModuleSettings: Equatable {
  /// The default that a file names: a version, or a whole name.
  var marked: String?
  /// Versions that stand for another: `Java/17` for `Java/17.0.6`.
  var aliases: [String: String] = [:]
  var hidden: Set<String> = []

  /// The names of such files, the one that counts first.
  static let files = [".modulerc.lua", ".modulerc", ".version"]

  /// Reads a file of the directory of `name`.
  ///
  /// Sources: Lmod's documentation, "Marking a Version as Default", "The .modulerc file",
  /// "Hidden modules"; modulefile(4) of Environment Modules.
  init(_ text: String, isLua: Bool, of name: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      guard let words = isLua ? Self.luaCall(line) : Self.tclCommand(line) else { continue }
      func full(_ word: String) -> String { word.hasPrefix("/") ? name + word : word }
      switch (words[0], words.count) {
      case ("module_version", 3...), ("module-version", 3...):
        for version in words[2...] {
          if version == "default" {
            marked = full(words[1])
          } else {
            let parent = full(words[1]).split(separator: "/").dropLast().joined(separator: "/")
            aliases["\(parent)/\(version)"] = full(words[1])
          }
        }
      case ("module_alias", 3), ("module-alias", 3): aliases[full(words[1])] = full(words[2])
      case ("hide_version", 2), ("hide_modulefile", 2), ("hide-version", 2), ("hide-modulefile", 2):
        hidden.insert(full(words[1]))
      case ("set", 3) where words[1] == "ModulesVersion": marked = words[2]
      default: break
      }
    }
    marked = marked.map { aliases[$0] ?? $0 }
  }

  /// The words of a line like `module_version("Java/17.0.6", "17")`.
  private static func luaCall(_ line: Substring) -> [String]? {
    let parts = line.split(separator: "(", maxSplits: 1)
    guard parts.count == 2 else { return nil }
    var words = [String(parts[0].filter { !$0.isWhitespace })]
    var rest = parts[1]
    while let quote = rest.firstIndex(where: { $0 == "\"" || $0 == "'" }) {
      guard rest[..<quote].allSatisfy({ $0.isWhitespace || $0 == "," }) else { return nil }
      let text = rest[rest.index(after: quote)...]
      guard let end = text.firstIndex(of: rest[quote]) else { return nil }
      words.append(String(text[..<end]))
      rest = text[text.index(after: end)...]
    }
    return rest.drop(while: \.isWhitespace).hasPrefix(")") ? words : nil
  }

  /// The words of a line like `module-version Java/17.0.6 default`.
  private static func tclCommand(_ line: Substring) -> [String]? {
    let words = line.split(whereSeparator: { $0.isWhitespace || $0 == ";" }).map { word in
      String(word.drop { "\"{".contains($0) }.prefix { !"\"}".contains($0) })
    }
    guard let first = words.first, !first.hasPrefix("#"),
      !words.contains(where: { $0.contains("$") || $0.contains("[") })
    else { return nil }
    return words
  }
}

/// What a module file says of itself.
enum ModuleDescription {
  /// The most bytes of a description that are kept.
  private static let limit = 400

  /// The text behind `Description:` of the first such whatis line; empty where there is none.
  static func of(_ bytes: [UInt8], isLua: Bool) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    var rest = text[...]
    let word = isLua ? "whatis" : "module-whatis"
    while let found = rest.firstRange(of: word) {
      rest = rest[found.upperBound...]
      let body = isLua ? luaText(rest) : tclText(rest)
      guard let body else { continue }
      let line = body.drop(while: \.isWhitespace)
      guard line.lowercased().hasPrefix("description:") else { continue }
      return shown(line.dropFirst("description:".count))
    }
    return ""
  }

  /// The text of `("…")`, `('…')`, `[[…]]` or `([==[…]==])` at the beginning.
  private static func luaText(_ rest: Substring) -> Substring? {
    var rest = rest.drop { $0.isWhitespace || $0 == "(" }
    guard let open = rest.first else { return nil }
    if open == "\"" || open == "'" {
      rest.removeFirst()
      var end = rest.startIndex
      while end < rest.endIndex, rest[end] != open, !rest[end].isNewline {
        if rest[end] == "\\" { end = rest.index(after: end) }
        if end < rest.endIndex { end = rest.index(after: end) }
      }
      return rest[..<end]
    }
    guard open == "[" else { return nil }
    rest.removeFirst()
    let level = rest.prefix { $0 == "=" }
    guard rest.dropFirst(level.count).first == "[" else { return nil }
    rest = rest.dropFirst(level.count + 1)
    return rest[..<(rest.firstRange(of: "]\(level)]")?.lowerBound ?? rest.endIndex)]
  }

  /// The text of `{…}`, `"…"` or of the rest of the line.
  private static func tclText(_ rest: Substring) -> Substring? {
    var rest = rest.drop { $0 == " " || $0 == "\t" }
    guard let open = rest.first else { return nil }
    guard open == "{" || open == "\"" else { return rest.prefix { !$0.isNewline } }
    rest.removeFirst()
    return rest[..<(rest.firstIndex(of: open == "{" ? "}" : "\"") ?? rest.endIndex)]
  }

  /// On one line, without control characters, bounded.
  private static func shown(_ text: Substring) -> String {
    let words = text.split { $0.isWhitespace || $0.unicodeScalars.contains(where: isControl) }
    var line = words.joined(separator: " ")
    while line.utf8.count > limit { line = line.prefix(line.count * 3 / 4) + "…" }
    return line
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    [.control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse]
      .contains(scalar.properties.generalCategory)
  }
}

/// Whether a terminal shows a name of a module or a directory as it is, and nothing else.
func isPrintable(_ name: String) -> Bool {
  !name.isEmpty
    && name.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned,
        .spaceSeparator:
        false
      default: true
      }
    }
}
