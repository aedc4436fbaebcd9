#if canImport(Testing)  // absent from a release build, which has no tests
  package import Testing

  extension Tag {
    /// Values in, values out: no files, no processes, milliseconds.
    @Tag package static var small: Tag
    /// Reads and writes files of a temporary directory or of the corpora.
    @Tag package static var medium: Tag
    /// Starts other programs.
    @Tag package static var large: Tag
  }
#endif
