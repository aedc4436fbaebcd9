// MPI-4 large counts: the `_c` functions, called after ordinary ones have worked.
#include <mpi.h>
#include <stdio.h>

#include "report.h"

int main(int argc, char **argv) {
    int rank, size, length, wrong = 0;
    long value, sum = 0, got = -1;
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    MPI_Status status;
    MPI_Count count = 0;
    MPI_Datatype triple;
    report_start();
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(version, &length);
    report_rank(rank, size, version);
    value = rank;
    MPI_Allreduce_c(&value, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    CHECK(sum == (long)size * (size - 1) / 2);
    MPI_Sendrecv_c(&value, 1, MPI_LONG, (rank + 1) % size, 0, &got, 1, MPI_LONG, (rank + size - 1) % size, 0,
                   MPI_COMM_WORLD, &status);
    MPI_Get_count_c(&status, MPI_LONG, &count);
    CHECK(got == (rank + size - 1) % size && count == 1);
    MPI_Type_contiguous_c(3000000000, MPI_CHAR, &triple);
    MPI_Type_size_c(triple, &count);
    CHECK(count == 3000000000);
    MPI_Type_free(&triple);
    MPI_Finalize();
    return report_end(wrong);
}
