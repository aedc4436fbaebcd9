extension Loader {
  package func opening(_ path: String, in closure: Closure) -> Closure { closure }
}
