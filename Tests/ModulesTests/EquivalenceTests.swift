import Environment
import Foundation
import Modules
import TestSupport
import Testing

/// An environment by capsule is the one that `module load` makes, whatever came in.
@Suite(
  .tags(.large), .enabled(if: ModuleStack.isInstalled, ModuleStack.needsLmod), .serialized)
struct EquivalenceTests {
  /// Things that module files do, each with what a capsule of it depends on.
  private static let statements = [
    #"setenv("A_SCALAR", "$ROOT/x y 'z' \"q\" $HOME `id` ! é")"#,
    #"prepend_path("PATH", "$ROOT/software/a/bin")"#,
    #"prepend_path("LD_LIBRARY_PATH", "$ROOT/software/a/lib64")"#,
    #"prepend_path("LD_LIBRARY_PATH", "$ROOT/software/b/lib:$ROOT/software/c/lib/")"#,
    #"append_path("MANPATH", "/usr/share/man")"#,
    #"prepend_path("MANPATH", "$ROOT/man")"#,
    #"append_path("LD_LIBRARY_PATH", "/last//lib")"#,
    #"prepend_path("PATH", "/usr/bin")"#,
    #"prepend_path{"PKG_CONFIG_PATH", "$ROOT/pc", priority = 10}"#,
    #"append_path("TEXINPUTS", "$ROOT/tex", ":")"#,
    #"prepend_path("A_LIST", "a b", ";")"#,
    #"append_path("A_WORDS", "word", " ")"#,
    #"pushenv("CC", "gcc")"#,
    #"remove_path("LD_LIBRARY_PATH", "/user/lib")"#,
    #"unsetenv("A_USERS")"#,
    #"if os.getenv("A_USERS") then setenv("SAW", os.getenv("A_USERS")) end"#,
    #"if isDefined("A_USERS") then setenv("SAW_IT", "yes") end"#,
    #"if isDir("/usr/share/slipway-nothing") then setenv("DIR", "yes") else setenv("DIR", "no") end"#,
    #"prepend_path("CPATH", "")"#,
    #"setenv("EMPTY", "")"#,
  ]

  private static let values: [(String, [String?])] = [
    (
      "LD_LIBRARY_PATH", [nil, "", "/user/lib", "/user/lib:/other", "/a//b/:/c:", ":/user/lib::/d"]
    ),
    ("MANPATH", [nil, "/usr/share/man:/x", ":", "/x:"]),
    ("PATH", ["/usr/bin:/bin", "/home/me/bin:/usr/bin:/bin:/usr/bin", "/usr/bin:/bin:"]),
    ("A_SCALAR", [nil, "mine"]), ("A_USERS", [nil, "", "one", "two"]), ("CC", [nil, "cc", "icc"]),
    ("PKG_CONFIG_PATH", [nil, "/pc"]), ("A_LIST", [nil, "x;y"]), ("A_WORDS", [nil, "v w"]),
    ("CPATH", [nil, "/include"]), ("__LMOD_REF_COUNT_LD_LIBRARY_PATH", [nil, "/user/lib:2"]),
    ("LMOD_DUPLICATE_PATHS", [nil, nil, nil, "yes"]), ("TEXINPUTS", [nil, "/tex::"]),
  ]

  @Test(arguments: 0..<12)
  func randomModulesInRandomEnvironments(_ seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var files: [String: String] = [:]
    for name in ["Base/1.lua", "Middle/2.lua", "Top/3.lua"] {
      files[name] = Self.statements.shuffled(using: &random).prefix(seed == 0 ? 99 : 6)
        .joined(separator: "\n")
    }
    files["Middle/2.lua"]! = "depends_on(\"Base\")\n" + files["Middle/2.lua"]!
    files["Top/3.lua"]! += "\nfamily(\"things\")\ndepends_on(\"Middle/2\")\n"
    try ModuleStack.with(files) { stack in
      var capsules = 0
      for round in 0..<6 {
        var variables: [String: String] = [:]
        for (name, values) in Self.values {
          variables[name] = values.randomElement(using: &random)!
        }
        let environment = stack.environment(variables)
        let reference = try stack.reference("Top", in: environment)
        let first = try stack.load("Top", in: environment)
        expectEqual(first.environment, reference, "round \(round), first")
        let second = try stack.load("Top", in: environment)
        if second.origin == .capsule { capsules += 1 }
        expectEqual(second.environment, reference, "round \(round), second")
      }
      #expect(capsules > 0, "no capsule was used")
    }
  }

  /// The lists of a usual module hold for every incoming value: one capsule serves all users.
  @Test func aUsualModuleNeedsOneCapsule() throws {
    let files = [
      "Usual/1.lua": #"""
      local root = "$ROOT/software/Usual/1"
      prepend_path("PATH", pathJoin(root, "bin"))
      prepend_path("LD_LIBRARY_PATH", pathJoin(root, "lib"))
      append_path("XDG_DATA_DIRS", pathJoin(root, "share"))
      setenv("EBROOTUSUAL", root)
      """#
    ]
    try ModuleStack.with(files) { stack in
      #expect(try stack.load("Usual").origin == .computed)
      let values: [[String: String]] = [
        [:], ["PATH": "/opt/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "/opt/lib:"],
        ["XDG_DATA_DIRS": "/usr/share", "EBROOTUSUAL": "/old"],
        ["LD_LIBRARY_PATH": "/a:\(stack.tree)/software/Usual/1/lib:/b"],
      ]
      for variables in values {
        let environment = stack.environment(variables)
        let loaded = try stack.load("Usual", in: environment)
        #expect(loaded.origin == .capsule)
        expectEqual(loaded.environment, try stack.reference("Usual", in: environment))
      }
      #expect(stack.stored.count == 1)
    }
  }

  @Test func whatIsLoadedAlreadyDecides() throws {
    let files = [
      "Base/1.lua": #"setenv("BASE", "1")"#, "Base/2.lua": #"setenv("BASE", "2")"#,
      "Top/1.lua": "depends_on(\"Base\")\nprepend_path(\"PATH\", \"$ROOT/top\")",
    ]
    try ModuleStack.with(files) { stack in
      let base = try stack.load("Base/1")
      #expect(base.environment["BASE"] == "1")
      let reference = try stack.reference("Top", in: base.environment)
      for origin in [LoadedModules.Origin.computed, .capsule] {
        let top = try stack.load("Top", in: base.environment)
        #expect(top.origin == origin)
        expectEqual(top.environment, reference)
      }
      let again = try stack.load("Top", "Base", in: reference)
      #expect(again.origin == .alreadyLoaded)
      #expect(again.environment == reference)
    }
  }

  @Test func aliasesFunctionsAndMessagesAreKept() throws {
    let files = [
      "Talk/1.lua": #"""
      LmodMessage("Hello\nfrom Talk")
      set_alias("greet", "echo hello")
      set_shell_function("shout", "echo \"$@\" | tr a-z A-Z", "echo $* | tr a-z A-Z")
      """#
    ]
    try ModuleStack.with(files) { stack in
      let first = try stack.load("Talk")
      let second = try stack.load("Talk")
      #expect(second.origin == .capsule)
      for loaded in [first, second] {
        #expect(loaded.messages.contains("Hello\nfrom Talk"))
        #expect(loaded.definitions.aliases == [.init(name: "greet", value: "echo hello")])
        #expect(loaded.definitions.functions.map(\.name) == ["shout"])
        #expect(loaded.definitions.functions.first?.sh == "echo \"$@\" | tr a-z A-Z")
      }
    }
  }

  /// Modules that ask the host, and what is said of each.
  @Test(arguments: [
    #"setenv("HOST", (capture("uname -n"):gsub("%s", "")))"#: "runs uname -n",
    #"setenv("X", (subprocess("id -u"):gsub("%s", "")))"#: "runs id -u",
    #"setenv("T", tostring(os.time() > 0))"#: "asks for the time",
    #"setenv("D", os.date("%Y"))"#: "asks for the time",
    #"execute{cmd="true", modeA={"load"}}"#: "runs true",
    #"os.execute("true")"#: "runs true",
    #"if userInGroup("wheel") then setenv("W", "1") end"#: "asks for the user's groups",
    #"local f = io.open("/proc/cpuinfo"); setenv("F", f and "1" or "0")"#: "reads /proc/cpuinfo",
  ])
  func impureModulesAreLoadedEachTime(_ statement: String, _ reason: String) throws {
    try ModuleStack.with(["Impure/1.lua": statement, "Top/1.lua": #"load("Impure")"#]) { stack in
      for _ in 0..<2 {
        let loaded = try stack.load("Top")
        guard case .impure(let reasons) = loaded.origin else {
          Issue.record("\(loaded.origin)")
          return
        }
        #expect(reasons.contains { $0.hasPrefix(reason) }, "\(reasons)")
      }
      expectEqual(
        try stack.load("Top").environment, try stack.reference("Top", in: stack.environment()))
    }
  }

  @Test func aTclModuleFileIsKeptWhenItCannotAskTheHost() throws {
    try #require(Tool.isInstalled("tclsh"), "needs tclsh (apt-get install tcl)")
    let files = [
      "Plain/1": "#%Module1.0\nsetenv PLAIN 1\nprepend-path PATH $ROOT/plain/bin\n",
      "Asks/1": "#%Module1.0\nsetenv ASKS $env(HOME)\n",
    ]
    try ModuleStack.with(files) { stack in
      _ = try stack.load("Plain")
      let plain = try stack.load("Plain")
      #expect(plain.origin == .capsule)
      expectEqual(plain.environment, try stack.reference("Plain", in: stack.environment()))
      guard case .impure = try stack.load("Asks").origin else {
        Issue.record("a Tcl module file that reads env() was kept")
        return
      }
    }
  }

  /// Every change that could change the answer makes a capsule stale.
  @Test func changesAreSeen() throws {
    let files = ["Base/1.lua": #"setenv("BASE", "1")"#, "Top/1.lua": #"depends_on("Base")"#]
    try ModuleStack.with(files) { stack in
      _ = try stack.load("Top")
      #expect(try stack.load("Top").origin == .capsule)
      // A file changed.
      try stack.write("Base/1.lua", #"setenv("BASE", "one")"#, daysAgo: 1)
      let changed = try stack.load("Top")
      #expect(changed.origin == .computed && changed.environment["BASE"] == "one")
      #expect(try stack.load("Top").origin == .capsule)
      // A better version came.
      try stack.write("Base/2.lua", #"setenv("BASE", "2")"#, daysAgo: 0.5)
      let newer = try stack.load("Top")
      #expect(newer.origin == .computed && newer.environment["BASE"] == "2")
      // A hook of the site came.
      try FileManager.default.createDirectory(
        atPath: "\(stack.tree)/.lmod", withIntermediateDirectories: true)
      try """
      require("strict")
      local hook = require("Hook")
      hook.register("load", function(t) setenv("HOOKED", t.modFullName) end)
      """.write(toFile: "\(stack.tree)/.lmod/SitePackage.lua", atomically: false, encoding: .utf8)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -3600)],
        ofItemAtPath: "\(stack.tree)/.lmod/SitePackage.lua")
      let hooked = try stack.load("Top")
      #expect(hooked.environment["HOOKED"] != nil, "the hook was not run")
      expectEqual(hooked.environment, try stack.reference("Top", in: stack.environment()))
      #expect(try stack.load("Top").origin == .capsule)
      // Another module path.
      let other = stack.environment(["MODULEPATH": stack.directory("mine")])
      #expect(try stack.load("Top", in: other).origin == .computed)
      // A file taken away.
      try FileManager.default.removeItem(atPath: "\(stack.modules)/Base")
      #expect(throws: ModuleError.self) { try stack.load("Top") }
    }
  }

  @Test func aRefusalIsKeptAsLongAsItHolds() throws {
    let files = ["Broken/1.lua": #"LmodError("not on this cluster")"#]
    try ModuleStack.with(files) { stack in
      for _ in 0..<2 {
        let error = #expect(throws: ModuleError.self) { try stack.load("Broken") }
        #expect("\(error!)".contains("not on this cluster"))
      }
      #expect(stack.stored.count == 1)
      try stack.write("Broken/1.lua", #"setenv("OK", "1")"#, daysAgo: 1)
      #expect(try stack.load("Broken").environment["OK"] == "1")
    }
  }
}
