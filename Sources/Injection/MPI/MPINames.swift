/// The file names by which MPI libraries are asked for.
enum MPINames {
  /// Whether a name of `DT_NEEDED` is that of an MPI library: C, Fortran or C++.
  static func isMPI(_ name: String) -> Bool { role(of: name) != nil }

  /// What a library of an MPI is for.
  enum Role: Hashable { case c, fortran, cxx, java }

  static func role(of name: String) -> Role? {
    guard name.hasPrefix("libmpi"), let end = name.range(of: ".so") else { return nil }
    let stem = name[..<end.lowerBound].dropFirst("libmpi".count)
    switch stem {
    case "", "ch", "_abi", "_ilp64": return .c
    case "_java": return .java
    case "cxx", "chcxx", "_cxx", "++": return .cxx
    default:
      // libmpi_gnu_91.so.12, libmpi_cray.so.12: the C library of Cray MPICH, per compiler.
      if ["_gnu", "_cray", "_intel", "_nvidia", "_aocc"].contains(where: stem.hasPrefix) {
        return .c
      }
      let isFortran =
        ["fort", "chfort", "_mpifh", "_usempi", "f90", "chf90", "_f77", "_f90"]
        .contains(where: stem.hasPrefix)
      return isFortran ? .fortran : nil
    }
  }

  /// The family whose libraries have a name; nil where the name does not tell.
  static func family(of name: String) -> MPIFamily? {
    guard isMPI(name) else { return nil }
    if name.hasPrefix("libmpi_abi.") || name.hasPrefix("libmpifort_abi.") { return .abi }
    if name.hasPrefix("libmpich") || name.hasSuffix(".so.12") { return .mpich }
    if name.hasSuffix(".so.40") || name.hasSuffix(".so.20") { return .openMPI }
    return nil
  }

  /// Other names under which the same interface is asked for.
  ///
  /// Debian and Ubuntu call MPICH's libraries libmpich; the MPICH ABI initiative says libmpi.
  static func aliases(of name: String) -> [String] {
    let pairs = [
      ("libmpich.so.12", "libmpi.so.12"), ("libmpichfort.so.12", "libmpifort.so.12"),
      ("libmpichcxx.so.12", "libmpicxx.so.12"),
    ]
    return pairs.flatMap { a, b in a == name ? [b] : b == name ? [a] : [] }
  }
}

extension StringProtocol {
  /// Where a text occurs first.
  func range(of text: String) -> Range<Index>? {
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(text) { return at..<index(at, offsetBy: text.count) }
      at = index(after: at)
    }
    return nil
  }
}
