pushenv("CC", "gcc")
pushenv("CXX", "g++")
pushenv("FC", "gfortran")
pushenv("CFLAGS", "-O2 -ftree-vectorize -march=native -fno-math-errno")
