family("mpi")
