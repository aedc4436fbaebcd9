package import Environment

/// A release of CUDA, such as 12.4.
package struct CUDAVersion: Comparable, Hashable, Codable, Sendable, CustomStringConvertible {
  package var major: Int
  package var minor: Int

  package init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Reads `12.4`, and of `12.4.1` or `12.4.1-suffix` the beginning.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 2, let major = Self.number(parts[0]),
      let minor = Self.number(parts[1].prefix { $0.isNumber })
    else { return nil }
    self.init(major, minor)
  }

  private static func number(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, text.count <= 4, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      return nil
    }
    return Int(text)
  }

  package static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
  package var description: String { "\(major).\(minor)" }
}

/// A release of NVIDIA's driver, such as 535.261.03.
package struct DriverVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
  /// As the driver writes it, which is how its files end.
  package let description: String
  private let parts: [Int]

  /// Two or three numbers, the first of which is the branch.
  package init?(_ text: some StringProtocol) {
    let pieces = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (2...3).contains(pieces.count),
      pieces.allSatisfy({ piece in
        (1...6).contains(piece.utf8.count) && piece.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      })
    else { return nil }
    description = String(text)
    parts = pieces.map { Int($0)! }
  }

  /// R535 of 535.261.03.
  package var branch: Int { parts[0] }

  package static func < (a: Self, b: Self) -> Bool { a.parts.lexicographicallyPrecedes(b.parts) }
}

/// Which CUDA runs on which driver.
///
/// Sources: NVIDIA's "CUDA Compatibility", tables 1 and 2; "CUDA Toolkit Release Notes", table "CUDA
/// Toolkit and Minimum Required Driver Version".
package enum CUDACompatibility {
  /// The newest CUDA whose functions a driver has, which nvidia-smi prints; nil for a branch that is
  /// newer than the table.
  ///
  /// It is the same for all releases of a branch.
  package static func newest(servedBy driver: DriverVersion) -> CUDAVersion? {
    guard let last = branches.last, driver.branch <= last.branch else { return nil }
    return branches.last { $0.branch <= driver.branch }?.cuda
  }

  private static let branches: [(branch: Int, cuda: CUDAVersion)] = [
    (384, CUDAVersion(9, 0)), (390, CUDAVersion(9, 1)), (396, CUDAVersion(9, 2)),
    (410, CUDAVersion(10, 0)), (418, CUDAVersion(10, 1)), (440, CUDAVersion(10, 2)),
    (450, CUDAVersion(11, 0)), (455, CUDAVersion(11, 1)), (460, CUDAVersion(11, 2)),
    (465, CUDAVersion(11, 3)), (470, CUDAVersion(11, 4)), (495, CUDAVersion(11, 5)),
    (510, CUDAVersion(11, 6)), (515, CUDAVersion(11, 7)), (520, CUDAVersion(11, 8)),
    (525, CUDAVersion(12, 0)), (530, CUDAVersion(12, 1)), (535, CUDAVersion(12, 2)),
    (545, CUDAVersion(12, 3)), (550, CUDAVersion(12, 4)), (555, CUDAVersion(12, 5)),
    (560, CUDAVersion(12, 6)), (565, CUDAVersion(12, 7)), (570, CUDAVersion(12, 8)),
    (575, CUDAVersion(12, 9)), (580, CUDAVersion(13, 0)), (590, CUDAVersion(13, 1)),
    (595, CUDAVersion(13, 2)),
  ]

  /// The oldest driver that runs programs of a CUDA; nil where that is not known.
  ///
  /// From CUDA 11 on a driver runs every minor release of the major one that it was made for, and all
  /// older ones.
  package static func minimumDriver(for cuda: CUDAVersion) -> DriverVersion? {
    switch (cuda.major, cuda.minor) {
    case (10, 0): DriverVersion("410.48")
    case (10, 1): DriverVersion("418.39")
    case (10, 2): DriverVersion("440.33")
    case (11, _): DriverVersion("450.80.02")
    case (12, _): DriverVersion("525.60.13")
    case (13, _): DriverVersion("580.65.06")
    default: nil
    }
  }

  /// What there is to say of programs of a CUDA on a driver; nil when they run in full.
  ///
  /// `served` is the newest CUDA that the driver serves where somebody has measured it, as the
  /// variable EESSI_CUDA_DRIVER_VERSION does. As in EESSI's hook a lower major release fails and a
  /// lower minor one is a warning (EESSI/software-layer-scripts create_lmodsitepackage.py).
  package static func check(
    _ cuda: CUDAVersion, on driver: DriverVersion, served: CUDAVersion? = nil
  ) -> Finding? {
    let minimum = minimumDriver(for: cuda)
    let newest = served ?? newest(servedBy: driver)
    let has =
      "this node's NVIDIA driver \(driver)"
      + (newest.map { " serves CUDA up to \($0)" } ?? " is older")
    let isTooOld = newest.map { $0.major < cuda.major } ?? minimum.map { driver < $0 } ?? false
    if isTooOld || (served == nil && minimum.map { driver < $0 } == true) {
      let needs =
        minimum.map { "needs an NVIDIA driver of at least \($0)" } ?? "needs a newer driver"
      return Finding(
        .driver, .fail, subject: "CUDA \(cuda)", "CUDA \(cuda) \(needs), and \(has)",
        remedy: "load software of an older CUDA, or have the driver updated")
    }
    if let newest, newest < cuda {
      return Finding(
        .driver, .warn, subject: "CUDA \(cuda)",
        "\(has), and the software is of CUDA \(cuda): what is new in that, and PTX of its compiler, "
          + "fails (CUDA_ERROR_UNSUPPORTED_PTX_VERSION)",
        remedy: "load software of CUDA \(newest) or older, have the driver updated, or set "
          + "EESSI_CUDA_DRIVER_VERSION_SUPPRESS_WARNING=1")
    }
    return nil
  }

  /// What there is to say of the CUDA modules that an environment has loaded.
  ///
  /// Their release is EESSICUDAVERSION, which EESSI's modules set that use CUDA, or the version in
  /// the path of EasyBuild's EBROOTCUDA. EESSI_OVERRIDE_GPU_CHECK and, for warnings,
  /// EESSI_CUDA_DRIVER_VERSION_SUPPRESS_WARNING ask for silence, as of EESSI's hook. With NVIDIA's
  /// forward compatibility package loaded (EBROOTCUDACOMPAT) another rule counts.
  package static func check(_ environment: Environment, driver: String) -> Finding? {
    guard environment["EESSI_OVERRIDE_GPU_CHECK"] == nil, environment["EBROOTCUDACOMPAT"] == nil,
      let cuda = environment["EESSICUDAVERSION"].flatMap({ CUDAVersion($0) })
        ?? environment["EBROOTCUDA"]?.split(separator: "/").last.flatMap({ CUDAVersion($0) }),
      let driver = DriverVersion(driver)
    else { return nil }
    let finding = check(
      cuda, on: driver,
      served: environment["EESSI_CUDA_DRIVER_VERSION"].flatMap { CUDAVersion($0) })
    let isSilenced = environment["EESSI_CUDA_DRIVER_VERSION_SUPPRESS_WARNING"] != nil
    return finding?.verdict == .warn && isSilenced ? nil : finding
  }
}
