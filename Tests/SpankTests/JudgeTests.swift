import CSpank
import Glibc
import TestSupport
import Testing

/// What the two ranks of --eessi-probe say, and what is made of it.
@Suite(.tags(.small))
struct JudgeTests {
  /// How a probe of `./ring` in a step of four tasks went.
  struct Probe: CustomTestStringConvertible, Sendable {
    var name: String
    /// What the ranks said, without what each line begins with.
    var lines: [String]
    var mpi = "pmix"
    var isLate = false
    /// As wait(2) tells it: an exit code times 256, or a signal.
    var status: Int32 = 0
    var code: Int32
    /// What the message holds.
    var words: [String]
    var testDescription: String { name }
  }

  private static let openMPI = Array(repeating: "begin OpenMPI /sw/lib/libmpi.so.40.30.6", count: 2)
  private static let mpich = Array(repeating: "begin MPICH /sw/lib/libmpi.so.12.2.2", count: 2)
  private static func worlds(_ size: Int, _ version: String) -> [String] {
    Array(repeating: "world \(size) \(version)", count: 2)
  }
  private static let data = ["data", "data"]
  /// One after the other; a chain of + takes the compiler minutes.
  private static func said(_ parts: [String]...) -> [String] { parts.flatMap(\.self) }

  static let probes: [Probe] = [
    Probe(
      name: "two ranks that find each other",
      lines: said(openMPI, worlds(2, "Open MPI v4.1.6, package: x"), data, ["end", "end"]), code: 0,
      words: ["found each other by --mpi=pmix", "(Open MPI v4.1.6, /sw/lib/libmpi.so.40.30.6)"]),
    Probe(
      name: "worlds of one",
      lines: said(mpich, worlds(1, "MPICH Version:\t4.0.2"), ["end", "end"]),
      code: 76,
      words: [
        "each in a world of 1 (MPICH Version: 4.0.2, /sw/lib/libmpi.so.12.2.2)",
        "the step's 4 tasks would run as 4 programs of one rank", "remedy: srun --mpi=pmi2 ",
      ]),
    Probe(
      name: "one rank of two in a world of one",
      lines: said(mpich, ["world 2 MPICH", "world 1 MPICH"]),
      code: 76, words: ["each in a world of 1"]),
    Probe(
      name: "a world of other tasks", lines: said(mpich, worlds(4, "MPICH")), code: 76,
      words: ["a world of 4", "would not be one program"]),
    Probe(
      name: "MPICH that was built for PMIx, under pmi2", lines: said(mpich, worlds(1, "MPICH")),
      mpi: "pmi2", code: 76, words: ["remedy: srun --mpi=pmix "]),
    Probe(
      name: "an abort in MPI_Init", lines: openMPI, mpi: "none", status: 1 << 8, code: 76,
      words: [
        "two ranks of ring ended in MPI_Init (Open MPI, /sw/lib", "--mpi=none",
        "remedy: srun --mpi=pmix ",
      ]),
    Probe(
      name: "an abort under the right kind", lines: openMPI, mpi: "pmix_v4", status: 1 << 8,
      code: 76, words: ["in MPI_Init", "remedy: slipway inject check ./ring"]),
    Probe(
      name: "a crash", lines: said(openMPI, worlds(2, "Open MPI v5.0.7")), status: 11, code: 76,
      words: ["ended in a message of 4 MiB (Open MPI v5.0.7,"]),
    Probe(
      name: "a missing library", lines: [], status: 127 << 8, code: 76,
      words: ["ended with code 127 before main", "remedy: slipway inject check ./ring"]),
    Probe(
      name: "a crash before main", lines: [], status: 11, code: 76,
      words: ["ended with code 139 before main"]),
    Probe(
      name: "a program that never comes out of MPI_Init", lines: openMPI, isLate: true, code: 76,
      words: ["did not get on within 20 s in MPI_Init"]),
    Probe(
      name: "a large message that never arrives",
      lines: said(openMPI, worlds(2, "Open MPI v4.1.6"), ["data"]), isLate: true, code: 76,
      words: ["did not get on within 20 s in a message of 4 MiB"]),
    Probe(
      name: "MPI_Finalize that never returns",
      lines: said(mpich, worlds(2, "MPICH"), data, ["end"]),
      isLate: true, code: 76, words: ["within 20 s in MPI_Finalize"]),
    Probe(
      name: "other bytes than were sent",
      lines: said(mpich, worlds(2, "MPICH"), ["data", "wrong"]),
      code: 76, words: ["received other bytes"]),
    Probe(
      name: "a start that takes too long", lines: [], isLate: true, code: 75,
      words: ["did not start in time", "remedy: try again"]),
    Probe(
      name: "an srun that gets no step", lines: [], status: 1 << 8, code: 75,
      words: ["could not be started"]),
    Probe(
      name: "a program without MPI", lines: ["none", "none"], code: 0,
      words: ["not probed: ring has no MPI_Init"]),
    Probe(
      name: "a node without the library", lines: ["broken /lib/slipway-probe.so"], code: 70,
      words: ["/lib/slipway-probe.so cannot be used on a node", "leave --eessi-probe out"]),
    Probe(
      name: "a program that cannot be probed", lines: ["refused ring is a script"], code: 0,
      words: ["not probed: ring is a script"]),
  ]

  private func judge(_ probe: Probe) -> (code: Int32, message: String) {
    var said = slipway_probe()
    slipway_probe_take(&said, "a line of the program's own")
    for line in probe.lines { slipway_probe_take(&said, "@slipway-probe \(line)") }
    var message = [CChar](repeating: 1, count: 1024)
    let code = "./ring".withCString { program in
      probe.mpi.withCString { mpi in
        var step = slipway_probed_step(
          program: program, tasks: 4, mpi: mpi, is_late: probe.isLate, seconds: 20,
          status: probe.status)
        return slipway_probe_judge(&said, &step, &message, message.count)
      }
    }
    return (code, String(decoding: message.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
  }

  @Test(arguments: probes) func everyEndHasItsCodeAndWords(_ probe: Probe) {
    let (code, message) = judge(probe)
    #expect(code == probe.code, "\(message)")
    for words in probe.words { #expect(message.contains(words), "\(message)") }
    #expect((code == 0) == !message.contains("remedy: "), "\(message)")
  }

  @Test func hostileLinesNeitherTrapNorFillTheTerminal() {
    var random = SeededGenerator(seed: 7)
    let words = [
      "begin", "world", "refused", "data", "end", "none", "wrong", " ", "-9", "\u{1b}[2J",
    ]
    for _ in 0..<2000 {
      var said = slipway_probe()
      for _ in 0..<Int.random(in: 0..<6, using: &random) {
        let line = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
          words.randomElement(using: &random)!
            + String(repeating: "x", count: [0, 1, 2000].randomElement(using: &random)!)
        }
        slipway_probe_take(&said, "@slipway-probe " + line.joined(separator: " "))
      }
      var message = [CChar](repeating: 1, count: 1024)
      "p\u{7}".withCString { program in
        var step = slipway_probed_step(
          program: program, tasks: 2, mpi: program, is_late: Bool.random(using: &random),
          seconds: 1, status: Int32.random(in: 0..<65536, using: &random))
        _ = slipway_probe_judge(&said, &step, &message, message.count)
      }
      let text = message.prefix { $0 != 0 }
      #expect(text.count < message.count && text.allSatisfy { $0 >= 0x20 })
    }
  }

  /// Command lines of srun up to the program, and the value of --export or --chdir in it.
  @Test(arguments: [
    ("srun -n2", nil, nil),
    ("srun --export=NONE -n2", "NONE", nil),
    ("srun --export A=1,B", "A=1,B", nil),
    ("srun --exp=ALL --expo=NIL", "NIL", nil),
    ("srun --export-file=x --exclude=n1 --ex=1", nil, nil),
    ("srun -D /tmp --export=", "", "/tmp"),
    ("srun -D/tmp --chdir=/var", nil, "/var"),
    ("srun --chdir", nil, nil),
  ])
  func optionsAreFoundInACommandLine(_ line: String, _ export: String?, _ directory: String?) {
    let words = line.split(separator: " ").map { UnsafePointer(strdup(String($0))) }
    defer { for word in words { free(UnsafeMutablePointer(mutating: word)) } }
    func value(_ name: String, _ letter: String) -> String? {
      slipway_option_value(words, words.count, name, CChar(letter.utf8.first ?? 0)).map {
        String(cString: $0)
      }
    }
    #expect(value("export", "") == export)
    #expect(value("chdir", "D") == directory)
  }
}
