import Foundation
import TestSupport
import Testing

/// A shell, and how its scripts say what the tests ask of all of them.
struct ScriptShell: Sendable, CustomTestStringConvertible {
  var program: String
  /// The name that slipway is told.
  var name: String
  /// What keeps start-up files out.
  var options: [String]

  var testDescription: String { program }
  var isCsh: Bool { name.hasSuffix("csh") }
  var isFish: Bool { name == "fish" }
  /// Whether it can put a function aside and give it back.
  var keepsFunctions: Bool { !["sh", "dash"].contains(name) }

  static let all = [
    ScriptShell(program: "sh", name: "sh", options: []),
    ScriptShell(program: "dash", name: "dash", options: []),
    ScriptShell(program: "bash", name: "bash", options: ["--norc"]),
    ScriptShell(program: "ksh", name: "ksh", options: []),
    ScriptShell(program: "mksh", name: "ksh", options: []),
    ScriptShell(program: "zsh", name: "zsh", options: ["-f"]),
    ScriptShell(program: "csh", name: "csh", options: ["-f"]),
    ScriptShell(program: "tcsh", name: "tcsh", options: ["-f"]),
    ScriptShell(program: "fish", name: "fish", options: ["--no-config"]),
  ]

  /// Evaluates what a command of slipway prints; a failure ends the script with the code 9.
  func evaluate(_ command: String) -> String {
    if isCsh { return "eval `\(command)`\nif ( $status != 0 ) exit 9" }
    if isFish { return "\(command) | source; or exit 9" }
    return "eval \"$(\(command))\" || exit 9"
  }
}

/// What users have in their shells, each as lines before the initialisation.
struct Custom: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var posix = ""
  var csh = ""
  var fish = ""
  /// Lines between init and deinit, the same in all shells.
  var between = ""
  var home = "/nonexistent"
  /// Whether the script runs on a terminal of its own.
  var onTerminal = false

  func lines(_ shell: ScriptShell) -> String {
    shell.isCsh ? csh : shell.isFish ? fish : posix
  }

  static let all = [
    Custom(testDescription: "nothing special"),
    Custom(
      testDescription: "strict options", posix: "set -euC", csh: "set noclobber",
      fish: "set -g fish_trace ''"),
    Custom(
      testDescription: "another IFS, aliases on builtins",
      posix: "alias export=false unset=false alias=false; IFS=_/mod:"),
    Custom(testDescription: "blanks and UTF-8 in HOME", home: "/tmp/mein heim/grüße"),
    Custom(
      testDescription: "no TERM, no HOME", posix: "unset TERM HOME",
      csh: "unsetenv TERM; unsetenv HOME", fish: "set -e TERM; set -e HOME"),
    Custom(
      testDescription: "odd values",
      posix: """
        PATH='/a  b':$PATH:"/x'y\\"z":'$5':'!':'*':/grüße:'new
        line'; export PATH
        CURL_CA_BUNDLE=; LMOD_RC=; EESSI_VERSION_DEFAULT='{a} b'
        export CURL_CA_BUNDLE LMOD_RC EESSI_VERSION_DEFAULT
        """,
      csh: """
        setenv PATH "/a  b:${PATH}:/x'y:*:{a}:grüße"
        setenv CURL_CA_BUNDLE ''; setenv LMOD_RC ''; setenv EESSI_VERSION_DEFAULT '{a}  b'
        """,
      fish: """
        set -gx PATH '/a  b' $PATH "/x'y" '$5' '!' '*' grüße
        set -gx CURL_CA_BUNDLE ''; set -gx LMOD_RC ''; set -gx EESSI_VERSION_DEFAULT '{a}  b'
        """),
    Custom(testDescription: "on a terminal", onTerminal: true),
  ]
}

/// `slipway init` and `slipway deinit` in the shells themselves.
@Suite(.tags(.large))
struct ShellSessionTests {
  /// A stack with Lmod, where this machine has it, and a module that is named GCC.
  static func withStack<Result>(
    _ body: (_ slipway: String, _ configuration: String, TemporaryDirectory) throws -> Result
  ) throws -> Result {
    try TemporaryDirectory.with { directory in
      let machine = try run(["uname", "-m"]).lines[0]
      for version in ["2023.06", "2025.06"] {
        let prefix = "cvmfs/software.eessi.io/versions/\(version)"
        try directory.makeDirectory("\(prefix)/compat/linux/\(machine)/usr/bin")
        if hasLmod {
          try directory.link("\(prefix)/compat/linux/\(machine)/usr/share/Lmod", to: lmod)
        }
        let tree = "\(prefix)/software/linux/\(machine)/generic"
        try directory.makeDirectory("\(tree)/software")
        try directory.write(
          "\(tree)/modules/all/GCC/13.2.0.lua",
          "setenv(\"EBROOTGCC\", \"/gcc \(version)\")\nprepend_path(\"PATH\", \"/gcc/bin\")\n")
        try directory.write("\(tree)/.lmod/lmodrc.lua", "propT = {}\nscDescriptT = {}\n")
        try directory.write("\(tree)/.lmod/SitePackage.lua", "-- nothing\n")
      }
      let configuration = try directory.write(
        "slipway.toml", "[stack]\ncvmfs = \"\(directory("cvmfs"))\"\n")
      return try body(try #require(Package.executable("slipway")), configuration, directory)
    }
  }

  static let lmod = "/usr/share/lmod/lmod"
  static let hasLmod = FileManager.default.fileExists(atPath: "\(lmod)/libexec/lmod")

  /// Whether a shell is installed; a warning tells of one that is not.
  static func isInstalled(_ shell: String) -> Bool {
    if Tool.isInstalled(shell) { return true }
    Issue.record("\(shell) is not installed: nothing is shown of it", severity: .warning)
    return false
  }

  /// Runs a script in a shell.
  private func script(
    _ shell: ScriptShell, _ lines: [String], in directory: TemporaryDirectory,
    _ custom: Custom = Custom(testDescription: "")
  ) throws -> ToolResult {
    let file = try directory.write("script", lines.joined(separator: "\n") + "\n")
    var words = [shell.program] + shell.options + [file]
    // Bytes that are no UTF-8, which the tests' own environment cannot hold.
    words =
      ["/bin/sh", "-c", "PATH=$PATH:/latin-$(printf '\\374') exec \"$@\"", "sh"] + words
    if custom.onTerminal {
      words = [
        "script", "-qec",
        words.map { "'\($0.replacing("'", with: "'\\''"))'" }
          .joined(separator: " "), "/dev/null",
      ]
    }
    return try run(
      words,
      environment: [
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": custom.home, "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
      ], directory: directory.path, seconds: 60)
  }

  /// The environment as a script has written it, sorted, without what shells set themselves.
  private func environment(_ name: String, in directory: TemporaryDirectory) throws -> [[UInt8]] {
    let bytes = try Data(contentsOf: URL(filePath: directory(name)))
    return bytes.split(separator: 0).map { Array($0) }.filter { entry in
      // ksh93 notes there which conventions of Unix its PATH asks for.
      !["_=", "_AST_FEATURES="].contains { entry.starts(with: Array($0.utf8)) }
    }.sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test(arguments: ScriptShell.all, Custom.all)
  func `the environment after deinit is the one before init`(shell: ScriptShell, custom: Custom)
    throws
  {
    guard Self.isInstalled(shell.program) else { return }
    try Self.withStack { slipway, configuration, directory in
      let start = shell.evaluate("\(slipway) init \(shell.name) --config \(configuration)")
      let end = shell.evaluate("\(slipway) deinit \(shell.name)")
      let result = try script(
        shell,
        [
          custom.lines(shell), "/usr/bin/env -0 > before", start, "/usr/bin/env -0 > once", start,
          "/usr/bin/env -0 > twice", end, "/usr/bin/env -0 > after", "/usr/bin/env true",
        ], in: directory, custom)
      #expect(result.status == 0, "\(result.stderr)\(result.stdout)")
      #expect(result.stdout.isEmpty && result.stderr.isEmpty, "\(result.stderr)\(result.stdout)")
      let before = try environment("before", in: directory)
      let once = try environment("once", in: directory)
      #expect(once.count > before.count + 15)
      #expect(try environment("twice", in: directory) == once)
      let after = try environment("after", in: directory)
      #expect(after == before, "\(after.map { String(decoding: $0, as: UTF8.self) })")
    }
  }

  @Test(
    .enabled(if: hasLmod, "needs Lmod in \(lmod) (apt-get install lmod)"),
    arguments: ScriptShell.all)
  func `modules load after init and are unloaded by deinit`(shell: ScriptShell) throws {
    guard Self.isInstalled(shell.program) else { return }
    try Self.withStack { slipway, configuration, directory in
      let result = try script(
        shell,
        [
          "/usr/bin/env -0 > before",
          shell.evaluate("\(slipway) init \(shell.name) --eessi 2023.06 --config \(configuration)"),
          "module avail", "ml GCC", "/usr/bin/env printenv EBROOTGCC", "module list",
          shell.evaluate("\(slipway) deinit \(shell.name)"), "/usr/bin/env -0 > after",
          "/usr/bin/env true",
        ], in: directory)
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.stdout == "/gcc 2023.06\n")
      #expect(result.stderr.contains("1) GCC/13.2.0"), "\(result.stderr)")
      let before = try environment("before", in: directory)
      let after = try environment("after", in: directory)
      #expect(after == before, "\(after.map { String(decoding: $0, as: UTF8.self) })")
    }
  }

  /// As much as a hundred modules set, an alias, and what modules loaded later add to it.
  @Test(
    .enabled(if: hasLmod, "needs Lmod in \(lmod) (apt-get install lmod)"),
    arguments: ScriptShell.all)
  func `modules that init loads are undone by deinit`(shell: ScriptShell) throws {
    guard Self.isInstalled(shell.program) else { return }
    try Self.withStack { slipway, configuration, directory in
      var big = (0..<300).map { "setenv(\"BIG_\($0)\", (\"x\"):rep(400))" }
      big += (0..<100).map { "prepend_path(\"BIG_PATH\", \"/big/\($0)\")" }
      big.append("set_alias(\"bigly\", \"echo 'big alias'\")")
      let machine = try run(["uname", "-m"]).lines[0]
      try directory.write(
        "cvmfs/software.eessi.io/versions/2023.06/software/linux/\(machine)/generic"
          + "/modules/all/Big/1.lua", big.joined(separator: "\n") + "\n")
      let result = try script(
        shell,
        [
          "/usr/bin/env -0 > before",
          shell.evaluate(
            "\(slipway) init \(shell.name) --eessi 2023.06 --load Big --config \(configuration)"),
          shell.isFish ? "bigly" : "alias bigly", "module load GCC",
          "/usr/bin/env printenv EBROOTGCC BIG_7 | cut -c1-20",
          shell.evaluate("\(slipway) deinit \(shell.name)"), "/usr/bin/env -0 > after",
          "alias", "/usr/bin/env true",
        ], in: directory)
      #expect(result.status == 0, "\(result.stderr)")
      #expect(result.stdout.contains("/gcc 2023.06\nxxxxxxxxxxxxxxxxxxxx\n"), "\(result.stdout)")
      #expect(result.stdout.ranges(of: "big alias").count == 1, "\(result.stdout)")
      let before = try environment("before", in: directory)
      let after = try environment("after", in: directory)
      #expect(after == before, "\(after.map { String(decoding: $0, as: UTF8.self) })")
    }
  }

  @Test(
    .enabled(if: hasLmod, "needs Lmod in \(lmod) (apt-get install lmod)"),
    arguments: ScriptShell.all.filter(\.keepsFunctions))
  func `functions and aliases of the user come back`(shell: ScriptShell) throws {
    guard Self.isInstalled(shell.program) else { return }
    try Self.withStack { slipway, configuration, directory in
      let start = shell.evaluate("\(slipway) init \(shell.name) --config \(configuration)")
      let own =
        shell.isCsh
        ? ["alias module 'echo \"old  module\" \\!* {a}'", "alias ml echo old ml"]
        : shell.isFish
          ? [
            "function module; echo \"old  module\" $argv a; end",
            "function ml; echo old ml $argv; end",
          ]
          : ["module() { echo \"old  module\" \"$@\" a; }", "alias ml='echo old ml'"]
      let result = try script(
        shell,
        own + [
          start, start, "module load GCC", "/usr/bin/env printenv EBROOTGCC",
          shell.evaluate("\(slipway) deinit \(shell.name)"), "module x",
        ] + (shell.name == "bash" ? ["alias ml"] : ["ml y"]), in: directory)
      #expect(result.lines.first == "/gcc 2025.06", "\(result.stderr)")
      #expect(result.lines.dropFirst().first == "old  module x a")
      #expect(["old ml y", "alias ml='echo old ml'"].contains(result.lines.last))
    }
  }

  @Test(.enabled(if: hasLmod, "needs Lmod in \(lmod) (apt-get install lmod)"))
  func `an exported function of bash comes back exported`() throws {
    try Self.withStack { slipway, configuration, directory in
      let shell = try #require(ScriptShell.all.first { $0.program == "bash" })
      let start = shell.evaluate("\(slipway) init bash --config \(configuration)")
      let end = shell.evaluate("\(slipway) deinit bash")
      let result = try script(
        shell,
        [
          "module() { echo site \"$@\"; }; export -f module", "/usr/bin/env -0 > before", start,
          "bash -c 'module load GCC; echo $EBROOTGCC'",
          "bash -c '\(start); \(end); module child; echo ${EESSI_VERSION-none}'", end, "module own",
          "/usr/bin/env -0 > after",
        ], in: directory)
      #expect(
        result.lines == ["/gcc 2025.06", "site child", "none", "site own"], "\(result.stderr)")
      #expect(try environment("after", in: directory) == environment("before", in: directory))
    }
  }

  @Test(.enabled(if: hasLmod, "needs Lmod in \(lmod) (apt-get install lmod)"))
  func `a site's Lmod is kept, older tools are replaced`() throws {
    try Self.withStack { slipway, configuration, directory in
      let shell = try #require(ScriptShell.all.first { $0.program == "bash" })
      let start = shell.evaluate("\(slipway) init bash --config \(configuration)")
      let end = shell.evaluate("\(slipway) deinit bash")
      for (site, isKept) in [
        ("export LMOD_CMD=/site/lmod LMOD_VERSION=8.7.1", true),
        ("export LMOD_CMD=/site/lmod LMOD_VERSION=8.5", false),
        ("export MODULES_CMD=/site/modulecmd.tcl LOADEDMODULES=a/1 _LMFILES_=/site/a/1", false),
      ] {
        let result = try script(
          shell,
          [
            site, "module() { echo site; }", "/usr/bin/env -0 > before", start,
            "echo $LMOD_CMD ${LMOD_VERSION-none} ${LOADEDMODULES-none}",
            isKept ? "module" : "module load GCC; echo $EBROOTGCC", end, "/usr/bin/env -0 > after",
            "module",
          ], in: directory)
        if isKept {
          #expect(result.lines == ["/site/lmod 8.7.1 none", "site", "site"], "\(result.stderr)")
        } else {
          #expect(result.lines.first?.hasSuffix("/Lmod/libexec/lmod none none") == true)
          #expect(result.lines.dropFirst() == ["/gcc 2025.06", "site"], "\(result.stderr)")
        }
        #expect(try environment("after", in: directory) == environment("before", in: directory))
      }
    }
  }

  @Test(arguments: ScriptShell.all)
  func `a nested shell can take its own initialisation back`(shell: ScriptShell) throws {
    guard Self.isInstalled(shell.program) else { return }
    try Self.withStack { slipway, configuration, directory in
      let start = shell.evaluate("\(slipway) init \(shell.name) --config \(configuration)")
      let end = shell.evaluate("\(slipway) deinit \(shell.name)")
      let child = try directory.write(
        "child", [start, end, "/usr/bin/env -0 > child-after"].joined(separator: "\n") + "\n")
      let result = try script(
        shell,
        [
          "/usr/bin/env -0 > before", start, "/usr/bin/env -0 > once",
          ([shell.program] + shell.options + [child]).joined(separator: " "),
          "/usr/bin/env -0 > once-more", end, "/usr/bin/env -0 > after", "/usr/bin/env true",
        ], in: directory)
      #expect(result.status == 0 && result.stderr.isEmpty, "\(result.stderr)")
      // A shell counts how deep it is.
      func plain(_ name: String) throws -> [[UInt8]] {
        try environment(name, in: directory).filter { !$0.starts(with: Array("SHLVL=".utf8)) }
      }
      #expect(try plain("child-after") == plain("before"))
      #expect(try plain("once-more") == plain("once"))
      #expect(try plain("after") == plain("before"))
    }
  }

  @Test func `another version takes the place of the first`() throws {
    try Self.withStack { slipway, configuration, directory in
      let shell = try #require(ScriptShell.all.first { $0.program == "bash" })
      func start(_ version: String) -> String {
        shell.evaluate("\(slipway) init bash --config \(configuration) --eessi \(version)")
      }
      let result = try script(
        shell,
        [
          "/usr/bin/env -0 > before", start("2025.06"), "/usr/bin/env -0 > clean", start("2023.06"),
          start("2025.06"), "/usr/bin/env -0 > again",
          shell.evaluate("\(slipway) deinit bash"), "/usr/bin/env -0 > after",
        ], in: directory)
      #expect(result.status == 0 && result.stderr.isEmpty, "\(result.stderr)")
      #expect(try environment("again", in: directory) == environment("clean", in: directory))
      #expect(try environment("after", in: directory) == environment("before", in: directory))
    }
  }

  @Test(arguments: ScriptShell.all)
  func `a failure is told and breaks no shell`(shell: ScriptShell) throws {
    guard Self.isInstalled(shell.program) else { return }
    try Self.withStack { slipway, configuration, directory in
      for (command, message) in [
        ("init \(shell.name) --eessi 1999.01 --config \(configuration)", "use one of"),
        ("init \(shell.name) --no-such-option", "Unknown option"),
        ("init \(shell.name) --config /nonexistent", "cannot be read"),
        ("deinit \(shell.name)", "was not initialised"),
        ("deinit no-shell", "no shell no-shell"),
      ] {
        let result = try script(
          shell, [shell.evaluate("\(slipway) \(command)"), "echo reached"], in: directory)
        #expect(result.status == 9 && result.stdout.isEmpty, "\(command)")
        #expect(result.stderr.contains(message), "\(result.stderr)")
      }
    }
  }

  @Test(arguments: ["1,PATH=0=0=+/x=+/y;id", "x", "", "1,SLIPWAY_UNDO=0=0=+a=-"])
  func `what slipway has not written is refused, and nothing is changed`(text: String) throws {
    try Self.withStack { slipway, configuration, _ in
      for command in [
        [slipway, "deinit", "bash"], [slipway, "init", "bash", "--config", configuration],
      ] {
        let result = try run(command, environment: ["PATH": "/bin", "SLIPWAY_UNDO": text])
        #expect(result.status == 65 && result.stdout == "false\n")
        #expect(result.stderr.contains("SLIPWAY_UNDO"))
      }
    }
  }

  @Test func `a stack without Lmod sets the environment, and says so when asked`() throws {
    try Self.withStack { slipway, configuration, directory in
      _ = try run(["find", directory("cvmfs"), "-name", "Lmod", "-delete"])
      let result = try run(
        [slipway, "init", "bash", "--verbose", "--config", configuration],
        environment: ["PATH": "/bin"])
      #expect(result.status == 0 && !result.stdout.contains("LMOD_CMD"))
      #expect(!result.stdout.contains("module()"))
      #expect(result.stderr.contains("no module command is defined"))
    }
  }
}
