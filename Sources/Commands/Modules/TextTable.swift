import Environment
import Glibc

/// Text in columns, for people.
enum TextTable {
  /// The columns of the terminal that standard output is; nil where it is none.
  static var terminalWidth: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    if let columns = Environment.ofThisProcess["COLUMNS"].flatMap({ Int($0) }), columns > 0 {
      return columns
    }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Rows whose cells stand below each other; the last column is as long as it is.
  static func aligned(_ rows: [[String]], gap: Int = 2) -> [String] {
    var widths: [Int] = []
    for row in rows {
      for (number, cell) in row.enumerated() {
        if number == widths.count { widths.append(0) }
        widths[number] = max(widths[number], cell.count)
      }
    }
    return rows.map { row in
      row.enumerated().map { number, cell in
        number == row.count - 1
          ? cell : cell + String(repeating: " ", count: widths[number] + gap - cell.count)
      }.joined().trimmingEnd
    }
  }

  /// Text without control characters, which a terminal would obey.
  static func shown(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { shown, scalar in
      switch scalar {
      case "\n": shown += "\\n"
      case "\t": shown += "\\t"
      default:
        shown += scalar.properties.generalCategory == .control ? "?" : String(scalar)
      }
    }
  }

  /// Words in as many columns as a terminal has room for, read from top to bottom; one a line
  /// elsewhere.
  static func grid(_ words: [String], width: Int?) -> [String] {
    guard let width, let longest = words.map(\.count).max() else { return words }
    let columns = max(1, (width + 2) / (longest + 2))
    let lines = (words.count + columns - 1) / columns
    return aligned(
      (0..<lines).map { line in
        stride(from: line, to: words.count, by: lines).map { words[$0] }
      })
  }
}

extension String {
  fileprivate var trimmingEnd: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
