append_path("SCOREP_WRAPPER_INSTRUMENTER_FLAGS", "--mpp=mpi", " ")
append_path("SCOREP_WRAPPER_INSTRUMENTER_FLAGS", "--thread=omp", " ")
prepend_path("SCOREP_WRAPPER_INSTRUMENTER_FLAGS", "--verbose=0", " ")
