import Environment
import Foundation
import Host
import TestSupport
import Testing

@testable import Modules

/// The index of a stack on disk, and the file that keeps it.
@Suite(.tags(.medium))
struct ModuleIndexerTests {
  private static let generic = "x86_64/generic"
  private static let zen2 = "x86_64/amd/zen2"

  private func answer(
    _ stack: ModuleStack, environment: [String: String] = [:], store: CapsuleStore? = nil,
    keeps: Bool = true, describing: Bool = false
  ) throws -> ModuleIndexer.Answer {
    // What changed within the last tick of the clock is not kept.
    usleep(30_000)
    let files = GuardedFiles(seconds: 10)
    defer { files.stop() }
    let indexer = ModuleIndexer(
      files: files, store: keeps ? store ?? stack.store : nil, seconds: 20)
    return try indexer.index(
      of: stack.selection, in: stack.environment(environment), describing: { _ in describing })
  }

  /// The module files of this node, as `slipway modules avail` has them; (D) marks a default.
  private func names(_ answer: ModuleIndexer.Answer) -> [String] {
    answer.index.available(in: answer.here).map {
      $0.module.fullName + ($0.isDefault ? " (D)" : "") + ($0.place.isLua ? "" : " tcl")
    }
  }

  private func path(_ stack: ModuleStack, _ target: String) -> String {
    stack.tree.replacing("x86_64/intel/haswell", with: target)
  }

  // MARK: What is found

  @Test func `module files of both languages are found, and what is none is not`() throws {
    let files = [
      "GCC/12.3.0.lua": "", "GCC/13.2.0.lua": "", "Octave/8.4": "#%Module\n",
      "Octave/notes.txt": "no module", "Octave/8.4~": "#%Module\n", "Octave/.8.4.swp": "#%Module",
      "Hidden/.1.0.lua": "", "Hidden/2.0.lua": "", "lone.lua": "", "Both/1.lua": "",
      "Both/1": "#%Module\n", ".git/config": "#%Module\n",
    ]
    try ModuleStack.with(files) { stack in
      let found = try names(answer(stack))
      #expect(
        found == [
          "Both/1", "GCC/12.3.0", "GCC/13.2.0 (D)", "Hidden/2.0", "lone", "Octave/8.4 tcl",
        ])
    }
  }

  @Test func `names are nested as Lmod nests them`() throws {
    let files = [
      "bio/BWA/1.0.lua": "", "bio/BWA/1.10.lua": "", "bio/tools.lua": "",
      "deep/a/1.0.lua": "", "deep/b/2.0.lua": "", "deep/.modulerc.lua": "",
    ]
    try ModuleStack.with(files) { stack in
      let index = try answer(stack).index
      #expect(
        Set(index.modules.map { "\($0.name)|\($0.version)" }) == [
          "bio/BWA|1.0", "bio/BWA|1.10", "bio/tools|", "deep|a/1.0", "deep|b/2.0",
        ])
      #expect(index.trees.first { $0.directory == stack.modules }?.isNested == true)
    }
  }

  @Test func `a default is that of its directory, else the highest`() throws {
    let files = [
      "Java/11.lua": "", "Java/17.0.6.lua": "", "Java/21.lua": "",
      "Java/.modulerc.lua":
        "module_version('Java/17.0.6', '17')\nmodule_version('Java/17.0.6', 'default')\n",
      "node/18.lua": "", "node/20.lua": "",
      "node/.version": "#%Module\nset ModulesVersion \"18\"\n",
      "Rust/1.73.lua": "", "Rust/1.80.lua": "", "old/1.9.lua": "", "old/1.10.lua": "",
      "one/1.lua": "", "shy/1.lua": "", "shy/2.lua": "",
      "shy/.modulerc.lua": "hide_version('shy/2')",
    ]
    try ModuleStack.with(files) { stack in
      try FileManager.default.createSymbolicLink(
        atPath: "\(stack.modules)/Rust/default", withDestinationPath: "1.73.lua")
      let made = try answer(stack)
      #expect(
        names(made).filter { $0.hasSuffix("(D)") } == [
          "Java/17.0.6 (D)", "node/18 (D)", "old/1.10 (D)", "Rust/1.73 (D)",
        ])
      #expect(made.index.resolved("Java/17", in: made.here) == "Java/17.0.6")
      #expect(names(made).contains("shy/1"))
      #expect(!names(made).contains { $0.hasPrefix("shy/2") })
    }
  }

  @Test func `every target, accelerator and site tree is told apart`() throws {
    try ModuleStack.with(["GCC/1.lua": ""]) { stack in
      for target in [Self.generic, Self.zen2, "\(Self.zen2)/accel/nvidia/cc80", "x86_64/unknown"] {
        try stack.write("GCC/2.lua", "", tree: path(stack, target))
      }
      let site = stack.directory("site")
      try stack.write(
        "Local/1.lua", "", tree: "\(site)/2023.06/software/linux/x86_64/intel/haswell")
      try FileManager.default.createSymbolicLink(
        atPath: "\(stack.root)/host_injections", withDestinationPath: site)
      let made = try answer(stack)
      let places = Dictionary(
        uniqueKeysWithValues: made.index.modules.map { module in
          (module.fullName, Set(module.places.map { made.index.trees[$0.tree].target }))
        })
      #expect(
        places["GCC/2"] == [Self.generic, Self.zen2, "\(Self.zen2)/accel/nvidia/cc80"])
      #expect(places["GCC/1"] == ["x86_64/intel/haswell"])
      #expect(made.index.trees.filter(\.isSite).map(\.target) == ["x86_64/intel/haswell"])
      // The site's come first, as in MODULEPATH.
      #expect(names(made) == ["Local/1", "GCC/1"])
      #expect(made.here.map { made.index.trees[$0].isSite } == [true, false])
    }
  }

  @Test func `a module path of the user's own choice is seen`() throws {
    try ModuleStack.with(["GCC/1.lua": ""]) { stack in
      try stack.directory.write("mine/Own/1.lua", "")
      let made = try answer(
        stack, environment: ["EESSI_CUSTOM_MODULEPATH": stack.directory("mine")])
      #expect(names(made) == ["Own/1"])
      #expect(try names(answer(stack)) == ["GCC/1"])
    }
  }

  @Test func `hostile names are passed over`() throws {
    try ModuleStack.with(["GCC/1.lua": "", "Esc/\u{1b}[2Jx.lua": "", "two\nlines/1.lua": ""]) {
      stack in
      let bad = Array("\(stack.modules)/GCC/".utf8) + [0xff, 0xfe] + Array(".lua".utf8) + [0]
      let descriptor = bad.withUnsafeBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { creat($0.baseAddress!, 0o644) }
      }
      #expect(descriptor >= 0)
      close(descriptor)
      let found = try names(answer(stack))
      #expect(found == ["GCC/1"])
    }
  }

  // Whatever hangs ends with the deadline of the files, as an error.
  @Test func `links in circles, pipes and links to nowhere end`() throws {
    try ModuleStack.with(["GCC/1.lua": "", "GCC/2.lua": ""]) { stack in
      let manager = FileManager.default
      for name in ["loop", "GCC/up", "again"] {
        try manager.createSymbolicLink(
          atPath: "\(stack.modules)/\(name)", withDestinationPath: stack.modules)
      }
      for (name, target) in [("self", "self"), ("GCC/3.lua", "nowhere"), ("GCC/default", "gone")] {
        try manager.createSymbolicLink(
          atPath: "\(stack.modules)/\(name)", withDestinationPath: target)
      }
      try manager.createSymbolicLink(
        atPath: "\(stack.modules)/Alias", withDestinationPath: "GCC")
      #expect(mkfifo("\(stack.modules)/GCC/pipe", 0o644) == 0)
      #expect(mkfifo("\(stack.modules)/GCC/4.lua", 0o644) == 0)
      #expect(try names(answer(stack)) == ["Alias/1", "Alias/2 (D)", "GCC/1", "GCC/2 (D)"])
    }
  }

  @Test func `a directory with more names than an answer holds is read whole`() throws {
    try ModuleStack.with([:]) { stack in
      let tail = String(repeating: "x", count: 100)
      try stack.directory.makeDirectory("many")
      let folder = "\(stack.modules)/Many"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for number in 0..<3000 { close(creat("\(folder)/\(number)-\(tail).lua", 0o644)) }
      let found = try names(answer(stack))
      #expect(found.count == 3000)
      #expect(Set(found).count == 3000)
      #expect(found.last == "Many/2999-\(tail) (D)")
    }
  }

  @Test func `descriptions are read when they are asked for`() throws {
    let files = [
      "GCC/1.lua": "whatis([==[Description: Compilers]==])", "None/1.lua": "",
      "Tcl/1": "#%Module\nmodule-whatis {Description: in Tcl}\n",
    ]
    try ModuleStack.with(files) { stack in
      #expect(try answer(stack).index.modules.allSatisfy { $0.description == nil })
      let first = try answer(stack, describing: true)
      #expect(!first.isKept)
      let second = try answer(stack, describing: true)
      #expect(second.isKept)
      for made in [first, second] {
        #expect(made.index.modules.map(\.description) == ["Compilers", "", "in Tcl"])
      }
    }
  }

  // MARK: What is kept

  @Test func `the index is kept until something changes`() throws {
    try ModuleStack.with(["GCC/1.lua": "whatis([[Description: one]])"]) { stack in
      #expect(try answer(stack, describing: true).isKept == false)
      #expect(try answer(stack, describing: true).isKept)
      #expect(stack.stored.count == 1, "\(stack.stored)")
      func expectAnew(_ expected: [String], _ what: Comment) throws {
        let made = try answer(stack, describing: true)
        #expect(!made.isKept, what)
        #expect(names(made) == expected, what)
        #expect(try answer(stack, describing: true).isKept, what)
      }
      try stack.write("GCC/2.lua", "", daysAgo: 1)
      try expectAnew(["GCC/1", "GCC/2 (D)"], "a version came")
      try stack.write("Python/3.lua", "", daysAgo: 0.9)
      try expectAnew(["GCC/1", "GCC/2 (D)", "Python/3"], "a name came")
      try FileManager.default.removeItem(atPath: "\(stack.modules)/GCC/2.lua")
      try stack.write("GCC/1.lua", "whatis([[Description: other]])", daysAgo: 0.8)
      try expectAnew(["GCC/1", "Python/3"], "a version went")
      #expect(try answer(stack).index.modules.first?.description == "other")
      try stack.write("GCC/1.lua", "whatis([[Description: edited]])", daysAgo: 0.7)
      #expect(try answer(stack, describing: true).index.modules.first?.description == "edited")
      try stack.write("GCC/0.lua", "", daysAgo: 0.65)
      try expectAnew(["GCC/0", "GCC/1 (D)", "Python/3"], "a lower version came")
      try stack.write(
        "GCC/.version", "#%Module\nset ModulesVersion 0\n", daysAgo: 0.6)
      try expectAnew(["GCC/0 (D)", "GCC/1", "Python/3"], "another default")
      try stack.write("New/1.lua", "", daysAgo: 0.5, tree: path(stack, Self.zen2))
      let made = try answer(stack)
      #expect(made.index.modules.contains { $0.fullName == "New/1" }, "a target came")
    }
  }

  /// What must not be believed, and whether a file in its place can be written anew.
  @Test(arguments: ["corrupt", "truncated", "empty", "writable", "foreign", "link", "directory"])
  func `what is not to be trusted is made anew`(_ kind: String) throws {
    try ModuleStack.with(["GCC/1.lua": ""]) { stack in
      _ = try answer(stack)
      let file = "\(stack.store.directory)/\(try #require(stack.stored.first))"
      var bytes = Array(try Data(contentsOf: URL(filePath: file)))
      switch kind {
      case "corrupt": bytes[bytes.count / 2] ^= 1
      case "truncated": bytes.removeLast(20)
      case "empty": bytes = []
      default: break
      }
      try Data(bytes).write(to: URL(filePath: file))
      switch kind {
      case "writable": #expect(chmod(file, 0o666) == 0)
      case "foreign":
        guard getuid() == 0 else { return }
        #expect(chown(file, 65534, 65534) == 0)
      case "link":
        try FileManager.default.moveItem(atPath: file, toPath: file + ".real")
        try FileManager.default.createSymbolicLink(
          atPath: file, withDestinationPath: file + ".real")
      case "directory":
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createDirectory(
          atPath: file, withIntermediateDirectories: false)
      default: break
      }
      let made = try answer(stack)
      #expect(!made.isKept)
      #expect(!made.notes.isEmpty)
      #expect(names(made) == ["GCC/1"])
      if kind != "directory" { #expect(try answer(stack).isKept) }
    }
  }

  @Test func `without a store that can be used it works all the same`() throws {
    try ModuleStack.with(["GCC/1.lua": ""]) { stack in
      #expect(try names(answer(stack, keeps: false)) == ["GCC/1"])
      // A file in the place of a directory: not even root can write there.
      let file = try stack.directory.write("file", "")
      for store in [CapsuleStore(directory: "\(file)/store"), CapsuleStore(directory: "/proc/x")] {
        let made = try answer(stack, store: store)
        #expect(names(made) == ["GCC/1"])
        #expect(!made.isKept && !made.notes.isEmpty)
      }
      // A directory that others may write into.
      let open = stack.directory("open")
      try stack.directory.makeDirectory("open")
      #expect(chmod(open, 0o777) == 0)
      let made = try answer(stack, store: CapsuleStore(directory: open))
      #expect(!made.isKept && made.notes.contains { $0.contains("can be written by others") })
    }
  }

  @Test func `a lock of a process that has died is no hindrance`() throws {
    try ModuleStack.with(["GCC/1.lua": ""]) { stack in
      _ = try answer(stack)
      let file = try #require(stack.stored.first)
      let lock = file.replacing(".modules", with: ".lock")
      let store = URL(filePath: stack.store.directory)
      try FileManager.default.removeItem(at: store.appending(path: file))
      let dead = try RunningProgram(["true"])
      _ = try dead.finish()
      let host = try run(["uname", "-n"]).lines[0]
      try Data("\(host).\(dead.identifier) 1".utf8).write(to: store.appending(path: lock))
      #expect(try names(answer(stack)) == ["GCC/1"])
      #expect(stack.stored == [file])
    }
  }
}
