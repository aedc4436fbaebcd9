import Environment
import Foundation
import TestSupport
import Testing

/// The module files under real module systems.
@Suite(
  .tags(.large), .serialized, .enabled(if: DemoStack.isPossible, DemoStack.impossible))
struct ModulefileTests {
  private static let generic = ["EESSI_SOFTWARE_SUBDIR_OVERRIDE": "x86_64/generic"]
  /// What a site may have set for itself.
  private static let site = [
    "LMOD_PACKAGE_PATH": "/site's own", "CURL_CA_BUNDLE": "/site/ca.pem",
  ]

  @Test(arguments: ModuleSystem.all)
  func anUnloadLeavesWhatWasBeforeTheLoad(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let outcome = try session.bash(
        """
        snap before; module load eessi/2023.06; snap loaded
        module unload eessi; snap unloaded
        module load eessi; snap newest; module purge; snap purged
        """, Self.site)
      let loaded = try #require(outcome.snapshots["loaded"])
      let prefix = "\(session.root)/versions/2023.06"
      let subdirectory = try #require(loaded["EESSI_SOFTWARE_SUBDIR"], "\(outcome.log)")
      let tree = "\(prefix)/software/linux/\(subdirectory)"
      #expect(loaded["EESSI_PREFIX"] == prefix)
      #expect(loaded["LMOD_PACKAGE_PATH"] == "\(tree)/.lmod")
      #expect(loaded["LMOD_CONFIG_DIR"] == nil, "the running Lmod keeps its settings")
      let compat = "\(prefix)/compat/linux/x86_64"
      #expect(loaded["PATH"] == "\(compat)/usr/bin:\(compat)/bin:/usr/bin:/bin:/my own/bïn")
      let sitePath = tree.replacing("/versions/", with: "/host_injections/")
      #expect(
        loaded["MODULEPATH"]?.hasPrefix("\(sitePath)/modules/all:\(tree)/modules/all:") == true)
      #expect(outcome.snapshots["newest"]?["EESSI_VERSION"] == "2025.06")
      #expect(outcome.log.contains("eessi/2023.06: \(subdirectory) of"), "\(outcome.log)")

      let before = session.seen(outcome.snapshots["before"])
      #expect(session.seen(outcome.snapshots["unloaded"]) == before)
      #expect(session.seen(outcome.snapshots["purged"]) == before)
    }
  }

  @Test(arguments: ModuleSystem.all)
  func aSwitchGivesTheOtherVersionAlone(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let outcome = try session.bash(
        """
        snap before; module load eessi/2023.06; module switch eessi/2023.06 eessi/2025.06
        snap switched; module unload eessi; snap unloaded
        module load eessi/2025.06; snap loaded
        """)
      let switched = try #require(outcome.snapshots["switched"])
      #expect(switched["EESSI_VERSION"] == "2025.06", "\(outcome.log)")
      #expect(session.seen(switched) == session.seen(outcome.snapshots["loaded"]))
      #expect(
        session.seen(outcome.snapshots["unloaded"]) == session.seen(outcome.snapshots["before"]))
      #expect(!outcome.log.contains("warning"), "\(outcome.log)")
    }
  }

  @Test(arguments: ModuleSystem.all)
  func anUnloadOnAnotherNodeTakesAwayWhatTheLoadDid(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let outcome = try session.bash(
        """
        snap before
        export EESSI_SOFTWARE_SUBDIR_OVERRIDE=x86_64/generic EESSI_SITE_SOFTWARE_PREFIX=/site
        module load eessi; snap loaded
        unset EESSI_SOFTWARE_SUBDIR_OVERRIDE EESSI_SITE_SOFTWARE_PREFIX
        # Not even the repository is needed.
        mv "\(session.directory("a-stack"))" "\(session.directory("moved"))"
        module unload eessi; snap unloaded
        """)
      let loaded = try #require(outcome.snapshots["loaded"])
      #expect(loaded["EESSI_SOFTWARE_SUBDIR"] == "x86_64/generic", "\(outcome.log)")
      #expect(loaded["EESSI_SITE_SOFTWARE_PATH"]?.hasPrefix("/site/versions/") == true)
      #expect(
        session.seen(outcome.snapshots["unloaded"]) == session.seen(outcome.snapshots["before"]))
    }
  }

  @Test(arguments: ModuleSystem.all)
  func aCollectionIsRestoredForTheNodeThatRestoresIt(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let saved = try session.bash("module load eessi/2023.06; module save mine; snap saved")
      let here = try #require(saved.snapshots["saved"]?["EESSI_SOFTWARE_SUBDIR"], "\(saved.log)")
      let same = try session.bash("module restore mine; snap restored")
      #expect(same.snapshots["restored"]?["EESSI_SOFTWARE_SUBDIR"] == here, "\(same.log)")

      let other = try session.bash("module restore mine; snap restored", Self.generic)
      let restored = try #require(other.snapshots["restored"])
      #expect(restored["EESSI_SOFTWARE_SUBDIR"] == "x86_64/generic", "\(other.log)")
      #expect(restored["EESSI_VERSION"] == "2023.06")
      let trees = restored["MODULEPATH"]?.split(separator: ":").filter { $0.contains("/linux/") }
      #expect(
        trees?.isEmpty == false && trees?.allSatisfy { $0.contains("x86_64/generic") } == true,
        "\(restored["MODULEPATH"] ?? "")")
    }
  }

  @Test(arguments: ModuleSystem.all)
  func slipwayIsAskedOncePerLoadUnloadAndShowAndNotElsewhere(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let silent = try session.bash(
        "module help eessi; module whatis eessi; module avail"
          + (system.kind == .lmod ? "; module spider eessi; module -t spider" : ""))
      #expect(session.takeCalls() == [])
      #expect(silent.log.contains("chosen by slipway"), "\(silent.log)")
      #expect(silent.log.contains("https://www.eessi.io/docs/"))
      #expect(
        silent.log.contains("eessi/2025.06 (D)") || silent.log.contains("eessi/2025.06(default)")
          || silent.log.contains("eessi/2025.06 (D"), "\(silent.log)")

      let show = try session.bash("module show eessi/2023.06; snap shown")
      #expect(show.log.contains("EESSI_SOFTWARE_SUBDIR"), "\(show.log)")
      #expect(show.snapshots["shown"]?["EESSI_VERSION"] == nil)
      #expect(session.takeCalls().count == 1)

      _ = try session.bash("module load eessi; module save it")
      #expect(session.takeCalls().count == 1)
      _ = try session.bash("module load eessi; module unload eessi")
      let calls = session.takeCalls()
      #expect(calls.count == 2)
      #expect(calls.allSatisfy { !$0.contains("/poison") }, "\(calls)")
      _ = try session.bash("module load eessi/2023.06; module switch eessi eessi/2025.06")
      #expect(session.takeCalls().count == 3)
    }
  }

  // MARK: Conflicts

  /// A module that is named and behaves as EESSI's own does, with fewer variables.
  private func writeOwnModule(_ session: ModuleSession) throws {
    let text =
      switch session.system.kind {
      case .lmod:
        """
        conflict("EESSI")
        setenv("EESSI_VERSION", "own")
        prepend_path("PATH", "/own/bin")
        local family_name = os.getenv("EESSI_MODULE_FAMILY_NAME")
        if family_name then family(family_name) end
        """
      case .environmentModules:
        "#%Module\nconflict EESSI\nsetenv EESSI_VERSION own\nprepend-path PATH /own/bin\n"
      }
    try session.directory.write("\(session.modules)/\(session.system.file("EESSI/2023.06"))", text)
  }

  @Test(arguments: ModuleSystem.all)
  func withEESSIsOwnModuleLoadedNothingIsDone(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      try writeOwnModule(session)
      let outcome = try session.bash(
        "module load EESSI; snap before; module load eessi; echo status $?; snap after")
      #expect(outcome.snapshots["before"]?["EESSI_VERSION"] == "own", "\(outcome.log)")
      #expect(session.seen(outcome.snapshots["after"]) == session.seen(outcome.snapshots["before"]))
      #expect(outcome.log.contains("EESSI"))
      #expect(outcome.log.contains("status 1"), "\(outcome.log)")
    }
  }

  @Test func environmentModulesKeepEESSIsOwnModuleOutAfterwards() throws {
    try ModuleSession.with(.environmentModules) { session in
      try writeOwnModule(session)
      let outcome = try session.bash(
        "module load eessi; snap before; module load EESSI; snap after")
      #expect(outcome.snapshots["before"]?["EESSI_VERSION"] == "2025.06", "\(outcome.log)")
      #expect(outcome.snapshots["after"] == outcome.snapshots["before"])
    }
  }

  /// Lmod asks the later module alone, and EESSI's names no other; a family makes them exclusive.
  @Test func aFamilyLetsLmodReplaceOneByTheOther() throws {
    try ModuleSession.with(.lmod) { session in
      try writeOwnModule(session)
      let outcome = try session.bash(
        "snap before; module load eessi; module load EESSI; snap own; module purge; snap after",
        ["EESSI_MODULE_FAMILY_NAME": "stack"])
      let own = try #require(outcome.snapshots["own"])
      #expect(own["EESSI_VERSION"] == "own" && own["EESSI_PREFIX"] == nil, "\(outcome.log)")
      #expect(own["PATH"] == "/own/bin:/usr/bin:/bin:/my own/bïn")
      #expect(own["LOADEDMODULES"] == "EESSI/2023.06")
      #expect(session.seen(outcome.snapshots["after"]) == session.seen(outcome.snapshots["before"]))
    }
  }

  // MARK: Failures

  @Test(
    arguments: ModuleSystem.all,
    [
      ("printf 'error it cannot: 50%%25\\nend\\n'; exit 1", "it cannot: 50%"),
      ("printf 'setenv EESSI_VERSION half\\n'", "no answer from"),
      ("exit 0", "no answer from"), ("rm -f \"$0\"; exit 1", "no answer from"),
      ("printf 'setenv EESSI_VERSION half\\nunheard of\\nend\\n'", "is newer than"),
    ])
  func aFailureIsToldAndNothingIsSet(_ system: ModuleSystem, _ program: (String, String)) throws {
    try ModuleSession.with(system) { session in
      try session.executable(session.program, program.0)
      let outcome = try session.bash("snap before; module load eessi; echo status $?; snap after")
      // Both wrap long lines.
      let words = outcome.log.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words.contains(program.1), "\(outcome.log)")
      #expect(words.contains("status 1"), "\(outcome.log)")
      #expect(!words.contains("while executing"), "\(outcome.log)")
      #expect(session.seen(outcome.snapshots["after"]) == session.seen(outcome.snapshots["before"]))
      #expect(outcome.snapshots["after"]?["EESSI_VERSION"] == nil)
    }
  }

  @Test(arguments: ModuleSystem.all)
  func slipwaysOwnMessageIsShown(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      _ = try run(["rm", session.directory("a-stack")])
      let outcome = try session.bash("snap before; module load eessi; snap after")
      let words = outcome.log.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words.contains("remedy: mount the repository"), "\(outcome.log)")
      #expect(session.seen(outcome.snapshots["after"]) == session.seen(outcome.snapshots["before"]))
    }
  }

  @Test(arguments: ModuleSystem.all)
  func aValueWithALineBreakIsRefused(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let marker = session.directory("marker")
      let outcome = try session.bash(
        "module load eessi; snap after", ["EESSI_SITE_SOFTWARE_PREFIX": "/x\ntouch '\(marker)'"])
      #expect(outcome.log.contains("EESSI_SITE_SOFTWARE_PATH"), "\(outcome.log)")
      #expect(outcome.snapshots["after"]?["EESSI_VERSION"] == nil)
      #expect(!FileManager.default.fileExists(atPath: marker))
    }
  }

  // MARK: Values

  @Test(arguments: ModuleSystem.all, ["C.UTF-8", "C"])
  func hostileValuesArriveAsTheyAre(_ system: ModuleSystem, _ locale: String) throws {
    let values = [
      "a b", "it's \"quoted\" `a` $(a) ${b} $c", "\\ \\n [a] {b} } ; # | & < > * ? ~ !", "100%41 %",
      "Zoë ☃ 日本語 😀", "", "-x", "%%", "a=b:c",
    ]
    try ModuleSession.with(system) { session in
      let records =
        values.enumerated().map { ModuleRecord.set("V\($0)", $1) }
        + values.enumerated().filter { !$1.isEmpty }.map { ModuleRecord.push("P\($0)", $1) }
        + [.end]
      let answer = try session.directory.write(
        "answer", records.map { $0.line + "\n" }.joined())
      try session.executable(session.program, "cat '\(answer)'")
      let outcome = try session.bash("module load eessi; snap loaded", ["LC_ALL": locale])
      let loaded = try #require(outcome.snapshots["loaded"])
      for (index, value) in values.enumerated() {
        #expect(loaded["V\(index)"] == value, "\(outcome.log)")
        if !value.isEmpty { #expect(loaded["P\(index)"] == value) }
      }
    }
  }

  /// A path with spaces; Lmod 8.6 cannot unload any module from some directories with accents.
  @Test(arguments: ModuleSystem.all)
  func theModuleFilesMayStandBehindAnAwkwardPath(_ system: ModuleSystem) throws {
    try ModuleSession.with(system, modules: "module files") { session in
      let outcome = try session.bash(
        "snap before; module load eessi; snap loaded; module unload eessi; snap after")
      #expect(outcome.snapshots["loaded"]?["EESSI_VERSION"] == "2025.06", "\(outcome.log)")
      #expect(session.seen(outcome.snapshots["after"]) == session.seen(outcome.snapshots["before"]))
    }
  }

  // MARK: What sites set for EESSI's own module

  @Test(arguments: ModuleSystem.all)
  func sitesMayMakeItStickyQuietAndOfAFamily(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let outcome = try session.bash(
        "module load eessi; module purge; snap purged; module --force purge; snap forced",
        [
          "EESSI_MODULE_STICKY": "1", "EESSI_MODULE_QUIET_LOAD": "1",
          "EESSI_MODULE_FAMILY_NAME": "stack",
        ])
      let purged = try #require(outcome.snapshots["purged"])
      #expect(purged["EESSI_VERSION"] == "2025.06", "\(outcome.log)")
      #expect(
        purged[system.kind == .lmod ? "LMOD_FAMILY_STACK" : "MODULES_FAMILY_STACK"] == "eessi")
      #expect(outcome.snapshots["forced"]?["EESSI_VERSION"] == nil)
      #expect(!outcome.log.contains("x86_64/"), "\(outcome.log)")
    }
  }

  @Test func lmodMarksThePromptOfAShellThatExportsIt() throws {
    try ModuleSession.with(.lmod) { session in
      let prompt = "[\\u@\\h '$(a)' \"\\w\"]\\$ "
      let outcome = try session.bash(
        "export PS1=$PROMPT; module load eessi; snap loaded; module unload eessi; snap unloaded",
        ["PROMPT": prompt, "EESSI_MODULE_UPDATE_PS1": "1"])
      #expect(outcome.snapshots["loaded"]?["PS1"] == "{eessi/2025.06} \(prompt)", "\(outcome.log)")
      #expect(outcome.snapshots["unloaded"]?["PS1"] == prompt)
    }
  }

  @Test(arguments: [ModuleSystem.lmod, .stacksLmod])
  func theStacksModulesLoadBehindIt(_ system: ModuleSystem) throws {
    try ModuleSession.with(system) { session in
      let outcome = try session.bash(
        "snap before; module load eessi/2023.06 Numbers; snap loaded; module purge; snap after",
        Self.generic)
      #expect(
        outcome.snapshots["loaded"]?["EBROOTNUMBERS"]?.contains("x86_64/generic") == true,
        "\(outcome.log)")
      #expect(session.seen(outcome.snapshots["after"]) == session.seen(outcome.snapshots["before"]))
    }
  }
}

/// The module files that the repository ships.
@Suite(.tags(.medium))
struct ShippedModulefileTests {
  @Test(arguments: ["2023.06", "2025.06"], ["lmod", "tcl"])
  func theyAreWhatSlipwayPrints(_ version: String, _ language: String) throws {
    let program = try #require(Package.executable("slipway"))
    let printed = try run([program, "modulefile", language, "--eessi", version])
    let file = "modulefiles/\(language)/eessi/\(version)\(language == "lmod" ? ".lua" : "")"
    let shipped = try String(contentsOfFile: "\(Package.root)/\(file)", encoding: .utf8)
    #expect(shipped == printed.stdout, "\(file) is out of date; run modulefiles/generate")
  }

  @Test func theDefaultIsTheNewest() throws {
    let modules = "\(Package.root)/modulefiles"
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: "\(modules)/lmod/eessi/default")
        == "2025.06.lua")
    #expect(
      try String(contentsOfFile: "\(modules)/tcl/eessi/.modulerc", encoding: .utf8)
        .contains("module-version ./2025.06 default\n"))
  }

  @Test func aSitesOwnRepositoryIsNamedInItsFile() throws {
    let program = try #require(Package.executable("slipway"))
    for language in ["lmod", "tcl"] {
      let text = try run([
        program, "modulefile", language, "--eessi-repo", "software.example.org", "--slipway",
        "/opt/slip way/bin/slipway",
      ]).stdout
      #expect(text.contains("software.example.org: the builds"))
      #expect(text.contains("--eessi-repo") && !text.contains("--eessi\""))
      #expect(text.contains("/opt/slip way/bin/slipway") && !text.contains("eessi.io"))
    }
    #expect(try run([program, "modulefile", "fortran"]).status == 64)
  }

  @Test func aFailureIsARecordAndHasItsExitCode() throws {
    let program = try #require(Package.executable("slipway"))
    let failure = try run([program, "env", "--module-records", "--eessi", "../x"])
    #expect(failure.status == 64 && failure.stderr.isEmpty)
    #expect(failure.lines.count == 2 && failure.lines.last == "end")
    #expect(failure.lines.first?.hasPrefix("error slipway: --eessi: \"../x\"") == true)
    let nothing = try run(
      [program, "env", "--module-records", "--as-initialised"], environment: ["PATH": "/bin"])
    #expect(nothing.status == 0 && nothing.stdout == "end\n")
    #expect(try run([program, "env", "--as-initialised"]).status == 64)
  }
}
