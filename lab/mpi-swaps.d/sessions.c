// MPI-4 sessions: the world without MPI_Init.
#include <mpi.h>
#include <stdio.h>

#include "report.h"

int main(void) {
    int rank, size, length, sum = 0, wrong = 0;
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    MPI_Session session;
    MPI_Group group;
    MPI_Comm world;
    report_start();
    MPI_Session_init(MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &session);
    MPI_Group_from_session_pset(session, "mpi://WORLD", &group);
    MPI_Comm_create_from_group(group, "slipway.sessions", MPI_INFO_NULL, MPI_ERRORS_ARE_FATAL, &world);
    MPI_Group_free(&group);
    MPI_Comm_rank(world, &rank);
    MPI_Comm_size(world, &size);
    MPI_Get_library_version(version, &length);
    report_rank(rank, size, version);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, world);
    CHECK(sum == size * (size - 1) / 2);
    MPI_Comm_free(&world);
    MPI_Session_finalize(&session);
    return report_end(wrong);
}
