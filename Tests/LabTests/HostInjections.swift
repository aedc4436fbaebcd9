import Foundation
import TestSupport
import Testing

extension LabTests {
  /// The site's MPI under the stack: applied as an administrator does, seen by jobs, taken away.
  @Suite(.serialized, .enabled(if: Lab.isRoot, Lab.needsRoot))
  struct HostInjections {
    var lab: Lab { Lab.current }

    static let software = "/cvmfs/software.eessi.io/versions/2023.06/software/linux"
    static let ring = "software/Ring/1.0-gompi-2023b/bin/ring"
    static let injected = "/cvmfs/software.eessi.io/host_injections/2023.06/software/linux"
    static let jobs = "srun -N2 --ntasks-per-node=2 --mpi=pmix --eessi=2023.06 --eessi-verbose"
    static let runRing = "sh -c 'exec $EESSI_SOFTWARE_PATH/\(ring) --library'"

    private func inject(_ words: String...) throws -> ToolResult {
      // As the administrator of a node, on which the repository is mounted.
      try run(
        ["\(Package.root)/lab/cluster", "node", "--name", lab.name, "n2", "--"]
          + ["\(Lab.products)/slipway", "inject"] + words + ["--eessi", "2023.06"], seconds: 120)
    }

    /// What ring's ranks said of the MPI that they ran with: `node path`.
    private func libraries(_ result: ToolResult) -> Set<String> {
      Set(result.lines.filter { $0.contains(", Open MPI v") })
    }

    @Test func siteMPIUnderEveryTarget() throws {
      let openMPI = try lab.mpi("openmpi-4.1.8")
      defer { _ = try? inject("remove") }

      let plan = try inject("plan", "mpi", "--with", openMPI, "--all-targets", "--json")
      #expect(plan.status == 0, "\(plan.stderr)")
      #expect(plan.stdout.contains(#""dryRun" : true"#))
      #expect(try inject("status").stdout.contains("nothing is injected"))

      let own = try lab.shell("\(Self.jobs) \(Self.runRing)")
      #expect(own.status == 0, "\(own.stderr)")
      #expect(libraries(own).count == 4)
      #expect(libraries(own).allSatisfy { $0.contains("v4.1.4, \(Self.software)/x86_64/intel/") })

      let applied = try inject("apply", "mpi", "--with", openMPI, "--all-targets")
      #expect(applied.status == 0, "\(applied.stderr)")
      #expect(applied.stdout.contains("OK          Open MPI 4.1.8 for x86_64/amd/zen2: 1 OK"))

      // Over two nodes of different kinds, each with the override directory of its own target.
      let job = try lab.shell("\(Self.jobs) \(Self.runRing)")
      #expect(job.status == 0, "\(job.stderr)")
      #expect(job.stdout.contains("4 ranks on 2 hosts"))
      #expect(job.stdout.contains("data correct"))
      #expect(libraries(job).count == 4)
      for node in ["n1", "n2"] {
        let path =
          "\(Self.injected)/\(Lab.nodes[node]!)/rpath_overrides/OpenMPI/system/lib/libmpi.so.40"
        #expect(job.stdout.components(separatedBy: "Open MPI v4.1.8, \(path)\n").count == 3)
        #expect(job.stderr.contains("\(node): \(Lab.nodes[node]!)"))
      }
      #expect(job.stderr.components(separatedBy: "the site's Open MPI 4.1.8").count == 3)
      #expect(!job.stderr.contains("warning"))
      // The same by the dynamic linker itself, and by slipway's simulation of it.
      let ring = "\(Self.software)/\(Lab.nodes["n2"]!)/\(Self.ring)"
      let path =
        "\(Self.injected)/\(Lab.nodes["n2"]!)/rpath_overrides/OpenMPI/system/lib/libmpi.so.40"
      let listed = try lab.onNode(
        "n2", "/cvmfs/compat/lib64/ld-linux-x86-64.so.2", "--list", ring)
      #expect(listed.stdout.contains("libmpi.so.40 => \(path) "))
      let explained = try lab.onNode(
        "n2", "\(Lab.products)/slipway", "inject", "explain", ring, "--world", "stack", "--eessi",
        "2023.06")
      #expect(explained.stdout.contains(path), "\(explained.stderr)")
      #expect(explained.status == 0)

      // The files behind the verdict become others.
      let status = try inject("status")
      #expect(status.status == 0, "\(status.stdout)")
      _ = try run(["cp", "\(openMPI)/lib/libopen-pal.so.40", "\(openMPI)/lib/libmpi.so.40"])
      let drift = try inject("status")
      #expect(drift.status == 1)
      #expect(drift.stdout.contains("slipway inject apply mpi"), "\(drift.stdout)")
      let warned = try lab.shell("srun -N1 -w n2 --eessi=2023.06 true")
      #expect(warned.status == 0)
      #expect(warned.stderr.contains("libmpi.so.40"), "\(warned.stderr)")
      #expect(warned.stderr.contains("slipway inject status"))

      let removed = try inject("remove", "mpi")
      #expect(removed.status == 0, "\(removed.stderr)")
      let after = try lab.shell("\(Self.jobs) \(Self.runRing)")
      #expect(libraries(after) == libraries(own))
      try lab.waitUntilIdle()
    }

    @Test func whatWouldNotWorkIsRefused() throws {
      // Another family: no program of the stack would load it.
      let mpich = try lab.mpi("mpich-3.4.3")
      let family = try inject("apply", "mpi", "--with", mpich)
      #expect(family.status == 69, "\(family.stdout)")
      #expect(family.stderr.contains("remedy"))
      // The distribution's directory holds everything of the machine.
      let machine = try inject("apply", "mpi", "--with", "/usr/lib/x86_64-linux-gnu")
      #expect(machine.status == 65)
      // The stack's dynamic linker does not search the machine for what it needs.
      let openMPI = try lab.mpi("openmpi-5.0.11")
      try FileManager.default.removeItem(atPath: "\(openMPI)/lib/openmpi/libpmix.so.2")
      let broken = try inject("apply", "mpi", "--with", openMPI)
      #expect(broken.status == 69, "\(broken.stdout)")
      #expect(broken.stderr.contains("libpmix.so.2"))
      #expect(try inject("status").stdout.contains("nothing is injected"))
    }

    @Test func jobsOfANodeThatCannotReadTheManifest() throws {
      let directory = "\(lab.directory)/injections/.slipway"
      try FileManager.default.createDirectory(
        atPath: "\(directory)/current", withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: directory) }
      for hostile in [
        "", "schema = 99\n", "[[injection]]\n", "\u{0}\u{1}",
        String(repeating: "[", count: 100_000),
      ] {
        try hostile.write(
          toFile: "\(directory)/current/manifest.toml", atomically: true, encoding: .utf8)
        let result = try lab("srun", "-N1", "-w", "n2", "--eessi=2023.06", "true")
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.stderr.contains("warning: what the site injected is not known"))
      }
      try lab.waitUntilIdle()
    }
  }
}
