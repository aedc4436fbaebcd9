import Glibc

/// Lends strings as the NULL-ended array that execve(2) takes.
package func withCStrings<Result>(
  _ strings: [[UInt8]], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let pointers: [UnsafeMutablePointer<CChar>?] =
    strings.map { string in
      (string + [0]).withUnsafeBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { strdup($0.baseAddress!) }
      }
    } + [nil]
  defer { pointers.forEach { free($0) } }
  return body(pointers)
}
