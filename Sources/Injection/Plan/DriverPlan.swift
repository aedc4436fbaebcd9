import ELF

extension NVIDIADriver {
  /// What is placed below `host_injections` for the driver.
  ///
  /// `repository` is the mount of the stack's repository; `versions` are the stack's versions that
  /// look for drivers there.
  package func tree(
    architecture: String, repository: String, versions: [String]
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
    let links = links
    let record = InjectionRecord(
      kind: .cuda, place: InjectionLayout.nvidia(architecture: architecture), version: version,
      cuda: cudaVersion?.description, verdict: verdict,
      reason: "driver \(version) of this node: \(files.count) libraries",
      sources: files.compactMap { SourceMark(of: $0.path) })
    return InjectionTree([
      .nvidia(
        record,
        libraries: Dictionary(
          links.map { ($0.name, $0.target) }, uniquingKeysWith: { first, _ in first }),
        links: InjectionLayout.nvidiaLinks(
          versions: versions, architecture: architecture, repository: repository))
    ])
  }
}
