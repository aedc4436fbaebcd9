/// What a running shell is told to be initialised, and to be as it was before.
///
/// The texts change nothing but the names that they define: no option, no positional parameter,
/// nothing on standard output. They keep to words that no alias of the user replaces. What the
/// shell had under a name is kept under `__slipway_function_NAME` or `__slipway_alias_NAME` and
/// given back by `__slipway_undefine`, which `init` defines and `deinit` calls.
package struct ShellSession: Sendable {
  package var shell: ShellProgram
  package var changes: [EnvironmentChange]
  package var module: ModuleCommand
  package var definitions: ShellDefinitions

  /// Whether `module` and `ml` are defined.
  package enum ModuleCommand: Sendable {
    /// Always: what the shell has under these names cannot load the stack's modules.
    case defined
    /// Only where the shell has no `module`: what it has belongs to the Lmod that is in use.
    case definedIfMissing
    /// Not: there is no Lmod.
    case absent
  }

  package init(
    _ shell: ShellProgram, changes: [EnvironmentChange], module: ModuleCommand,
    definitions: ShellDefinitions = ShellDefinitions()
  ) {
    self.shell = shell
    self.changes = changes
    self.module = module
    self.definitions = definitions
  }

  /// The commands that initialise the shell; once or twice, the result is the same.
  package var initialisation: String {
    let lines: [String]
    switch shell.family {
    case .sh: lines = undefinition(in: shell.family) + commands + posixDefinitions + [":"]
    case .csh: lines = undefinition(in: shell.family) + commands + cshDefinitions
    case .fish: lines = undefinition(in: shell.family) + commands + fishDefinitions + ["true"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The commands that take the initialisation back.
  package static func deinitialisation(of shell: ShellProgram, changes: [EnvironmentChange])
    -> String
  {
    let session = ShellSession(shell, changes: changes, module: .absent)
    let end = [Shell.sh: [":"], .fish: ["true"], .csh: []][shell.family]!
    return (session.undefinition(in: shell.family) + session.commands + end)
      .joined(separator: "\n") + "\n"
  }

  private var commands: [String] { changes.compactMap(shell.family.command) }

  private func undefinition(in family: Shell) -> [String] {
    switch family {
    case .sh:
      [
        "if \\command -v __slipway_undefine >/dev/null 2>&1; then",
        "__slipway_undefine; \\unset -f __slipway_undefine __slipway_give; fi",
      ]
    case .csh:
      [
        "if ( $?__slipway_names ) then", "foreach __slipway_name ( $__slipway_names )",
        "unalias $__slipway_name",
        "if ( \"x`alias __slipway_alias_$__slipway_name`\" != x ) "
          + "alias $__slipway_name \"`alias __slipway_alias_$__slipway_name`\"",
        "unalias __slipway_alias_$__slipway_name", "end", "unset __slipway_names __slipway_name",
        "endif",
      ]
    case .fish:
      [
        "if functions -q __slipway_undefine", "__slipway_undefine",
        "functions -e __slipway_undefine", "end",
      ]
    }
  }

  // MARK: What is defined

  /// A function or an alias under a name that a shell can define.
  private struct Definition {
    var name: String
    /// The function's body; nil where it is an alias.
    var body: String?
    var alias = ""

    /// The name as a part of another.
    var identifier: String {
      name.utf8.map { byte in
        let scalar = Unicode.Scalar(byte)
        return Shell.isAssignable("_" + String(scalar)) ? String(scalar) : "_\(byte)_"
      }.joined()
    }

    var isNameable: Bool {
      !name.isEmpty && !"-+.".contains(name.first!)
        && name.utf8.allSatisfy { byte in
          let scalar = Unicode.Scalar(byte)
          return Shell.isAssignable("_" + String(scalar)) || "-+.".unicodeScalars.contains(scalar)
        }
    }
  }

  /// What marks a function as ours, whoever exports it to which shell.
  private static let mark = "slipway init"

  private var moduleFunctions: [Definition] {
    guard module != .absent else { return [] }
    switch shell.family {
    case .sh:
      return [
        Definition(
          name: "module",
          body: """
            \\eval "$("$LMOD_CMD" \(shell.lmodName) "$@")" || \\return
            [ "${LMOD_SETTARG_CMD:-:}" = : ] || \\eval "$("$LMOD_SETTARG_CMD" -s sh)"
            """),
        Definition(name: "ml", body: "\\eval \"$(\"$LMOD_DIR/ml_cmd\" \"$@\")\""),
      ]
    case .csh:
      return [
        Definition(
          name: "module",
          alias: ": \(Self.mark); eval `\"$LMOD_CMD\" \(shell.lmodName) !*`"),
        Definition(name: "ml", alias: ": \(Self.mark); eval `\"$LMOD_DIR/ml_cmd\" !*`"),
      ]
    case .fish:
      return [
        Definition(
          name: "module",
          body: """
            set -l plain
            status is-interactive; or set plain --no_redirect
            command $LMOD_CMD fish $plain $argv | source
            """),
        Definition(name: "ml", body: "command $LMOD_DIR/ml_cmd $argv | source"),
      ]
    }
  }

  private var otherDefinitions: [Definition] {
    var all = definitions.aliases.map { Definition(name: $0.name, alias: $0.value) }
    switch shell.family {
    case .sh: all += definitions.functions.map { Definition(name: $0.name, body: $0.sh) }
    case .csh: all += definitions.functions.map { Definition(name: $0.name, alias: $0.csh) }
    // The text is one for POSIX shells; fish cannot read it.
    case .fish: break
    }
    return all.filter(\.isNameable)
  }

  // MARK: sh, dash, bash, ksh, zsh

  private var posixDefinitions: [String] {
    let all = moduleFunctions + otherDefinitions
    guard !all.isEmpty else { return [] }
    var lines = [keep]
    if !moduleFunctions.isEmpty {
      let defined = moduleFunctions.flatMap(posixCommands)
      lines +=
        module == .defined
        ? defined
        : ["if ! \\command -v module >/dev/null 2>&1; then"] + defined + ["fi"]
    }
    lines += otherDefinitions.flatMap(posixCommands)
    lines.append("\\unset -f __slipway_keep")
    lines.append(give)
    lines.append("__slipway_undefine() {")
    lines += all.map { definition in
      let words = [definition.name, definition.identifier]
      return "__slipway_give "
        + (words + (definition.body == nil ? [definition.alias] : []))
        .map(Shell.sh.quoted).joined(separator: " ")
    }
    lines.append("}")
    if shell == .bash {
      // Scripts that this shell starts shall have `module` too, as Lmod's own start gives it.
      lines += [
        "\\export -f __slipway_undefine __slipway_give",
        "if \\declare -F module >/dev/null && [[ $(\\declare -f module) == *': \(Self.mark)'* ]]; "
          + "then \\export -f module ml; fi",
      ]
    }
    return lines
  }

  /// The text of a function is evaluated for itself: an alias of its name is then gone already.
  private func posixCommands(_ definition: Definition) -> [String] {
    let name = Shell.sh.quoted(definition.name)
    let keep = "__slipway_keep \(name) '\(definition.identifier)'"
    guard let body = definition.body else {
      return [keep, "\\alias " + Shell.sh.quoted(definition.name + "=" + definition.alias)]
    }
    let text = "\(definition.name)() {\n: \(Self.mark)\n\(body)\n}"
    return [keep, "\\eval " + Shell.sh.quoted(text)]
  }

  /// `__slipway_keep NAME IDENTIFIER`: puts what the shell has under a name aside.
  private var keep: String {
    switch shell {
    case .bash:
      #"""
      __slipway_keep() {
      if [[ -n ${BASH_ALIASES[$1]+x} ]]; then
      \printf -v "__slipway_alias_$2" %s "${BASH_ALIASES[$1]}"; \unalias "$1"; fi
      if \declare -F "$1" >/dev/null; then
      \local text exported; text=$(\declare -f "$1"); exported=$(\declare -F)
      \eval "__slipway_function_$2${text#"$1"}"
      if [[ $exported$'\n' == *"declare -fx $1"$'\n'* ]]; then
      \export -f "__slipway_function_$2"; fi; \unset -f "$1"; fi
      }
      """#
    case .zsh:
      #"""
      __slipway_keep() {
      \emulate -L zsh
      if (( ${+aliases[$1]} )); then
      \typeset -g "__slipway_alias_$2=${aliases[$1]}"; \unalias "$1"; fi
      if (( ${+functions[$1]} )); then
      functions[__slipway_function_$2]=$functions[$1]; \unset -f "$1"; fi
      }
      """#
    case .ksh:
      #"""
      __slipway_keep() {
      \#(keptAlias)
      if \typeset -f "$1" >/dev/null 2>&1; then
      __slipway_text=$(\typeset -f "$1")
      case $__slipway_text in
      'function '*) \eval "function __slipway_function_$2${__slipway_text#"function $1"}" ;;
      *) \eval "__slipway_function_$2${__slipway_text#"$1"}" ;;
      esac
      \unset __slipway_text; \unset -f "$1"; fi
      }
      """#
    default:
      #"""
      __slipway_keep() {
      \#(keptAlias)
      \eval "__slipway_ours_$2=1"
      }
      """#
    }
  }

  /// An alias by what `alias NAME` prints, which a shell reads as it is.
  private var keptAlias: String {
    #"""
    if \eval "__slipway_alias_$2=\$(\\alias '$1' 2>/dev/null)"; then
    \unalias "$1" 2>/dev/null || :; else \unset "__slipway_alias_$2"; fi
    """#
  }

  /// `__slipway_give NAME IDENTIFIER [ALIAS]`: gives back what was put aside, where the name is
  /// still ours.
  private var give: String {
    switch shell {
    case .bash:
      #"""
      __slipway_give() {
      \local alias="__slipway_alias_$2" function="__slipway_function_$2" text exported
      if [[ $# -gt 2 && ${BASH_ALIASES[$1]-} == "${3-}" ]]; then
      if [[ -n ${BASH_ALIASES[$1]+x} ]]; then \unalias "$1"; fi; text=ours
      elif [[ $# -eq 2 ]] && \declare -F "$1" >/dev/null; then
      text=$(\declare -f "$1")
      if [[ $text == *': \#(Self.mark)'* ]]; then \unset -f "$1"; text=ours; fi
      fi
      if [[ ${text-} == ours ]]; then
      if \declare -F "$function" >/dev/null; then
      text=$(\declare -f "$function"); exported=$(\declare -F)
      \eval "$1${text#"$function"}"
      if [[ $exported$'\n' == *"declare -fx $function"$'\n'* ]]; then \export -f "$1"; fi
      fi
      if [[ -n ${!alias+x} ]]; then \alias "$1=${!alias}"; fi; fi
      \unset -f "$function"; \unset -v "$alias"
      }
      """#
    case .zsh:
      #"""
      __slipway_give() {
      \emulate -L zsh
      \local alias="__slipway_alias_$2" function="__slipway_function_$2" ours=
      if (( $# > 2 )); then
      if [[ ${+aliases[$1]} == 1 && ${aliases[$1]-} == "$3" ]]; then
      \unalias "$1"; ours=1; fi
      elif [[ ${functions[$1]-} == *': \#(Self.mark)'* ]]; then \unset -f "$1"; ours=1; fi
      if [[ -n $ours ]]; then
      if (( ${+parameters[$alias]} )); then aliases[$1]=${(P)alias}; fi
      if (( ${+functions[$function]} )); then functions[$1]=$functions[$function]; fi; fi
      if (( ${+functions[$function]} )); then \unset -f "$function"; fi
      \unset "$alias"
      }
      """#
    case .ksh:
      #"""
      __slipway_give() {
      if [ "$#" -gt 2 ]; then \unalias "$1" 2>/dev/null || :; __slipway_text=ours
      else __slipway_text=$(\typeset -f "$1" 2>/dev/null) || :
      case $__slipway_text in
      *': \#(Self.mark)'*) \unset -f "$1"; __slipway_text=ours ;; esac
      fi
      if [ "$__slipway_text" = ours ]; then
      if \typeset -f "__slipway_function_$2" >/dev/null 2>&1; then
      __slipway_text=$(\typeset -f "__slipway_function_$2")
      case $__slipway_text in
      'function '*)
      \eval "function $1${__slipway_text#"function __slipway_function_$2"}" ;;
      *) \eval "$1${__slipway_text#"__slipway_function_$2"}" ;;
      esac; \unset -f "__slipway_function_$2"; fi
      \#(givenAlias)
      fi
      \unset __slipway_text "__slipway_alias_$2"
      }
      """#
    default:
      #"""
      __slipway_give() {
      if \eval "[ -n \"\${__slipway_ours_$2-}\" ]"; then
      if [ "$#" -gt 2 ]; then \unalias "$1" 2>/dev/null || :; else \unset -f "$1"; fi
      \#(givenAlias)
      fi
      \unset __slipway_text "__slipway_alias_$2" "__slipway_ours_$2"
      }
      """#
    }
  }

  private var givenAlias: String {
    #"""
    \eval "__slipway_text=\${__slipway_alias_$2-}"
    [ -z "$__slipway_text" ] || \eval "\\alias ${__slipway_text#alias }"
    """#
  }

  // MARK: csh, tcsh

  private var cshDefinitions: [String] {
    var lines: [String] = []
    func define(_ definitions: [Definition]) -> [String] {
      definitions.flatMap { definition in
        let kept = "__slipway_alias_\(definition.name)"
        return [
          "if ( \"x`alias \(definition.name)`\" != x ) "
            + "alias \(kept) \"`alias \(definition.name)`\"",
          "alias \(definition.name) \(Shell.csh.quoted(definition.alias))",
          "set __slipway_names = ( $__slipway_names \(definition.name) )",
        ]
      }
    }
    let others = otherDefinitions.filter { $0.identifier == $0.name }
    guard !moduleFunctions.isEmpty || !others.isEmpty else { return [] }
    lines.append("set __slipway_names = ( )")
    if module == .definedIfMissing {
      lines += ["if ( \"x`alias module`\" == x ) then"] + define(moduleFunctions) + ["endif"]
    } else {
      lines += define(moduleFunctions)
    }
    return lines + define(others)
  }

  // MARK: fish

  private var fishDefinitions: [String] {
    let all = moduleFunctions + otherDefinitions
    guard !all.isEmpty else { return [] }
    func define(_ definition: Definition) -> [String] {
      let kept = "__slipway_function_\(definition.identifier)"
      var lines = [
        "functions -q \(kept); and functions -e \(kept)",
        "functions -q \(definition.name); and functions --copy \(definition.name) \(kept)",
      ]
      if let body = definition.body {
        lines += ["function \(definition.name) --description '\(Self.mark)'", body, "end"]
      } else {
        lines += [
          "alias \(definition.name) \(Shell.fish.quoted(definition.alias))",
          "functions --description '\(Self.mark)' \(definition.name)",
        ]
      }
      return lines
    }
    var lines = moduleFunctions.flatMap(define)
    if module == .definedIfMissing {
      lines = ["if not functions -q module"] + lines + ["end"]
    }
    lines += otherDefinitions.flatMap(define)
    lines.append("function __slipway_undefine")
    for definition in all {
      let kept = "__slipway_function_\(definition.identifier)"
      lines += [
        "if string match -q -- '*\(Self.mark)*' (functions \(definition.name))",
        "functions -e \(definition.name)",
        "functions -q \(kept); and functions --copy \(kept) \(definition.name)", "end",
        "functions -q \(kept); and functions -e \(kept)",
      ]
    }
    lines.append("end")
    return lines
  }
}
