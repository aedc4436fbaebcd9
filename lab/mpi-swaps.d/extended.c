// What depends on the layout of handles, constants and MPI_Status: probes, datatypes, operations, attributes, files,
// topologies, info objects.
#include <mpi.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static int copied, deleted;
static int copy(MPI_Comm comm, int key, void *extra, void *in, void *out, int *flag) {
    (void)comm, (void)key, (void)extra;
    *(void **)out = in;
    *flag = 1;
    return copied++, MPI_SUCCESS;
}
static int delete(MPI_Comm comm, int key, void *value, void *extra) {
    (void)comm, (void)key, (void)value, (void)extra;
    return deleted++, MPI_SUCCESS;
}

static void multiply(void *in, void *inout, int *count, MPI_Datatype *type) {
    (void)type;
    for (int i = 0; i < *count; i++) ((long *)inout)[i] *= ((long *)in)[i];
}

static int rank, size, wrong;

static void statuses(void) {
    int next = (rank + 1) % size, previous = (rank + size - 1) % size, count = 0, cancelled = 1;
    short out[3] = {1, 2, (short)rank}, in[8] = {0};
    MPI_Request request;
    // Guards around the status: a library with a larger one would write over them.
    struct {
        int before[4];
        MPI_Status status;
        int after[4];
    } guarded;
    memset(&guarded, 0x5a, sizeof guarded);
    MPI_Isend(out, 3, MPI_SHORT, next, 40 + rank, MPI_COMM_WORLD, &request);
    MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &guarded.status);
    CHECK(guarded.status.MPI_SOURCE == previous && guarded.status.MPI_TAG == 40 + previous);
    MPI_Get_count(&guarded.status, MPI_SHORT, &count);
    CHECK(count == 3);
    MPI_Recv(in, 8, MPI_SHORT, previous, MPI_ANY_TAG, MPI_COMM_WORLD, &guarded.status);
    CHECK(guarded.status.MPI_SOURCE == previous && guarded.status.MPI_TAG == 40 + previous && in[2] == previous);
    MPI_Get_elements(&guarded.status, MPI_SHORT, &count);
    MPI_Test_cancelled(&guarded.status, &cancelled);
    CHECK(count == 3 && !cancelled);
    for (int i = 0; i < 4; i++) CHECK(guarded.before[i] == 0x5a5a5a5a && guarded.after[i] == 0x5a5a5a5a);
    MPI_Wait(&request, MPI_STATUS_IGNORE);

    MPI_Recv(in, 8, MPI_SHORT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &guarded.status);
    MPI_Get_count(&guarded.status, MPI_SHORT, &count);
    CHECK(guarded.status.MPI_SOURCE == MPI_PROC_NULL && guarded.status.MPI_TAG == MPI_ANY_TAG && count == 0);

    // Persistent requests, and an array of statuses.
    MPI_Request pair[2];
    MPI_Status both[2];
    MPI_Recv_init(in, 8, MPI_SHORT, previous, 3, MPI_COMM_WORLD, &pair[0]);
    MPI_Send_init(out, 3, MPI_SHORT, next, 3, MPI_COMM_WORLD, &pair[1]);
    MPI_Startall(2, pair);
    MPI_Waitall(2, pair, both);
    CHECK(both[0].MPI_SOURCE == previous && both[0].MPI_TAG == 3);
    MPI_Request_free(&pair[0]);
    MPI_Request_free(&pair[1]);
    CHECK(pair[0] == MPI_REQUEST_NULL && pair[1] == MPI_REQUEST_NULL);
}

static void collectives(void) {
    int *out = malloc((size_t)size * sizeof *out), *in = malloc((size_t)size * sizeof *in);
    for (int i = 0; i < size; i++) out[i] = rank * 100 + i;
    MPI_Alltoall(out, 1, MPI_INT, in, 1, MPI_INT, MPI_COMM_WORLD);
    for (int i = 0; i < size; i++) CHECK(in[i] == i * 100 + rank);

    struct { double value; int index; } mine = {-rank, rank}, best;
    MPI_Allreduce(&mine, &best, 1, MPI_DOUBLE_INT, MPI_MINLOC, MPI_COMM_WORLD);
    CHECK(best.index == size - 1 && best.value == -(size - 1));

    MPI_Op product;
    long factor = rank + 1, factorial = 0, expected = 1;
    for (int i = 2; i <= size; i++) expected *= i;
    MPI_Op_create(multiply, 1, &product);
    MPI_Allreduce(&factor, &factorial, 1, MPI_LONG, product, MPI_COMM_WORLD);
    MPI_Op_free(&product);
    CHECK(factorial == expected && product == MPI_OP_NULL);

    MPI_Request request;
    int sum = 0;
    MPI_Iallreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    CHECK(sum == size * (size - 1) / 2);
}

static void datatypes(void) {
    struct item { char letter; double number; } out = {(char)('a' + rank), rank + 0.5}, in = {0};
    int lengths[] = {1, 1}, bytes, next = (rank + 1) % size, previous = (rank + size - 1) % size;
    MPI_Aint places[] = {offsetof(struct item, letter), offsetof(struct item, number)}, low, extent;
    MPI_Datatype parts[] = {MPI_CHAR, MPI_DOUBLE}, packed, item, column;
    MPI_Type_create_struct(2, lengths, places, parts, &packed);
    MPI_Type_create_resized(packed, 0, sizeof(struct item), &item);
    MPI_Type_commit(&item);
    MPI_Sendrecv(&out, 1, item, next, 1, &in, 1, item, previous, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(in.letter == 'a' + previous && in.number == previous + 0.5);
    MPI_Type_get_extent(item, &low, &extent);
    MPI_Type_size(item, &bytes);
    CHECK(low == 0 && extent == sizeof(struct item) && bytes == 9);

    int matrix[4][4], line[4] = {0};
    for (int i = 0; i < 16; i++) matrix[i / 4][i % 4] = i;
    MPI_Type_vector(4, 1, 4, MPI_INT, &column);
    MPI_Type_commit(&column);
    MPI_Sendrecv(&matrix[0][1], 1, column, 0, 2, line, 4, MPI_INT, 0, 2, MPI_COMM_SELF, MPI_STATUS_IGNORE);
    CHECK(line[0] == 1 && line[3] == 13);
    MPI_Type_free(&column);
    MPI_Type_free(&item);
    MPI_Type_free(&packed);
}

static void attributes(void) {
    int *bound = NULL, flag = 0, key, value = 42, *found = NULL, answer = -1;
    MPI_Comm twin, half, grid;
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &bound, &flag);
    CHECK(flag && *bound >= 32767);
    MPI_Comm_create_keyval(copy, delete, &key, NULL);
    MPI_Comm_set_attr(MPI_COMM_WORLD, key, &value);
    MPI_Comm_dup(MPI_COMM_WORLD, &twin);
    MPI_Comm_get_attr(twin, key, &found, &flag);
    CHECK(flag && found == &value && copied == 1);
    MPI_Comm_compare(MPI_COMM_WORLD, twin, &answer);
    CHECK(answer == MPI_CONGRUENT);
    MPI_Comm_free(&twin);
    MPI_Comm_delete_attr(MPI_COMM_WORLD, key);
    MPI_Comm_free_keyval(&key);
    CHECK(deleted == 2 && twin == MPI_COMM_NULL && key == MPI_KEYVAL_INVALID);

    int members;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2 ? MPI_UNDEFINED : 1, -rank, &half);
    CHECK((half == MPI_COMM_NULL) == (rank % 2 == 1));
    if (half != MPI_COMM_NULL) {
        MPI_Comm_size(half, &members);
        CHECK(members == (size + 1) / 2);
        MPI_Comm_free(&half);
    }

    int sides[2] = {size, 1}, wraps[2] = {1, 0}, left, right, kind;
    MPI_Cart_create(MPI_COMM_WORLD, 2, sides, wraps, 0, &grid);
    MPI_Cart_shift(grid, 0, 1, &left, &right);
    CHECK(left == (rank + size - 1) % size && right == (rank + 1) % size);
    MPI_Cart_shift(grid, 1, 1, &left, &right);
    CHECK(left == MPI_PROC_NULL && right == MPI_PROC_NULL);
    MPI_Topo_test(grid, &kind);
    CHECK(kind == MPI_CART);
    MPI_Comm_free(&grid);

    MPI_Info info;
    char got[MPI_MAX_INFO_VAL + 1] = "";
    MPI_Info_create(&info);
    MPI_Info_set(info, "colour", "green");
    MPI_Info_get(info, "colour", sizeof got - 1, got, &flag);
    CHECK(flag && strcmp(got, "green") == 0);
    MPI_Info_free(&info);
}

static void files(void) {
    const char *directory = getenv("TMPDIR");
    char path[4096];
    int in = -1, count = 0;
    MPI_File file;
    MPI_Status status;
    MPI_Offset length = 0;
    // Of a world of one each rank makes its own file.
    snprintf(path, sizeof path, "%s/extended.%d.%d", directory ? directory : "/tmp", size, size == 1 ? rand() : 0);
    int mode = MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE;
    MPI_File_open(MPI_COMM_WORLD, path, mode, MPI_INFO_NULL, &file);
    MPI_File_write_at_all(file, rank * (MPI_Offset)sizeof rank, &rank, 1, MPI_INT, &status);
    MPI_Get_count(&status, MPI_INT, &count);
    CHECK(count == 1);
    MPI_File_sync(file);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_File_sync(file);
    MPI_File_read_at(file, (rank + 1) % size * (MPI_Offset)sizeof in, &in, 1, MPI_INT, &status);
    MPI_File_get_size(file, &length);
    CHECK(in == (rank + 1) % size && length == size * (MPI_Offset)sizeof rank);
    MPI_File_close(&file);
    CHECK(file == MPI_FILE_NULL);
}

int main(int argc, char **argv) {
    int length, level;
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    report_start();
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(version, &length);
    report_rank(rank, size, version);
    CHECK(level >= MPI_THREAD_FUNNELED);
    statuses();
    collectives();
    datatypes();
    attributes();
    files();
    MPI_Finalize();
    return report_end(wrong);
}
