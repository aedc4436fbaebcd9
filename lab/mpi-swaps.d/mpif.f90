! Fortran with mpif.h. Calls through what the header declares nothing about, and the constants that are addresses of
! common blocks: MPI_IN_PLACE, MPI_STATUS_IGNORE, MPI_BOTTOM.
program mpif
    use report
    implicit none
    include 'mpif.h'
    include 'checks.inc'
end program
