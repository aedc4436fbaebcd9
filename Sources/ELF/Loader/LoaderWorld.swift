/// What a dynamic linker sees of the processor that it runs on.
package struct LoaderProcessor: Hashable, Sendable {
  /// The level of the instruction set: 1 to 4 on x86-64; 1 where there are no levels.
  package var level: Int
  /// `AT_PLATFORM` or what the linker puts in its place, such as `haswell`; the text of `$PLATFORM`.
  /// nil where the kernel gives none, as on riscv64.
  package var platform: String?
  /// The subdirectories of `glibc-hwcaps` that it can use, best first.
  package var subdirectories: [String]
  /// The capabilities that older linkers make subdirectories of, by rising bits of theirs.
  package var capabilities: [String]

  package init(
    level: Int = 1, platform: String? = nil, subdirectories: [String] = [],
    capabilities: [String] = []
  ) {
    self.level = level
    self.platform = platform
    self.subdirectories = subdirectories
    self.capabilities = capabilities
  }

  /// An x86-64 processor of a level.
  ///
  /// Source: glibc's sysdeps/x86/cpu-features.c: only Intel's processors have a platform of their
  /// own, and a capability beside.
  package static func x86_64(level: Int, isIntel: Bool) -> Self {
    Self(
      level: level, platform: isIntel && level >= 3 ? "haswell" : "x86_64",
      subdirectories: stride(from: level, to: 1, by: -1).map { "x86-64-v\($0)" },
      capabilities: isIntel && level >= 4 ? ["x86_64", "avx512_1"] : ["x86_64"])
  }

  /// The bits of its capabilities in old entries of ld.so.cache; sysdeps/x86/dl-hwcap.h.
  var capabilityBits: UInt64 {
    capabilities.reduce(0) { bits, name in
      bits | ["sse2": 1, "x86_64": 2, "avx512_1": 4][name, default: 0]
    }
  }

  var platformBit: UInt64 {
    switch platform {
    case "i586": 1 << 48
    case "i686": 1 << 49
    case "haswell": 1 << 50
    case "xeon_phi": 1 << 51
    default: 0
    }
  }
}

/// A dynamic linker that cannot be used.
package struct LoaderWorldError: Error, Equatable, CustomStringConvertible {
  package var interpreter: String
  package var reason: String

  package var description: String {
    "\(interpreter) cannot be used as dynamic linker: \(reason); remedy: name the ld.so of the "
      + "program's C library"
  }
}

/// One dynamic linker with the facts that are compiled into it, and with what it reads before any
/// program.
package struct LoaderWorld: Sendable {
  /// The dynamic linker's path.
  package var interpreter: String
  package var interpreterObject: ELFObject
  package var interpreterIdentity: FileIdentity
  /// The release of its C library, such as 2.36.
  package var release: Release
  /// Where libraries are searched last, each ending in a slash; the trusted ones among them.
  package var systemDirectories: [String]
  package var cachePath: String
  package var preloadPath: String
  /// The text of `$LIB`.
  package var libraryToken: String
  package var processor: LoaderProcessor
  /// nil where there is none, or none that could be used.
  package var cache: LoaderCache?
  /// The names that `ld.so.preload` asks for.
  package var preloads: [String]

  package init(
    interpreter: String, interpreterObject: ELFObject, interpreterIdentity: FileIdentity,
    release: Release, systemDirectories: [String], cachePath: String, preloadPath: String,
    libraryToken: String, processor: LoaderProcessor, cache: LoaderCache?, preloads: [String]
  ) {
    self.interpreter = interpreter
    self.interpreterObject = interpreterObject
    self.interpreterIdentity = interpreterIdentity
    self.release = release
    self.systemDirectories = systemDirectories
    self.cachePath = cachePath
    self.preloadPath = preloadPath
    self.libraryToken = libraryToken
    self.processor = processor
    self.cache = cache
    self.preloads = preloads
  }

  /// A release of the GNU C library.
  package struct Release: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var major: Int
    package var minor: Int

    package init(_ major: Int, _ minor: Int) {
      self.major = major
      self.minor = minor
    }

    package static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
    package var description: String { "\(major).\(minor)" }
  }

  /// Reads a dynamic linker, from its file alone, with its cache and the list of preloads.
  ///
  /// `cache` overrides the path of ld.so.cache that is compiled in.
  package static func reading(
    interpreter: String, files: any LoaderFiles, processor: LoaderProcessor, cache: String? = nil
  ) throws(LoaderWorldError) -> Self {
    func fail(_ reason: String) -> LoaderWorldError {
      LoaderWorldError(interpreter: interpreter, reason: reason)
    }
    let object: ELFObject
    let identity: FileIdentity
    switch files.file(at: interpreter) {
    case .absent: throw fail("there is no such file")
    case .unreadable(let code): throw fail(SystemError.text(code))
    case .unusable(let error): throw fail(error.description)
    case .waiting: throw fail("it is a FIFO")
    case .object(let found, let what): (object, identity) = (found, what)
    }
    guard let bytes = files.contents(of: interpreter) else { throw fail("it cannot be read") }
    let strings = bytes.split(separator: 0)
    // The linker's own texts: glibc's version.h, dl-cache.h, rtld.c.
    let directories = systemDirectories(in: strings)
    guard !directories.isEmpty else { throw fail("it is not the one of a GNU C library") }
    // Before 2.33 only the C library itself tells its release.
    let beside = interpreter.lastIndex(of: "/").map { String(interpreter[...$0]) } ?? ""
    let libraries = ([beside] + directories).lazy.compactMap {
      files.contents(of: $0 + "libc.so.6")
    }
    guard let release = release(in: bytes) ?? libraries.compactMap(release).first else {
      throw fail(
        "it does not tell its release, and there is no libc.so.6 of a GNU C library beside it")
    }
    func path(ending: String) -> String? {
      strings.lazy.filter { $0.first == 0x2f && $0.reversed().starts(with: ending.utf8.reversed()) }
        .map { String(decoding: $0, as: UTF8.self) }.first
    }
    let cachePath = cache ?? path(ending: "/ld.so.cache") ?? "/etc/ld.so.cache"
    let preloadPath = path(ending: "/ld.so.preload") ?? "/etc/ld.so.preload"
    // `$LIB`: the last component of the first directory; Debian keeps the whole path.
    let first = directories[0].dropFirst().dropLast()
    let isWhole = strings.contains { $0.elementsEqual(first.utf8) }
    return Self(
      interpreter: interpreter, interpreterObject: object, interpreterIdentity: identity,
      release: release, systemDirectories: directories, cachePath: cachePath,
      preloadPath: preloadPath,
      libraryToken: isWhole
        ? String(first) : first.split(separator: "/").last.map(String.init) ?? "lib",
      processor: processor,
      cache: files.contents(of: cachePath).flatMap {
        LoaderCache($0, order: object.identity.order)
      },
      preloads: files.contents(of: preloadPath).map(preloads(in:)) ?? [])
  }

  /// SYSTEM_DIRS: the first of the longest runs of absolute paths that end in a slash, with one NUL
  /// between them.
  private static func systemDirectories(in strings: [ArraySlice<UInt8>]) -> [String] {
    var (run, longest): ([String], [String]) = ([], [])
    var end = -1
    for string in strings
    where string.count > 2 && string.first == 0x2f && string.last == 0x2f
      && string.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    {
      if string.startIndex != end + 1 { run = [] }
      run.append(String(decoding: string, as: UTF8.self))
      end = string.endIndex
      if run.count > longest.count { longest = run }
    }
    return longest
  }

  /// What stands behind "stable release version" or "development release version".
  private static func release(in bytes: [UInt8]) -> Release? {
    let words = Array("release version ".utf8)
    var at = bytes.startIndex
    while let found = bytes[at...].firstIndex(of: words[0]) {
      at = found + 1
      guard bytes[found...].starts(with: words) else { continue }
      let numbers = bytes[(found + words.count)...].prefix(8)
        .prefix { $0 == 0x2e || (0x30...0x39).contains($0) }
        .split(separator: 0x2e).compactMap { Int(String(decoding: $0, as: UTF8.self)) }
      if numbers.count >= 2 { return Release(numbers[0], numbers[1]) }
    }
    return nil
  }

  /// The names in a file of the form of ld.so.preload: between white space and colons, with
  /// comments from `#` to the end of the line.
  package static func preloads(in bytes: [UInt8]) -> [String] {
    bytes.split(separator: 0x0a, omittingEmptySubsequences: true)
      .map { $0.prefix { $0 != 0x23 } }
      .flatMap { $0.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x3a || $0 == 0 } }
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// The subdirectories of every directory that are searched before it, each ending in a slash.
  ///
  /// Source: glibc's elf/dl-hwcaps.c, `_dl_important_hwcaps`: since 2.33 those of `glibc-hwcaps`, up
  /// to 2.36 every combination of `tls`, the platform and the capabilities.
  package var capabilityDirectories: [String] {
    var directories: [String] = []
    if release >= Release(2, 33) {
      directories += processor.subdirectories.map { "glibc-hwcaps/\($0)/" }
    }
    if release <= Release(2, 36) {
      let parts = (processor.capabilities + [processor.platform ?? "", "tls"])
        .filter { !$0.isEmpty }
      for mask in stride(from: 1 << parts.count - 1, to: 0, by: -1) {
        directories.append(
          parts.indices.reversed().lazy.filter { mask >> $0 & 1 == 1 }.map { "\(parts[$0])/" }
            .joined())
      }
    }
    return directories
  }

  /// What it takes of a cache.
  var demand: LoaderCache.Demand {
    LoaderCache.Demand(
      flags: interpreterObject.identity.cacheFlags,
      subdirectories: release >= Release(2, 33) ? processor.subdirectories : [],
      level: processor.level,
      capabilities: release <= Release(2, 36) ? processor.capabilityBits : nil,
      platform: processor.platformBit)
  }
}

extension ELFIdentity {
  /// The kinds of libraries in ld.so.cache that fit, the best one first.
  ///
  /// Source: glibc's sysdeps/**/dl-cache.h and sysdeps/generic/ldconfig.h.
  package var cacheFlags: [Int32] {
    switch (machine, is64Bit) {
    case (.x86_64, true): [0x0303]
    case (.x86_64, false): [0x0803]
    case (.aarch64, true): [0x0a03]
    case (.ppc64, _): [0x0503]
    case (.s390, true): [0x0403]
    case (.riscv, true): [callingConvention & 0x6 == 0x4 ? 0x1003 : 0x0f03]
    // Hard or soft floats; without the mark any will do.
    case (.arm, _): [callingConvention & 0x400 != 0 ? 0x0903 : 0x0b03, 3]
    default: [3, 1]
    }
  }
}

/// Texts of strerror(3), which say what the linker says.
enum SystemError {
  static func text(_ code: Int32) -> String {
    switch code {
    case 1: "Operation not permitted"
    case 2: "No such file or directory"
    case 5: "Input/output error"
    case 6: "No such device or address"
    case 13: "Permission denied"
    case 20: "Not a directory"
    case 21: "Is a directory"
    case 24: "Too many open files"
    case 36: "File name too long"
    case 40: "Too many levels of symbolic links"
    case 110: "Connection timed out"
    case 116: "Stale file handle"
    default: "error \(code)"
    }
  }
}
