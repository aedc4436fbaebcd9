/// What can be injected as files; of AMD GPUs only devices are.
package enum InjectionKind: String, CaseIterable, Codable, Sendable {
  case mpi, cuda
}

/// What stands, or is to stand, below the target of `host_injections`.
package struct InjectionTree: Equatable, Sendable {
  package var injections: [Injection]

  package init(_ injections: [Injection] = []) { self.injections = injections }

  /// The tree with another's injections in the places that both have, and beside them elsewhere.
  ///
  /// Links of a former injection in the same place stay: other versions of the stack use them.
  package func adding(_ other: InjectionTree) -> InjectionTree {
    var all = injections
    for var new in other.injections {
      if let index = all.firstIndex(where: { $0.record.place == new.record.place }) {
        let paths = Set(new.links.map(\.path))
        new.links += all[index].links.filter { !paths.contains($0.path) }
        all[index] = new
      } else {
        all.append(new)
      }
    }
    return InjectionTree(all)
  }

  /// The tree without the injections of a kind; nil takes all away.
  package func removing(_ kind: InjectionKind?) -> InjectionTree {
    InjectionTree(injections.filter { kind != nil && $0.record.kind != kind })
  }

  /// What differs from another tree, in the order of the paths.
  package func changes(against old: InjectionTree) -> [Change] {
    let (before, after) = (old.contents, contents)
    return Set(before.keys).union(after.keys).sorted().compactMap { path in
      switch (before[path], after[path]) {
      case (nil, let new?): Change(path: path, kind: .added, what: new.text, why: new.reason)
      case (let old?, nil): Change(path: path, kind: .removed, what: old.text, why: old.reason)
      case (let old?, let new?) where old.text != new.text:
        Change(path: path, kind: .changed, what: new.text, why: new.reason)
      default: nil
      }
    }
  }

  private var contents: [String: (text: String, reason: String)] {
    var contents: [String: (String, String)] = [:]
    for injection in injections {
      for entry in injection.entries {
        contents[InjectionLayout.join(injection.record.place, entry.path)] =
          (entry.content.description, entry.reason)
      }
      for link in injection.links {
        contents[link.path] = ("-> \(link.text)", "where EESSI looks")
      }
    }
    return contents
  }

  /// One path that differs between two trees.
  package struct Change: Codable, Equatable, Sendable {
    package var path: String
    package var kind: Kind
    /// What stands there afterwards; what stood there, of one that is removed.
    package var what: String
    package var why: String

    package init(path: String, kind: Kind, what: String, why: String) {
      self.path = path
      self.kind = kind
      self.what = what
      self.why = why
    }

    package enum Kind: String, Codable, Sendable { case added, changed, removed }
  }
}

/// One MPI or one driver, and the files and links by which the stack finds it.
package struct Injection: Equatable, Sendable {
  package var record: InjectionRecord
  package var entries: [Entry]
  package var links: [Link]

  package init(_ record: InjectionRecord, entries: [Entry], links: [Link] = []) {
    self.record = record
    self.entries = entries
    self.links = links
  }

  /// What stands at a path below the injection's place.
  package struct Entry: Equatable, Sendable {
    /// Empty: the place itself.
    package var path: String
    package var content: Content
    package var reason: String

    package init(_ path: String, _ content: Content, reason: String) {
      self.path = path
      self.content = content
      self.reason = reason
    }
  }

  package enum Content: Equatable, Sendable, CustomStringConvertible {
    /// The text of a symbolic link: absolute, or one that stays below the place.
    case link(String)
    /// A copy of a file, with its mode and the time of its last change.
    case copy(of: String)
    /// A small file.
    case text(String)

    package var description: String {
      switch self {
      case .link(let text): "-> \(text)"
      case .copy(let source): "copy of \(source)"
      case .text(let text):
        "\"\(text.split(separator: "\n", omittingEmptySubsequences: false)[0])\""
      }
    }
  }

  /// A symbolic link with a text of its own, below the target.
  ///
  /// Where a directory with other things in it stands at the path, it is kept, and gets a link to
  /// each entry of the injection.
  package struct Link: Equatable, Sendable {
    package var path: String
    package var text: String

    package init(path: String, text: String) {
      self.path = path
      self.text = text
    }
  }
}

/// What the manifest says of an injection: enough to decide by, without looking at its files.
package struct InjectionRecord: Equatable, Sendable {
  package var kind: InjectionKind
  /// The directory that it fills, below the target; empty: the target itself.
  package var place: String
  package var family: MPIFamily?
  /// Of the MPI, or of the driver: `535.261.03`.
  package var version: String
  /// The newest CUDA that the driver supports: `12.2`.
  package var cuda: String?
  package var pmi: [PMIKind]
  package var verdict: Verdict
  /// Why it was injected, and what the verdict rests on.
  package var reason: String
  /// The files that the verdict rests on, as they were when it was given.
  package var sources: [SourceMark]

  package init(
    kind: InjectionKind, place: String, family: MPIFamily? = nil, version: String,
    cuda: String? = nil, pmi: [PMIKind] = [], verdict: Verdict, reason: String,
    sources: [SourceMark]
  ) {
    self.kind = kind
    self.place = place
    self.family = family
    self.version = version
    self.cuda = cuda
    self.pmi = pmi
    self.verdict = verdict
    self.reason = reason
    self.sources = sources
  }
}

// MARK: The two that there are

extension Injection {
  /// Driver libraries as EESSI's script lays them out, with the version files that it writes.
  ///
  /// - Parameter libraries: each name that programs open, and the host's file behind it.
  package static func nvidia(
    _ record: InjectionRecord, libraries: [String: String], links: [Link] = []
  ) -> Injection {
    var entries = libraries.sorted { $0.key < $1.key }.map { name, file in
      Entry(name, .link(file), reason: "library of driver \(record.version)")
    }
    if libraries["libcuda.so.1"] != nil && libraries["libcuda.so"] == nil {
      entries.append(
        Entry("libcuda.so", .link("libcuda.so.1"), reason: "the name that EESSI's checks look for"))
    }
    // The script greps the first for the running version; Lmod hooks before 2026 read the second
    // as major.minor.
    entries.append(
      Entry("driver_version.txt", .text("\(record.version)\n"), reason: "EESSI's script reads it"))
    if let cuda = record.cuda {
      entries.append(
        Entry("cuda_version.txt", .text("\(cuda)\n"), reason: "EESSI's Lmod hook reads it"))
    }
    return Injection(record, entries: entries, links: links)
  }

  /// A host's MPI as it is: one link to its prefix, which holds `lib` or `lib64`.
  package static func mpi(_ record: InjectionRecord, prefix: String) -> Injection {
    Injection(record, entries: [Entry("", .link(prefix), reason: "the MPI's own prefix")])
  }
}

// MARK: Checking

extension InjectionTree {
  /// The places that are filled.
  var places: Set<String> { Set(injections.map(\.record.place)) }

  /// Refuses what could not be placed, or would lead out of where it is placed.
  func check() throws(InjectionTreeError) {
    var taken: [String] = []
    for injection in injections {
      try injection.check()
      taken.append(injection.record.place)
      taken += injection.links.map(\.path)
    }
    for (index, a) in taken.enumerated() {
      for b in taken[..<index] where a == b || Injection.contains(a, b) || Injection.contains(b, a)
      {
        throw .invalid("\(a.isEmpty ? b : a) is given twice, or one place lies in another")
      }
    }
  }
}

extension Injection {
  /// Whether a path lies below another.
  fileprivate static func contains(_ directory: String, _ path: String) -> Bool {
    directory.isEmpty ? !path.isEmpty : path.hasPrefix("\(directory)/")
  }

  fileprivate func check() throws(InjectionTreeError) {
    let place = record.place
    func isFree(_ path: String) -> Bool {
      InjectionLayout.isBeneath(path)
        && path.split(separator: "/").first != Substring(InjectionLayout.store)
    }
    guard place.isEmpty || isFree(place) else {
      throw .invalid("\"\(place)\" is no place below the target")
    }
    guard !entries.isEmpty else { throw .invalid("nothing is given for \"\(place)\"") }
    for link in links where !isFree(link.path) || !Self.isText(link.text) {
      throw .invalid("\"\(link.path)\" cannot be a link to \"\(link.text)\"")
    }
    // Lmod hooks of EESSI before 2026 compare the two numbers of this version.
    if let cuda = record.cuda {
      let numbers = cuda.split(separator: ".", omittingEmptySubsequences: false)
      guard numbers.count == 2, numbers.allSatisfy({ Int($0) != nil }) else {
        throw .invalid("CUDA version \"\(cuda)\" is not of the form 12.2")
      }
    }
    var paths = Set<String>()
    for entry in entries {
      let path = InjectionLayout.join(place, entry.path)
      guard isFree(path), entry.path.isEmpty || InjectionLayout.isBeneath(entry.path),
        paths.insert(entry.path).inserted
      else { throw .invalid("\"\(path)\" is no path below the target, or is given twice") }
      switch entry.content {
      case .link(let text):
        let isInside = !entry.path.isEmpty && Self.stays(text, from: entry.path)
        guard Self.isText(text), text.hasPrefix("/") || isInside else {
          throw .invalid("the link \(path) -> \(text) leads out of \"\(place)\"")
        }
      case .copy(let source):
        guard Self.isText(source), source.hasPrefix("/") else {
          throw .invalid("\"\(source)\", to be copied to \(path), is no absolute path")
        }
      case .text(let text):
        guard !text.utf8.contains(0), text.utf8.count <= 4096 else {
          throw .invalid("the text for \(path) is too long")
        }
      }
    }
    for path in paths {
      var above = path
      while !above.isEmpty {
        above = InjectionLayout.parent(of: above)
        if paths.contains(above) {
          throw .invalid("\"\(InjectionLayout.join(place, path))\" lies in what is no directory")
        }
      }
    }
  }

  /// Whether a text may be that of a symbolic link.
  private static func isText(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count < 4096
      && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }

  /// Whether a relative link at a path of a directory leads to something in the directory.
  private static func stays(_ text: String, from path: String) -> Bool {
    var depth = path.split(separator: "/").count - 1
    for part in text.split(separator: "/") {
      depth += part == ".." ? -1 : part == "." ? 0 : 1
      if depth < 0 { return false }
    }
    return true
  }
}
