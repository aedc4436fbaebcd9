local host = capture("uname -n"):gsub("%s+$", "")
setenv("UCX_TLS", "rc,sm,self")
setenv("UCX_LOG_FILE", "/tmp/ucx-" .. host .. ".log")
