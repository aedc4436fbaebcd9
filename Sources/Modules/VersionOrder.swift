/// The order of versions in which Lmod finds the highest.
///
/// A version is read as numbers and words. A number is more than any word and more than the end of a
/// version, so that 1.2.1 is above 1.2; a word before "final" in the alphabet is less than the end:
/// a candidate, an alpha. What stands behind a hyphen is a patch and above the end. Zeros at the end
/// of a row of numbers say nothing: 2.4.0 is 2.4. (Lmod's documentation, "How Lmod picks which
/// modulefiles to load"; seen by comparing with the program.)
package enum VersionOrder {
  /// Keys of versions are in the order of their bytes as the versions are.
  ///
  /// `marked` are the components of a version like `a/1.0`, by number, that their directory names as
  /// its default: these are above all others.
  package static func key(of version: String, marked: Set<Int> = []) -> [UInt8] {
    var key: [UInt8] = []
    let components = version.utf8.split(separator: UInt8(ascii: "/"))
    for (number, component) in components.enumerated() {
      var part = words(of: component)
      // A directory does not end a version.
      if number < components.count - 1, part.last == end { part.removeLast() }
      var bytes = Array(part.joined(separator: [UInt8(ascii: ".")]))
      if marked.contains(number), !bytes.isEmpty { bytes[0] = UInt8(ascii: "^") }
      if number > 0 { key.append(UInt8(ascii: "/")) }
      key += bytes
    }
    return key
  }

  /// The end of a version, and the beginning of a patch, among the words.
  private static let end = Array("*zfinal".utf8)
  private static let patch = Array("*zfinal-".utf8)
  private static let zero = Array("000000000".utf8)

  /// Words that mean another.
  private static let meanings: [[UInt8]: [UInt8]] = [
    Array("pre".utf8): Array("*c".utf8), Array("preview".utf8): Array("*c".utf8),
    Array("rc".utf8): Array("*c".utf8), Array("dev".utf8): Array("*@".utf8),
    Array("p".utf8): patch, Array("-".utf8): patch,
  ]

  private static func words(of component: Substring.UTF8View) -> [[UInt8]] {
    let text = component.map {
      (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0
    }
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    var words: [[UInt8]] = []
    func add(_ word: [UInt8]) {
      if word.first == UInt8(ascii: "*") {
        if word != end { while words.last == patch { words.removeLast() } }
        while words.last == zero { words.removeLast() }
        if word == end { while words.last == patch { words.removeLast() } }
      }
      words.append(word)
    }
    var rest = text[...]
    while let first = rest.first {
      if first == UInt8(ascii: "."), rest.startIndex == text.startIndex {
        add(zero)
        rest.removeFirst()
        continue
      }
      if first == UInt8(ascii: ".") { rest.removeFirst() }
      guard let first = rest.first else { break }
      let word: ArraySlice<UInt8>
      if isDigit(first) {
        word = rest.prefix(while: isDigit)
        let digits = Array(word.drop { $0 == UInt8(ascii: "0") })
        add(Array(repeating: UInt8(ascii: "0"), count: max(0, 9 - digits.count)) + digits)
      } else if isLetter(first) {
        word = rest.prefix(while: isLetter)
        add(meanings[Array(word)] ?? [UInt8(ascii: "*")] + word)
      } else if rest.starts(with: [UInt8(ascii: "-"), UInt8(ascii: "p")]) {
        word = rest.prefix(2)
        add(patch)
      } else {
        word = rest.prefix(1)
        add(meanings[Array(word)] ?? [UInt8(ascii: "*")] + word)
      }
      rest = rest.dropFirst(word.count)
    }
    add(end)
    return words
  }
}
