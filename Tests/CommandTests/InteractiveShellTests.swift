import Foundation
import TestSupport
import Testing

/// `slipway shell` on a terminal, as a person sees it.
@Suite(.tags(.large))
struct InteractiveShellTests {
  /// Types lines into a program on a terminal of its own, each when a text has been seen.
  private static let typist = #"""
    import os, pty, re, select, sys, time
    steps = [step.split("\t") for step in sys.stdin.read().splitlines()]
    child, terminal = pty.fork()
    if child == 0: os.execvp(sys.argv[1], sys.argv[1:])
    seen = b""
    def read(seconds):
        global seen
        if not select.select([terminal], [], [], seconds)[0]: return True
        try: data = os.read(terminal, 65536)
        except OSError: return False
        seen += data
        return bool(data)
    for text, line in steps:
        start, end = len(seen), time.time() + 20
        while time.time() < end and not re.search(text.encode(), seen[start:]):
            if not read(0.2): break
        while select.select([terminal], [], [], 0.3)[0] and read(0): pass
        os.write(terminal, line.encode() + b"\r")
    end = time.time() + 20
    while time.time() < end and read(0.5): pass
    sys.stdout.buffer.write(seen)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """#

  @Test(
    .needs("python3"),
    arguments: ScriptShell.all.filter { !$0.isCsh })
  func `a shell reads its user's files, has a mark and modules, and gives its code`(
    shell: ScriptShell
  ) throws {
    guard ShellSessionTests.isInstalled(shell.program) else { return }
    try ShellSessionTests.withStack { slipway, configuration, directory in
      let home = "mein heim/grüße"
      let posix = "PS1='mine> '; MINE=read\n"
      try directory.write("\(home)/.bashrc", "PROMPT_COMMAND='PS1=\"mine> \";'; MINE=read\n")
      try directory.write("\(home)/.zshenv", "ZENV=also\n")
      try directory.write("\(home)/.zshrc", posix)
      for name in [".kshrc", ".mkshrc", ".shrc"] { try directory.write("\(home)/\(name)", posix) }
      try directory.write(
        "\(home)/.config/fish/config.fish",
        "set MINE read\nfunction fish_prompt; echo -n 'mine> '; end\nset fish_greeting\n")
      var environment = [
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory(home), "TERM": "dumb",
        "LC_ALL": "C.UTF-8", "TMPDIR": try directory.makeDirectory("tmp"),
      ]
      if ["sh", "dash"].contains(shell.name) { environment["ENV"] = "$HOME/.shrc" }
      // Broken in two: what is typed is seen too.
      let load = ShellSessionTests.hasLmod ? "module load GCC; echo root''$EBROOTGCC" : "echo"
      let off = shell.evaluate("\(slipway) deinit \(shell.name)")
      let prompt = "\\{EESSI/2023\\.06\\} mine> "
      let steps = [
        (prompt, "echo mine''$MINE version''$EESSI_VERSION"), (prompt, load),
        (prompt, off), ("(?<!\\} )mine> ", "exit 7"),
      ].map { "\($0)\t\($1)" }.joined(separator: "\n")
      let result = try run(
        [
          "python3", "-c", Self.typist, slipway, "shell", "--eessi", "2023.06", "--config",
          configuration, shell.program,
        ], environment: environment, input: Array(steps.utf8), directory: directory.path,
        seconds: 110)
      #expect(result.status == 7, "\(result.stdout)\(result.stderr)")
      #expect(result.stdout.contains("mineread version2023.06"), "\(result.stdout)")
      if ShellSessionTests.hasLmod {
        #expect(result.stdout.contains("root/gcc 2023.06"), "\(result.stdout)")
      }
      #expect(!result.stdout.contains("} {EESSI/"), "\(result.stdout)")
      // fish keeps a directory of its own there.
      let left = try FileManager.default.contentsOfDirectory(atPath: directory("tmp"))
      #expect(left.allSatisfy { $0.hasPrefix("fish") }, "\(left)")
    }
  }

  @Test(.needs("python3"))
  func `a shell in a shell has one mark, and csh the environment`() throws {
    try ShellSessionTests.withStack { slipway, configuration, directory in
      let nested = "\(slipway) shell --eessi 2023.06 --config \(configuration)"
      let prompt = "\\{EESSI/2023\\.06\\} "
      let steps = [(prompt, nested), (prompt, "exit 3"), (prompt, "exit $?")]
        .map { "\($0)\t\($1)" }.joined(separator: "\n")
      let environment = [
        "PATH": "/usr/bin:/bin", "HOME": directory.path, "SHELL": "/bin/bash", "TERM": "dumb",
        "PS1": "exported> ",
      ]
      let result = try run(
        ["python3", "-c", Self.typist] + nested.split(separator: " ").map(String.init),
        environment: environment, input: Array(steps.utf8), seconds: 110)
      #expect(result.status == 3, "\(result.stdout)\(result.stderr)")
      #expect(!result.stdout.contains("} {EESSI/"), "\(result.stdout)")

      guard ShellSessionTests.isInstalled("tcsh") else { return }
      let csh = try run(
        [slipway, "shell", "--eessi", "2023.06", "--config", configuration, "tcsh"],
        environment: environment, input: Array("echo $EESSI_VERSION; exit 4\n".utf8))
      #expect(csh.status == 4 && csh.stdout == "2023.06\n")
      #expect(csh.stderr.contains("eval `slipway init tcsh`"))
    }
  }

  @Test func `what cannot be started fails before the shell`() throws {
    try ShellSessionTests.withStack { (slipway, configuration, _) throws in
      func code(_ words: String...) throws -> Int32 {
        try run(
          [slipway, "shell", "--config", configuration] + words, environment: ["PATH": "/bin"]
        ).status
      }
      #expect(try code("--eessi", "1999.01", "bash") == 69)
      #expect(try code("nu") == 64)
      #expect(try code("/nonexistent/bash") == 127)
    }
  }
}
