local base = os.getenv("EESSI_USER_INSTALL") or pathJoin(os.getenv("HOME") or "/", "eessi")
setenv("EASYBUILD_INSTALLPATH", pathJoin(base, os.getenv("EESSI_SOFTWARE_SUBDIR") or "unknown"))
setenv("EASYBUILD_SOURCEPATH", "/tmp/" .. (os.getenv("USER") or "nobody") .. "/easybuild/sources")
