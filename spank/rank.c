// slipway-probe.so: what a rank of the probe does in place of its program's main.
//
// The library is preloaded into the program itself, so that the loader, the run paths, the modules
// and the MPI library are the program's own. By __libc_start_main every library has been
// initialised, and nothing of the program has run yet: neither main nor its constructors.
//
// Built without _GNU_SOURCE, with which newer C libraries give it symbols that older ones lack: it
// must load under the C library of the program.
//
// MPI is called without a header, because the program's decides which one would be right: handles
// are pointers in Open MPI and in the MPI ABI, and ints, which are passed alike, in MPICH.
// Sources: Open MPI's mpi.h (ompi_mpi_comm_world, ompi_mpi_byte), MPICH's mpi.h and mpi_abi.h, MPI
// 5.0 chapter 20 (the ABI's handles).

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slipway.h"

#define WEAK __attribute__((weak))

// What the program's libraries have of this; NULL where they have it not.
extern int MPI_Init(int *argc, char ***argv) WEAK;
extern int MPI_Comm_size(void *comm, int *size) WEAK;
extern int MPI_Comm_rank(void *comm, int *rank) WEAK;
extern int MPI_Get_library_version(char *version, int *length) WEAK;
extern int MPI_Sendrecv(const void *sent, int sent_count, void *sent_type, int to, int sent_tag,
                        void *received, int received_count, void *received_type, int from,
                        int received_tag, void *comm, void *status) WEAK;
extern int MPI_Finalize(void) WEAK;
extern int PMPI_Init(int *argc, char ***argv) WEAK;
extern char ompi_mpi_comm_world[] WEAK, ompi_mpi_byte[] WEAK;

// One line, one write: lines of two ranks do not mix.
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char line[1024] = SLIPWAY_PROBE_LINE;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + strlen(line), sizeof line - strlen(line), format, arguments);
    va_end(arguments);
    line[strcspn(line, "\n")] = '\0';
    size_t length = strlen(line);
    line[length++] = '\n'; // vsnprintf leaves room for its NUL
    if (write(STDOUT_FILENO, line, length) != (ssize_t)length)
        _exit(1);
}

// The file that an address was mapped from (proc(5), maps).
static void find_file(const void *address, char *path, size_t size)
{
    char *line = NULL;
    size_t room = 0;
    path[0] = '\0';
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && getline(&line, &room, maps) > 0) {
        uintptr_t start, end;
        int at = 0;
        if (sscanf(line, "%zx-%zx %*s %*s %*s %*s %n", &start, &end, &at) >= 2 && at > 0 &&
            start <= (uintptr_t)address && (uintptr_t)address < end) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(path, size, "%s", line + at);
            break;
        }
    }
    free(line);
    if (maps)
        fclose(maps);
}

// 4 MiB each way: enough for the path of large messages, which has faults of its own.
static bool exchange(void *world, void *byte, int rank)
{
    enum { LENGTH = 4 << 20 };
    unsigned char *sent = malloc(LENGTH), *received = malloc(LENGTH);
    char status[256]; // larger than any MPI_Status
    if (!sent || !received)
        return false;
    for (int i = 0; i < LENGTH; i++) {
        sent[i] = (unsigned char)(i * 7 + rank);
        received[i] = 0;
    }
    if (MPI_Sendrecv(sent, LENGTH, byte, 1 - rank, 7, received, LENGTH, byte, 1 - rank, 7, world,
                     status) != 0)
        return false;
    for (int i = 0; i < LENGTH; i++)
        if (received[i] != (unsigned char)(i * 7 + 1 - rank))
            return false;
    free(sent);
    free(received);
    return true;
}

static void run_rank(int argc, char **argv)
{
    char library[512], version[8192] = ""; // MPI_MAX_LIBRARY_VERSION_STRING of MPICH, the largest
    int size = 0, rank = 0, length = 0;
    if (!MPI_Init || !MPI_Comm_size || !MPI_Comm_rank || !MPI_Sendrecv || !MPI_Finalize) {
        say("none");
        _exit(0);
    }
    // A tool in between has the name MPI_Init; PMPI_Init is the library's.
    find_file(PMPI_Init ? (void *)PMPI_Init : (void *)MPI_Init, library, sizeof library);
    const char *slash = strrchr(library, '/');
    void *world = (void *)0x44000000, *byte = (void *)0x4c00010d;
    const char *family = "MPICH";
    if (slash && strncmp(slash, "/libmpi_abi", 11) == 0) {
        family = "MPI-ABI";
        world = (void *)0x101;
        byte = (void *)0x247;
    } else if (ompi_mpi_comm_world) {
        family = "OpenMPI";
        world = ompi_mpi_comm_world;
        byte = ompi_mpi_byte;
    }
    say("begin %s %s", family, library);
    if (MPI_Init(&argc, &argv) != 0)
        _exit(1);
    MPI_Comm_size(world, &size);
    MPI_Comm_rank(world, &rank);
    if (MPI_Get_library_version)
        MPI_Get_library_version(version, &length);
    say("world %d %s", size, version);
    if (size == 2)
        say("%s", exchange(world, byte, rank) ? "data" : "wrong");
    MPI_Finalize();
    say("end");
    _exit(0);
}

// Takes itself out of LD_PRELOAD, so that programs which MPI_Init starts are themselves.
static void leave_preload(void)
{
    const char *list = getenv("LD_PRELOAD");
    const char *rest = list ? strchr(list, ':') : NULL;
    if (rest)
        setenv("LD_PRELOAD", rest + 1, 1);
    else
        unsetenv("LD_PRELOAD");
}

// Called by the program's start code (glibc csu/libc-start.c); never returns.
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
                      void *stack_end)
{
    (void)main, (void)init, (void)fini, (void)rtld_fini, (void)stack_end;
    leave_preload();
    run_rank(argc, argv);
    _exit(0);
}
