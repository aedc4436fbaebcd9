import CLinux
import Foundation
import TestSupport
import Testing

@Suite(.tags(.small))
struct OpenBeneathTests {
  @Test func `what lies below a directory is reached through no link, and nothing else is`() throws
  {
    try TemporaryDirectory.with { temporary in
      try temporary.write("top/a/b/file", "inside")
      try temporary.write("file", "outside")
      #expect(symlink("a", temporary("top/link")) == 0)
      #expect(symlink("../..", temporary("top/a/up")) == 0)
      let top = open(temporary("top"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      defer { close(top) }
      func result(_ path: String) -> Int32 {
        let opened = sw_open_beneath(top, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if opened >= 0 { close(opened) }
        return min(opened, 0)
      }
      for path in [".", "a", "a/b", "a/b/file"] { #expect(result(path) == 0, "\(path)") }
      for path in ["link", "link/b", "a/up/file"] { #expect(result(path) == -ELOOP, "\(path)") }
      for path in ["../file", temporary("file"), "/"] { #expect(result(path) == -EXDEV, "\(path)") }
      #expect(result("a/none") == -ENOENT)
    }
  }
}
