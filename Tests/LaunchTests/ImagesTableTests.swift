import Configuration
import TestSupport
import Testing

@Suite(.tags(.small))
struct ImagesTableTests {
  @Test func `every key of the table of images is read`() throws {
    let images = try Configuration(
      toml: """
        [images]
        store = "/scratch/{uid}"
        shared = ["/a", "/b"]
        quota = 200000000000
        as_directory = true
        keep_layers = true
        deadline = 60
        connections = 4
        ca = "/etc/ca.pem"
        insecure = ["r:5000"]
        """.utf8, file: "f"
    ).images
    #expect(images.store == "/scratch/{uid}" && images.shared == ["/a", "/b"])
    #expect(images.quota == 200_000_000_000 && images.isDirectory && images.keepsLayers)
    #expect(images.deadline == 60 && images.connections == 4)
    #expect(images.ca == "/etc/ca.pem" && images.insecure == ["r:5000"])
  }

  @Test(arguments: [
    ("store = \"x\"", "images.store must be an absolute path"),
    ("shared = \"/a\"", "images.shared must be a list of paths"),
    ("shared = [\"a\"]", "images.shared must be an absolute path"),
    ("quota = 0", "images.quota must be"), ("quota = \"1G\"", "images.quota must be"),
    ("as_directory = 1", "images.as_directory must be true or false"),
    ("connections = 65", "images.connections must be"), ("deadline = 0", "images.deadline must be"),
    ("ca = 3", "images.ca must be"), ("insecure = true", "images.insecure must be a list"),
    ("kep_layers = true", "unknown key images.kep_layers"),
  ])
  func `a mistake in it is named`(text: String, problem: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration(toml: "[images]\n\(text)".utf8, file: "f")
    }
    #expect(error?.description.contains(problem) ?? false, "\(String(describing: error))")
  }
}
