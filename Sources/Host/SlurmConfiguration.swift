/// The files by which a site configures Slurm.
package enum SlurmConfiguration {
  /// Where `slurm.conf` is, by the value of `SLURM_CONF`.
  ///
  /// slurmd sets it where the file lies elsewhere than in `/etc/slurm` or, on a node that was given
  /// its configuration, in `/run/slurm/conf` (slurmd(8)).
  static func places(_ file: String?) -> [String] {
    file.map { [$0] } ?? ["/etc/slurm/slurm.conf", "/run/slurm/conf/slurm.conf"]
  }

  /// Slurm's directory for temporary files of a node, where PMIx keeps some of a step's.
  ///
  /// Source: slurm.conf(5), "TmpFS": `/tmp` where it is not set; %n and %h are the node's name and
  /// its host's.
  package static func temporaryDirectory(
    on machine: MachineRoot, file: String?, node: String
  ) -> String {
    for place in places(file) {
      guard let lines = lines(of: place, on: machine) else { continue }
      guard let path = lines.compactMap({ $0["tmpfs"] }).last, path.hasPrefix("/") else { break }
      return path.replacing("%n", with: node).replacing("%h", with: node)
    }
    return "/tmp"
  }

  /// The words `Key=Value` of a line, by keys in small letters.
  typealias Line = [String: String]

  static func beside(_ file: String, _ other: String) -> String {
    other.hasPrefix("/") ? other : (file.lastIndex(of: "/").map { file[...$0] } ?? "") + other
  }

  /// The lines of a file and of those that it includes; nil where the file cannot be read.
  ///
  /// One that is included and cannot be read is a line that has its name as `include`. Source:
  /// slurm.conf(5).
  static func lines(
    of file: String, on machine: MachineRoot, depth: Int = 0
  ) -> [Line]? {
    guard depth < 8, let bytes = machine.contents(of: file, limit: 1 << 22) else { return nil }
    var lines: [Line] = []
    var isContinued = false
    for text in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      let text = String(decoding: text, as: UTF8.self).prefix { $0 != "#" }
      let words = text.split(whereSeparator: \.isWhitespace)
      if words.count == 2, words[0].lowercased() == "include" {
        let other = beside(file, String(words[1]))
        lines += Self.lines(of: other, on: machine, depth: depth + 1) ?? [["include": other]]
        continue
      }
      var line = isContinued ? lines.removeLast() : [:]
      for word in words {
        guard let equals = word.firstIndex(of: "=") else { continue }
        line[word[..<equals].lowercased()] = String(word[word.index(after: equals)...])
      }
      lines.append(line)
      isContinued = words.last == "\\"
    }
    return lines
  }
}
