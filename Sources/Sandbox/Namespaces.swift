import CLinux
import Glibc

/// The namespaces of a sandbox, held open: they live as long as somebody has them.
package struct Namespaces: ~Copyable {
  private let user: Int32
  private let mount: Int32

  /// Opens those of a process of the same user (namespaces(7), "The /proc/pid/ns/ directory").
  init(of process: Int32) throws(SandboxError) {
    user = open("/proc/\(process)/ns/user", O_RDONLY | O_CLOEXEC)
    mount = user < 0 ? -1 : open("/proc/\(process)/ns/mnt", O_RDONLY | O_CLOEXEC)
    guard mount >= 0 else {
      let code = -errno
      if user >= 0 { close(user) }
      throw SandboxError(
        "joining process \(process)", code: code, remedy: "see whether it still runs, as this user",
        kind: .unavailable)
    }
  }

  deinit {
    close(user)
    close(mount)
  }

  /// Takes this process into them, for good and without any right that comes with them.
  ///
  /// For a process with one thread (setns(2)). Its working directory is `/` afterwards.
  func join() throws(SandboxError) {
    var code = sw_join(user, sw_new_user)
    if code == 0 { code = sw_join(mount, sw_new_mount) }
    if code == 0 { code = sw_drop_capabilities() }
    guard code == 0 else {
      throw SandboxError(
        "joining the namespaces", code: code, remedy: "report it with this line: it is a fault")
    }
  }
}

/// Takes this process into the namespaces of another process of the same user.
package func join(process: Int32) throws(SandboxError) {
  try Namespaces(of: process).join()
}
