// Errors that come back as codes: MPI_ERRORS_RETURN, error classes, and a handler of the program's own.
#include <mpi.h>

#include "report.h"

static int calls, seen;
static void handle(MPI_Comm *comm, int *code, ...) {
    (void)comm;
    calls++;
    MPI_Error_class(*code, &seen);
}

int main(int argc, char **argv) {
    int rank, size, length, class, code, value = 42, wrong = 0;
    char version[MPI_MAX_LIBRARY_VERSION_STRING], text[MPI_MAX_ERROR_STRING];
    MPI_Errhandler handler;
    report_start();
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(version, &length);
    report_rank(rank, size, version);

    MPI_Comm_create_errhandler(handle, &handler);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
    // What MPI_Send returns then differs: MPICH since 4.3 says MPI_SUCCESS.
    MPI_Send(&value, 1, MPI_INT, size + 5, 0, MPI_COMM_WORLD);
    CHECK(calls == 1 && seen == MPI_ERR_RANK);
    MPI_Errhandler_free(&handler);
    CHECK(handler == MPI_ERRHANDLER_NULL);

    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    code = MPI_Send(&value, 1, MPI_INT, size + 5, 0, MPI_COMM_WORLD);
    MPI_Error_class(code, &class);
    MPI_Error_string(code, text, &length);
    CHECK(class == MPI_ERR_RANK && length > 0 && calls == 1);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
    MPI_Finalize();
    return report_end(wrong);
}
