import Environment

/// A module file that asks slipway what to set, once for each load, unload or show.
///
/// It knows nothing of the stack: slipway answers with ``ModuleRecord``s.
struct Modulefile {
  /// What starts slipway: a path, or a name to look up in PATH.
  var slipway: String
  /// The options for the stack.
  var options: [String] = []
  /// What the module gives, for its help.
  var subject: String
  var isEESSI = true

  /// A module system, by the language of its files.
  enum System: String, CaseIterable {
    case lmod
    case tcl
  }

  func text(for system: System) -> String {
    switch system {
    case .lmod: lmod
    case .tcl: tcl
    }
  }

  private var question: [String] { [slipway, "env", "--module-records"] }
  private var description: String {
    "\(subject): the builds that fit the node where the module is loaded, chosen by slipway."
  }
  private var links: [String] {
    isEESSI ? ["https://www.eessi.io/docs/"] : []
  }

  private var lmod: String {
    func word(_ words: [String]) -> String {
      Self.quoted(words.map(Shell.sh.quoted).joined(separator: " "))
    }
    return #"""
      -- \#(Self.comment(subject)) for Lmod, printed by slipway modulefile lmod.

      help(\#(Self.quoted(help)))
      whatis(\#(Self.quoted("Description: \(description)")))
      \#(links.map { "whatis(\(Self.quoted("URL: \($0)")))\n" }.joined())\#
      conflict("EESSI")

      local ask = \#(word(question + options))
      local recall = \#(word(question + ["--as-initialised"]))

      local function isOn(name)
        local value = os.getenv(name)
        return value ~= nil and value ~= "" and value ~= "0"
      end

      -- What sites set for EESSI's own module holds for this one.
      if isOn("EESSI_MODULE_FAMILY_NAME") then family(os.getenv("EESSI_MODULE_FAMILY_NAME")) end
      if isOn("EESSI_MODULE_STICKY") then add_property("lmod", "sticky") end
      if isOn("EESSI_MODULE_UPDATE_PS1") and os.getenv("PS1") then
        pushenv("PS1", "{" .. myModuleFullName() .. "} " .. os.getenv("PS1"))
      end

      local command = ({ load = ask, show = ask, unload = recall })[mode()]
      -- Lmod also reads the file, in mode "load", for the checksum of a collection, which must be
      -- the same on all nodes. The module is not being loaded then.
      if mode() == "load" and not isPending(myModuleName()) then command = nil end

      if command then
        local verbs = {
          setenv = setenv, pushenv = pushenv, unsetenv = function(name) unsetenv(name) end,
          ["prepend-path"] = prepend_path, ["append-path"] = append_path,
          ["remove-path"] = remove_path,
          message = function(text)
            if mode() == "load" and not isOn("EESSI_MODULE_QUIET_LOAD") then
              LmodMessage(myModuleFullName() .. ": " .. text)
            end
          end,
        }
        local function decoded(text)
          return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
        end

        -- Nothing is done before the whole answer is there.
        local actions, failure, isWhole = {}, nil, false
        for line in ((capture or subprocess)(command) or ""):gmatch("[^\n]+") do
          local verb, rest = line:match("^(%S+) ?(.*)$")
          if verb == "end" then
            isWhole = true
          elseif verb == "error" then
            failure = decoded(rest)
          elseif verb == "message" then
            actions[#actions + 1] = { verb, decoded(rest) }
          elseif verbs[verb] then
            local name, value = rest:match("^(%S+) ?(.*)$")
            actions[#actions + 1] = { verb, name, decoded(value) }
          else
            failure = \#(Self.quoted(Self.unknownVerb)) .. line
          end
        end
        if not isWhole then failure = \#(Self.quoted(noAnswer)) end
        if failure then
          LmodError(failure)
        else
          for _, action in ipairs(actions) do verbs[action[1]](action[2], action[3]) end
        end
      end

      """#
  }

  private var tcl: String {
    func list(_ words: [String]) -> String {
      "[list \(words.map(Self.tclQuoted).joined(separator: " "))]"
    }
    return #"""
      #%Module
      # \#(Self.comment(subject)) for Environment Modules, printed by slipway modulefile tcl.

      proc ModulesHelp {} {
        puts stderr \#(Self.tclQuoted(help))
      }
      module-whatis \#(Self.tclQuoted("Description: \(description)"))
      \#(links.map { "module-whatis \(Self.tclQuoted("URL: \($0)"))\n" }.joined())\#
      conflict EESSI [file dirname [module-info name]]

      proc isOn {name} {
        return [expr {[info exists ::env($name)] && $::env($name) ni {{} 0}}]
      }
      proc decoded {text} {
        regsub -all {%([0-9A-F]{2})} [string map {\\ \\\\} $text] {\\u00\1} text
        return [subst -nocommands -novariables $text]
      }

      # What sites set for EESSI's own module holds for this one.
      if {[isOn EESSI_MODULE_FAMILY_NAME]} { family $::env(EESSI_MODULE_FAMILY_NAME) }

      # In a switch, the variables of the module that was unloaded are still seen.
      set command \#(list(["env", "-u", "EESSI_PREFIX"] + question + options))
      if {[module-info mode unload]} {
        set command \#(list(["env"] + question + ["--as-initialised"]))
      }
      if {[module-info mode load] || [module-info mode unload] || [module-info mode display]} {
        # Libraries of other modules are not for slipway. A failure is seen in the answer, behind
        # which Tcl tells of the exit code.
        catch {exec -ignorestderr -- env -u LD_LIBRARY_PATH -u LD_PRELOAD {*}$command} answer
        regsub {\n?child process exited abnormally$} $answer {} answer

        # Nothing is done before the whole answer is there.
        set failure \#(Self.tclQuoted(noAnswer))
        set actions {}
        foreach line [split $answer \n] {
          if {![regexp {^(\S+) ?(.*)$} $line -> verb rest]} continue
          switch -- $verb {
            setenv - pushenv - prepend-path - append-path - remove-path {
              regexp {^(\S+) ?(.*)$} $rest -> name value
              lappend actions [list $verb $name [decoded $value]]
            }
            unsetenv { lappend actions [list unsetenv $rest] }
            message {
              if {[module-info mode load] && ![isOn EESSI_MODULE_QUIET_LOAD]} {
                lappend actions [list puts stderr "[module-info name]: [decoded $rest]"]
              }
            }
            error { set failure [decoded $rest]; break }
            end { set failure {}; break }
            default { set failure "\#(Self.tclEscaped(Self.unknownVerb))$line"; break }
          }
        }
        if {$failure ne {}} {
          puts stderr $failure
          # What catch left here would be reported as an error of this file.
          unset -nocomplain ::errorInfo ::errorCode
          break
        }
        foreach action $actions { {*}$action }
      }

      """#
  }

  private var help: String {
    ([description, ""] + links.map { "More: \($0)" } + ["Why these builds: slipway detect --all"])
      .joined(separator: "\n")
  }
  private var noAnswer: String {
    "no answer from \(slipway); remedy: see what it printed, and check that it is installed and, "
      + "if named without a directory, in PATH"
  }
  private static let unknownVerb =
    "slipway is newer than this module file; remedy: print the file anew; not understood: "

  // MARK: Quoting

  private static func comment(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }

  /// A string of Lua.
  private static func quoted(_ text: String) -> String {
    let escaped = escaped(text, special: "\"\\") { code in
      "\\\(code < 10 ? "00" : code < 100 ? "0" : "")\(code)"
    }
    return "\"\(escaped)\""
  }

  /// A word of Tcl.
  private static func tclQuoted(_ text: String) -> String { "\"\(tclEscaped(text))\"" }
  private static func tclEscaped(_ text: String) -> String {
    escaped(text, special: "\"\\$[]{}") { "\\u00\($0 < 16 ? "0" : "")\(String($0, radix: 16))" }
  }

  private static func escaped(
    _ text: String, special: String, control: (UInt32) -> String
  ) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if special.unicodeScalars.contains(scalar) {
        result += "\\\(scalar)"
      } else if scalar == "\n" {
        result += "\\n"
      } else if scalar.value < 0x20 || scalar.value == 0x7F {
        result += control(scalar.value)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
