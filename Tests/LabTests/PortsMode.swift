import Foundation
import TestSupport
import Testing

/// A cluster without namespaces, as anybody can start it.
///
/// All nodes are this machine, which has no `/cvmfs`. Interactive steps are on, so `salloc` gives a shell on the node.
@Suite(
  .serialized, .tags(.large),
  .portsLab(configuration: "LaunchParameters=use_interactive_step\n"))
struct PortsModeLabTests {
  var lab: Lab { Lab.current }

  init() throws {
    try lab.configure(
      "[stack]\ncvmfs = \"\(lab.directory)/../stack/cvmfs\"\nversion = \"2023.06\"\n")
  }

  @Test func everyNodeGetsTheStackFromWhereTheSiteKeepsIt() throws {
    let result = try lab(
      "srun", "-N4", "--eessi", "sh", "-c", "echo $SLURMD_NODENAME $EESSI_VERSION")
    #expect(result.lines.sorted() == (1...4).map { "n\($0) 2023.06" }, "\(result.stderr)")
    #expect(result.status == 0)
  }

  @Test func theChoiceIsThatOfThisMachine() throws {
    let slipway = try #require(Package.executable("slipway"))
    let suitable = try run([slipway, "detect", "--format", "eessi-path"]).lines[0].split(
      separator: ":")
    let result = try lab("srun", "-N1", "--eessi", "sh", "-c", "echo $EESSI_SOFTWARE_SUBDIR")
    #expect(suitable.contains(Substring(result.lines[0])), "\(result.stderr)")
  }

  @Test func anInteractiveAllocationHasItsShellOnTheNodeInTheStack() throws {
    let result = try lab.shell(
      "echo 'echo in $EESSI_VERSION $EESSI_CPU_FAMILY; srun sh -c \"echo step \\$EESSI_VERSION\"; exit' "
        + "| script -qc 'salloc -Q -N2 --eessi' /dev/null | tr -d '\\r'")
    let machine = try run(["uname", "-m"]).lines[0]
    #expect(result.lines.contains { $0.hasSuffix("in 2023.06 \(machine)") }, "\(result.stdout)")
    #expect(result.lines.count { $0.hasSuffix("step 2023.06") } == 2, "\(result.stdout)")
  }

  @Test func anErrorFailsTheJobAndNoNode() throws {
    #expect(try lab("srun", "-N2", "--eessi=1999.01", "true").status == 69)
    try lab.waitUntilIdle()
  }
}
