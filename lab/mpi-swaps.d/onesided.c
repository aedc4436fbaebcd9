// One-sided communication: windows, fences, accumulation, shared memory.
#include <mpi.h>

#include "report.h"

int main(int argc, char **argv) {
    int rank, size, length, wrong = 0;
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    report_start();
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(version, &length);
    report_rank(rank, size, version);

    int *base, *first, from = rank * 10, got = -1, next = (rank + 1) % size, previous = (rank + size - 1) % size;
    MPI_Win window;
    MPI_Win_allocate(2 * sizeof *base, sizeof *base, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &window);
    base[0] = base[1] = -1;
    MPI_Win_fence(0, window);
    MPI_Put(&from, 1, MPI_INT, next, 0, 1, MPI_INT, window);
    MPI_Win_fence(0, window);
    CHECK(base[0] == previous * 10);
    MPI_Get(&got, 1, MPI_INT, next, 0, 1, MPI_INT, window);
    MPI_Accumulate(&rank, 1, MPI_INT, next, 1, 1, MPI_INT, MPI_SUM, window);
    MPI_Win_fence(0, window);
    CHECK(got == from && base[1] == previous - 1);
    MPI_Win_free(&window);

    MPI_Comm node;
    MPI_Aint bytes;
    int unit;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Win_allocate_shared(sizeof *base, sizeof *base, MPI_INFO_NULL, node, &base, &window);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window);
    *base = 1000 + rank;
    MPI_Win_sync(window);
    MPI_Barrier(node);
    MPI_Win_sync(window);
    MPI_Win_shared_query(window, 0, &bytes, &unit, &first);
    CHECK(*first == 1000 && bytes == sizeof *base && unit == sizeof *base);
    MPI_Win_unlock_all(window);
    MPI_Win_free(&window);
    MPI_Comm_free(&node);
    MPI_Finalize();
    return report_end(wrong);
}
