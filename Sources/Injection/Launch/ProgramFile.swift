package import ELF

/// What a program's file tells of how it is started and of the libraries that it needs.
package enum ProgramFile: Equatable, Sendable {
  /// A text that another program runs.
  case script
  /// An ELF program that a dynamic linker starts.
  case dynamic(needed: [String], runPath: String, isNative: Bool)
  /// An ELF program without one.
  case fixed
  /// None of these, or one whose libraries cannot be told.
  case other

  /// Reads a program; what is wrong with it is for the kernel to say.
  package init(_ source: ByteSource) {
    if source.read(0, min(2, source.count)) == Array("#!".utf8) {
      self = .script
    } else if let object = try? ELFObject(source) {
      guard object.interpreter != nil, object.isDynamic else {
        self = .fixed
        return
      }
      let runPath = object.runpath ?? object.rpath ?? ""
      self =
        object.needed.isEmpty
        ? .other
        : .dynamic(
          needed: object.needed, runPath: runPath,
          isNative: object.identity.is64Bit && object.identity.machine == .ofThisProgram)
    } else {
      self = .other
    }
  }

  /// The library of MPI that it needs itself, and the family that has such a library.
  ///
  /// A library of a program may need one too; that is not looked for.
  var mpi: (name: String, family: MPIFamily)? {
    guard case .dynamic(let needed, _, _) = self else { return nil }
    for name in needed {
      if let family = MPINames.family(of: name) { return (name, family) }
    }
    return nil
  }
}

extension ELFIdentity.Machine {
  #if arch(x86_64)
    fileprivate static let ofThisProgram = x86_64
  #elseif arch(arm64)
    fileprivate static let ofThisProgram = aarch64
  #elseif arch(powerpc64le)
    fileprivate static let ofThisProgram = ppc64
  #elseif arch(riscv64)
    fileprivate static let ofThisProgram = riscv
  #endif
}
