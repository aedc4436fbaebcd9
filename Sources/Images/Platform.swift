package import Microarchitecture

/// What an image is built for, in the words of the image-spec (those of Go).
///
/// Source: image-spec, image-index.md, "Platform Variants".
package struct Platform: Hashable, Sendable, CustomStringConvertible {
  package var os: String
  /// Such as `amd64`, `arm64` and `ppc64le`.
  package var architecture: String
  /// Such as `v3`, `v8.2` and `power9`; nil where any processor of the architecture will do.
  package var variant: String?

  package init(os: String = "linux", architecture: String, variant: String? = nil) {
    self.os = os
    self.architecture = architecture
    self.variant = variant
  }

  /// Reads `linux/amd64/v3` or `linux/arm64`; nil for another form.
  package init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let isText = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.count <= 32
        && part.utf8.allSatisfy {
          (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2e
        }
    }
    guard (2...3).contains(parts.count), isText else { return nil }
    self.init(
      os: String(parts[0]), architecture: String(parts[1]),
      variant: parts.count == 3 ? String(parts[2]) : nil)
  }

  /// What a machine's processor can run, with the highest variant.
  package init(_ processor: Processor) {
    self.init(architecture: Self.name(of: processor.architecture))
    let table = PlatformVariant.table[architecture] ?? []
    variant = table.indices.last { place in
      table[...place].allSatisfy {
        !table[place].includes($0)
          || $0.features.isSubset(of: processor.features)
            && (processor.x86Level ?? 4) >= $0.level
      }
    }.map { table[$0].name }
  }

  /// Reads the `os`, `architecture` and `variant` of an index's entry or a configuration; nil where
  /// it does not say.
  package init?(_ json: JSON?) {
    guard let os = json?["os"]?.text, let architecture = json?["architecture"]?.text,
      !os.isEmpty, !architecture.isEmpty
    else { return nil }
    let variant = json?["variant"]?.text
    self.init(os: os, architecture: architecture, variant: variant == "" ? nil : variant)
  }

  package var description: String {
    "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "")
  }

  private static func name(of architecture: Architecture) -> String {
    switch architecture {
    case .x86_64: "amd64"
    case .aarch64: "arm64"
    case .ppc64le, .riscv64: architecture.rawValue
    }
  }

  // MARK: order

  /// How well an image for another platform uses this one: higher is better, nil is not at all.
  ///
  /// The highest variant that this machine has, then what is for every processor. A variant that
  /// nobody has heard of is for machines to come.
  package func rank(of image: Platform) -> Int? {
    guard image.os == os, image.architecture == architecture else { return nil }
    guard let wanted = image.variant else { return 0 }
    let table = PlatformVariant.table[architecture] ?? []
    guard let place = table.firstIndex(where: { $0.isNamed(wanted) }) else {
      return variant == wanted ? 1 : nil
    }
    let own = variant.flatMap { own in table.firstIndex { $0.isNamed(own) } }
    guard let own, place <= own, table[own].includes(table[place]) else { return nil }
    return place + 1
  }

  /// Which of the entries of an index suits this machine best; nil where none does.
  ///
  /// An entry without a platform comes last: what it is for stands in its configuration alone.
  /// Attestations (`unknown/unknown`) suit nobody.
  package func choice(among entries: [Platform?]) -> Int? {
    var best: (place: Int, rank: Int)?
    for (place, entry) in entries.enumerated() {
      guard let rank = entry.map({ rank(of: $0) }) ?? -1 else { continue }
      if best.map({ rank > $0.rank }) ?? true { best = (place, rank) }
    }
    return best?.place
  }
}
