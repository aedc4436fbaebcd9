/// How a new interactive shell is brought to read the user's own start-up files, to initialise
/// itself, and to show it.
package struct ShellStart: Sendable {
  package var shell: ShellProgram
  /// The command that prints what the shell evaluates.
  package var initialise: [String]
  /// What stands in front of the user's prompt, of characters that no shell expands there.
  package var mark: String

  package init(_ shell: ShellProgram, initialise: [String], mark: String) {
    self.shell = shell
    self.initialise = initialise
    self.mark = mark
  }

  /// Where a shell finds the start-up text.
  package enum Place: Equatable, Sendable {
    /// Behind an option.
    case option(String)
    /// In a file that an option names.
    case fileOption(String)
    /// In a file that a variable names.
    case fileVariable(String)
    /// In a file of this name, in a directory that a variable names.
    case directoryVariable(String, file: String)
  }

  package var place: Place {
    switch shell {
    case .bash: .fileOption("--rcfile")
    case .zsh: .directoryVariable("ZDOTDIR", file: ".zshenv")
    case .fish: .option("-C")
    case .sh, .dash, .ksh, .csh, .tcsh: .fileVariable("ENV")
    }
  }

  /// The start-up text; `location` is the descriptor or the directory that holds it.
  package func text(from environment: Environment, at location: String = "") -> String {
    let command = initialise.map(shell.family.quoted).joined(separator: " ")
    return switch shell {
    case .bash: bash(command, descriptor: location)
    case .zsh: zsh(command, directory: location, former: environment["ZDOTDIR"])
    case .fish: fish(command)
    default: posix(command, descriptor: location, former: environment["ENV"])
    }
  }

  /// Puts the mark in front of PS1, and takes it away after `deinit`.
  ///
  /// It runs before each prompt, behind all that sets PS1 anew each time.
  private var prompt: String {
    """
    __slipway_prompt() {
    PS1=${PS1-}; PS1=${PS1#"${__slipway_mark-}"}; __slipway_mark=
    if [ -n "${SLIPWAY_UNDO-}" ]; then __slipway_mark="{EESSI/${EESSI_VERSION-}} "; fi
    PS1=$__slipway_mark${PS1#"$__slipway_mark"}
    }
    """
  }

  private func bash(_ command: String, descriptor: String) -> String {
    """
    exec \(descriptor)<&-
    if [ -r ~/.bashrc ]; then . ~/.bashrc; fi
    if \\eval "$(\(command))"; then
    \(prompt)
    if [[ $(\\declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
    PROMPT_COMMAND+=(__slipway_prompt)
    else PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\\n'}__slipway_prompt; fi
    fi

    """
  }

  /// Text for `.zshenv`, the first of the user's files that zsh reads.
  ///
  /// It hands over to the user's own, so that zsh goes on with theirs, and leaves the rest to the
  /// moment before the first prompt.
  private func zsh(_ command: String, directory: String, former: String?) -> String {
    let quote = Shell.sh.quoted
    return """
      \(former.map { "export ZDOTDIR=\(quote($0))" } ?? "unset ZDOTDIR")
      /bin/rm -rf \(quote(directory))
      if [[ -r ${ZDOTDIR-${HOME-}}/.zshenv ]]; then . "${ZDOTDIR-${HOME-}}/.zshenv"; fi
      __slipway_start() {
      precmd_functions=(${precmd_functions:#__slipway_start})
      \\unset -f __slipway_start
      if \\eval "$(\(command))"; then
      \(prompt)
      precmd_functions+=(__slipway_prompt); __slipway_prompt
      fi
      }
      typeset -ga precmd_functions; precmd_functions+=(__slipway_start)

      """
  }

  private func fish(_ command: String) -> String {
    """
    if \(command) | source
    functions -q fish_prompt; and functions --copy fish_prompt __slipway_fish_prompt
    function __slipway_status; return $argv[1]; end
    function fish_prompt
    set -l last $status
    set -q SLIPWAY_UNDO; and printf '{EESSI/%s} ' $EESSI_VERSION
    __slipway_status $last
    __slipway_fish_prompt
    end
    end
    """
  }

  /// Text for the file that ENV names; the user's ENV is put back and read first.
  ///
  /// These shells have nothing that runs before a prompt, but expand variables in it.
  private func posix(_ command: String, descriptor: String, former: String?) -> String {
    let files =
      shell == .ksh
      ? "case ${KSH_VERSION-} in *MIRBSD*) __slipway_env=~/.mkshrc ;; "
        + "*) __slipway_env=~/.kshrc ;; esac"
      : "__slipway_env="
    let own =
      former.map {
        "export ENV=\(Shell.sh.quoted($0))\neval \"__slipway_env=\\\"$ENV\\\"\""
      } ?? "unset ENV\n\(files)"
    return """
      exec \(descriptor)<&-
      \(own)
      if [ -n "$__slipway_env" ] && [ -r "$__slipway_env" ]; then . "$__slipway_env"; fi
      unset __slipway_env
      if \\eval "$(\(command))"; then
      __slipway_mark=\(Shell.sh.quoted(mark))
      case ${PS1-} in '${SLIPWAY_UNDO:+'*) ;; *) PS1='${SLIPWAY_UNDO:+$__slipway_mark}'${PS1-} ;; esac
      fi

      """
  }
}
