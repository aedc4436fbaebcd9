import Glibc
import Injection

/// One change of a target as a process of its own, which tests kill, starve and forbid things.
///
/// Arguments: the target, who writes, and `remove`, `rollback`, or `apply` with a repository, a
/// driver's version, its libraries and the files of an MPI, each as `name=file,…`; `-` is none, and
/// an own place for the driver means a target of its own.
@main
struct TreeWriter {
  static func main() {
    let words = CommandLine.arguments
    let writer = InjectionWriter(target: words[1], author: words[2], release: "0", patience: 30)
    do throws(InjectionTreeError) {
      let outcome =
        switch words[3] {
        case "apply":
          try writer.apply(
            tree(words[4], words[5], files(words[6]), files(words[7]), isOwn: words[8] == "own"))
        case "remove": try writer.remove()
        default: try writer.rollback()
        }
      print(outcome.generation ?? 0)
      for note in outcome.notes { print(note) }
    } catch {
      let line = Array("\(error)\n".utf8)
      _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      exit(1)
    }
  }

  private static func files(_ word: String) -> [String: String] {
    var files: [String: String] = [:]
    for pair in word.split(separator: ",") where pair != "-" {
      let parts = pair.split(separator: "=")
      files[String(parts[0])] = String(parts[1])
    }
    return files
  }

  private static func tree(
    _ repository: String, _ version: String, _ libraries: [String: String],
    _ mpi: [String: String], isOwn: Bool
  ) -> InjectionTree {
    func record(_ kind: InjectionKind, _ place: String) -> InjectionRecord {
      InjectionRecord(
        kind: kind, place: place, version: version, cuda: kind == .cuda ? "12.2" : nil,
        verdict: .ok, reason: "a test", sources: [])
    }
    let architecture = "x86_64"
    var tree = InjectionTree()
    if !libraries.isEmpty {
      tree.injections.append(
        .nvidia(
          record(.cuda, isOwn ? "" : InjectionLayout.nvidia(architecture: architecture)),
          libraries: libraries,
          links: isOwn
            ? []
            : InjectionLayout.nvidiaLinks(
              versions: ["2023.06"], architecture: architecture, repository: repository)))
    }
    if !mpi.isEmpty {
      let place = InjectionLayout.mpi(
        version: "2023.06", subdirectory: "x86_64/amd/zen2", family: .openMPI)
      tree.injections.append(
        Injection(
          record(.mpi, place),
          entries: mpi.sorted { $0.key < $1.key }.map {
            Injection.Entry($0.key, .copy(of: $0.value), reason: "a test")
          }))
    }
    return tree
  }
}
