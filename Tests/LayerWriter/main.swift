// Builds an image of one layer in a process of its own, so that a test can kill it.
//
// layer-writer squashfs|directory OUTPUT MEDIA-TYPE BLOB
import Digests
import Glibc
import Layers

let arguments = CommandLine.arguments
guard arguments.count > 4,
  let digest = Digest(.sha256, hex: String(repeating: "0", count: 64))
else { exit(64) }
let layers = arguments[4...].map {
  Layer(path: $0, mediaType: arguments[3], digest: digest)
}
do {
  let builder = ImageBuilder()
  let clock = ContinuousClock()
  let start = clock.now
  let report =
    arguments[1] == "squashfs"
    ? try builder.buildSquashfs(layers, at: arguments[2])
    : try builder.unpack(layers, into: arguments[2])
  print(clock.now - start, report)
} catch {
  print(error)
  exit(1)
}
