prepend_path("LUA_PATH", pathJoin(root, "share/lua/5.4/?.lua"), ";")
append_path("LUA_PATH", "./?.lua", ";")
prepend_path{"LUA_CPATH", pathJoin(root, "lib/lua/5.4/?.so"), delim = ";"}
