/// The values that are one word: booleans, numbers, dates and times.
enum TOMLScalar {
  /// What a word is instead, to stand behind "is".
  struct Fault: Error { let problem: String }

  /// The value of a word of ASCII characters.
  static func value(_ word: String) throws(Fault) -> TOMLValue {
    if word == "true" { return .boolean(true) }
    if word == "false" { return .boolean(false) }
    if let integer = try integer(word) { return .integer(integer) }
    if let float = float(word) { return .float(float) }
    if isDateTime(word) { return .dateTime(word) }
    throw Fault(problem: "no value (a text needs quotes)")
  }

  // MARK: numbers

  /// "Integer": of 64 bits; nil where it is none.
  private static func integer(_ word: String) throws(Fault) -> Int? {
    var (digits, radix) = (Substring(word), 10)
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
      (digits, radix) = (digits.dropFirst(2), base)
    }
    let isWhole = radix == 10 ? isWhole(digits) : isGrouped(digits, radix: radix)
    guard isWhole else { return nil }
    guard let integer = Int(digits.filter { $0 != "_" }, radix: radix) else {
      throw Fault(problem: "too large a number (of more than 64 bits)")
    }
    return integer
  }

  /// "Float".
  private static func float(_ word: String) -> Double? {
    switch word {
    case "inf", "+inf": return .infinity
    case "-inf": return -.infinity
    case "nan", "+nan", "-nan": return .nan
    default: break
    }
    let parts = word.split(maxSplits: 1, omittingEmptySubsequences: false) {
      $0 == "e" || $0 == "E"
    }
    let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count + mantissa.count > 2, isWhole(mantissa[0]),
      mantissa.dropFirst().allSatisfy({ isGrouped($0, radix: 10) }),
      parts.dropFirst().allSatisfy({ isGrouped(unsigned($0), radix: 10) })
    else { return nil }
    return Double(word.filter { $0 != "_" })
  }

  private static func unsigned(_ digits: Substring) -> Substring {
    digits.hasPrefix("+") || digits.hasPrefix("-") ? digits.dropFirst() : digits
  }

  /// Whether it is a whole decimal number, with a sign or none, and no zeros before it.
  private static func isWhole(_ digits: Substring) -> Bool {
    let digits = unsigned(digits)
    return isGrouped(digits, radix: 10) && (digits == "0" || !digits.hasPrefix("0"))
  }

  /// Whether it is digits, with one `_` at most between two of them.
  private static func isGrouped(_ digits: Substring, radix: Int) -> Bool {
    digits.split(separator: "_", omittingEmptySubsequences: false).allSatisfy { group in
      !group.isEmpty && group.allSatisfy { ($0.hexDigitValue ?? radix) < radix }
    }
  }

  // MARK: dates and times

  static func isDate(_ word: String) -> Bool {
    var rest = word[...]
    return takeDate(&rest) && rest.isEmpty
  }

  /// "Offset Date-Time", "Local Date-Time", "Local Date" and "Local Time": RFC 3339's, with leap
  /// seconds wherever they stand.
  private static func isDateTime(_ word: String) -> Bool {
    var rest = word[...]
    guard takeDate(&rest) else {
      rest = word[...]
      return takeTime(&rest) && rest.isEmpty
    }
    if rest.isEmpty { return true }
    guard take("Tt ", &rest) != nil, takeTime(&rest) else { return false }
    if take("+-", &rest) != nil {
      return number(2, 0...23, &rest) != nil && take(":", &rest) != nil
        && number(2, 0...59, &rest) != nil && rest.isEmpty
    }
    _ = take("Zz", &rest)
    return rest.isEmpty
  }

  private static func takeDate(_ rest: inout Substring) -> Bool {
    guard let year = number(4, 0...9999, &rest), take("-", &rest) != nil,
      let month = number(2, 1...12, &rest), take("-", &rest) != nil
    else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return number(2, 1...days[month - 1], &rest) != nil
  }

  private static func takeTime(_ rest: inout Substring) -> Bool {
    guard number(2, 0...23, &rest) != nil, take(":", &rest) != nil,
      number(2, 0...59, &rest) != nil, take(":", &rest) != nil, number(2, 0...60, &rest) != nil
    else { return false }
    guard take(".", &rest) != nil else { return true }
    let fraction = rest.prefix { ("0"..."9").contains($0) }
    rest = rest[fraction.endIndex...]
    return !fraction.isEmpty
  }

  /// Takes so many digits.
  private static func number(
    _ count: Int, _ range: ClosedRange<Int>, _ rest: inout Substring
  ) -> Int? {
    let digits = rest.prefix(count)
    guard digits.count == count, digits.utf8.allSatisfy(\.isDigit), let number = Int(digits),
      range.contains(number)
    else { return nil }
    rest = rest[digits.endIndex...]
    return number
  }

  private static func take(_ characters: String, _ rest: inout Substring) -> Character? {
    guard let first = rest.first, characters.contains(first) else { return nil }
    return rest.removeFirst()
  }
}
