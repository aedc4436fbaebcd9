import Environment
import Files
import Glibc
import Sandbox

/// Writes bytes that a value of an environment stands for; text that is not UTF-8 stays as it is.
func writeOutput(_ text: String) {
  _ = Files.write(Environment.bytes(text), to: STDOUT_FILENO)
}

/// Writes commands for a shell to evaluate.
///
/// csh splits what a command prints at blanks and ends of lines and takes `*` and `{` in it for
/// names of files, before `eval` sees it. So it gets the name of a file to read instead; the file
/// is gone when its first line has run. A person who looks at the commands sees the commands.
func writeCommands(_ text: String, for shell: String) throws {
  guard ShellProgram(named: shell)?.family == .csh, isatty(STDOUT_FILENO) == 0 else {
    return writeOutput(text)
  }
  writeOutput("source \(try TemporaryFile.write { "/bin/rm -f \($0)\n\(text)" })\n")
}

/// Files that a shell reads once and removes.
enum TemporaryFile {
  /// The directory for temporary files, by a name that no shell takes for anything else.
  static var directory: String {
    let named = Environment.ofThisProcess.nonEmpty("TMPDIR") ?? "/tmp"
    let isPlain = named.utf8.allSatisfy { byte in
      let scalar = Unicode.Scalar(byte)
      return Shell.isAssignable("_" + String(scalar)) || "/.-".unicodeScalars.contains(scalar)
    }
    return named.hasPrefix("/") && isPlain ? named : "/tmp"
  }

  /// Writes a private file, whose text may name it.
  static func write(_ text: (_ path: String) -> String) throws -> String {
    let template = "\(directory)/slipway-XXXXXX"
    var bytes = Array(template.utf8CString)
    let descriptor = mkstemp(&bytes)
    guard descriptor >= 0 else { throw SystemError(template, errno) }
    defer { close(descriptor) }
    let path = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard Files.write(Environment.bytes(text(path)), to: descriptor) else {
      let code = errno
      unlink(path)
      throw SystemError(path, code)
    }
    return path
  }

  /// Writes a private directory with one file, whose text may name the directory.
  static func directory(with file: String, _ text: (_ path: String) -> String) throws -> String {
    let template = "\(directory)/slipway-XXXXXX"
    var bytes = Array(template.utf8CString)
    guard mkdtemp(&bytes) != nil else { throw SystemError(template, errno) }
    let path = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let descriptor = open("\(path)/\(file)", O_WRONLY | O_CREAT | O_EXCL, 0o600)
    defer { close(descriptor) }
    guard descriptor >= 0, Files.write(Environment.bytes(text(path)), to: descriptor) else {
      let code = errno
      unlink("\(path)/\(file)")
      rmdir(path)
      throw SystemError(path, code)
    }
    return path
  }
}

/// A system call that failed on a file.
struct SystemError: Error, CustomStringConvertible {
  var path: String
  var code: Int32

  init(_ path: String, _ code: Int32) {
    self.path = path
    self.code = code
  }

  var description: String {
    "\(path): \(String(cString: strerror(code))); remedy: set TMPDIR to a directory that you may "
      + "write to"
  }
}

/// The path of this program.
var ownPath: String {
  Files.link("/proc/self/exe") ?? CommandLine.arguments[0]
}
