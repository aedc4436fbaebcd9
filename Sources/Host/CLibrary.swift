extension MachineRoot {
  /// The version of the machine's GNU C library, read from the library's own banner.
  ///
  /// Source: glibc csu/version.c: "GNU C Library … release version 2.36.".
  package var glibcVersion: String? {
    for directory in Self.libraryDirectories {
      guard let bytes = contents(of: "\(directory)/libc.so.6", limit: 1 << 23) else { continue }
      if let version = Self.version(in: bytes) { return version }
    }
    return nil
  }

  private static let libraryDirectories = [
    "/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib/powerpc64le-linux-gnu",
    "/lib/riscv64-linux-gnu", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/lib",
  ]

  private static func version(in bytes: [UInt8]) -> String? {
    let banner = Array("GNU C Library".utf8)
    let word = Array("release version ".utf8)
    return bytes.withUnsafeBufferPointer { bytes -> String? in
      var at = bytes.startIndex
      while let start = bytes[at...].firstIndex(of: banner[0]) {
        at = start + 1
        guard bytes[start...].starts(with: banner) else { continue }
        let line = bytes[start..<min(start + 160, bytes.endIndex)]
        for index in line.indices where line[index...].starts(with: word) {
          let digits = line[(index + word.count)...].prefix {
            ($0 >= 0x30 && $0 <= 0x39) || $0 == UInt8(ascii: ".")
          }
          guard !digits.isEmpty else { return nil }
          let text = String(decoding: digits, as: UTF8.self)
          return text.hasSuffix(".") ? String(text.dropLast()) : text
        }
      }
      return nil
    }
  }
}
