// What a consumer says about itself: lines appended to the file $SWAPS_REPORT, else printed. A file, because a launcher
// that gives up loses what its ranks printed.
#define _GNU_SOURCE
#include "report.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// One write, so that lines of several ranks stay whole.
static void say(const char *format, ...) {
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof line) length = sizeof line - 1;

    const char *path = getenv("SWAPS_REPORT");
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : STDOUT_FILENO;
    if (file < 0 || write(file, line, (size_t)length) != length) {
        perror("report");
        exit(74);
    }
    if (path) close(file);
}

static int is_mpi(const char *path) {
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return !strncmp(name, "libmpi.so", 9) || !strncmp(name, "libmpich.so", 11) || !strncmp(name, "libmpi_abi.so", 13);
}

static int add(struct dl_phdr_info *object, size_t size, void *list) {
    (void)size;
    if (is_mpi(object->dlpi_name)) {
        size_t used = strlen(list);
        snprintf((char *)list + used, 2048 - used, "%s%s", used ? ":" : "", object->dlpi_name);
    }
    return 0;
}

void report_start(void) {
    char loaded[2048] = "";
    dl_iterate_phdr(add, loaded);
    Dl_info object = {0};
    // The program's own calls are resolved in this same scope. MPI_Init may be defined in the program itself in a
    // non-PIE (its PLT), which is why the search starts behind it.
    void *function = dlsym(RTLD_NEXT, "MPI_Init");
    if (function) dladdr(function, &object);
    say("start\t%s\t%s\n", object.dli_fname ? object.dli_fname : "-", *loaded ? loaded : "-");
}

void report_rank(int rank, int size, const char *version) {
    say("rank\t%d\t%d\t%.*s\n", rank, size, (int)strcspn(version, "\n"), version);
}

void report_wrong(const char *file, int line, const char *condition) {
    fprintf(stderr, "%s:%d: wrong: %s\n", file, line, condition);
}

int report_end(int wrong) {
    say("end\t%d\n", wrong);
    return wrong != 0;
}
