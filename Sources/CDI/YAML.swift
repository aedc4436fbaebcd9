import CYAML
import Injection

/// Why a text is not read as YAML.
struct YAMLError: Error {
  var problem: String

  init(_ problem: String) { self.problem = problem }
}

extension DataTree {
  /// The most lists and mappings in each other.
  private static let depthLimit = 64

  /// Reads the one document of a text; nil where it has none.
  ///
  /// Aliases can make a small text a tree too large to walk, and no generator writes them: they are
  /// refused, as is a mapping in which a key stands twice. Source: YAML 1.2.2, chapters 3 and 10.2.
  init?(yaml bytes: [UInt8]) throws(YAMLError) {
    if let reason = sw_yaml_load() {
      throw YAMLError("libyaml cannot be loaded (\(String(cString: reason))); install libyaml")
    }
    let result = bytes.withUnsafeBufferPointer { bytes -> Result<DataTree?, YAMLError> in
      guard let parser = sw_yaml_make(bytes.baseAddress, bytes.count) else {
        return .failure(YAMLError("libyaml has no memory"))
      }
      defer { sw_yaml_free(parser) }
      return Result { () throws(YAMLError) in try Self.document(parser) }
    }
    guard let tree = try result.get() else { return nil }
    self = tree
  }

  private static func document(_ parser: OpaquePointer) throws(YAMLError) -> DataTree? {
    var tree: DataTree?
    while true {
      switch try next(parser) {
      case SW_YAML_END: return tree
      case SW_YAML_DOCUMENT:
        guard tree == nil else { throw YAMLError("not YAML of one document: it has more") }
        tree = try node(parser, try next(parser), depth: 0)
      default: break
      }
    }
  }

  /// The kind of what comes next.
  private static func next(_ parser: OpaquePointer) throws(YAMLError) -> Int {
    let kind = Int(sw_yaml_next(parser))
    guard kind != SW_YAML_ERROR else {
      var line = 0
      let problem = String(cString: sw_yaml_problem(parser, &line))
      throw YAMLError("not YAML: line \(line): \(problem)")
    }
    guard kind != SW_YAML_ALIAS, sw_yaml_is_anchored(parser) == 0 else {
      throw YAMLError("it has YAML anchors or aliases, which are not read")
    }
    return kind
  }

  private static func node(
    _ parser: OpaquePointer, _ kind: Int, depth: Int
  ) throws(YAMLError) -> DataTree {
    guard depth < depthLimit else {
      throw YAMLError("not YAML of at most \(depthLimit) lists and mappings in each other")
    }
    switch kind {
    case SW_YAML_SEQUENCE:
      var list: [DataTree] = []
      while true {
        let kind = try next(parser)
        if kind == SW_YAML_SEQUENCE_END { return .list(list) }
        list.append(try node(parser, kind, depth: depth + 1))
      }
    case SW_YAML_MAPPING:
      var members: [String: DataTree] = [:]
      while true {
        let kind = try next(parser)
        if kind == SW_YAML_MAPPING_END { return .members(members) }
        guard kind == SW_YAML_SCALAR else { throw YAMLError("a mapping has a key that is no text") }
        let key = text(parser)
        let value = try node(parser, try next(parser), depth: depth + 1)
        guard members.updateValue(value, forKey: key) == nil else {
          throw YAMLError(
            "not YAML: a mapping has the key \(key.prefix(80).debugDescription) twice")
        }
      }
    default:
      let text = text(parser)
      // The core schema's (10.3.2), of what stands without quotes.
      let isNull =
        ["", "~", "null", "Null", "NULL"].contains(text) && sw_yaml_is_plain(parser) != 0
      return isNull ? .null : .text(text)
    }
  }

  private static func text(_ parser: OpaquePointer) -> String {
    var count = 0
    let bytes = sw_yaml_text(parser, &count)
    return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  }
}
