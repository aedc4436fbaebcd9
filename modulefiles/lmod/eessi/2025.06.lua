-- EESSI 2025.06 for Lmod, printed by slipway modulefile lmod.

help("EESSI 2025.06: the builds that fit the node where the module is loaded, chosen by slipway.\n\nMore: https://www.eessi.io/docs/\nWhy these builds: slipway detect --all")
whatis("Description: EESSI 2025.06: the builds that fit the node where the module is loaded, chosen by slipway.")
whatis("URL: https://www.eessi.io/docs/")
conflict("EESSI")

local ask = "'slipway' 'env' '--module-records' '--eessi' '2025.06'"
local recall = "'slipway' 'env' '--module-records' '--as-initialised'"

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
      failure = "slipway is newer than this module file; remedy: print the file anew; not understood: " .. line
    end
  end
  if not isWhole then failure = "no answer from slipway; remedy: see what it printed, and check that it is installed and, if named without a directory, in PATH" end
  if failure then
    LmodError(failure)
  else
    for _, action in ipairs(actions) do verbs[action[1]](action[2], action[3]) end
  end
end
