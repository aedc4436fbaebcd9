import Environment
import Files
import Glibc
import Images

/// What images mean in a job: a file of a line for each, of which the first counts.
///
/// So a tag means the same in all steps of a job that name it, whichever asked first, on whatever
/// node. What is appended to a file by two at once is there twice, and both read the first.
struct JobPins {
  private let directory: String
  private let file: String

  /// nil outside of a job.
  init?(store: String, environment: Environment) {
    guard let job = environment.nonEmpty("SLURM_JOB_ID"), job.allSatisfy(\.isNumber) else {
      return nil
    }
    let cluster = environment.nonEmpty("SLURM_CLUSTER_NAME") ?? "cluster"
    directory = "\(store)/jobs"
    file = "\(directory)/" + cluster.filter { $0.isLetter || $0.isNumber || $0 == "-" } + "-\(job)"
  }

  /// What an image was pinned to; nil where nothing asked for it yet.
  func pin(of source: ImageSource) -> String? {
    let descriptor = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_uid == getuid() else { return nil }
    let bytes = Files.contents(of: descriptor, limit: 1 << 18) ?? []
    let name = source.description
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2, parts[1] == name { return String(parts[0]) }
    }
    return nil
  }

  /// Pins an image, and gives what it is pinned to: another process may have been first.
  func keep(_ pin: String, for source: ImageSource) -> String {
    mkdir(directory, 0o700)
    removeOld()
    let descriptor = open(
      file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return pin }
    let line = Array("\(pin) \(source)\n".utf8)
    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    return self.pin(of: source) ?? pin
  }

  /// Removes the files of jobs of long ago.
  private func removeOld() {
    let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    defer { close(folder) }
    let limit = time(nil) - 60 * 86_400
    for name in Files.names(in: folder) ?? [] {
      var status = stat()
      if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
        status.st_mode & S_IFMT == S_IFREG, status.st_mtim.tv_sec < limit
      {
        unlinkat(folder, name, 0)
      }
    }
  }
}
