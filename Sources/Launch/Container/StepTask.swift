package import Environment
import Files
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
    var best: (step: Int, rank: Int, process: Int32, environment: Environment)?
    for name in Files.names(at: "/proc") ?? [] {
      guard let process = Int32(name), process != getpid(), process != getppid() else { continue }
      var status = stat()
      guard stat("/proc/\(name)", &status) == 0, status.st_uid == getuid(),
        let bytes = Files.contents(at: "/proc/\(name)/environ", limit: 1 << 24), !bytes.isEmpty
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
        directory: Files.link("/proc/\(best.process)/cwd") ?? "/",
        hasNamespaces: Files.link("/proc/\(best.process)/ns/mnt") != Files.link("/proc/self/ns/mnt")
      )
    }
  }
}
