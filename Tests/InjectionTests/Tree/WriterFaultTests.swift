import Foundation
import Injection
import TestSupport
import Testing

private let isPossible = Tool.isInstalled("cc") && Package.executable("tree-writer") != nil

/// Writers that are killed, starved, refused and raced.
@Suite(.tags(.large), .enabled(if: isPossible, "needs cc, and tree-writer"))
struct WriterFaultTests {
  // MARK: Running one as a process

  private func apply(
    _ site: Site, driver: String, mpi: Bool = false, isOwn: Bool = false
  ) throws -> [String] {
    let libraries = try site.install(driver: driver)
    let files = mpi ? ["lib/libmpi.so.40": "\(site.prefix)/lib/libmpi.so.40"] : [:]
    func word(_ files: [String: String]) -> String {
      files.isEmpty ? "-" : files.map { "\($0)=\($1)" }.joined(separator: ",")
    }
    return [
      "apply", site.repository, driver, word(libraries), word(files), isOwn ? "own" : "shared",
    ]
  }

  private var environment: [String: String] { ProcessInfo.processInfo.environment }

  private func command(
    _ site: Site, _ words: [String], author: String = "root on n1"
  ) throws -> [String] {
    [try #require(Package.executable("tree-writer")), site.target, author] + words
  }

  /// A library that ends its process before a given call that changes a file system, and takes
  /// abilities of file systems away.
  private func saboteur(in directory: TemporaryDirectory) throws -> String {
    let source = try directory.write(
      "saboteur.c",
      """
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <errno.h>
      #include <fcntl.h>
      #include <signal.h>
      #include <stdarg.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <sys/stat.h>
      #include <unistd.h>

      static void step(void)
      {
          static int count;
          const char *at = getenv("SABOTEUR_KILL_AT");
          if (at && ++count == atoi(at)) kill(getpid(), SIGKILL);
      }

      static int lacks(const char *what)
      {
          const char *list = getenv("SABOTEUR_LACKS");
          return list && strstr(list, what) != NULL;
      }

      #define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

      int mkdirat(int d, const char *n, mode_t m) { step(); return REAL(mkdirat)(d, n, m); }
      int symlinkat(const char *t, int d, const char *n) { step(); return REAL(symlinkat)(t, d, n); }
      int unlinkat(int d, const char *n, int f) { step(); return REAL(unlinkat)(d, n, f); }
      int renameat(int d, const char *n, int e, const char *o)
      { step(); return REAL(renameat)(d, n, e, o); }
      ssize_t write(int d, const void *b, size_t n)
      { if (d > 2) step(); return REAL(write)(d, b, n); }
      ssize_t pwrite(int d, const void *b, size_t n, off_t o)
      { step(); return REAL(pwrite)(d, b, n, o); }
      int ftruncate(int d, off_t n) { step(); return REAL(ftruncate)(d, n); }
      int fchmod(int d, mode_t m) { step(); return REAL(fchmod)(d, m); }
      int futimens(int d, const struct timespec t[2]) { step(); return REAL(futimens)(d, t); }

      int openat(int d, const char *n, int flags, ...)
      {
          va_list more;
          va_start(more, flags);
          mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
          va_end(more);
          if (flags & O_CREAT) step();
          return REAL(openat)(d, n, flags, mode);
      }

      int renameat2(int d, const char *n, int e, const char *o, unsigned int f)
      {
          step();
          if (lacks("exchange")) { errno = EINVAL; return -1; }
          return REAL(renameat2)(d, n, e, o, f);
      }

      // The tests fear no power cut.
      int fsync(int d) { return 0; }

      int flock(int d, int how)
      {
          if (lacks("locks")) { errno = ENOSYS; return -1; }
          return REAL(flock)(d, how);
      }
      """)
    let library = directory("saboteur.so")
    let result = try run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"])
    try #require(result.status == 0, "\(result.stderr)")
    return library
  }

  // MARK: Killed

  enum Beginning: String, CaseIterable {
    case nothing, byHand, injected
    /// In a target of the driver's own, where each library has a link.
    case ownTarget
  }

  /// Makes the target what it is before the one that is killed; returns what others made of it.
  private func prepare(
    _ site: Site, _ beginning: Beginning, _ write: ([String]) throws -> Void
  ) throws -> [String: String] {
    if beginning == .byHand || beginning == .injected {
      try site.runEESSIScript(driver: "525.60.13")
      try site.directory.write("target/\(Site.override)/lib/libmpi.so.40", "by hand")
    }
    let original = try site.snapshot()
    if beginning == .injected || beginning == .ownTarget {
      for version in ["535.261.03", "555.58.02"] {
        try write(apply(site, driver: version, isOwn: beginning == .ownTarget))
      }
    }
    return original
  }

  /// What programs see at the places that are looked at, each of which must be old or new.
  private func views(_ site: Site) -> [[String: String]] {
    // Of single links libcuda.so comes last and goes first: only Lmod looks for it.
    [Site.host, Site.trusted, "\(Site.override)/lib"].map(site.readAll)
      + [site.readAll("").filter { $0.key != "libcuda.so" }]
  }

  /// Killed before every single call that changes a file, one after the other: whoever looks finds
  /// each place as it was or as it was to be, and the next one finishes or undoes.
  @Test(
    .timeLimit(.minutes(10)),
    arguments: [
      (Beginning.nothing, "apply", ""), (.byHand, "apply", ""), (.injected, "apply", ""),
      (.byHand, "apply", "exchange"), (.injected, "remove", ""), (.injected, "remove", "exchange"),
      (.injected, "rollback", ""), (.ownTarget, "apply", ""), (.ownTarget, "remove", ""),
    ])
  func killedAtEveryStep(_ beginning: Beginning, _ verb: String, _ lacks: String) throws {
    try TemporaryDirectory.with { directory in
      let library = try saboteur(in: directory)
      func write(_ site: Site, _ words: [String], killedAt step: Int = 0) throws -> ToolResult {
        let variables = [
          "LD_PRELOAD": library, "SABOTEUR_LACKS": lacks, "SABOTEUR_KILL_AT": "\(step)",
        ]
        return try run(command(site, words), environment: environment.merging(variables) { $1 })
      }
      var seen: Set<[[String: String]]> = []
      for step in 1... {
        let isOver = try Site.with { site -> Bool in
          let original = try prepare(site, beginning) { _ = try write(site, $0) }
          let isOwn = beginning == .ownTarget
          let words =
            verb == "apply"
            ? try apply(site, driver: "580.65.06", mpi: !isOwn, isOwn: isOwn) : [verb]
          let old = views(site)
          let killed = try write(site, words, killedAt: step)
          let now = views(site)
          seen.insert(now)
          // Lmod's isFile takes a link for a file: where there is one, there is a library.
          for path in ["\(Site.trusted)/libcuda.so", "\(Site.host)/libcuda.so", "libcuda.so"] {
            #expect(try site.text(ofLink: path) == nil || site.exists(path), "step \(step)")
          }
          // Once more, to the end, where it is still to be done.
          let again = try write(site, words)
          let new = views(site)
          for (place, view) in now.enumerated() where view != old[place] && view != new[place] {
            // Without exchanging names a place is empty for a moment.
            #expect(lacks == "exchange" && view.isEmpty, "step \(step), place \(place): \(view)")
          }
          let left = try FileManager.default.subpathsOfDirectory(atPath: site.target)
          #expect(!left.contains { $0.hasSuffix(".partial") || $0.hasSuffix(".new") })
          if verb == "apply" {
            #expect(again.status == 0, "step \(step): \(again.stderr)")
            #expect(try site.writer().status(runningDriver: "580.65.06").isEmpty, "step \(step)")
            let path = isOwn ? "libcuda.so" : "\(Site.trusted)/libcuda.so"
            #expect(site.read(path) == "libcuda.so.1 of 580.65.06")
          }
          _ = try write(site, ["remove"])
          #expect(try site.snapshot() == original, "step \(step)")
          #expect([0, 128 + SIGKILL].contains(killed.status), "\(killed.stderr)")
          return killed.status == 0
        }
        if isOver {
          #expect(step > 5, "it was killed \(step - 1) times")
          break
        }
      }
      #expect(seen.count > 1, "the change was seen to happen")
    }
  }

  /// What was written and never shown is nothing to go back to.
  @Test func killedBeforeItWasShown() throws {
    try Site.with { site in
      for version in ["525.60.13", "535.261.03"] {
        _ = try site.writer().apply(InjectionTree([try site.driver(version)]))
      }
      let generations = "\(site.target)/.slipway/generations"
      try FileManager.default.copyItem(atPath: "\(generations)/2", toPath: "\(generations)/3")
      _ = try site.writer().apply(InjectionTree([site.mpi]))
      #expect(try site.writer().rollback().generation == 2)
      #expect(try site.writer().rollback().generation == 1)
      #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of 525.60.13")
    }
  }

  // MARK: Raced

  @Test func manyAtOnce() throws {
    try Site.with { site in
      let versions = (1...6).map { "\(500 + $0).10" }
      let programs = try versions.map { version in
        let words = try apply(site, driver: version, mpi: version > "503")
        return try RunningProgram(command(site, words, author: "root on \(version)"))
      }
      let results = try programs.map { try $0.finish() }
      for result in results { #expect(result.status == 0, "\(result.stderr)") }
      #expect(results.map(\.stdout).sorted() == (1...6).map { "\($0)\n" }, "one after the other")
      let last = try #require(try site.writer().current()).0
      #expect(last.generation == 6)
      #expect(last.injections.map(\.kind).sorted { $0.rawValue < $1.rawValue } == [.cuda, .mpi])
      let version = try #require(last.injection(at: Site.host)?.version)
      #expect(last.author == "root on \(version)")
      #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of \(version)")
    }
  }

  /// All away, by six who find the lock gone with everything else, and make its directory anew meanwhile.
  @Test(arguments: 1...10) func removedByMany(_ round: Int) throws {
    try Site.with { site in
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03"), site.mpi]))
      let removals = try (1...6).map { _ in try RunningProgram(command(site, ["remove"])) }
      let results = try removals.map { try $0.finish() }
      #expect(results.map(\.status).sorted() == [0, 1, 1, 1, 1, 1], "\(results.map(\.stderr))")
      #expect(try site.snapshot().isEmpty)
    }
  }

  /// The one who waits is told for whom, and not for ever.
  @Test func theHolderIsNamed() throws {
    try Site.with { site in
      let tree = InjectionTree([try site.driver("535.261.03")])
      _ = try site.writer().apply(tree) {
        let start = ContinuousClock.now
        let error = #expect(throws: InjectionTreeError.self) {
          try site.writer(patience: 0.3).remove()
        }
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect("\(error!)".contains("is being changed by root on login1, process \(getpid())"))
        return nil
      }
    }
  }

  @Test func aFileSystemWithoutLocks() throws {
    try TemporaryDirectory.with { directory in
      let variables = ["LD_PRELOAD": try saboteur(in: directory), "SABOTEUR_LACKS": "locks"]
      try Site.with { site in
        let result = try run(
          command(site, apply(site, driver: "535.261.03")),
          environment: environment.merging(variables) { $1 })
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.stdout.contains("has no locks (Function not implemented)"))
      }
    }
  }

  // MARK: Refused and starved

  @Test func notByThisUser() throws {
    try Site.with { site in
      let words = try apply(site, driver: "535.261.03")
      try #require(chmod(site.target, 0o555) == 0)
      for path in ["", "cvmfs"] {
        try #require(chmod(site.directory(path), 0o755) == 0)
      }
      defer { chmod(site.target, 0o755) }
      let user = Lab.isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
      let result = try run(user + command(site, words))
      #expect(result.status == 1)
      #expect(
        result.stderr.contains("/.slipway cannot be written by this user; remedy: run the command"),
        "\(result.stderr)")
      #expect(try site.snapshot().isEmpty)
    }
  }

  /// A file system with room for one page, or one name, more each time: all or nothing.
  @Test(.enabled(if: Lab.isRoot, "needs root: it mounts a small file system"))
  func fullAndReadOnly() throws {
    try Site.with { site in
      try site.directory.write(
        "usr/lib64/openmpi/lib/libmpi.so.40", [UInt8](repeating: 1, count: 20000))
      let options = "size=512k,nr_inodes=400,mode=755"
      try #require(
        run(["mount", "-t", "tmpfs", "-o", options, "none", site.target]).status == 0)
      defer { _ = try? run(["umount", "-l", site.target]) }
      try site.runEESSIScript(driver: "525.60.13")
      let first = InjectionTree([try site.driver("535.261.03"), site.copiedMPI])
      let second = InjectionTree([try site.driver("555.58.02"), site.copiedMPI])
      var failures = 0
      func applyWithLittleRoom(_ tree: InjectionTree, _ room: (Int) throws -> Void) throws {
        for left in 0..<200 {
          let before = try site.snapshot()
          try room(left)
          do {
            _ = try site.writer().apply(tree)
            return
          } catch {
            guard case .full = error else { throw error }
            #expect("\(error)".contains("No space left on device), and everything is as it was"))
            failures += 1
            unlink("\(site.target)/ballast")
            #expect(try site.snapshot() == before, "with room for \(left)")
          }
        }
      }
      var system = statvfs()
      try applyWithLittleRoom(first) { left in
        try #require(statvfs(site.target, &system) == 0)
        let names = Int(system.f_files) - Int(system.f_ffree) + left
        let options = "remount,nr_inodes=\(names)"
        try #require(run(["mount", "-o", options, site.target]).status == 0)
      }
      // One for each name, 45; fewer on a busy machine, which frees what was removed a little later.
      #expect(failures > 35)
      #expect(try site.writer().current()?.1 == first)
      try #require(run(["mount", "-o", "remount,nr_inodes=400", site.target]).status == 0)
      failures = 0
      try applyWithLittleRoom(second) { left in
        try #require(statvfs(site.target, &system) == 0)
        let size = max(0, Int(system.f_bavail) - left) * Int(system.f_bsize)
        try Data(repeating: 0, count: size).write(to: URL(filePath: "\(site.target)/ballast"))
      }
      #expect(failures > 5)
      #expect(try site.writer().current()?.1 == second)
      let before = try site.snapshot()
      try #require(run(["mount", "-o", "remount,ro", site.target]).status == 0)
      #expect(throws: InjectionTreeError.readOnly("\(site.target)/.slipway/lock")) {
        try site.writer().apply(first)
      }
      #expect(try site.snapshot() == before)
      #expect(try site.writer().status(runningDriver: "555.58.02").isEmpty)
    }
  }

  // MARK: Changed meanwhile

  @Test(arguments: [true, false])
  func theDriverChangesWhileItIsApplied(_ isFirst: Bool) throws {
    try Site.with { site in
      if !isFirst { _ = try site.writer().apply(InjectionTree([site.mpi])) }
      try site.runEESSIScript(driver: "525.60.13")
      let before = try site.snapshot()
      let tree = InjectionTree([try site.driver("535.261.03")])
      #expect(throws: InjectionTreeError.changed("the running driver (now 555.58.02)")) {
        try site.writer().apply(tree) { "the running driver (now 555.58.02)" }
      }
      #expect(try site.snapshot() == before)
      // And a file of it, without anyone's asking.
      let library = site.directory("usr/lib64/libcuda.so.535.261.03")
      #expect(throws: InjectionTreeError.changed(library)) {
        try site.writer().apply(tree) {
          _ = try? "another".write(toFile: library, atomically: true, encoding: .utf8)
          return nil
        }
      }
      #expect(try site.snapshot() == before)
      unlink(library)
      #expect(throws: InjectionTreeError.changed(library)) { try site.writer().apply(tree) }
      #expect(try site.snapshot() == before)
    }
  }

  // MARK: Hostile targets

  /// Links that others put on the way are never followed: what they lead to stays untouched.
  @Test(arguments: [
    ".slipway", "nvidia", "nvidia/x86_64", "2023.06", "2023.06/compat/linux",
  ])
  func aLinkOnTheWay(_ path: String) throws {
    try Site.with { site in
      try site.directory.write("outside/precious", "precious")
      try site.directory.link("target/\(path)", to: site.directory("outside"))
      let before = try site.snapshot()
      let tree = InjectionTree([try site.driver("535.261.03")])
      let error = InjectionTreeError.linkInTheWay(
        "\(site.target)/\(path)", text: site.directory("outside"))
      #expect(throws: error) { try site.writer().apply(tree) }
      #expect(throws: error) { try site.writer().preview(tree) }
      #expect(try site.snapshot() == before)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: site.directory("outside"))
          == ["precious"])
    }
  }

  @Test func linksAmongWhatIsRemoved() throws {
    try Site.with { site in
      try site.directory.write("outside/5.partial/precious", "precious")
      _ = try site.writer().apply(InjectionTree([try site.driver("535.261.03")]))
      let store = "target/.slipway"
      try site.directory.link("\(store)/generations/5.partial", to: site.directory("outside"))
      try site.directory.link("\(store)/generations/1/tree/out", to: site.directory("outside"))
      try site.directory.link("\(store)/generations/loop", to: "loop")
      try site.directory.link("\(store)/adopted/7", to: site.directory("outside"))
      #expect(throws: InjectionTreeError.self) { try site.writer().remove() }
      unlink(site.directory("\(store)/adopted/7"))
      _ = try site.writer().remove()
      #expect(try site.snapshot().isEmpty)
      #expect(FileManager.default.fileExists(atPath: site.directory("outside/5.partial/precious")))
    }
  }

  /// What slipway keeps is damaged: nothing is believed, and a way out is left.
  @Test(arguments: [
    ("current", "../../outside"), ("current", "generations/7"), ("current", "generations/-1"),
    ("generations/2/manifest.toml", "schema = 2"), ("generations/2/manifest.toml", nil),
    ("generations/2/entries.toml", "[[anchor]]\npath = \"../../outside\""),
  ])
  func aDamagedStore(_ file: String, _ contents: String?) throws {
    try Site.with { site in
      try site.directory.write("outside/manifest.toml", "schema = 1")
      for version in ["535.261.03", "555.58.02"] {
        _ = try site.writer().apply(InjectionTree([try site.driver(version)]))
      }
      let path = "\(site.target)/.slipway/\(file)"
      unlink(path)
      if let contents, file == "current" {
        try site.directory.link("target/.slipway/current", to: contents)
      } else if let contents {
        try site.directory.write("target/.slipway/\(file)", contents)
      } else {
        try #require(mkfifo(path, 0o644) == 0)
      }
      let tree = InjectionTree([site.mpi])
      for use in [
        { _ = try site.writer().current() }, { _ = try site.writer().preview(tree) },
        { _ = try site.writer().apply(tree) }, { _ = try site.writer().remove(.cuda) },
        { _ = try site.writer().status(runningDriver: nil) },
      ] {
        let error = #expect(throws: InjectionTreeError.self) { try use() }
        guard case .damaged = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
      }
      if file != "current" {
        #expect(try site.writer().rollback().generation == 1)
        #expect(site.read("\(Site.trusted)/libcuda.so") == "libcuda.so.1 of 535.261.03")
      }
      _ = try site.writer().remove()
      #expect(try site.snapshot().isEmpty)
    }
  }

  /// A copy that someone changed is not carried into the next generation.
  @Test func aCopyThatWasChanged() throws {
    try Site.with { site in
      _ = try site.writer().apply(InjectionTree([site.copiedMPI]))
      let copy = "\(site.target)/.slipway/current/tree/\(Site.override)/lib/libmpi.so.40"
      try "worse".write(toFile: copy, atomically: false, encoding: .utf8)
      let before = try site.snapshot()
      let driver = InjectionTree([try site.driver("535.261.03")])
      let error = #expect(throws: InjectionTreeError.self) { try site.writer().apply(driver) }
      #expect("\(error!)".contains("libmpi.so.40: not as slipway wrote it"))
      #expect(try site.snapshot() == before)
      // Applied anew, it is whole again.
      _ = try site.writer().apply(InjectionTree([site.copiedMPI]))
      _ = try site.writer().apply(driver)
      #expect(site.read("\(Site.override)/lib/libmpi.so.40") == "Open MPI 4.1.4")
    }
  }

  @Test func noTarget() throws {
    try Site.with { site in
      let tree = InjectionTree([site.mpi])
      let missing = site.directory("nowhere")
      #expect(throws: InjectionTreeError.missingTarget(missing, link: nil)) {
        try site.writer(target: missing).apply(tree)
      }
      let file = try site.directory.write("file", "")
      #expect(throws: InjectionTreeError.notADirectory(file)) {
        try site.writer(target: file).apply(tree)
      }
      try site.directory.link("loop", to: "loop")
      #expect(throws: InjectionTreeError.tooManyLinks(site.directory("loop"))) {
        try site.writer(target: site.directory("loop")).apply(tree)
      }
    }
  }
}
