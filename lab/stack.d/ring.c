// ring: passes 1 MiB from rank to rank, twenty times around, and checks that it arrives unchanged.
// With --library it says which MPI it runs with, and from which file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "needs.h" // TARGET

enum { rounds = 20, bytes = 1 << 20, name_size = 64 };

int main(int argc, char **argv) {
    int rank, size, wrong = 0, total = 0;
    char host[name_size] = "";
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    gethostname(host, sizeof host - 1);
    printf("ring: rank %d of %d, host %s, built for %s\n", rank, size, host, TARGET);

    if (argc > 1 && strcmp(argv[1], "--library") == 0) {
        char version[MPI_MAX_LIBRARY_VERSION_STRING];
        int length;
        Dl_info info;
        MPI_Get_library_version(version, &length);
        version[strcspn(version, "\n,")] = '\0';
        printf("ring: rank %d, %s, %s\n", rank, version, dladdr((void *)MPI_Init, &info) ? info.dli_fname : "?");
    }

    char *hosts = malloc((size_t)size * name_size);
    unsigned char *token = malloc(bytes);
    if (!hosts || !token) MPI_Abort(MPI_COMM_WORLD, 71);
    MPI_Gather(host, name_size, MPI_CHAR, hosts, name_size, MPI_CHAR, 0, MPI_COMM_WORLD);
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    for (int round = 0; round < rounds && size > 1; round++) {
        int next = (rank + 1) % size, previous = (rank + size - 1) % size;
        if (rank == 0) {
            memset(token, round + 1, bytes);
            MPI_Send(token, bytes, MPI_BYTE, next, round, MPI_COMM_WORLD);
        }
        if (rank == 0) memset(token, 0, bytes);
        MPI_Recv(token, bytes, MPI_BYTE, previous, round, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        for (int i = 0; i < bytes; i++) wrong += token[i] != round + 1;
        if (rank != 0) MPI_Send(token, bytes, MPI_BYTE, next, round, MPI_COMM_WORLD);
    }
    double took = MPI_Wtime() - start;
    MPI_Reduce(&wrong, &total, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        int different = 0;
        for (int i = 0; i < size; i++) {
            int seen = 0;
            for (int j = 0; j < i && !seen; j++) seen = strcmp(hosts + i * name_size, hosts + j * name_size) == 0;
            different += !seen;
        }
        if (size == 1)
            // An MPI that Slurm's --mpi= did not reach runs as many worlds of one; nothing else tells.
            printf("ring: 1 rank, no ring to go around: was srun given the --mpi= that this MPI needs?\n");
        else
            printf("ring: %d ranks on %d host%s, %d rounds of 1 MiB, %.0f MB/s, data %s\n", size, different,
                   different == 1 ? "" : "s", rounds, 1e-6 * rounds * size * bytes / took, total ? "WRONG" : "correct");
    }
    MPI_Bcast(&total, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Finalize();
    return total ? 1 : 0;
}
