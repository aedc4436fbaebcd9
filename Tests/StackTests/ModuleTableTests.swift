import Environment
import Foundation
import TestSupport
import Testing

@testable import Stack

/// Lmod's table of loaded modules in an environment that moves between nodes.
@Suite(.tags(.small))
struct ModuleTableTests {
  private static let lua = """
    _ModuleTable_ = {
    MTversion = 3,
    mT = {
    GCC = {
    fn = "\(Stacks.software)/x86_64/amd/zen2/modules/all/GCC/13.2.0.lua",
    fullName = "GCC/13.2.0",
    },
    mine = {
    fn = "/home/me/modules/mine/1.lua",
    },
    cuda = {
    fn = "\(Stacks.software)/x86_64/amd/zen2/accel/nvidia/cc80/modules/all/cuda/1.lua",
    },
    },
    mpathA = {
    "\(Stacks.software)/x86_64/amd/zen2/modules/all",
    "\(Stacks.root)/host_injections/2023.06/software/linux/x86_64/amd/zen2/modules/all",
    },
    }

    """

  /// An environment with a table in pieces of a length, as Lmod writes it.
  private func environment(_ lua: String = lua, piece: Int = 512) -> Environment {
    let text = Array(Data(lua.utf8).base64EncodedString().utf8)
    var environment = Environment([
      "PATH": "\(Stacks.software)/x86_64/amd/zen2/software/GCC/bin:/bin",
      "LOADEDMODULES": "GCC/13.2.0:mine/1:cuda/1",
      "_LMFILES_": "\(Stacks.software)/x86_64/amd/zen2/modules/all/GCC/13.2.0.lua:"
        + "/home/me/modules/mine/1.lua:"
        + "\(Stacks.software)/x86_64/amd/zen2/accel/nvidia/cc80/modules/all/cuda/1.lua",
    ])
    var count = 0
    for start in stride(from: 0, to: text.count, by: piece) {
      count += 1
      environment[String(format: "_ModuleTable%03d_", count)] = String(
        decoding: text[start..<min(start + piece, text.count)], as: UTF8.self)
    }
    environment["_ModuleTable_Sz_"] = "\(count)"
    return environment
  }

  private func lua(of environment: Environment) throws -> String {
    let table = try #require(ModuleTable(of: environment))
    return String(decoding: table.lua, as: UTF8.self)
  }

  @Test func thePathsInItMove() throws {
    let before = environment()
    let haswell = try Stacks.choose(on: "x86_64/intel/haswell")
    let after = haswell.retargeting(of: before).applied(to: before)
    let expected = Self.lua.replacing(
      "x86_64/amd/zen2/modules", with: "x86_64/intel/haswell/modules")
    #expect(try lua(of: after) == expected)
    // And back again.
    let zen2 = try Stacks.choose(on: "x86_64/amd/zen2")
    let again = zen2.retargeting(of: after).applied(to: after)
    #expect(try lua(of: again) == Self.lua)
  }

  /// A longer subtree needs more pieces, a shorter one fewer: none is left over.
  @Test(arguments: ["x86_64/intel/skylake_avx512", "x86_64/generic"], [64, 100, 512, 4096])
  func thePiecesAreAsManyAsNeeded(_ target: String, _ piece: Int) throws {
    let before = environment(piece: piece)
    let selection = try Stacks.choose(on: target)
    let after = selection.retargeting(of: before).applied(to: before)
    let count = try #require(Int(after["_ModuleTable_Sz_"] ?? ""))
    let names = after.names.filter { $0.hasPrefix("_ModuleTable") }
    #expect(names.count == count + 1)
    #expect(try lua(of: after).contains("\(target)/modules/all/GCC/13.2.0.lua"))
    #expect(!(try lua(of: after).contains("amd/zen2/modules")))
  }

  @Test func onTheSameKindOfNodeNothingIsWritten() throws {
    let zen2 = try Stacks.choose(on: "x86_64/amd/zen2")
    #expect(
      zen2.retargeting(of: environment()).operations.allSatisfy {
        !$0.name.hasPrefix("_ModuleTable")
      })
  }

  @Test(arguments: ["", "x", "0", "-1", "1000", "99"])
  func aTableThatIsNotWholeStays(_ size: String) throws {
    var before = environment()
    before["_ModuleTable_Sz_"] = size
    let haswell = try Stacks.choose(on: "x86_64/intel/haswell")
    let patch = haswell.retargeting(of: before)
    #expect(patch.operations.allSatisfy { !$0.name.hasPrefix("_ModuleTable") })
    #expect(patch.operations.contains { $0.name == "PATH" })
  }

  @Test func aTableThatIsNoBase64Stays() throws {
    var before = environment()
    before["_ModuleTable001_"] = "not base64 at all!!!"
    let haswell = try Stacks.choose(on: "x86_64/intel/haswell")
    let patch = haswell.retargeting(of: before)
    #expect(patch.operations.allSatisfy { !$0.name.hasPrefix("_ModuleTable") })
  }

  @Test func movedModulesHaveTheirFilesOnThisNode() throws {
    let haswell = try Stacks.choose(on: "x86_64/intel/haswell")
    let moved = haswell.movedModules(of: environment())
    #expect(moved.map(\.name) == ["GCC/13.2.0", "cuda/1"])
    #expect(
      moved[0].file == "\(Stacks.software)/x86_64/intel/haswell/modules/all/GCC/13.2.0.lua")
    #expect(moved[1].file == nil, "no accelerator here")
    let zen2 = try Stacks.choose(on: "x86_64/amd/zen2")
    #expect(zen2.movedModules(of: environment()).map(\.name) == ["cuda/1"])
    var torn = environment()
    torn["_LMFILES_"] = "one:two"
    #expect(haswell.movedModules(of: torn).isEmpty)
  }

  @Test(arguments: 0..<100)
  func base64IsFoundations(_ length: Int) {
    var random = SeededGenerator(seed: UInt64(length))
    let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    let text = Array(Data(bytes).base64EncodedString().utf8)
    #expect(Base64.encode(bytes) == text)
    #expect(Base64.decode(text) == bytes)
    if !text.isEmpty { #expect(Base64.decode(text.dropLast()) == nil) }
  }
}
