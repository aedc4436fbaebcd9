package import Environment
import Glibc

/// A process of a step that runs on this machine, of this user's.
package struct StepTask {
  package var process: Int32
  package var environment: Environment
  package var directory: String
  /// Whether it has files of its own, other than this process's.
  package var hasNamespaces: Bool

  /// The first task of a step, or of the latest step of a job where none is named.
  ///
  /// Found by what Slurm sets for tasks; batch scripts have no number of a step that users know.
  package static func find(job: Int, step: Int?) -> StepTask? {
    guard let handle = opendir("/proc") else { return nil }
    defer { closedir(handle) }
    var best: (step: Int, rank: Int, process: Int32, environment: Environment)?
    while let entry = readdir(handle) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let process = Int32(name), process != getpid(), process != getppid() else { continue }
      var status = stat()
      guard stat("/proc/\(name)", &status) == 0, status.st_uid == getuid(),
        let bytes = contents("/proc/\(name)/environ"), !bytes.isEmpty
      else { continue }
      let environment = Environment(entries: bytes.split(separator: 0))
      guard environment["SLURM_JOB_ID"].flatMap({ Int($0) }) == job,
        environment["SLIPWAY_EXEC"] == nil,
        let number = environment["SLURM_STEP_ID"].flatMap({ Int($0) }),
        let rank = environment["SLURM_LOCALID"].flatMap({ Int($0) }), step == nil || step == number
      else { continue }
      let isBetter =
        best.map { best in
          number != best.step
            ? number > best.step : rank != best.rank ? rank < best.rank : process < best.process
        } ?? true
      if isBetter { best = (number, rank, process, environment) }
    }
    return best.map { best in
      StepTask(
        process: best.process, environment: best.environment,
        directory: link("/proc/\(best.process)/cwd") ?? "/",
        hasNamespaces: link("/proc/\(best.process)/ns/mnt") != link("/proc/self/ns/mnt"))
    }
  }

  private static func contents(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < 1 << 24 {
      let count = read(file, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  private static func link(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &buffer, buffer.count - 1)
    return count < 0
      ? nil : String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
