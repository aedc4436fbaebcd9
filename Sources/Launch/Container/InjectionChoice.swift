package import Configuration

/// What of a node goes into a container so that programs find the hardware.
package enum Injectable: String, CaseIterable, Sendable {
  case mpi, cuda
}

/// How much one of them is wanted.
package enum InjectionWish: Int, Comparable, Sendable {
  case off
  /// Where the site names an MPI, or the job was given GPUs.
  case auto
  /// By a profile: wherever the node has it.
  case profile
  /// By the user: where it cannot be, that is an error.
  case user

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The words of `--eessi-inject`: `off`, `auto`, or a list such as `mpi,cuda`.
package struct InjectionChoice: Equatable, Sendable {
  private var wishes: [Injectable: InjectionWish] = [:]

  /// What is done where nobody says anything.
  package static let auto = Self(all: .auto)

  private init(all wish: InjectionWish) {
    for injectable in Injectable.allCases { wishes[injectable] = wish }
  }

  /// Reads a user's words; what is not in a list is left out, unless `auto` is in it.
  package init(parsing text: String, source option: String) throws(ContainerError) {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    self.init(all: words.contains("auto") ? .auto : .off)
    for word in words {
      if let injectable = Injectable(rawValue: String(word)) {
        wishes[injectable] = .user
        continue
      }
      guard word == "auto" || (word == "off" && words.count == 1) else {
        throw .usage(
          "\(option): \(text)", "it is no list of what can be injected",
          remedy: "write off, auto, or some of "
            + Injectable.allCases.map(\.rawValue).joined(separator: ", ")
            + " with commas between them")
      }
    }
  }

  /// What profiles ask for, where the user asks for nothing.
  package init(of profiles: [Profile]) throws(ConfigurationError) {
    self = .auto
    for profile in profiles {
      for word in profile.inject {
        guard let injectable = Injectable(rawValue: word) else {
          throw ConfigurationError(
            file: profile.file, problem: "inject names \(word), which is nothing to inject",
            remedy: "take "
              + Injectable.allCases.map(\.rawValue).joined(separator: " or "))
        }
        wishes[injectable] = .profile
      }
    }
  }

  package subscript(injectable: Injectable) -> InjectionWish { wishes[injectable] ?? .off }
}
