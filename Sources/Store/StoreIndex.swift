private import CSQLite
private import Digests
internal import Glibc
private import Hashing

/// What is known of a store without walking through it: sizes and last uses, in SQLite.
///
/// It is a cache on a local disk: what cannot be read or written is as if it were not there, and a
/// file that is corrupt is made anew. SQLite's locks are not safe on shared file systems
/// (https://sqlite.org/faq.html, 5).
final class StoreIndex {
  private var database: OpaquePointer?
  private let path: String
  private let root: String

  /// nil where there is no SQLite and no directory for it.
  init?(_ settings: StoreSettings) {
    let directory = settings.indexDirectory ?? "/var/tmp/slipway-\(geteuid())"
    // By the real path, so that the store's names lead to one index.
    guard sw_sqlite_load() == nil, let real = realpath(settings.root, nil) else { return nil }
    defer { free(real) }
    root = String(cString: real)
    guard Self.isSafe(directory, outside: root) else { return nil }
    path = "\(directory)/store-\(Digest(of: Array(root.utf8)).hex.prefix(16)).sqlite"
    open()
    guard database != nil else { return nil }
  }

  deinit { if let database { sw_sqlite_close(database) } }

  /// Whether a directory is this user's alone; it is made if it is not there.
  private static func isSafe(_ directory: String, outside root: String) -> Bool {
    guard !"\(directory)/".hasPrefix("\(root)/") else { return false }
    var status = stat()
    guard mkdir(directory, 0o700) == 0 || errno == EEXIST, lstat(directory, &status) == 0 else {
      return false
    }
    return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
      && status.st_mode & 0o022 == 0
  }

  private func open() {
    for isLast in [false, true] {
      let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
      var opened: OpaquePointer?
      let code = sw_sqlite_open(path, &opened, flags)
      if code == SQLITE_OK, let opened {
        sw_sqlite_set_patience(opened, 1000)
        let made = sw_sqlite_execute(
          opened,
          """
          PRAGMA synchronous = OFF;
          CREATE TABLE IF NOT EXISTS item (
            key TEXT PRIMARY KEY, size INTEGER, used INTEGER NOT NULL) WITHOUT ROWID;
          SELECT key, size, used FROM item LIMIT 1;
          """)
        if made == SQLITE_OK {
          database = opened
          return
        }
      }
      if let opened { sw_sqlite_close(opened) }
      if !isLast { remove() }
    }
  }

  private func remove() { for end in ["", "-journal", "-wal", "-shm"] { unlink(path + end) } }

  /// Begins anew.
  func clear() {
    if let database { sw_sqlite_close(database) }
    database = nil
    remove()
    open()
  }

  // MARK: Use

  func note(_ key: StoreKey, size: Int64? = nil, used: Int) {
    run(
      """
      INSERT INTO item (key, size, used) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE
      SET size = coalesce(?2, size), used = max(used, ?3)
      """, key, size, used)
  }

  func forget(_ key: StoreKey) { run("DELETE FROM item WHERE key = ?1", key, nil, nil) }

  /// Everything that it knows, by the keys' file names.
  func all() -> [String: (size: Int64?, used: Int)] {
    var found: [String: (size: Int64?, used: Int)] = [:]
    _ = prepared("SELECT key, coalesce(size, -1), used FROM item") { statement in
      var code = sw_sqlite_step(statement)
      while code == SQLITE_ROW {
        if let key = sw_sqlite_text(statement, 0) {
          let size = sw_sqlite_number(statement, 1)
          found[String(cString: key)] = (
            size < 0 ? nil : size, Int(sw_sqlite_number(statement, 2))
          )
        }
        code = sw_sqlite_step(statement)
      }
      return code
    }
    return found
  }

  private func run(_ text: String, _ key: StoreKey, _ size: Int64?, _ used: Int?) {
    _ = prepared(text) { statement in
      sw_sqlite_bind_text(statement, 1, key.fileName)
      if let size { sw_sqlite_bind_number(statement, 2, size) }
      if let used { sw_sqlite_bind_number(statement, 3, Int64(used)) }
      return sw_sqlite_step(statement)
    }
  }

  /// Lends a statement; a database that turns out to be corrupt is made anew.
  private func prepared(_ text: String, _ body: (OpaquePointer) -> Int32) -> Bool {
    guard let database else { return false }
    var statement: OpaquePointer?
    var code = sw_sqlite_prepare(database, text, &statement)
    if code == SQLITE_OK, let statement {
      code = body(statement)
      sw_sqlite_finish(statement)
    }
    if code == SQLITE_CORRUPT || code == SQLITE_NOTADB { clear() }
    return code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW
  }
}
