unsetenv("PYTHONPATH")
unsetenv("PYTHONHOME")
setenv("MAMBA_ROOT_PREFIX", root)
