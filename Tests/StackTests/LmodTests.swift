import Environment
import Stack
import TestSupport
import Testing

@Suite(.tags(.small))
struct LmodTests {
  @Test(arguments: [
    ("8.6", true), ("8.6.19", true), ("9.0", true), ("8.10.1", true), ("8.5.9", false),
    ("7.8", false), ("", false), ("unknown", false),
  ])
  func `a site's Lmod is used from 8.6 on`(version: String, isUsable: Bool) {
    let environment = Environment(["LMOD_CMD": "/l", "LMOD_VERSION": version])
    #expect(Lmod.isUsable(in: environment) == isUsable)
  }

  @Test func `without its command or its version it is not`() {
    #expect(!Lmod.isUsable(in: Environment(["LMOD_CMD": "/l"])))
    #expect(!Lmod.isUsable(in: Environment(["LMOD_VERSION": "8.7"])))
  }

  @Test func `modules of a tree are known by their files`() {
    let environment = Environment([
      "LOADEDMODULES": "site/1:GCC/13:Ring/1",
      "_LMFILES_": "/site/1:/s/all/GCC/13.lua:/s/all/R.lua",
    ])
    #expect(Lmod.loaded(in: environment, below: ["/s/all", "/other"]) == ["GCC/13", "Ring/1"])
    #expect(Lmod.loaded(in: environment, below: ["/s/al"]) == [])
    #expect(
      Lmod.loaded(in: Environment(["LOADEDMODULES": "a:b", "_LMFILES_": "/a"]), below: ["/"]) == [])
  }
}
