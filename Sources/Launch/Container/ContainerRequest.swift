package import Environment
import Glibc
package import Host
import Sandbox

/// What a user asks of a container.
package struct ContainerRequest: Equatable, Sendable {
  package var binds: [BindMount] = []
  package var variables: [ContainerVariable] = []
  /// Where the command starts; nil is the job's directory.
  package var workingDirectory: String?
  package var hidesHome = false
  /// Whether the image's entry point runs the command.
  package var usesEntrypoint = false
  package var isWritable = false
  /// Names of profiles, the user's own choice.
  package var profiles: [String] = []
  /// What of the node goes in; nil leaves it to profiles and to what the job was given.
  package var injections: InjectionChoice?

  package init() {}
}

/// Who starts a container where.
package struct ContainerUser: Equatable, Sendable {
  package var uid: UInt32
  package var gid: UInt32
  package var directory: String
  package var environment: Environment
  /// Where slurmd keeps the files of a step, PMIx's among them; nil outside a job.
  package var spool: String?
  /// Where Slurm keeps temporary files of this node; nil outside a job.
  package var slurmTemporary: String?

  package init(
    uid: UInt32, gid: UInt32, directory: String, environment: Environment, spool: String? = nil,
    slurmTemporary: String? = nil
  ) {
    self.slurmTemporary = slurmTemporary
    self.uid = uid
    self.gid = gid
    self.directory = directory
    self.environment = environment
    self.spool = spool
  }

  /// A user whose environment tells of a job of this machine.
  package init(
    uid: UInt32, gid: UInt32, directory: String, environment: Environment, spool: String?,
    on machine: MachineRoot
  ) {
    self.init(
      uid: uid, gid: gid, directory: directory, environment: environment, spool: spool)
    // SLURMD_NODENAME is set for tasks only, the address in the topology before them, too.
    let node =
      environment.nonEmpty("SLURMD_NODENAME")
      ?? environment.nonEmpty("SLURM_TOPOLOGY_ADDR")?.split(separator: ".").last.map(String.init)
    guard environment.nonEmpty("SLURM_JOB_ID") != nil, let node else { return }
    slurmTemporary = SlurmConfiguration.temporaryDirectory(
      on: machine, file: environment.nonEmpty("SLURM_CONF"), node: node)
  }

  /// The user's name as the environment has it; LDAP and the like are not asked.
  var name: String {
    let name = environment.nonEmpty("USER") ?? environment.nonEmpty("LOGNAME") ?? ""
    let isName =
      name.utf8.count <= 256
      && name.utf8.allSatisfy {
        (97...122).contains($0 | 0x20) || (48...57).contains($0) || "._-@+".utf8.contains($0)
      }
    return isName && !name.isEmpty ? name : "user\(uid)"
  }

  /// What is started, in words.
  var job: String {
    guard let job = environment.nonEmpty("SLURM_JOB_ID") else { return "user \(uid)" }
    return "job \(job) on "
      + (environment.nonEmpty("SLURMD_NODENAME") ?? environment.nonEmpty("SLURM_TOPOLOGY_ADDR")
        ?? "a node")
  }

  /// When it will have ended, in seconds since 1970: with the job, or by tomorrow where that is unknown.
  var end: Int {
    let now = time(nil)
    guard let end = environment.nonEmpty("SLURM_JOB_END_TIME").flatMap({ Int($0) }), end > now
    else {
      return now + 86_400
    }
    return min(end, now + 366 * 86_400)
  }

  var home: String? {
    environment.nonEmpty("HOME").flatMap { home in
      home.hasPrefix("/") && home != "/" && !home.utf8.contains(10) && !home.contains(":")
        ? home : nil
    }
  }

  /// Lines for passwd(5) and group(5), before those that an image has: getpwuid(3) takes the first.
  var accounts: [SandboxPlan.PlacedFile] {
    [
      .init(
        "/etc/passwd", contents: Array("\(name):x:\(uid):\(gid)::\(home ?? "/"):/bin/sh\n".utf8),
        precedes: true),
      .init("/etc/group", contents: Array("\(name):x:\(gid):\n".utf8), precedes: true),
    ]
  }
}
