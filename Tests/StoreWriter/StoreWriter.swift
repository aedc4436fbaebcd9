import Digests
import Glibc
import Hashing
import Store

/// One use of a store as a process of its own, which tests kill, starve and start many times.
///
/// Arguments: the store, the directory of its index, a verb and its words.
@main
struct StoreWriter {
  static func main() {
    let words = CommandLine.arguments
    var settings = StoreSettings(root: words[1])
    settings.indexDirectory = words[2]
    do throws(StoreError) {
      let store = try Store(settings)
      guard words.count > 4, let digest = Digest(words[4]) else { exit(64) }
      let key = StoreKey(kind: "images", digest: digest) ?? .blob(digest)
      switch words[3] {
      case "write": try write(store, digest, from: words[5])
      case "pull": try pull(store, digest, from: words[5], log: words[6])
      case "publish": try publish(store, key, from: words[5])
      case "hold":
        let lock = try store.lock(.blob(digest), purpose: "a test", patience: 10)
        say("held")
        // Until it is killed.
        while lock.refresh() { usleep(50_000) }
      case "mark":
        let mark = try store.mark(.blob(digest), by: "job 1", seconds: 3600)
        say(mark == nil ? "absent" : "marked")
        pause()
      default: exit(64)
      }
    } catch {
      let line = Array("\(error)\n".utf8)
      _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      exit(1)
    }
  }

  private static func say(_ text: String) {
    print(text)
    fflush(nil)
  }

  /// Copies a file into the store, from where a former writer left off.
  private static func write(
    _ store: Store, _ digest: Digest, from file: String
  ) throws(StoreError) {
    let source = open(file, O_RDONLY)
    var status = stat()
    fstat(source, &status)
    let writer = try store.writer(for: digest, size: Int64(status.st_size))
    say("from \(writer.offset)")
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes {
        pread(source, $0.baseAddress, $0.count, off_t(writer.offset))
      }
      if count <= 0 { break }
      var failure: StoreError?
      chunk.withUnsafeBytes { bytes in
        do throws(StoreError) {
          try writer.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
    }
    say(try writer.finish() ?? "done")
  }

  /// What every process does that needs a blob: one of them fetches it.
  private static func pull(
    _ store: Store, _ digest: Digest, from file: String, log: String
  ) throws(StoreError) {
    if try store.path(of: .blob(digest)) != nil { return }
    let lock = try store.lock(.blob(digest), purpose: "pull", patience: 60)
    if try store.path(of: .blob(digest)) != nil { return }
    let file2 = open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    _ = Glibc.write(file2, "pull\n", 5)
    try write(store, digest, from: file)
    lock.release()
  }

  private static func publish(
    _ store: Store, _ key: StoreKey, from file: String
  ) throws(StoreError) {
    let temporary = try store.temporaryDirectory(for: "image")
    say(temporary.path)
    let source = open(file, O_RDONLY)
    let target = open("\(temporary.path)/image", O_WRONLY | O_CREAT | O_EXCL, 0o600)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let hasher = StreamHasher(.sha256)
    while true {
      let count = read(source, &chunk, chunk.count)
      if count <= 0 { break }
      chunk.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      _ = Glibc.write(target, chunk, count)
    }
    say(try store.publish(temporary, as: key, sums: ["image": hasher.finish()]))
  }
}
