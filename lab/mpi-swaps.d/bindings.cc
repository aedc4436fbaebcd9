// The MPI C++ bindings, which MPI-3 took out and which some installations still have.
#include <mpi.h>

#include "report.h"

int main(int argc, char **argv) {
    int length, wrong = 0;
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    report_start();
    MPI::Init(argc, argv);
    const int rank = MPI::COMM_WORLD.Get_rank(), size = MPI::COMM_WORLD.Get_size();
    MPI_Get_library_version(version, &length);
    report_rank(rank, size, version);

    int sum = 0, got = -1, previous = (rank + size - 1) % size;
    MPI::COMM_WORLD.Allreduce(&rank, &sum, 1, MPI::INT, MPI::SUM);
    CHECK(sum == size * (size - 1) / 2);
    MPI::Status status;
    MPI::COMM_WORLD.Sendrecv(&rank, 1, MPI::INT, (rank + 1) % size, 5, &got, 1, MPI::INT, previous, 5, status);
    CHECK(got == previous && status.Get_source() == previous && status.Get_tag() == 5);
    CHECK(status.Get_count(MPI::INT) == 1);
    MPI::Intracomm twin = MPI::COMM_WORLD.Dup();
    CHECK(twin.Get_size() == size);
    twin.Free();
    MPI::Datatype pair = MPI::INT.Create_contiguous(2);
    pair.Commit();
    CHECK(pair.Get_size() == 8);
    pair.Free();
    MPI::Finalize();
    return report_end(wrong);
}
