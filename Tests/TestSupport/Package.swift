import Foundation

/// The package that the tests belong to.
package enum Package {
  /// Its root directory.
  package static let root: String = {
    let file = URL(filePath: #filePath)
    return file.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
  }()

  /// The directory of the test program, which holds the package's executables too.
  package static let products: String = {
    let program =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
    return URL(filePath: program).deletingLastPathComponent().path
  }()

  /// The path of an executable that was built together with the tests; nil when it was not.
  package static func executable(_ name: String) -> String? {
    let path = "\(products)/\(name)"
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }
}
