always_load("GCC/13.2.0")
setenv("STDENV", "2023")
