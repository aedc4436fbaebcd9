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

/// Sandboxes that cannot be made: the caller learns why, and soon.
@Suite(.tags(.large), .enabled(if: LabImage.isPossible, LabImage.impossible))
struct SandboxEntryTests {
  private func error(
    of plan: SandboxPlan, bubblewrap: String = "/usr/bin/bwrap",
    squashfuse: String = "/usr/bin/squashfuse", seconds: Double = 10
  ) -> SandboxError? {
    // A holder that ends at once: nothing here gets as far as joining, which a process with threads
    // cannot.
    do throws(SandboxError) {
      try plan.enter(
        using: .init(bubblewrap: bubblewrap, squashfuse: squashfuse, holder: "/bin/true"),
        seconds: seconds)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a program that is missing is named`() throws {
    var plan = SandboxPlan(root: .directory("/usr"))
    plan.mounts = [.init("/proc")]
    #expect(error(of: plan, bubblewrap: "/no/bwrap")?.cause.contains("/no/bwrap") == true)
    #expect(error(of: plan)?.kind == .unavailable)
    try TemporaryDirectory.with { directory in
      try directory.write("image", Array("hsqs".utf8) + [UInt8](repeating: 0, count: 4096))
      let image = SandboxPlan(root: .squashfs(directory("image")))
      let found = try #require(error(of: image, squashfuse: "/no/squashfuse"))
      #expect(found.cause.contains("/no/squashfuse") && found.remedy.contains("install squashfuse"))
    }
  }

  @Test func `an image or a mount that is not there is named`() throws {
    let missing = try #require(error(of: SandboxPlan(root: .squashfs("/no/such.squashfs"))))
    #expect(missing.kind == .badInput && missing.step.contains("/no/such.squashfs"))
    #expect(
      error(of: SandboxPlan(root: .squashfs("/etc/passwd")))?.cause.contains("no squashfs") == true)
    var plan = SandboxPlan(root: .directory("/usr"))
    plan.mounts = [.init("/no/such/directory", at: "/mnt")]
    #expect(error(of: plan)?.step == "mounting /no/such/directory")
  }

  @Test func `a server that never answers costs the deadline`() throws {
    try TemporaryDirectory.with { directory in
      try directory.write("image", Array("hsqs".utf8) + [UInt8](repeating: 0, count: 4096))
      try directory.write("mute", Array("#!/bin/sh\nexec sleep 60\n".utf8))
      chmod(directory("mute"), 0o755)
      let found = try #require(
        error(
          of: SandboxPlan(root: .squashfs(directory("image"))), squashfuse: directory("mute"),
          seconds: 1))
      #expect(found.kind == .timedOut, "\(found)")
    }
  }
}
