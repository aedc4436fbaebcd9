import Configuration
import Foundation
import Launch
import Sandbox
import TestSupport
import Testing

/// The words by which injections are asked for, and the profiles that come with slipway.
@Suite(.tags(.small))
struct InjectionChoiceTests {
  @Test(arguments: [
    ("off", InjectionWish.off, InjectionWish.off), ("auto", .auto, .auto), ("mpi", .user, .off),
    ("cuda", .off, .user), ("mpi,cuda", .user, .user), ("cuda,mpi,cuda", .user, .user),
    ("auto,mpi", .user, .auto), ("cuda,auto", .auto, .user),
  ])
  func `a list names all that goes in`(
    _ text: String, _ mpi: InjectionWish, _ cuda: InjectionWish
  ) throws {
    let choice = try InjectionChoice(parsing: text, source: "--inject")
    #expect(choice[.mpi] == mpi && choice[.cuda] == cuda)
  }

  @Test(arguments: ["", ",", "mpi,", "off,mpi", "auto,off", "MPI", "mpi cuda", "rocm", "off,off"])
  func `another word is refused with those that there are`(_ text: String) {
    let error = #expect(throws: ContainerError.self) {
      try InjectionChoice(parsing: text, source: "--eessi-inject")
    }
    #expect(error?.status == .usage)
    #expect(error?.description.hasPrefix("--eessi-inject: \(text): ") == true)
    #expect(error?.remedy.contains("off, auto, or some of mpi, cuda") == true)
  }

  static func profile(_ inject: String) throws -> Profile {
    try Profile(toml: "inject = [\(inject)]".utf8, name: "p", file: "/p/p.toml")
  }

  @Test func `profiles ask for more than what is done without`() throws {
    let none = try InjectionChoice(of: [])
    #expect(none == .auto)
    let choice = try InjectionChoice(of: [Self.profile(""), Self.profile("\"mpi\"")])
    #expect(choice[.mpi] == .profile && choice[.cuda] == .auto)
  }

  @Test(arguments: ["\"off\"", "\"mpi\", \"rdma\""])
  func `a profile that names nothing to inject is told`(_ inject: String) throws {
    let error = #expect(throws: ConfigurationError.self) {
      try InjectionChoice(of: [Self.profile(inject)])
    }
    #expect(error?.file == "/p/p.toml" && error?.remedy.contains("mpi or cuda") == true)
  }

  // MARK: Shipped profiles

  static let shipped = ["nvidia", "rocm", "openmpi", "mpich", "fabric"]

  private static func text(_ name: String) throws -> String? {
    let file = "\(Package.root)/etc/profiles.d/\(name).toml"
    return FileManager.default.fileExists(atPath: file)
      ? try String(contentsOfFile: file, encoding: .utf8) : nil
  }

  @Test(.tags(.medium), arguments: shipped)
  func `a shipped profile can be taken with its parents`(_ name: String) throws {
    var set = ProfileSet(
      read: { name throws(ConfigurationError) in
        guard let text = try? Self.text(name) else { return nil }
        return try Profile(toml: text.utf8, name: name, file: "\(name).toml")
      }, obstacle: { $0.obstacle(architecture: "x86_64", exists: { _ in true }) })
    try set.add(name, isOptional: false)
    #expect(set.profiles.last?.name == name)
    #expect(set.profiles.allSatisfy { !$0.description.isEmpty })
    let choice = try InjectionChoice(of: set.profiles)
    #expect((choice[.cuda] == .profile) == (name == "nvidia"))
    #expect((choice[.mpi] == .profile) == ["openmpi", "mpich"].contains(name))
    let plan = try ContainerPlanTests.plan(profiles: set.profiles)
    let added = plan.sandbox.mounts.count - (try ContainerPlanTests.plan().sandbox.mounts.count)
    #expect(added == set.profiles.flatMap(\.mounts).count)
  }

  @Test(.tags(.medium), arguments: ["nvidia", "rocm"])
  func `a profile of GPUs is for nodes that have them`(_ name: String) throws {
    let text = try #require(try Self.text(name))
    let profile = try Profile(toml: text.utf8, name: name, file: "\(name).toml")
    #expect(profile.obstacle(architecture: "x86_64", exists: { _ in false }) != nil)
  }
}
