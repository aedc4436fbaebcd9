import Launch
import TestSupport
import Testing

@Suite(.tags(.small))
struct BindMountTests {
  static func mount(_ text: String) throws -> BindMount {
    try BindMount(parsing: text, source: "--bind")
  }

  @Test(arguments: [
    ("/data", "/data", "/data", false), ("/data:/mnt", "/data", "/mnt", false),
    ("/data:/mnt:ro", "/data", "/mnt", true), ("/data:/mnt:rw", "/data", "/mnt", false),
    (#"/a\:b:/c\,d"#, "/a:b", "/c,d", false), (#"/a\\b"#, #"/a\b"#, #"/a\b"#, false),
    (#"/a\b"#, #"/a\b"#, #"/a\b"#, false), ("/a b:/ü", "/a b", "/ü", false),
  ])
  func `a mount has a source, a destination and a mode`(
    _ text: String, _ source: String, _ destination: String, _ isReadOnly: Bool
  ) throws {
    let mount = try Self.mount(text)
    #expect(mount.source == source && mount.destination == destination)
    #expect(mount.isReadOnly == isReadOnly)
  }

  @Test(arguments: [
    "", "data", "data:/mnt", "/data:mnt", "/data:/mnt:rx", "/data:/mnt:ro:rw", "/data:/", "/data:",
    "/data:/mnt/../etc", ":/mnt", "/data::ro",
  ])
  func `what is none is refused with a remedy`(_ text: String) {
    let error = #expect(throws: ContainerError.self) { try Self.mount(text) }
    #expect(error?.status == .usage)
    #expect(error.map { "\($0)" }?.contains("remedy: ") == true)
  }

  @Test func `several are separated by commas`() throws {
    let mounts = try BindMount.list(#"/a,/b:/c:ro,/d\,e"#, source: "--bind")
    #expect(mounts.map(\.source) == ["/a", "/b", "/d,e"])
    #expect(mounts.map(\.isReadOnly) == [false, true, false])
    #expect(throws: ContainerError.self) { try BindMount.list("/a,,/b", source: "--bind") }
  }

  @Test func `variables have values, or the host's`() throws {
    let variables = try ContainerVariable.list(#"A=1,B,C=x\,y=z,D="#, source: "--env")
    #expect(variables.map(\.name) == ["A", "B", "C", "D"])
    #expect(variables.map(\.value) == ["1", nil, "x,y=z", ""])
    for text in ["=1", "1A=2", "A B=1", "", "A-B=1"] {
      #expect(throws: ContainerError.self) { try ContainerVariable.list(text, source: "--env") }
    }
  }
}
