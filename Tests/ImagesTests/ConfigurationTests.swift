import Images
import TestSupport
import Testing

@Suite(.tags(.small))
struct ImageConfigurationTests {
  @Test func `what an image says of its start is read`() throws {
    let configuration = try ImageConfiguration(
      Array(
        """
        {"os":"linux","architecture":"arm64","variant":"v8","created":"2026-01-02T03:04:05Z",
         "config":{"Env":["PATH=/bin","E=a=b","EMPTY=","none"],"Entrypoint":["/e"],"Cmd":null,
         "WorkingDir":"/w","User":"1000:10","Labels":{"run":"--privileged"}},
         "rootfs":{"type":"layers","diff_ids":["sha256:x"]},"history":[]}
        """.utf8))
    #expect(configuration.platform == Platform(architecture: "arm64", variant: "v8"))
    #expect(
      configuration.environment.map { "\($0.name)=\($0.value)" } == [
        "PATH=/bin", "E=a=b", "EMPTY=",
      ])
    #expect(configuration.entrypoint == ["/e"] && configuration.command == [])
    #expect(configuration.workingDirectory == "/w" && configuration.user == "1000:10")
    #expect(configuration.labels == ["run": "--privileged"])
    #expect(configuration.layerTexts == ["sha256:x"])
  }

  @Test(arguments: [
    "", "[]", "{\"config\":[]}", "{\"config\":{\"Env\":\"A=B\"}}", "{\"config\":{\"Cmd\":[1]}}",
    "{\"config\":{\"Cmd\":[\"a\\u0000b\"]}}", "{\"config\":{\"WorkingDir\":\"../x\"}}",
    "{\"config\":{\"User\":7}}", "{\"config\":{\"Labels\":{\"a\":1}}}",
    "{\"rootfs\":{\"diff_ids\":[1]}}", "{\"config\":{\"Env\":[],\"Env\":[]}}",
  ])
  func `a configuration of another shape is refused`(text: String) {
    #expect(throws: ImageFormatError.self) { try ImageConfiguration(Array(text.utf8)) }
  }
}
