setenv("DVC_EMPTY", "")
setenv("DVC_NUMBER", 42)
setenv("DVC_LONG", string.rep("0123456789abcde ", 512))
