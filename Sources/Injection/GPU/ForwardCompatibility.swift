package import ELF
import Images

/// NVIDIA's forward compatibility libraries: a newer CUDA on an older driver of the kernel.
///
/// Source: NVIDIA/nvidia-container-toolkit, cmd/nvidia-cdi-hook/cudacompat.
package struct ForwardCompatibility: Equatable, Sendable {
  /// `libcuda.so.VERSION`, as a path of the machine.
  package var library: String
  /// The driver that the library is of.
  package var version: DriverVersion
  /// What the library says of itself; nil for older ones.
  package var note: Note?

  package init(library: String, version: DriverVersion, note: Note? = nil) {
    self.library = library
    self.version = version
    self.note = note
  }

  /// The note `.note.cuda.fwd_compatibility`.
  package struct Note: Equatable, Sendable {
    package var cuda: CUDAVersion?
    /// The branches of the kernel's driver that the library works with; empty where it names none.
    package var branches: [Int] = []

    package init(cuda: CUDAVersion?, branches: [Int]) {
      self.cuda = cuda
      self.branches = branches
    }

    /// Reads the section: a note of the owner "NVIDIA Corporation" whose descriptor is JSON.
    ///
    /// Names of its members are compared without case, as NVIDIA's own reader does. nil when it is not
    /// such a note.
    package init?(section: [UInt8], order: ByteOrder) {
      func number(_ at: Int) -> Int? {
        guard at + 4 <= section.count else { return nil }
        let bytes = section[at..<(at + 4)].map(Int.init)
        return (order == .little ? bytes.reversed() : bytes).reduce(0) { $0 << 8 | $1 }
      }
      let header = 12
      let owner = Array("NVIDIA Corporation".utf8)
      guard let nameSize = number(0), let size = number(4), size > 0, size <= 1 << 14,
        nameSize >= owner.count, nameSize <= 64
      else { return nil }
      let start = header + (nameSize + 3) / 4 * 4
      guard start + size <= section.count,
        section[header..<(header + nameSize)].prefix(while: { $0 != 0 }).elementsEqual(owner)
      else { return nil }
      let text = section[start..<(start + size)].prefix { $0 != 0 }
      guard case .object(let members) = JSON(text) else { return nil }
      for (name, value) in members {
        switch name.lowercased() {
        case "cuda version": cuda = value.text.flatMap { CUDAVersion($0) }
        case "driver":
          let numbers = (value.list ?? []).map(\.integer)
          branches = numbers.contains(nil) ? [] : numbers.compactMap(\.self)
        default: break
        }
      }
    }
  }

  /// The library in a directory such as `/usr/local/cuda/compat`.
  ///
  /// nil where there is none, or more than one so that nothing tells which counts.
  package static func find(
    in directory: String, of files: some LoaderFiles
  ) -> ForwardCompatibility? {
    guard case .names(let all) = files.names(in: directory) else { return nil }
    let names = all.filter {
      $0.hasPrefix("libcuda.so.") && $0.dropFirst("libcuda.so.".count).contains(".")
    }
    guard names.count == 1, let name = names.first,
      let version = DriverVersion(name.dropFirst("libcuda.so.".count)),
      case .object(let object, _) = files.file(at: "\(directory)/\(name)"),
      let source = files.source(at: "\(directory)/\(name)")
    else { return nil }
    let section = object.section(named: ".note.cuda.fwd_compatibility", in: source)
    return ForwardCompatibility(
      library: "\(directory)/\(name)", version: version,
      note: section.flatMap { Note(section: $0, order: object.identity.order) })
  }

  /// Whether it may stand in front of the driver's own library, and why.
  package struct Decision: Equatable, Sendable {
    package var isUsable: Bool
    package var reason: String
  }

  /// Decides for a driver of the kernel, or the newest CUDA that it serves, where only that is known.
  ///
  /// In front of an equal or newer driver the library fails with CUDA error 803 or 804.
  package func decide(driver: DriverVersion?, served: CUDAVersion? = nil) -> Decision {
    func no(_ reason: String) -> Decision { Decision(isUsable: false, reason: reason) }
    func yes(_ reason: String) -> Decision { Decision(isUsable: true, reason: reason) }
    guard let driver else {
      guard let served, let cuda = note?.cuda else {
        return no("the version of the kernel's driver is not known")
      }
      return cuda > served
        ? yes("its CUDA \(cuda) is newer than the driver's \(served)")
        : no("its CUDA \(cuda) is not newer than the driver's \(served)")
    }
    guard let note else {
      return version.branch > driver.branch
        ? yes("its driver \(version) is of a newer branch than the kernel's \(driver)")
        : no("its driver \(version) is not of a newer branch than the kernel's \(driver)")
    }
    guard note.branches.contains(driver.branch) else {
      let named = note.branches.map { "R\($0)" }.joined(separator: " ")
      return no(
        "it works with drivers \(named.isEmpty ? "that it does not name" : named), and the kernel's "
          + "is \(driver)")
    }
    return version > driver
      ? yes("it works with R\(driver.branch), and its driver \(version) is newer than \(driver)")
      : no("its driver \(version) is not newer than the kernel's \(driver)")
  }
}
