/// A library of NVIDIA's driver, and whether programs that compute need it.
package struct NVIDIALibrary: Equatable, Sendable {
  /// The beginning of its file's name, `libcuda`; the name is `libcuda.so.` and a version.
  package var name: String
  package var need: Need
  package var why: String
  /// Whether its file has a version of its own instead of the driver's.
  package var hasOwnVersion: Bool
  /// The library that did its work in older drivers.
  package var substitute: String?

  package init(
    _ name: String, _ need: Need, _ why: String, hasOwnVersion: Bool = false,
    substitute: String? = nil
  ) {
    self.name = name
    self.need = need
    self.why = why
    self.hasOwnVersion = hasOwnVersion
    self.substitute = substitute
  }

  package enum Need: String, Codable, Sendable {
    /// CUDA programs do not start without it.
    case required
    /// CUDA programs die when they first use what it does.
    case expected
    case optional
    /// A site asked for it.
    case site
  }

  /// The libraries that are injected where the driver has them.
  ///
  /// Not a needed-by closure: libcuda opens the others at run time. Graphics, video and OptiX are left
  /// out. Sources: the compute list of NVIDIA/libnvidia-container, src/nvc_info.c; the names that
  /// libcuda.so of 535.261.03 and 555.58.02 holds for dlopen(3).
  package static let all = [
    Self("libcuda", .required, "the driver API, which libcudart opens"),
    Self("libnvidia-ml", .expected, "NVML: nvidia-smi, NCCL, hwloc and PyTorch open it"),
    Self("libnvidia-ptxjitcompiler", .expected, "compiles PTX; libcuda opens it"),
    Self("libnvidia-compiler", .optional, "compiles at run time in older drivers"),
    Self(
      "libnvidia-nvvm", .expected, "links and compiles at run time; libcuda opens it",
      substitute: "libnvidia-compiler"),
    Self("libnvidia-gpucomp", .optional, "compiler of other driver libraries"),
    Self("libcudadebugger", .optional, "cuda-gdb; libcuda opens it"),
    Self("libnvidia-cfg", .optional, "nvidia-persistenced"),
    Self("libnvidia-allocator", .optional, "buffers that are shared with other devices"),
    Self("libnvidia-opencl", .optional, "OpenCL, behind a loader that is the stack's own"),
    Self("libnvidia-nvvm70", .optional, "compiles for older toolkits", hasOwnVersion: true),
    Self("libnvidia-pkcs11", .optional, "confidential computing with OpenSSL 1.1"),
    Self("libnvidia-pkcs11-openssl3", .optional, "confidential computing with OpenSSL 3"),
    Self("libnvidia-tileiras", .optional, "compiles CUDA Tile; libcuda opens it"),
    Self("libnvidia-nscq", .optional, "queries NVSwitch"),
    Self("libnvidia-fatbinaryloader", .optional, "libcuda up to driver 440 needs it"),
  ]

  /// Why a library must never be injected; nil where nothing speaks against it.
  ///
  /// The vendor-neutral libraries of OpenGL and OpenCL are the distribution's and need its C library,
  /// which is what "GLIBC_2.xx not found" under other tools comes of (apptainer/apptainer #598); the
  /// toolkit's come from the stack.
  package static func refusal(of name: String) -> String? {
    let neutral = [
      "libGL", "libGLX", "libGLdispatch", "libEGL", "libOpenGL", "libOpenCL", "libGLESv1_CM",
      "libGLESv2",
    ]
    if neutral.contains(name) {
      return "it belongs to the distribution, not to the driver, and needs the host's C library"
    }
    let toolkit = [
      "libcudart", "libcublas", "libcublasLt", "libcufft", "libcufftw", "libcurand", "libcusolver",
      "libcusolverMg", "libcusparse", "libcudnn", "libnccl", "libnvrtc", "libnvJitLink", "libcupti",
      "libcufile", "libnppc", "libnvToolsExt",
    ]
    if toolkit.contains(name) || name.hasPrefix("libcudnn_") || name.hasPrefix("libnpp") {
      return "it belongs to the CUDA toolkit, which comes from the stack"
    }
    return nil
  }

  /// The libraries that a site's file names beside ``all``: one name a line, `#` starts a comment.
  ///
  /// `libnvidia-encode` and `libnvidia-encode.so.1` name the same. What cannot be a library's name or
  /// must never be injected is told.
  package static func additions(
    in text: String, file: String
  ) -> (libraries: [NVIDIALibrary], findings: [Finding]) {
    var libraries: [NVIDIALibrary] = []
    var findings: [Finding] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let word = words.first else { continue }
      let name = stem(of: String(word))
      let isName =
        words.count == 1 && name.hasPrefix("lib") && name.utf8.count <= 128
        && name.utf8.allSatisfy {
          ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a)
            || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "+")
        }
      if !isName {
        findings.append(
          Finding(
            .driver, .warn, file: file, subject: String(words.joined(separator: " ").prefix(128)),
            "no name of a library; the line is ignored",
            remedy: "write one name a line, such as libnvidia-encode"))
      } else if let refusal = refusal(of: name) {
        findings.append(
          Finding(
            .driver, .warn, file: file, subject: name, "\(name) is never injected: \(refusal)",
            remedy: "take it out of the file"))
      } else if !(all + libraries).contains(where: { $0.name == name }) {
        libraries.append(Self(name, .site, "\(file) names it"))
      }
    }
    return (libraries, findings)
  }

  /// `libcuda` of `libcuda.so.1` and of `libcuda.so.535.261.03`.
  static func stem(of file: String) -> String {
    guard let range = file.firstRange(of: ".so") else { return file }
    let rest = file[range.upperBound...]
    return rest.isEmpty || rest.hasPrefix(".") ? String(file[..<range.lowerBound]) : file
  }
}
