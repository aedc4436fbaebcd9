import TOML

/// Files that slipway writes; nothing in one that others could have written is believed.
enum OwnFile {
  /// Reads one that has at most `limit` bytes.
  static func read<Value>(
    _ bytes: [UInt8], file: String, limit: Int,
    _ read: (inout TOMLReader) throws(TOMLError) -> Value
  ) throws(InjectionTreeError) -> Value {
    guard bytes.count <= limit else {
      throw .damaged(file, problem: "larger than \(limit) bytes")
    }
    do throws(TOMLError) {
      var table = try TOMLReader(bytes)
      return try read(&table)
    } catch {
      throw .damaged(file, problem: error.description)
    }
  }
}

extension TOMLReader {
  mutating func checkSchema(_ schema: Int) throws(TOMLError) {
    guard try required("schema", .integer) == schema else {
      throw wrong("schema", "\(schema), that of this release of slipway")
    }
  }
}

extension TOMLForm where Value == String {
  static var shortText: Self {
    text.then("a text of at most 4096 bytes") { $0.utf8.count <= 4096 ? $0 : nil }
  }

  /// A path that stays below where it starts.
  static var path: Self {
    shortText.then("a path below the target") { InjectionLayout.isBeneath($0) ? $0 : nil }
  }

  static var pathOrEmpty: Self {
    shortText.then("a path below the target, or empty") {
      $0.isEmpty || InjectionLayout.isBeneath($0) ? $0 : nil
    }
  }
}

extension TOMLForm where Value == [PMIKind] {
  static var words: Self {
    TOMLForm<PMIKind>.word.list("a list of texts").then("at most 16 texts") {
      $0.count <= 16 ? $0 : nil
    }
  }
}
