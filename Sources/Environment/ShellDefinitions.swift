/// What a shell is given beside variables: the aliases and functions that modules define.
///
/// They live in one shell and do not reach the processes that it starts.
package struct ShellDefinitions: Equatable, Sendable {
  package var aliases: [Alias]
  package var functions: [Function]

  package init(aliases: [Alias] = [], functions: [Function] = []) {
    self.aliases = aliases
    self.functions = functions
  }

  package var isEmpty: Bool { aliases.isEmpty && functions.isEmpty }

  /// An alias, as Lmod's `set_alias(name, value)` defines it.
  package struct Alias: Equatable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// A function with a body for each of two families of shells, as Lmod's
  /// `set_shell_function(name, bash, csh)` defines it.
  package struct Function: Equatable, Sendable {
    package var name: String
    /// The commands between the braces of a POSIX shell's function.
    package var sh: String
    /// The text of a csh alias.
    package var csh: String

    package init(name: String, sh: String, csh: String) {
      self.name = name
      self.sh = sh
      self.csh = csh
    }
  }
}
