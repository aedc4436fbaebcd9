/// A file that the linker opened, by the path by which it did.
final class OpenedFile {
  let path: String
  let object: ELFObject
  let identity: FileIdentity
  /// Where its own search paths lead, once they were needed.
  var rpath: SearchPath??
  var runpath: SearchPath??

  init(path: String, object: ELFObject, identity: FileIdentity) {
    self.path = path
    self.object = object
    self.identity = identity
  }

  /// The same file with another directory for `$ORIGIN`.
  func lying(in directory: String?) -> OpenedFile {
    directory.map { OpenedFile(path: "\($0)/.", object: object, identity: identity) } ?? self
  }
}

/// Why nothing was found.
struct Miss {
  /// The errno of the last try.
  var code: Int32 = 2
  /// Whether there is a file of the name for programs of the other class.
  var isOtherClass = false

  /// The same, when something was tried before.
  func after(_ miss: Miss) -> Self {
    Miss(code: code, isOtherClass: isOtherClass || miss.isOtherClass)
  }

  /// The linker's words for it, where the other class is the one with so many bits.
  func reason(otherClass bits: Int) -> String {
    isOtherClass
      ? "wrong ELF class: ELFCLASS\(bits)"
      : "cannot open shared object file: \(SystemError.text(code))"
  }
}

/// A list of directories, searched for many names.
final class SearchPath {
  let directories: [SearchDirectory]
  /// What was found by a name.
  var found: [String: Result<Finding, LoaderFailure>] = [:]

  enum Finding {
    /// The directory as it stands in the list.
    case file(OpenedFile, directory: String)
    case nothing(Miss)
  }

  init(_ directories: [SearchDirectory]) { self.directories = directories }
}

/// A directory of a list with its subdirectories for what the processor can do.
final class SearchDirectory {
  /// It ends in a slash; empty for the working directory.
  let path: String
  /// Those that exist, in the order in which they are searched, the directory itself last.
  let parts: [(prefix: String, contents: LoaderDirectory)]

  init(path: String, parts: [(prefix: String, contents: LoaderDirectory)]) {
    self.path = path
    self.parts = parts
  }
}

/// A set of small numbers.
struct IndexSet {
  private var isIn: [Bool] = []

  /// Whether it was not in before.
  @discardableResult
  mutating func insert(_ index: Int) -> Bool {
    while isIn.count <= index { isIn.append(false) }
    defer { isIn[index] = true }
    return !isIn[index]
  }

  mutating func remove(_ index: Int) {
    if index < isIn.count { isIn[index] = false }
  }
}
