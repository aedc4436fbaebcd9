-- Newer releases of Lmod keep io.popen from modules as well; the value is the same either way.
local fabrics
if io.popen then
    local pipe = io.popen("ls /sys/class/net | sort")
    fabrics = pipe:read("*a")
    pipe:close()
else
    fabrics = capture("ls /sys/class/net | sort")
end
setenv("OMPI_MCA_btl_tcp_if_exclude", (fabrics:gsub("%s+$", ""):gsub("%s+", ",")))
