package import ELF

/// The C library of an MPI, as its file tells.
package struct MPILibrary: Equatable, Sendable {
  package var family: MPIFamily
  /// What users call it: `Open MPI`, `MPICH`, `Intel MPI`, `Cray MPICH`, `MVAPICH`.
  package var name: String
  /// `4.1.8`; nil where the file does not say.
  package var version: String?
  /// The ways in which it can learn its rank; empty where the file does not tell.
  package var kinds: Set<PMIKind>

  package init(family: MPIFamily, name: String, version: String? = nil, kinds: Set<PMIKind> = []) {
    self.family = family
    self.name = name
    self.version = version
    self.kinds = kinds
  }

  /// `Open MPI 4.1.8`.
  package var description: String { version.map { "\(name) \($0)" } ?? name }

  /// The number before the first dot.
  package var major: Int? { version?.split(separator: ".").first.flatMap { Int($0) } }

  /// Whether an object is the C library of an MPI, rather than one that wraps it.
  ///
  /// PMPI_Init is what profiling tools leave alone.
  package static func isLibrary(_ object: ELFObject) -> Bool {
    object.kind == .shared && object.symbols.definition(of: "PMPI_Init") != nil
  }

  /// The family of a library that ``isLibrary(_:)``.
  package static func family(of object: ELFObject) -> MPIFamily {
    if object.soname?.hasPrefix("libmpi_abi.") == true { return .abi }
    let isOpenMPI =
      object.symbols.definition(of: "ompi_mpi_comm_world") != nil
      || object.needed.contains {
        $0.hasPrefix("libopen-pal.") || $0.hasPrefix("libopen_mpi.")
      }
    return isOpenMPI ? .openMPI : .mpich
  }

  /// Reads a library, with the text constants in it; nil when it is no MPI.
  ///
  /// `plugins` are the names of the files in its plugin directories, and `neighbours` the objects
  /// that it needs beside itself: Open MPI speaks PMIx through either.
  package init?(
    _ object: ELFObject, in source: ByteSource, plugins: [String] = [],
    neighbours: [(ELFObject, ByteSource)] = []
  ) {
    guard Self.isLibrary(object) else { return nil }
    family = Self.family(of: object)
    var facts = Texts()
    object.texts(in: source) { facts.take($0) }
    for (neighbour, source) in neighbours { neighbour.texts(in: source) { facts.take($0) } }
    let objects = [object] + neighbours.map(\.0)

    var kinds: Set<PMIKind> = []
    let speaksPMIx =
      facts.namesPMIx || plugins.contains { $0.hasPrefix("mca_pmix_") }
      || objects.contains {
        $0.needed.contains { $0.hasPrefix("libpmix.so.") }
          || $0.symbols.definition(of: "PMIx_Init") != nil
      }
    if speaksPMIx { kinds.insert(.pmix) }
    if facts.namesPMI1 { kinds.insert(.pmi1) }
    // The wire protocol's first message; older clients ask for version 2 of the simple protocol.
    if facts.namesPMI2 || facts.namesPMI1 { kinds.insert(.pmi2) }
    self.kinds = kinds

    switch family {
    case .openMPI:
      name = "Open MPI"
      self.kinds.remove(.pmi1)
      // Its plugins for Slurm's own libraries are s1 and s2.
      self.kinds.remove(.pmi2)
      if plugins.contains("mca_pmix_s2.so") { self.kinds.insert(.pmi2) }
      if plugins.contains("mca_pmix_s1.so") { self.kinds.insert(.pmi1) }
    case .mpich, .abi:
      name =
        facts.isIntel
        ? "Intel MPI"
        : facts.isCray
          ? "Cray MPICH" : facts.isMVAPICH ? "MVAPICH" : facts.isOpenMPI ? "Open MPI" : "MPICH"
    }
    version = facts.version(of: name)
  }

  /// What the text constants of libraries tell.
  private struct Texts {
    var namesPMIx = false
    var namesPMI1 = false
    var namesPMI2 = false
    var isIntel = false
    var isCray = false
    var isMVAPICH = false
    var isOpenMPI = false
    var plainVersions: [String] = []
    var markedVersions: [String] = []
    var intelVersion: String?

    mutating func take(_ bytes: ArraySlice<UInt8>) -> Bool {
      // Nearly all are ruled out by their length and first letter.
      guard bytes.count >= 3, let first = bytes.first else { return true }
      switch first {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "v"):
        guard bytes.count <= 24 else { return true }
        let text = String(decoding: bytes, as: UTF8.self)
        if Self.isVersion(text) {
          if first == UInt8(ascii: "v") {
            markedVersions.append(String(text.dropFirst()))
          } else {
            plainVersions.append(text)
          }
        }
      case UInt8(ascii: "P"):
        namesPMI1 = namesPMI1 || bytes.elementsEqual("PMI_FD".utf8)
      case UInt8(ascii: "l"):
        namesPMIx = namesPMIx || bytes.starts(with: "libpmix.so".utf8)
      case UInt8(ascii: "f"):
        namesPMI2 = namesPMI2 || bytes.elementsEqual("fullinit".utf8)
      case UInt8(ascii: "c"):
        namesPMI2 = namesPMI2 || bytes.starts(with: "cmd=fullinit".utf8)
      case UInt8(ascii: "I"):
        isIntel = isIntel || bytes.starts(with: "Intel(R) MPI Library".utf8)
        if bytes.starts(with: "Intel(R) MPI Library 20".utf8) {
          intelVersion = String(decoding: bytes, as: UTF8.self).split(separator: " ").dropFirst(3)
            .first.map(String.init)
        }
      case UInt8(ascii: "C"):
        isCray = isCray || bytes.starts(with: "CRAY MPICH".utf8)
      case UInt8(ascii: "M"):
        isMVAPICH = isMVAPICH || bytes.starts(with: "MVAPICH".utf8)
      case UInt8(ascii: "O"):
        isOpenMPI = isOpenMPI || bytes.starts(with: "Open MPI v".utf8)
      default: break
      }
      return true
    }

    func version(of name: String) -> String? {
      switch name {
      // The first is the repository's revision, which may say v5.0.11rc1 of what is 5.0.11.
      case "Open MPI":
        plainVersions.first { plain in markedVersions.contains { $0.hasPrefix(plain) } }
          ?? markedVersions.first ?? plainVersions.first
      case "Intel MPI": intelVersion ?? plainVersions.first { $0.hasPrefix("20") }
      default: plainVersions.first
      }
    }

    /// `4.1.8`, `v5.0.11`, `6.0.0rc2`: two dots at least, the last number may have a tail.
    private static func isVersion(_ text: String) -> Bool {
      let parts = (text.first == "v" ? text.dropFirst() : text[...]).split(
        separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 3 || (parts.count == 2 && text.hasPrefix("20")) else { return false }
      return parts.dropLast().allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isWholeNumber) }
        && parts.last!.first?.isWholeNumber == true && parts.last!.count <= 6
        && parts.last!.allSatisfy { $0.isWholeNumber || $0.isLetter }
    }
  }
}
