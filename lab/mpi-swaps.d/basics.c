// The calls that nearly every program makes: a ring, a broadcast, reductions; short and long messages.
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

enum { bytes = 4 << 20 };

int main(int argc, char **argv) {
    int rank, size, length, wrong = 0;
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    report_start();
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(version, &length);
    report_rank(rank, size, version);

    int next = (rank + 1) % size, previous = (rank + size - 1) % size, got = -1;
    MPI_Sendrecv(&rank, 1, MPI_INT, next, 7, &got, 1, MPI_INT, previous, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(got == previous);

    // Long enough for the transport's way of large messages.
    char *out = malloc(bytes), *in = malloc(bytes);
    MPI_Request requests[2];
    memset(out, rank + 1, bytes);
    MPI_Irecv(in, bytes, MPI_CHAR, previous, 8, MPI_COMM_WORLD, &requests[0]);
    MPI_Isend(out, bytes, MPI_CHAR, next, 8, MPI_COMM_WORLD, &requests[1]);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    CHECK(in[0] == previous + 1 && in[bytes / 2] == previous + 1 && in[bytes - 1] == previous + 1);

    double value = rank == 0 ? 2.5 : 0;
    MPI_Bcast(&value, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    CHECK(value == 2.5);

    int sum = 0, largest = rank;
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    CHECK(sum == size * (size - 1) / 2 && largest == size - 1);

    int *all = malloc((size_t)size * sizeof *all);
    MPI_Gather(&rank, 1, MPI_INT, all, 1, MPI_INT, 0, MPI_COMM_WORLD);
    for (int i = 0; rank == 0 && i < size; i++) CHECK(all[i] == i);

    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return report_end(wrong);
}
