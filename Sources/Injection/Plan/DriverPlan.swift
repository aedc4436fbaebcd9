import ELF

extension NVIDIADriver {
  /// What is placed below a target for the driver.
  ///
  /// `place` is the directory of its libraries, empty for the target itself; `links` are those by
  /// which a stack's linker is led there.
  package func tree(
    place: String, links: [Injection.Link]
  ) throws(InjectionError) -> InjectionTree {
    guard kind == .linux, let version, missing.isEmpty, verdict < .fail else {
      throw InjectionError(
        what: "the NVIDIA driver cannot be injected",
        cause: findings.first { $0.verdict == .fail }?.message
          ?? (kind == .linux
            ? "it lacks \(missing.joined(separator: ", "))"
            : "a driver of \(kind.rawValue) is found by its own paths"),
        remedy: findings.first { $0.verdict == .fail }?.remedy
          ?? "install the driver's libraries for computing", kind: .unavailable)
    }
    let record = InjectionRecord(
      kind: .cuda, place: place, version: version,
      cuda: cudaVersion?.description, verdict: verdict,
      reason: "driver \(version) of this node: \(files.count) libraries",
      sources: files.compactMap { SourceMark(of: $0.path) })
    return InjectionTree([
      .nvidia(
        record,
        libraries: Dictionary(
          self.links.map { ($0.name, $0.target) }, uniquingKeysWith: { first, _ in first }),
        links: links)
    ])
  }
}
