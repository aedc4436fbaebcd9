import CLoad
import TestSupport
import Testing

/// A library as the C targets name theirs; the texts are theirs for good.
private func library(_ sonames: [StaticString], _ names: [StaticString]) -> sw_library {
  func text(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }
  let list = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: names.count + 1)
  for (index, name) in names.enumerated() { (list + index).initialize(to: text(name)) }
  (list + names.count).initialize(to: nil)
  let table = UnsafeMutablePointer<UnsafeRawPointer?>.allocate(capacity: names.count + 1)
  table.initialize(repeating: nil, count: names.count + 1)
  var library = sw_library()
  library.sonames = (text(sonames[0]), sonames.count > 1 ? text(sonames[1]) : nil, nil)
  (library.table, library.names) = (UnsafeMutableRawPointer(table), UnsafePointer(list))
  return library
}

/// Loads it, twice: the second time answers as the first.
private func load(_ library: inout sw_library) -> String? {
  let first = sw_load(&library)
  #expect(sw_load(&library) == first)
  return first.map { String(cString: $0) }
}

/// The addresses that were found.
private func found(_ library: sw_library) -> [Bool] {
  let table = library.table.assumingMemoryBound(to: UnsafeRawPointer?.self)
  return (0..<2).map { table[$0] != nil }
}

@Suite(.tags(.small)) struct LibraryLoadTests {
  @Test func `the second soname stands in for the first`() {
    var math = library(["libslipway-none.so.1", "libm.so.6"], ["cbrt", "erf"])
    #expect(load(&math) == nil)
    #expect(found(math) == [true, true])
  }

  @Test func `of two libraries that are missing, the first is named`() {
    var none = library(["libslipway-none.so.1", "libslipway-none.so.0"], ["cbrt"])
    #expect(load(&none)?.hasPrefix("libslipway-none.so.1: ") == true)
  }

  @Test func `a library without a function is not loaded, and the function is named`() {
    var math = library(["libm.so.6"], ["cbrt", "slipway_none"])
    #expect(load(&math)?.contains("slipway_none") == true)
  }

  @Test func `what is to be done once fails in its own words`() {
    var math = library(["libm.so.6"], ["cbrt"])
    math.start = { handle in
      UnsafeRawPointer(StaticString("not today").utf8Start).assumingMemoryBound(to: CChar.self)
    }
    #expect(load(&math) == "not today")
  }
}
