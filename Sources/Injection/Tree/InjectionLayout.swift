/// Where EESSI looks for what a site injects, as paths below the target of `host_injections`.
///
/// Sources: EESSI/software-layer-scripts eb_hooks.py (`get_rpath_override_dirs`),
/// scripts/gpu_support/nvidia/link_nvidia_host_libraries.sh, create_lmodsitepackage.py;
/// EESSI/filesystem-layer roles/create_cvmfs_content_structure/vars/software.eessi.io.yml.
package enum InjectionLayout {
  /// The directory whose `lib` and `lib64` stand in the RPATH of the stack's MPI programs, before
  /// those of the MPI that they were built with.
  ///
  /// - Parameter label: of an override for one kind of consumer: `GCC`, `GCC-CUDA-12.4`.
  package static func mpi(
    version: String, subdirectory: String, family: MPIFamily, label: String? = nil
  ) -> String {
    "\(version)/software/linux/\(subdirectory)/rpath_overrides/\(family.rawValue)/system"
      + (label.map { "-\($0)" } ?? "")
  }

  /// Whether the compat layer's linker looks for drivers below `host_injections`; later ones look in
  /// a directory of the compat layer that is a variant symlink.
  package static func hasTrustedDirectoryInInjections(version: String) -> Bool {
    version < "2025"
  }

  /// The directory of driver libraries of the versions whose linker looks below `host_injections`.
  package static func nvidia(architecture: String) -> String { "nvidia/\(architecture)/host" }

  /// The links that lead from the places where EESSI looks to that directory.
  ///
  /// The texts are those of EESSI's own script, which compares the second by its text and, where it
  /// differs, makes a link *inside* of the directory that it leads to.
  ///
  /// - Parameter repository: the mount of the repository: `/cvmfs/software.eessi.io`.
  package static func nvidiaLinks(
    versions: [String], architecture: String, repository: String
  ) -> [Injection.Link] {
    let latest = "nvidia/\(architecture)/latest"
    return [Injection.Link(path: latest, text: "host")]
      + versions.filter(hasTrustedDirectoryInInjections).map { version in
        Injection.Link(
          path: "\(version)/compat/linux/\(architecture)/lib",
          text: "\(repository)/host_injections/\(latest)")
      }
  }

  /// What slipway keeps in a target, as a name in it.
  static let store = ".slipway"

  /// The manifest of what stands in a target now.
  package static func manifest(of target: String) -> String {
    "\(target)/\(store)/current/manifest.toml"
  }

  /// Whether the text of a symbolic link is one that leads through slipway's generations.
  static func isAnchor(_ text: String) -> Bool { text.contains("\(store)/current/") }

  /// Whether a text is a path that stays below where it starts: no `..`, no slash at either end.
  static func isBeneath(_ path: String) -> Bool {
    path.utf8.count <= 1024
      && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part != "." && part != ".." && part.utf8.count <= 255
      }
      && path.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }

  /// The text of a link at a path below a directory that leads to another path below it.
  static func relative(from path: String, to destination: String) -> String {
    String(repeating: "../", count: path.utf8.count { $0 == UInt8(ascii: "/") }) + destination
  }

  /// The directory of a path below a directory; empty for that directory itself.
  static func parent(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }

  static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  static func join(_ a: String, _ b: String) -> String {
    a.isEmpty ? b : b.isEmpty ? a : "\(a)/\(b)"
  }

  /// Whether EESSI's script, or a driver's installation, gives such a name to what it links.
  ///
  /// Source: the list in link_nvidia_host_libraries.sh, by its common beginnings.
  static func isDriverName(_ name: String) -> Bool {
    [
      "cuda_version.txt", "driver_version.txt", "latest", "libEGL", "libGL", "libOpenCL.so",
      "libOpenGL.so", "libcuda", "libglx.so", "libnv", "libvdpau_nvidia.so", "nvidia_drv.so",
      "tls_test_.so",
    ].contains { name.hasPrefix($0) }
  }
}
