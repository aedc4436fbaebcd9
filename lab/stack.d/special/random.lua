setenv("STARCCM_SESSION", UUIDString(os.time()))
