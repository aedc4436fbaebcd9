import Configuration
import Environment
import Images
import Launch
import Sandbox
import TestSupport
import Testing

/// Plans as values; Tests/LabTests/ContainerJobs.swift carries such out.
@Suite(.tags(.small))
struct ContainerPlanTests {
  static func image(_ config: String = "{}") throws -> Image {
    Image(
      digest: nil, root: .squashfs("/images/a.squashfs"),
      configuration: try ImageConfiguration(
        Array(#"{"architecture":"amd64","os":"linux","config":\#(config)}"#.utf8)),
      isShared: false)
  }

  static func user(
    _ variables: [String: String] = [:], directory: String = "/home/ada/run", spool: String? = nil
  ) -> ContainerUser {
    var all = ["HOME": "/home/ada", "USER": "ada", "PATH": "/usr/bin:/opt/host/bin"]
    all.merge(variables) { $1 }
    return ContainerUser(
      uid: 1001, gid: 100, directory: directory, environment: Environment(all), spool: spool)
  }

  static func plan(
    _ request: ContainerRequest = ContainerRequest(), image: String = "{}",
    user: ContainerUser = user(), configuration: Configuration = Configuration(),
    profiles: [Profile] = []
  ) throws -> ContainerPlan {
    try ContainerPlan(
      try self.image(image), request, for: user, configuration: configuration, profiles: profiles,
      exists: { _ in true })
  }

  // MARK: Mounts

  @Test func `a container has the system, the user's home and directory`() throws {
    let plan = try Self.plan(user: Self.user(directory: "/scratch/ada"))
    let places = plan.sandbox.mounts.map(\.destination)
    for place in ["/proc", "/dev", "/sys", "/tmp", "/cvmfs", "/home/ada", "/scratch/ada"] {
      #expect(places.contains(place))
    }
    #expect(plan.sandbox.mounts.first { $0.destination == "/sys" }?.isReadOnly == true)
    #expect(plan.directories == ["/scratch/ada", "/"])
    #expect(plan.sandbox.files.map(\.destination) == ["/etc/passwd", "/etc/group"])
    #expect(
      String(decoding: plan.sandbox.files[0].contents, as: UTF8.self)
        == "ada:x:1001:100::/home/ada:/bin/sh\n")
    #expect(!plan.sandbox.isWritable)
  }

  @Test func `what lies below another mount comes after it`() throws {
    var request = ContainerRequest()
    request.binds = try BindMount.list("/a:/mnt/deep/er,/b:/mnt,/c:/mnt/deep", source: "--bind")
    let places = try Self.plan(request).sandbox.mounts.map(\.destination)
    let order = places.filter { $0.hasPrefix("/mnt") }
    #expect(order == ["/mnt", "/mnt/deep", "/mnt/deep/er"])
  }

  @Test func `the user's mount takes the place of another one`() throws {
    var request = ContainerRequest()
    request.binds = try BindMount.list("/fast/tmp:/tmp", source: "--bind")
    let mounts = try Self.plan(request).sandbox.mounts.filter { $0.destination == "/tmp" }
    #expect(mounts.map(\.source) == ["/fast/tmp"])
  }

  @Test func `steps of a job have Slurm's directories`() throws {
    let user = Self.user(
      ["SLURM_JOB_ID": "7", "SLURM_CONF": "/opt/slurm/etc/slurm.conf"], spool: "/var/spool/slurmd")
    let places = try Self.plan(user: user).sandbox.mounts.map(\.destination)
    for place in ["/run/munge", "/var/spool/slurmd", "/opt/slurm/etc"] {
      #expect(places.contains(place))
    }
    #expect(try !Self.plan().sandbox.mounts.map(\.destination).contains("/run/munge"))
  }

  @Test func `a home can be empty, or left out by the site`() throws {
    var request = ContainerRequest()
    request.hidesHome = true
    let plan = try Self.plan(request)
    let home = try #require(plan.sandbox.mounts.first { $0.destination == "/home/ada" })
    #expect(home.source == nil)
    let configuration = try Configuration(toml: "[container]\nhome = false".utf8, file: "t")
    let without = try Self.plan(
      user: Self.user(directory: "/scratch"), configuration: configuration)
    #expect(!without.sandbox.mounts.map(\.destination).contains("/home/ada"))
  }

  @Test(arguments: [
    ("/root/.ssh:/mnt", "/root"), ("/data:/etc/ssl/certs", "/etc/ssl"), ("/./root:/mnt", "/root"),
    ("//root//x:/mnt", "/root"),
  ])
  func `what the site forbids is refused, whichever side names it`(
    _ bind: String, _ forbidden: String
  ) throws {
    var request = ContainerRequest()
    request.binds = try BindMount.list(bind, source: "--bind")
    let configuration = try Configuration(
      toml: "[container]\nforbidden = [\"\(forbidden)\"]".utf8, file: "t")
    let error = #expect(throws: ContainerError.self) {
      try Self.plan(request, configuration: configuration)
    }
    #expect(error?.status == .notPermitted)
    request.binds = try BindMount.list("/rooted:/mnt", source: "--bind")
    #expect(throws: Never.self) { try Self.plan(request, configuration: configuration) }
  }

  @Test func `the site's own mounts are in every container`() throws {
    let configuration = try Configuration(
      toml: "[container]\nbinds = [\"/scratch\", \"/opt/site:/opt/site:ro\"]".utf8, file: "t")
    let plan = try Self.plan(configuration: configuration)
    #expect(plan.sandbox.mounts.contains(.init("/opt/site", isReadOnly: true)))
    #expect(plan.parts.contains { $0.reason == "the site's" && $0.text.contains("/scratch") })
  }

  // MARK: Who wins

  @Test func `the environment is the image's where it names files, the job's where it is the job`()
    throws
  {
    let user = Self.user([
      "LD_LIBRARY_PATH": "/host/lib", "LD_PRELOAD": "/host/x.so", "MODULEPATH": "/host/modules",
      "BASH_FUNC_ml%%": "() { :; }", "EESSI_VERSION": "2023.06", "SLURM_JOB_ID": "7",
      "OMPI_MCA_btl": "self", "PMIX_RANK": "0", "MINE": "host", "LANG": "de_DE.UTF-8",
    ])
    let plan = try Self.plan(
      image:
        #"{"Env":["PATH=/image/bin","HOME=/image","SLURM_JOB_ID=666","PMIX_RANK=9","MINE=image","CC=gcc","LD_LIBRARY_PATH=/image/lib","PATH=/image/last"]}"#,
      user: user)
    let environment = plan.environment
    #expect(environment["PATH"] == "/image/last")
    #expect(environment["LD_LIBRARY_PATH"] == "/image/lib")
    for name in ["LD_PRELOAD", "MODULEPATH", "BASH_FUNC_ml%%", "EESSI_VERSION"] {
      #expect(environment[name] == nil, "\(name)")
    }
    #expect(environment["HOME"] == "/home/ada")
    #expect(environment["SLURM_JOB_ID"] == "7")
    #expect(environment["PMIX_RANK"] == "0")
    #expect(environment["OMPI_MCA_btl"] == "self")
    #expect(environment["MINE"] == "image")
    #expect(environment["CC"] == "gcc")
    #expect(environment["LANG"] == "de_DE.UTF-8")
  }

  @Test func `the user's variables win over all`() throws {
    var request = ContainerRequest()
    request.variables = try ContainerVariable.list("PATH,MINE=own,NEW=1", source: "--env")
    let plan = try Self.plan(request, image: #"{"Env":["PATH=/image/bin","MINE=image"]}"#)
    #expect(plan.environment["PATH"] == "/usr/bin:/opt/host/bin")
    #expect(plan.environment["MINE"] == "own")
    #expect(plan.environment["NEW"] == "1")
  }

  @Test func `an image without a PATH gets the usual one`() throws {
    #expect(try Self.plan().environment["PATH"]?.hasPrefix("/usr/local/sbin:") == true)
  }

  @Test func `the entry point comes before the command where it is asked for`() throws {
    var request = ContainerRequest()
    let config = #"{"Entrypoint":["/entry","a b"],"Cmd":["sh"],"WorkingDir":"/work"}"#
    #expect(try Self.plan(request, image: config).entrypoint == [])
    request.usesEntrypoint = true
    let plan = try Self.plan(request, image: config)
    #expect(plan.entrypoint == ["/entry", "a b"])
    #expect(plan.directories == ["/home/ada/run", "/work", "/"])
  }

  // MARK: Profiles

  @Test func `profiles add mounts and variables, weaker than the user's`() throws {
    let profile = try Profile(
      toml: """
        description = "A test"
        mounts = ["/opt/rocm", "/etc/ib:/etc/ib:ro"]
        keep = ["ROCR_VISIBLE_DEVICES", "MINE"]
        [set]
        A = "profile"
        B = "profile"
        [prepend]
        PATH = "/opt/rocm/bin"
        """.utf8, name: "test", file: "/p/test.toml")
    var request = ContainerRequest()
    request.variables = try ContainerVariable.list("B=user", source: "--env")
    let plan = try Self.plan(
      request, image: #"{"Env":["PATH=/bin","MINE=image"]}"#,
      user: Self.user(["ROCR_VISIBLE_DEVICES": "0", "MINE": "host"]), profiles: [profile])
    #expect(plan.environment["A"] == "profile" && plan.environment["B"] == "user")
    #expect(plan.environment["PATH"] == "/opt/rocm/bin:/bin")
    #expect(plan.environment["ROCR_VISIBLE_DEVICES"] == "0")
    #expect(plan.environment["MINE"] == "image")
    #expect(plan.sandbox.mounts.contains(.init("/etc/ib", isReadOnly: true, isOptional: true)))
    #expect(plan.parts.contains { $0.reason == "profile test" })
  }

  static func set(
    _ texts: [String: String], lacks: String? = nil
  ) -> ProfileSet {
    ProfileSet(
      read: { name throws(ConfigurationError) in
        try texts[name].map { text throws(ConfigurationError) in
          try Profile(toml: text.utf8, name: name, file: "/p/\(name).toml")
        }
      }, obstacle: { $0.obstacle(architecture: "x86_64", exists: { $0 != lacks }) })
  }

  @Test func `profiles inherit, each stands once, parents first`() throws {
    var set = Self.set([
      "a": "inherits = [\"b\", \"c\"]", "b": "inherits = [\"d\"]", "c": "inherits = [\"d\"]",
      "d": "",
    ])
    try set.add("a", isOptional: false)
    try set.add("c", isOptional: false)
    #expect(set.profiles.map(\.name) == ["d", "b", "c", "a"])
  }

  @Test(arguments: [
    (["a": "inherits = [\"b\"]", "b": "inherits = [\"a\"]"], "inherits from itself"),
    (["a": "inherits = [\"none\"]"], "there is no profile none"),
    (["a": "mount = []"], "unknown key mount"),
    (["a": "[when]\nexists = [\"relative\"]"], "a list of absolute paths"),
    (["a": "[when]\narchitecture = [\"aarch64\"]"], "it is for aarch64"),
    (["a": "[when]\nexists = [\"/dev/kfd\"]"], "this node has no /dev/kfd"),
    (["a": "inherits = [\"../../etc/x\"]"], "is no name of a profile"),
  ])
  func `a profile that cannot be taken is told`(_ texts: [String: String], _ message: String) {
    var set = Self.set(texts, lacks: "/dev/kfd")
    let error = #expect(throws: ConfigurationError.self) { try set.add("a", isOptional: false) }
    #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
  }

  @Test func `one of the site's choice is left out where the node lacks what it needs`() throws {
    var set = Self.set(["a": "[when]\nexists = [\"/dev/kfd\"]"], lacks: "/dev/kfd")
    try set.add("a", isOptional: true)
    #expect(set.profiles.isEmpty && set.notes.count == 1)
  }
}
