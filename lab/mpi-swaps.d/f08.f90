! Fortran with `use mpi_f08`: typed handles, and a status that is a type.
program f08
    use mpi_f08
    use report
    implicit none
    integer :: rank, size, previous, next, got, total, largest, length, count, wrong, i
    type(MPI_Status) :: status
    type(MPI_Request) :: requests(2)
    type(MPI_Comm) :: twin
    type(MPI_Datatype) :: pair
    character(len=MPI_MAX_LIBRARY_VERSION_STRING) :: version
    double precision :: values(1000), other(1000)

    wrong = 0
    call report_start()
    call MPI_Init()
    call MPI_Comm_rank(MPI_COMM_WORLD, rank)
    call MPI_Comm_size(MPI_COMM_WORLD, size)
    call MPI_Get_library_version(version, length)
    call said(rank, size, version(1:length))
    next = mod(rank + 1, size)
    previous = mod(rank + size - 1, size)

    call MPI_Sendrecv(rank, 1, MPI_INTEGER, next, 7, got, 1, MPI_INTEGER, previous, 7, MPI_COMM_WORLD, status)
    call MPI_Get_count(status, MPI_INTEGER, count)
    call check(got == previous .and. status%MPI_SOURCE == previous .and. status%MPI_TAG == 7 .and. count == 1, 1)
    call MPI_Sendrecv(rank, 1, MPI_INTEGER, next, 8, got, 1, MPI_INTEGER, previous, 8, MPI_COMM_WORLD, &
        MPI_STATUS_IGNORE)
    call check(got == previous, 2)

    largest = rank
    call MPI_Allreduce(MPI_IN_PLACE, largest, 1, MPI_INTEGER, MPI_MAX, MPI_COMM_WORLD)
    call MPI_Allreduce(rank, total, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD)
    call check(largest == size - 1 .and. total == size * (size - 1) / 2, 3)

    values = rank
    call MPI_Irecv(other, 1000, MPI_DOUBLE_PRECISION, previous, 9, MPI_COMM_WORLD, requests(1))
    call MPI_Isend(values, 1000, MPI_DOUBLE_PRECISION, next, 9, MPI_COMM_WORLD, requests(2))
    call MPI_Waitall(2, requests, MPI_STATUSES_IGNORE)
    call check(all(other == previous), 4)

    call MPI_Comm_dup(MPI_COMM_WORLD, twin)
    call MPI_Type_contiguous(2, MPI_INTEGER, pair)
    call MPI_Type_commit(pair)
    call MPI_Type_size(pair, count)
    call check(count == 8, 5)
    call MPI_Type_free(pair)
    call MPI_Comm_free(twin)
    call check(twin == MPI_COMM_NULL, 6)

    call MPI_Finalize()
    i = report_end(wrong)
    if (i /= 0) error stop 1

contains
    subroutine check(condition, number)
        logical, intent(in) :: condition
        integer, intent(in) :: number
        if (condition) return
        wrong = wrong + 1
        write (0, '(a,i0)') 'wrong: check ', number
    end subroutine
end program
