! Fortran with `use mpi`.
program usempi
    use mpi
    use report
    implicit none
    include 'checks.inc'
end program
