import ArgumentParser
import Configuration
import Environment
import Glibc
import Host
import Injection
import Launch
import Stack

/// The options of every command that reads or changes what is injected.
struct InjectionSiteOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The directory to write to (default: where the repository's host_injections leads).",
      valueName: "directory"))
  var target: String?

  @OptionGroup var stack: StackOptions

  func site() throws -> InjectionSite {
    let configuration = try Configuration.load(named: stack.config)
    let selection = try? stack.selection(in: .ofThisProcess)
    let files = GuardedFiles(seconds: configuration.deadline)
    defer { files.stop() }
    let directory: InjectionTarget
    if let target = target ?? configuration.injection.target {
      directory = try InjectionTarget(named: target.absolutePath)
    } else {
      let selection = try selection ?? stack.selection(in: .ofThisProcess)
      directory = try InjectionTarget(
        .hostInjections, of: selection.repository.root, files: files)
    }
    return InjectionSite(target: directory, selection: selection)
  }
}

/// Where injections of this machine are written.
struct InjectionSite {
  var target: InjectionTarget
  /// nil where the repository is not there.
  var selection: StackSelection?

  var writer: InjectionWriter {
    InjectionWriter(target: target.path, author: Self.author, release: SlipwayCommand.version)
  }

  /// The stack; what is injected depends on its version and its subdirectories.
  func stack() throws -> StackSelection {
    guard let selection else {
      throw InjectionError(
        what: "nothing can be injected", cause: "the stack cannot be seen on this node",
        remedy: "mount its repository, or run this where it is mounted", kind: .unavailable)
    }
    return selection
  }

  /// `root on login1`.
  private static var author: String {
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let user = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())"
    return "\(user) on \(name)"
  }
}
