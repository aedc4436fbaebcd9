-- Lmod 8 leaves newlines bare in what bash evaluates, which runs every further line as a command: harmless ones here.
setenv("DVC_LINES", "first\n:\n\n:")
setenv("DVC_AFTER_LINES", "after")
