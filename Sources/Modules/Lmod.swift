import CLinux
import Environment
import Glibc

/// The stack's own Lmod, run to load modules once.
struct Lmod {
  /// Its command, such as `…/compat/linux/x86_64/usr/share/Lmod/libexec/lmod`.
  var command: String
  /// Seconds that are left for the load.
  var seconds: Double
  /// A file to touch every second while it runs; -1 for none.
  var heartbeat: Int32 = -1

  /// What a load gave.
  struct Outcome {
    /// The environment that results; nil where the load failed.
    var environment: Environment?
    /// What Lmod and the modules said.
    var messages: String
    var trace: Trace
  }

  /// The most that a load may print, or its module files may write: 64 MiB.
  private static let limit: Int64 = 64 << 20

  /// What bash must not take from a user's environment: these run commands, or change how it reads.
  ///
  /// Source: bash(1), "Shell Variables", "Invocation".
  private static func isBashOwn(_ name: String) -> Bool {
    name.hasPrefix("BASH_FUNC_") || name.hasPrefix("LUA_INIT")
      || ["BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "POSIXLY_CORRECT", "PS4", "CDPATH"]
        .contains(name)
  }

  /// What the dynamic linker of env(1) would read; told by bash itself instead.
  private static let linkerVariables = ["LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT"]

  /// Descriptors: 1 and 2 what is said, 3 the code that Lmod prints, 4 the trace, 5 and 6 the
  /// environment before and after that code.
  private static let script = #"""
    dump() {
      LD_LIBRARY_PATH= LD_PRELOAD= LD_AUDIT= /usr/bin/env -0
      local n
      for n in LD_LIBRARY_PATH LD_PRELOAD LD_AUDIT; do
        if [ -n "${!n+x}" ]; then printf '%s=%s\0' "$n" "${!n}"; fi
      done
    }
    dump >&5
    LUA_INIT=$0 LUA_INIT_5_1=$0 LUA_INIT_5_2=$0 LUA_INIT_5_3=$0 LUA_INIT_5_4=$0 \
      "$1" bash load "${@:2}" >&3 5>&- 6>&-
    __slipway_status=$?
    printf '\n__slipway_end=1\n' >&3
    . /dev/fd/3 5>&- 6>&-
    [ -n "${__slipway_end-}" ] || exit 3
    unset __slipway_end
    dump >&6
    [ $__slipway_status = 0 ] || exit 2
    exit 0
    """#

  /// Loads modules in an environment, as `module load` in a shell with this environment does.
  ///
  /// `limit` is the time that a message names. Throws ``ModuleError``.
  func load(_ modules: [String], in environment: Environment, limit: Double) throws(ModuleError)
    -> Outcome
  {
    var descriptors: [Int32] = [open("/dev/null", O_RDONLY | O_CLOEXEC)]
    defer { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }
    for name in ["messages", "", "code", "trace", "before", "after"] {
      descriptors.append(name.isEmpty ? dup(descriptors[1]) : sw_memory_file("slipway-\(name)"))
    }
    guard descriptors.allSatisfy({ $0 >= 0 }) else {
      throw ModuleError.cannotRun(command, cause: "no file in memory can be made")
    }
    var own = environment
    for name in environment.names where Self.isBashOwn(name) { own[name] = nil }
    let argv =
      ["bash", "--noprofile", "--norc", "-c", Self.script, LmodTracer.lua(output: 4), command]
      + modules
    let status = withCStrings(argv.map { Array($0.utf8) }) { argv in
      withCStrings(own.entries) { variables in
        sw_run(
          "/bin/bash", argv, variables, descriptors, Int32(descriptors.count),
          Int32(clamping: Int(seconds * 1000)), Self.limit, heartbeat)
      }
    }
    if status == -ETIMEDOUT { throw ModuleError.timedOut(modules, seconds: limit) }
    guard status >= 0 else {
      throw ModuleError.cannotRun("/bin/bash", cause: String(cString: strerror(-status)))
    }
    let messages = Environment.text(Self.contents(of: descriptors[1], limit: 1 << 20))
    let trace = Trace(Self.contents(of: descriptors[4], limit: Int(Self.limit)))
    // wait(2): the low 7 bits are a signal, the next byte the exit code.
    if status & 0x7f != 0 {
      throw ModuleError.cannotRun("/bin/bash", cause: "it was ended by signal \(status & 0x7f)")
    }
    let code = (status >> 8) & 0xff
    if code == 127, messages.isEmpty {
      throw ModuleError.cannotRun("/bin/bash", cause: "it cannot be executed")
    }
    let before = Self.dump(Self.contents(of: descriptors[5], limit: Int(Self.limit)))
    let after = Self.dump(Self.contents(of: descriptors[6], limit: Int(Self.limit)))
    let changes = before.changes(to: after).filter { $0.name != "_" }
    // After an error Lmod changes nothing; after a warning of a module it fails too, and yet loads.
    guard code == 0 || code == 2 && !changes.isEmpty else {
      return Outcome(environment: nil, messages: messages, trace: trace)
    }
    var result = environment
    for change in changes { result[change.name] = change.value }
    return Outcome(environment: result, messages: messages, trace: trace)
  }

  private static func dump(_ bytes: [UInt8]) -> Environment {
    let entries = bytes.split(separator: 0)
    // The linker's variables come twice: empty for env(1), and behind it as they are.
    let ofLinker = entries.filter { entry in
      linkerVariables.contains { entry.starts(with: Array("\($0)=".utf8)) }
    }
    var environment = Environment(entries: entries)
    for name in linkerVariables {
      let given = ofLinker.filter { $0.starts(with: Array("\(name)=".utf8)) }
      environment[name] =
        given.count > 1 ? Environment.text(given.last!.dropFirst(name.utf8.count + 1)) : nil
    }
    return environment
  }

  private static func contents(of descriptor: Int32, limit: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      let count = pread(descriptor, &chunk, chunk.count, bytes.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      bytes += chunk[..<count]
    }
    return bytes
  }
}
