local result = os.execute("test -w /tmp >/dev/null 2>&1")
setenv("ROMIO_SCRATCH", (result == true or result == 0) and "/tmp" or "/var/tmp")
