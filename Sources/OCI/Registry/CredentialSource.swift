import CLinux
import Glibc
import Images

/// Looks credentials up where Docker's and Podman's tools keep them.
///
/// All that it takes of the world is the environment that it is given: what an image says has no
/// part in it.
final class CredentialSource {
  private let environment: [String: String]
  /// Seconds for a helper.
  private let patience: Double
  private let warn: (String) -> Void
  private var files: [(path: String, file: AuthFile)]?

  init(environment: [String: String], patience: Double = 30, warn: @escaping (String) -> Void) {
    self.environment = environment
    self.patience = patience
    self.warn = warn
  }

  /// The files, the first to be asked first.
  ///
  /// Source: containers-auth.json(5), docker-login(1).
  private var paths: [(path: String, isOldForm: Bool)] {
    func path(_ variable: String, _ rest: String) -> String? {
      environment[variable].flatMap { $0.isEmpty ? nil : $0 + rest }
    }
    let configuration = path("XDG_CONFIG_HOME", "") ?? path("HOME", "/.config")
    let paths: [(String?, Bool)] = [
      (path("REGISTRY_AUTH_FILE", ""), false),
      (path("XDG_RUNTIME_DIR", "/containers/auth.json"), false),
      (configuration.map { $0 + "/containers/auth.json" }, false),
      (path("DOCKER_CONFIG", "/config.json") ?? path("HOME", "/.docker/config.json"), false),
      (path("HOME", "/.dockercfg"), true),
    ]
    return paths.compactMap { path, isOld in path.map { ($0, isOld) } }
  }

  /// The credential for a registry; nil where nobody has one.
  func credential(for key: CredentialKey) throws(ImageError) -> Credential? {
    for (path, file) in try allFiles() {
      if let found = file.credential(for: key) { return found }
      if let helper = file.helper(for: key) {
        if let found = try ask(helper, key.helperKey, namedIn: path) { return found }
      }
    }
    guard let path = environment["NETRC"] ?? environment["HOME"].map({ $0 + "/.netrc" }),
      let bytes = try contents(of: path, what: "netrc file")
    else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    let host = Endpoint.hostWithoutPort(key.registry)
    let hosts = host == "docker.io" ? [host, "registry-1.docker.io", "auth.docker.io"] : [host]
    for host in hosts { if let found = Netrc.credential(for: host, in: text) { return found } }
    return nil
  }

  private func allFiles() throws(ImageError) -> [(path: String, file: AuthFile)] {
    if let files { return files }
    var read: [(path: String, file: AuthFile)] = []
    for (path, isOld) in paths {
      guard let bytes = try contents(of: path, what: "auth file") else { continue }
      do throws(ImageFormatError) {
        read.append((path, try AuthFile(bytes, isOldForm: isOld)))
      } catch {
        throw ImageError(
          .badData, "auth file \(path)", cause: error.problem,
          remedy: "correct it, or write it anew with podman login or docker login")
      }
    }
    files = read
    return read
  }

  /// The bytes of a file with secrets; nil where there is none.
  private func contents(of path: String, what: String) throws(ImageError) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw ImageError(
        .notPermitted, "\(what) \(path)", cause: String(cString: strerror(errno)),
        remedy: "make it readable for you, or name another with REGISTRY_AUTH_FILE")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    if status.st_mode & 0o077 != 0 {
      warn(
        "\(what) \(path) has mode \(String(status.st_mode & 0o7777, radix: 8)): others may read or "
          + "change it; remedy: chmod 600 \(path)")
    }
    return Descriptors.contents(of: file, limit: AuthFile.sizeLimit + 1)
  }

  // MARK: helpers

  /// Asks `docker-credential-NAME get`; the host goes to its standard input.
  ///
  /// Source: docker/docker-credential-helpers, README.md, "Development".
  private func ask(
    _ name: String, _ host: String, namedIn file: String
  ) throws(ImageError) -> Credential? {
    let program = "docker-credential-\(name)"
    func failure(_ cause: String) -> ImageError {
      ImageError(
        .unavailable, "credential helper \(program), which \(file) names", cause: cause,
        remedy: "install or correct it, or remove its entry")
    }
    guard let path = path(of: program) else { throw failure("it is not in PATH") }
    let input = sw_memory_file("slipway-helper-input")
    let output = sw_memory_file("slipway-helper-output")
    let error = open("/dev/null", O_WRONLY | O_CLOEXEC)
    let descriptors = [input, output, error]
    defer { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }
    let question = Array(host.utf8)
    guard descriptors.allSatisfy({ $0 >= 0 }),
      question.withUnsafeBytes({ pwrite(input, $0.baseAddress, $0.count, 0) }) == question.count
    else { throw failure("no file in memory can be made") }
    let variables = environment.map { "\($0.key)=\($0.value)" }
    let status = Descriptors.withCStrings([program, "get"]) { argv in
      Descriptors.withCStrings(variables) { variables in
        sw_run(
          path, argv, variables, descriptors, Int32(descriptors.count),
          Int32(clamping: Int(patience * 1000)), 1 << 20, -1)
      }
    }
    if status == -ETIMEDOUT { throw failure("it did not answer within \(Int(patience)) s") }
    guard status >= 0 else { throw failure(String(cString: strerror(-status))) }
    let answer = Descriptors.contents(of: output, limit: 1 << 20, from: 0)
    guard status == 0 else {
      // What every helper of docker/docker-credential-helpers says where it has nothing.
      let text = String(decoding: answer.prefix(512), as: UTF8.self)
      if text.contains("credentials not found") { return nil }
      throw failure("it failed (status \(status & 0x7f == 0 ? status >> 8 & 0xff : status & 0x7f))")
    }
    guard let json = JSON(answer), let user = json["Username"]?.text,
      let secret = json["Secret"]?.text
    else { throw failure("its answer is no JSON object with Username and Secret") }
    if secret.isEmpty { return nil }
    return user == "<token>"
      ? .identityToken(secret) : .password(user: user, password: secret)
  }

  private func path(of program: String) -> String? {
    (environment["PATH"] ?? "").split(separator: ":").lazy
      .filter { $0.hasPrefix("/") }.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }
}
