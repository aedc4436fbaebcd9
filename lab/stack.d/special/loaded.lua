setenv("HPCTOOLKIT_PYTHON", isloaded("Python") and "with" or "without")
