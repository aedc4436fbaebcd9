/// A software repository of EESSI's layout.
package struct Repository: Equatable, Sendable {
  /// The CVMFS name: `software.eessi.io`; `dev.eessi.io/riscv` for a part of one.
  package var name: String
  /// The directory that holds `versions`: `/cvmfs/software.eessi.io`.
  package var root: String
  /// Where the compat layer's `versions` stand when they are not in this repository.
  package var compatRoot: String?

  package init(name: String, root: String, compatRoot: String? = nil) {
    self.name = name
    self.root = root
    self.compatRoot = compatRoot
  }

  /// The repository of that name below a CVMFS mount directory.
  package init(named name: String, below cvmfs: String) {
    self.init(name: name, root: "\(cvmfs)/\(name)")
  }

  /// Pilot repositories were replaced in 2023; their init scripts set one more variable.
  package var isPilot: Bool { name.hasPrefix("pilot.") }
}

/// Whether a word may name a version: `2023.06`, `20240402`, `2021.12-test`.
package func isVersionName(_ word: some StringProtocol) -> Bool {
  isPathComponent(word) && word.first?.isNumber == true
}

/// Whether a word may name a repository: `software.eessi.io`, `dev.eessi.io/riscv`.
package func isRepositoryName(_ word: some StringProtocol) -> Bool {
  isRelativePath(word)
}

/// Whether a word may name a software subdirectory: `x86_64/amd/zen2`.
package func isSubdirectoryName(_ word: some StringProtocol) -> Bool {
  isRelativePath(word) && word.contains("/")
}

/// Whether a word may name an accelerator: `accel/nvidia/cc80`, `accel/amd/gfx90a`.
///
/// Source: EESSI/software-layer-scripts init/eessi_archdetect.sh, `accelpath`.
package func isAcceleratorName(_ word: some StringProtocol) -> Bool {
  func rest(after prefix: String) -> Substring? {
    word.utf8.count <= 64 && word.hasPrefix(prefix) ? Substring(word.dropFirst(prefix.count)) : nil
  }
  if let digits = rest(after: "accel/nvidia/cc") {
    return !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
  }
  if let digits = rest(after: "accel/amd/gfx") {
    return !digits.isEmpty && digits.allSatisfy { "0123456789abcdef".contains($0) }
  }
  return false
}

private func isRelativePath(_ word: some StringProtocol) -> Bool {
  word.utf8.count <= 128
    && word.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(isPathComponent)
}

private func isPathComponent(_ word: some StringProtocol) -> Bool {
  guard let first = word.first, first.isASCII, first.isLetter || first.isNumber else {
    return false
  }
  return word.utf8.count <= 64
    && word.allSatisfy { character in
      character.isASCII && (character.isLetter || character.isNumber || "._-+".contains(character))
    }
}
