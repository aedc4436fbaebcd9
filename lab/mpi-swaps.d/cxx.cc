// C++ that calls the C interface, as C++ programs do since MPI-3.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

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

    std::vector<double> mine(1000, rank + 1.0), all(1000 * static_cast<std::size_t>(size));
    MPI_Allgather(mine.data(), 1000, MPI_DOUBLE, all.data(), 1000, MPI_DOUBLE, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++) CHECK(std::count(&all[1000 * i], &all[1000 * i] + 1000, i + 1.0) == 1000);

    std::string text = rank == 0 ? std::string(100000, 'x') : std::string(100000, ' ');
    MPI_Bcast(&text[0], static_cast<int>(text.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
    CHECK(text == std::string(100000, 'x'));
    // An exception passes through frames beside the library's.
    try {
        MPI_Barrier(MPI_COMM_WORLD);
        throw std::runtime_error("thrown");
    } catch (const std::exception &error) {
        CHECK(error.what() == std::string("thrown"));
    }
    MPI_Finalize();
    return report_end(wrong);
}
