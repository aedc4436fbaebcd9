setenv("NODE_KERNEL", posix.uname("%s %r"))
local file = io.open("/proc/sys/kernel/hostname")
if file then
    setenv("NODE_NAME", file:read("*l"))
    file:close()
end
