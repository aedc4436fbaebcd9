/// A program with all that the dynamic linker maps for it.
package struct Closure: Sendable {
  /// In the order of the link map, which is that of the search for symbols: the program first, the
  /// dynamic linker where a library asks for it, without the kernel's own object.
  package var objects: [LoadedObject]
  /// How many objects behind the program come before it in the search for symbols.
  ///
  /// They are those that it names in `DT_FILTER` and `DT_AUXILIARY`; `ldd` does not list them.
  package var filterCount = 0
  /// What was not found, in the order of the search; a name is listed for everyone that asks for it.
  ///
  /// `ldd` lists them; to run the program, the linker ends at the first.
  package var missing: [MissingLibrary]
  /// Where the linker ends with "error while loading shared libraries", for `ldd` too.
  package var failure: LoaderFailure?
  /// The elements of `LD_LIBRARY_PATH` with which it was computed.
  package var libraryPath: [String]
  /// The directory that the program was told to have for `$ORIGIN`.
  package var origin: String?

  init(libraryPath: [String], origin: String?, failure: LoaderFailure? = nil) {
    objects = []
    missing = []
    self.failure = failure
    self.libraryPath = libraryPath
    self.origin = origin
  }
}

package struct MissingLibrary: Hashable, Sendable {
  package var name: String
  /// The linker's words for it.
  package var reason: String
  /// The index of the object that asks for it.
  package var requester: Int
  /// How many objects stand before it in the link map.
  package var position: Int
}

/// Why the linker gives up.
package struct LoaderFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package var path: String
  package var reason: String

  package var description: String { "\(path): \(reason)" }
}

/// An object of a closure.
package struct LoadedObject: Sendable {
  /// As it was opened; `$ORIGIN` is its directory.
  package var path: String
  /// The name by which it was first asked for; empty for the program.
  package var requestedName: String
  /// All names by which it was asked for.
  package var names: [String]
  package var object: ELFObject
  package var identity: FileIdentity
  /// The index of the object that asked for it first; nil for the program and the linker.
  package var requester: Int?
  package var via: Via
  /// By the entries of `DT_NEEDED`, the index of what was taken; nil for what is missing.
  package var needed: [Int?]
}

/// How an object was found.
package enum Via: Hashable, Sendable {
  /// The program itself, and the dynamic linker.
  case program, interpreter
  /// Asked for by `LD_PRELOAD` or `ld.so.preload`.
  case preload
  /// By a name with a slash.
  case path
  /// In a directory of the `DT_RPATH` of an object, given by its index.
  case rpath(directory: String, of: Int)
  case libraryPath(String)
  /// In a directory of the `DT_RUNPATH` of the requester.
  case runpath(String)
  case cache
  case systemDirectory(String)
}
