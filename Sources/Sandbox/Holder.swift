import Glibc

/// What `slipway-node hold` does inside a new namespace: says so, and keeps it until the other end of
/// the socket is closed.
package func hold(socket: Int32) -> Never {
  let message = Array("R\(getpid())".utf8)
  guard message.withUnsafeBytes({ send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }) > 0
  else { _exit(1) }
  var byte: UInt8 = 0
  while read(socket, &byte, 1) < 0 && errno == EINTR {}
  _exit(0)
}
