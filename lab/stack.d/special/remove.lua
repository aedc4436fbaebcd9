remove_path("LD_LIBRARY_PATH", pathJoin(os.getenv("EBROOTZLIB") or "/nonexistent", "lib"))
remove_path("PATH", "/usr/local/games")
remove_path("PATH", "/usr/games")
