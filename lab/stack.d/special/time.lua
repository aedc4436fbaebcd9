setenv("MLM_LICENSE_LOADED", os.date("!%Y-%m-%dT%H:%M:%SZ"))
setenv("MLM_LICENSE_SECONDS", tostring(os.time()))
