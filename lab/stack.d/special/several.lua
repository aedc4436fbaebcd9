prepend_path("PATH", pathJoin(root, "sbin") .. ":" .. pathJoin(root, "libexec"))
append_path("XDG_CONFIG_DIRS", pathJoin(root, "etc/xdg") .. ":/etc/xdg")
