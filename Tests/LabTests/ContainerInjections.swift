import Foundation
import TestSupport
import Testing

extension LabTests {
  /// The site's MPI in containers: loaded where programs work with it, told where they do not.
  ///
  /// Which library a rank has loaded, ring says by dladdr(3).
  @Suite(
    .serialized, .enabled(if: Lab.isRoot, Lab.needsRoot),
    .needsContainers,
    .needs("mpicc.openmpi"))
  struct ContainerInjections {
    var lab: Lab { Lab.current }

    private func image() throws -> String { "\(try LabImage.build())/lab.squashfs" }

    /// Lets the site name MPIs.
    @discardableResult
    private func configure(_ places: String...) throws -> String {
      let list = places.map { "\"\($0)\"" }.joined(separator: ", ")
      return try lab.configure("[container]\nmpi = [\(list)]\n")
    }

    /// The libraries that ring's ranks said they run with.
    private func libraries(_ result: ToolResult) -> [String] {
      result.lines.filter { $0.contains(", Open MPI v") }
        .compactMap { $0.split(separator: ",", maxSplits: 1).last }
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test func `ranks in a container run with the node's MPI`() throws {
      let place = try lab.mpi("openmpi-4.1.8")
      try configure(place)
      defer { try? lab.setPluginWords("") }
      let step = "srun -N2 --ntasks-per-node=2 --mpi=pmix --eessi-image=\(try image())"

      let job = try lab.shell("\(step) --eessi-inject=mpi ring --library", seconds: 100)
      #expect(job.status == 0, "\(job.stderr)")
      #expect(
        libraries(job) == Array(repeating: "Open MPI v4.1.8, \(place)/lib/libmpi.so.40", count: 4),
        "\(job.stdout)")
      #expect(job.stdout.contains("of 4, host n1") && job.stdout.contains("of 4, host n2"))
      #expect(!job.stderr.contains("warning") && !job.stderr.contains("CMA"), "\(job.stderr)")

      // As the site's choice, and with a mount of the user's over the directory that it is in.
      let covered = try lab.shell(
        "mkdir -p $HOME/empty; \(step) --eessi=off --eessi-verbose --eessi-bind=$HOME/empty:\(lab.directory)/site "
          + "ring --library; find $HOME/empty -type f; rm -r $HOME/empty", seconds: 100)
      #expect(libraries(covered) == libraries(job), "\(covered)")
      #expect(
        covered.stderr.contains("mpi of the node: Open MPI 4.1.8 in \(place) for"),
        "\(covered.stderr)")

      let off = try lab.shell("\(step) --eessi-inject=off ring --library", seconds: 100)
      #expect(off.status == 0, "\(off.stderr)")
      #expect(libraries(off).count == 4)
      #expect(libraries(off).allSatisfy { !$0.contains(place) }, "\(off.stdout)")
      try lab.waitUntilIdle()
    }

    @Test func `the shipped profiles work with the node's MPI and with the image's`() throws {
      let place = try lab.mpi("openmpi-4.1.8")
      defer { try? lab.setPluginWords("") }
      let step =
        "srun -N2 -n2 --mpi=pmix --eessi-image=\(try image()) --eessi-profile=openmpi ring --library"
      _ = try lab.shell(
        "mkdir -p $HOME/.config/slipway && cp -r \(Package.root)/etc/profiles.d $HOME/.config/slipway"
      )
      try configure(place)
      let injected = try lab.shell(step, seconds: 100)
      #expect(injected.status == 0, "\(injected.stderr)")
      #expect(libraries(injected).count == 2)
      #expect(libraries(injected).allSatisfy { $0.contains(place) }, "\(injected.stdout)")
      // A profile asks for what there is: where nothing fits, the image's own runs.
      try configure(try lab.mpi("mpich-4.3.2"))
      let own = try lab.shell(step, seconds: 100)
      _ = try lab.shell("rm -r $HOME/.config/slipway")
      #expect(own.status == 0 && own.stderr.isEmpty, "\(own.stderr)")
      #expect(libraries(own).count == 2 && !own.stdout.contains("\(lab.directory)/site"))
      #expect(own.stdout.contains("of 2, host n2"))
    }

    @Test func `what a program does not work with is told, and is not injected`() throws {
      let place = try lab.mpi("mpich-4.3.2")
      try configure(place)
      defer { try? lab.setPluginWords("") }
      let step = "srun -N1 -n2 --mpi=pmix --eessi-image=\(try image())"

      let named = try lab.shell("\(step) --eessi-inject=mpi ring --library", seconds: 100)
      #expect(named.status == 76, "\(named)")
      #expect(named.stderr.contains("built for Open MPI, and MPICH 4.3.2 is another ABI"))
      #expect(named.stderr.contains("remedy: inject an MPI of the family Open MPI"))
      #expect(libraries(named).isEmpty)

      let own = try lab.shell("\(step) --eessi=off --eessi-verbose ring --library", seconds: 100)
      #expect(own.status == 0, "\(own.stderr)")
      #expect(libraries(own).count == 2 && !own.stdout.contains(place))
      #expect(own.stderr.contains("no mpi of the node: NOT-APPLIED of MPICH 4.3.2"))
      let silent = try lab.shell("\(step) ring --library", seconds: 100)
      #expect(!silent.stderr.contains("mpi of the node"), "\(silent.stderr)")

      let script = try lab.shell("\(step) --eessi-inject=mpi sh -c 'exec ring --library'")
      #expect(script.status == 0, "\(script.stderr)")
      #expect(script.stderr.contains("sh uses no MPI"), "\(script.stderr)")
      #expect(libraries(script).count == 2)
    }

    @Test func `an MPI that does not speak with the launcher is refused`() throws {
      let place = try lab.mpi("openmpi-4.1.8")
      try configure(place)
      defer { try? lab.setPluginWords("") }
      let result = try lab.shell(
        "srun -N1 -n2 --mpi=pmi2 --eessi-image=\(try image()) --eessi-inject=mpi ring")
      #expect(result.status == 76, "\(result)")
      #expect(result.stderr.contains("Open MPI 4.1.8 speaks PMIx"), "\(result.stderr)")
    }

    @Test(arguments: ["rdma", "off,mpi", "mpi,"])
    func `another word is refused with those that there are`(_ word: String) throws {
      let result = try lab.shell(
        "srun -N1 --eessi-image=\(try image()) --eessi-inject=\(word) true")
      #expect(result.status != 0, "\(result)")
      #expect(
        result.stderr.contains("mpi, cuda") || result.stderr.contains("mpi,cuda"),
        "\(result.stderr)")
    }

    @Test func `a driver that is asked for and not there is an error`() throws {
      let result = try lab.shell(
        "srun -N1 --eessi-image=\(try image()) --eessi-inject=cuda true")
      guard !FileManager.default.fileExists(atPath: "/proc/driver/nvidia/version") else { return }
      #expect(result.status == 69, "\(result)")
      #expect(result.stderr.contains("no driver of NVIDIA's runs on this node"))
      let auto = try lab.shell("srun -N1 --eessi-image=\(try image()) --eessi-inject=auto true")
      #expect(auto.status == 0 && auto.stderr.isEmpty, "\(auto.stderr)")
    }

    @Test func `slipway run injects and explains the same`() throws {
      let place = try lab.mpi("openmpi-5.0.11")
      defer { try? lab.setPluginWords("") }
      let words =
        "\(Lab.products)/slipway run --config \(try configure(place)) --image \(try image())"
      let result = try lab.shell("\(words) --inject mpi -- ring --library")
      #expect(result.status == 0, "\(result.stderr)")
      #expect(libraries(result) == ["Open MPI v5.0.11, \(place)/lib/libmpi.so.40"])
      let explained = try lab.shell("\(words) --explain -- ring")
      #expect(
        explained.stdout.contains(
          "inject    mpi: Open MPI 5.0.11 in \(place) for /usr/bin/ring: OK"),
        "\(explained)")
      #expect(!explained.stdout.contains("of 1, host"))
      // Files that stand where the MPI would are not covered, and get no verdict for it.
      let yielded = try lab.shell(
        "mkdir -p $HOME/other/openmpi-5.0.11; echo own >$HOME/other/openmpi-5.0.11/file; "
          + "\(words) --bind $HOME/other:\(lab.directory)/site --explain -- ring; "
          + "\(words) --bind $HOME/other:\(lab.directory)/site -- cat \(place)/file; "
          + "rm -r $HOME/other")
      #expect(
        yielded.stdout.contains("not       mpi: Open MPI 5.0.11: the image has files of its own"))
      #expect(yielded.lines.last == "own", "\(yielded)")
      let refused = try lab.shell("\(words) --inject mpi -- ring-mpich")
      #expect(refused.status == 76, "\(refused)")
      #expect(refused.stderr.contains("built for MPICH, and Open MPI 5.0.11 is another ABI"))
      let usage = try lab.shell("\(words) --inject rdma -- true")
      #expect(usage.status == 64 && usage.stderr.contains("off, auto, or some of mpi, cuda"))
    }
  }
}

extension GPUJobs {
  /// Runs with libraries that gcc makes and that are called as the driver's are.
  @Test(
    .needsContainers,
    .needs("gcc"))
  func `a step in a container has the driver of its GPUs`() throws {
    let image = "\(try LabImage.build())/lab.squashfs"
    try lab.onNode(
      "n1", "sh", "-euc",
      """
      [ ! -e "$1/fake/nvidia" ] || exit 0
      mkdir "$1/fake/nvidia"; cd "$1/fake/nvidia"
      for name in libcuda.so.1 libnvidia-ml.so.1 libnvidia-ptxjitcompiler.so.1 libnvidia-nvvm.so.4; do
        echo 'int cuInit(void) { return 0; }' |
          gcc -shared -nostdlib -Wl,-soname,$name -o "${name%.so*}.so.535.261.03" -x c -
      done
      chmod 755 .
      """, "sh", lab.directory)
    // The plugin's helper reads NVIDIA_CTK_LIBCUDA_DIR of the job, as NVIDIA's tools do.
    let step =
      "NVIDIA_CTK_LIBCUDA_DIR=\(lab.directory)/fake/nvidia srun -w n1 -N1 -n1 --eessi-image=\(image)"
    let look =
      "sh -c 'echo $LD_LIBRARY_PATH; ls /.slipway/cuda; echo x >/.slipway/cuda/libcuda.so.1 && echo bad'"
    let given = try lab.shell("\(step) --gres=gpu:a100:1 \(look)")
    #expect(given.lines.first == "/.slipway/cuda", "\(given)")
    #expect(
      given.lines.dropFirst() == [
        "libcuda.so", "libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-nvvm.so.4",
        "libnvidia-ptxjitcompiler.so.1",
      ])
    for words in ["", "--gres=gpu:a100:1 --eessi-inject=off"] {
      let none = try lab.shell("\(step) \(words) sh -c 'echo [$LD_LIBRARY_PATH]; ls -d /.slipway'")
      #expect(none.lines == ["[]"], "\(none)")
    }
    let named = try lab.shell("\(step) --eessi-inject=cuda sh -c 'echo $LD_LIBRARY_PATH'")
    #expect(named.stdout == "/.slipway/cuda\n", "\(named)")
  }
}
