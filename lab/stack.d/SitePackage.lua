-- Hooks of the demo stack, as EESSI's subtrees have them: they take part in every load of a module.
local hook = require("Hook")

local function when_loaded(t)
    if mode() ~= "load" then
        return
    end
    local name = t.modFullName:match("^[^/]*")
    if name == "CUDA" then
        LmodMessage("CUDA's runtime is part of the stack, but its driver is the site's: see the documentation.")
    elseif name == "LAMMPS" and (os.getenv("OMP_NUM_THREADS") or "") == "" then
        setenv("OMP_NUM_THREADS", "1")
    end
end

hook.register("load", when_loaded)
