import Glibc
import Sandbox
import TestSupport
import Testing

@Suite(.tags(.small))
struct NamespaceDiagnosisTests {
  /// A machine's settings, the error that a call gave, and a word of the remedy.
  struct Machine: CustomTestStringConvertible, Sendable {
    var files: [String: String]
    var code: Int32
    var cause: String
    var remedy: String
    var testDescription: String { cause }
  }

  static let machines = [
    Machine(
      files: ["/proc/sys/user/max_user_namespaces": "0\n"], code: ENOSPC,
      cause: "user.max_user_namespaces is 0", remedy: "sysctl user.max_user_namespaces="),
    Machine(
      files: [
        "/proc/sys/user/max_user_namespaces": "95897\n", "/proc/sys/user/max_mnt_namespaces": "0\n",
      ], code: ENOSPC, cause: "user.max_mnt_namespaces is 0", remedy: "max_mnt_namespaces="),
    Machine(
      files: ["/proc/sys/kernel/unprivileged_userns_clone": "0\n"], code: EPERM,
      cause: "kernel.unprivileged_userns_clone is 0", remedy: "unprivileged_userns_clone=1"),
    Machine(
      files: [
        "/proc/sys/kernel/unprivileged_userns_clone": "1\n",
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
      ], code: EACCES, cause: "AppArmor lets only programs", remedy: "etc/apparmor.d/slipway"),
    Machine(
      files: ["/proc/sys/user/max_user_namespaces": "95897\n"], code: ENOSPC,
      cause: "there are too many namespaces already", remedy: "raise sysctl"),
    Machine(
      files: ["/proc/self/status": "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n"], code: EPERM,
      cause: "a filter of system calls", remedy: "seccomp profile"),
    Machine(
      files: [:], code: EPERM, cause: "Operation not permitted", remedy: "allow user namespaces"),
  ]

  @Test(arguments: machines)
  func `what forbids namespaces is named, with a remedy`(_ machine: Machine) {
    let diagnosis = NamespaceDiagnosis(code: machine.code) { machine.files[$0] }
    #expect(diagnosis.cause.contains(machine.cause))
    #expect(diagnosis.remedy.contains(machine.remedy))
  }
}
