/// The Lua that Lua runs before Lmod (`LUA_INIT`, lua(1)): it writes down what a load does and what
/// it depends on, and changes nothing else.
///
/// It wraps the functions that modules and hooks can call: Lua's own `os` and `io`, `lfs` and
/// `posix`, and those of Lmod's modfuncs.lua. Who calls is told by the file that a function was
/// compiled from (`debug.getinfo`): module files are compiled from text, so their source does not
/// begin with `@`; Lmod's own begins with the directory of its command. Records: see ``Trace``.
enum LmodTracer {
  static func lua(output: Int32) -> String {
    #"""
    local program = arg and arg[0] or ""
    if program:match("/lmod$") then
    local out = io.open("/dev/fd/\#(output)", "w")
    if out then
    out:setvbuf("no")
    local getinfo, concat, tostring, getenv = debug.getinfo, table.concat, tostring, os.getenv
    local function record(letter, ...)
      local n, parts = select("#", ...), {}
      for i = 1, n do
        local text = tostring((select(i, ...)))
        parts[i] = #text .. ":" .. text
      end
      out:write(letter, n, " ", concat(parts), "\n")
    end
    local home = "@" .. program:gsub("/libexec/lmod$", "/")
    local function source(level)
      local info = getinfo(level + 1, "S")
      return info and info.source
    end
    -- Whether the caller is a module file or a hook, straight or through one of `through`.
    local function module(through)
      local level = 3
      while true do
        local from = source(level)
        if not from then return false end
        if from:sub(1, home:len()) == home then
          local name = from:match("([^/]*)$")
          if not (through and through[name]) then return false end
        elseif from:sub(1, 9) ~= "=LUA_INIT" and from ~= "=[C]" and not from:find("^@.*/lua/5%.") then
          return true
        end
        level = level + 1
      end
    end
    local helpers = {["capture.lua"] = true, ["modfuncs.lua"] = true}
    local tests = {["modfuncs.lua"] = true, ["utils.lua"] = true}

    os.getenv = function(name)
      if module(tests) then record("r", name) end
      return getenv(name)
    end
    local function impure(t, name, what, through)
      local original = t and t[name]
      if type(original) ~= "function" then return end
      t[name] = function(...)
        if module(through) then record("i", what .. " " .. tostring((...))) end
        return original(...)
      end
    end
    impure(os, "execute", "runs", helpers)
    impure(io, "popen", "runs", helpers)
    impure(os, "time", "asks for the time")
    impure(os, "date", "asks for the time")
    impure(os, "clock", "asks for the time")
    impure(os, "tmpname", "asks for a temporary file")
    impure(os, "remove", "removes")
    impure(os, "rename", "renames")
    impure(math, "random", "asks for a random number")
    -- What is looked at or read, by whomever: paths.
    local function path(t, name)
      local original = t and t[name]
      if type(original) ~= "function" then return end
      t[name] = function(first, ...)
        if type(first) == "string" then record("f", first) end
        return original(first, ...)
      end
    end
    local open = io.open
    io.open = function(name, mode)
      if type(name) == "string" then
        if mode and mode:find("[wa+]") then
          if module(helpers) then record("i", "writes " .. name) end
        else
          record("f", name)
        end
      end
      return open(name, mode)
    end
    path(io, "lines")
    path(_G, "loadfile")
    path(_G, "dofile")

    local function wrap(name, body)
      local original = rawget(_G, name)
      if type(original) == "function" then
        rawset(_G, name, function(...) body(...); return original(...) end)
      end
    end
    local is_asked = false
    local function list(letter)
      return function(first, value, delimiter, priority)
        local name = first
        if type(first) == "table" then
          name, value = first[1], first[2]
          delimiter, priority = first.delim or first[3], first.priority
        end
        if not is_asked then
          is_asked = true
          pcall(function()
            local cosmic = require("Cosmic"):singleton()
            for _, rule in ipairs{"LMOD_DUPLICATE_PATHS", "LMOD_TMOD_PATH_RULE"} do
              record("c", rule, cosmic:value(rule))
            end
          end)
        end
        local how = (mode and mode() or "load")
        record(letter, name, value, delimiter or ":", priority or 0, how)
      end
    end
    local function scalar(letter)
      return function(first, value)
        local name = first
        if type(first) == "table" then name, value = first[1], first[2] end
        record(letter, name, value == nil and "" or value, mode and mode() or "load")
      end
    end
    local function functions()
      wrap("prepend_path", list("p"))
      wrap("append_path", list("a"))
      wrap("remove_path", list("d"))
      wrap("setenv", scalar("s"))
      wrap("pushenv", scalar("h"))
      wrap("unsetenv", scalar("u"))
      wrap("set_alias", function(name, value) record("A", name, value, mode()) end)
      wrap("unset_alias", function(name) record("B", name, mode()) end)
      wrap("set_shell_function", function(name, sh, csh) record("F", name, sh, csh, mode()) end)
      wrap("unset_shell_function", function(name) record("G", name, mode()) end)
      wrap("execute", function(t) record("i", "runs " .. tostring(t.cmd)) end)
      wrap("source_sh", function(_, t) record("i", "sources " .. tostring(t)) end)
      wrap("userInGroup", function(t) record("i", "asks for the user's groups") end)
      wrap("userInGroups", function(t) record("i", "asks for the user's groups") end)
      wrap("complete", function(_, t) record("i", "sets completions of " .. tostring(t)) end)
      wrap("LmodBreak", function() record("i", "ends with LmodBreak") end)
      record("b", "functions")
    end
    local load, is_wrapped = require, {}
    -- Lua itself looks for a required file, unseen: every place down to the first that has it.
    local function places(name)
      for template in package.path:gmatch("[^;]+") do
        local file = template:gsub("%?", (name:gsub("%.", "/")))
        record("f", file)
        local handle = open(file)
        if handle then handle:close() return end
      end
    end
    function require(name)
      if name == "SitePackage" or module() then places(name) end
      local result = load(name)
      if is_wrapped[name] then return result end
      is_wrapped[name] = true
      if name == "lfs" then
        for _, f in ipairs{"attributes", "dir", "symlinkattributes"} do path(result, f) end
      elseif name == "posix" then
        for _, f in ipairs{"stat", "access", "readlink", "dir", "files", "glob", "open"} do
          path(result, f)
        end
        impure(result, "uname", "asks for the host")
        impure(result, "hostid", "asks for the host")
        impure(result, "gethostid", "asks for the host")
      elseif name == "modfuncs" then
        functions()
      elseif name == "utils" then
        wrap("UUIDString", function(t) if module() then record("i", "asks for the time") end end)
      end
      return result
    end
    record("b", "begin")
    end
    end
    """#
  }
}
