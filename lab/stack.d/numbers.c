// numbers: shows whether the node can run what it was given. Compiled for plain x86-64, so that it can speak on every
// node; the work itself (kernel.c) is compiled for the target.
//
// A node of the lab is told apart by its /proc/cpuinfo only: the real CPU underneath is the host's. So the program asks
// both: /proc/cpuinfo for what the node claims to have, and the real CPU by running the work.
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "needs.h" // TARGET, and NEEDS: the cpuinfo names of everything gcc may use for it, from gcc's own macros

double kernel(double seconds, double *gflops);

enum { illegal_instruction = 128 + SIGILL };
static sigjmp_buf no_such_instruction;
static void on_sigill(int signal) {
    (void)signal;
    siglongjmp(no_such_instruction, 1);
}

// The flags line of the first processor, with a blank at either end so that " avx " finds a whole word.
static bool read_flags(char *flags, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool found = false;
    while (file && !found && fgets(flags, size, file)) found = strncmp(flags, "flags", 5) == 0;
    if (file) fclose(file);
    if (!found) return false;
    flags[strcspn(flags, "\n")] = ' ';
    return true;
}

int main(int argc, char **argv) {
    static char flags[16384];
    char needs[] = NEEDS, missing[sizeof needs + 1] = "", host[256] = "?", word[64];
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        fprintf(stderr, "usage: numbers [--json]\n");
        return 64;
    }
    gethostname(host, sizeof host - 1);
    if (!read_flags(flags, sizeof flags)) {
        fprintf(stderr, "numbers: cannot tell what node %s has: /proc/cpuinfo has no line of flags\n", host);
        return 69;
    }
    for (char *need = strtok(needs, " "); need; need = strtok(NULL, " ")) {
        snprintf(word, sizeof word, " %s ", need);
        if (!strstr(flags, word)) strcat(strcat(missing, *missing ? " " : ""), need);
    }

    volatile bool ran = false;
    double gflops = 0, checksum = 0;
    if (!*missing) {
        signal(SIGILL, on_sigill);
        if (sigsetjmp(no_such_instruction, 1) == 0) {
            checksum = kernel(0.15, &gflops);
            ran = true;
        }
    }

    if (json) {
        char exe[4096] = "";
        if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0) *exe = 0;
        printf("{\"host\":\"%s\",\"target\":\"%s\",\"program\":\"%s\",\"missing\":[", host, TARGET, exe);
        const char *comma = "";
        for (char *m = strtok(missing, " "); m; m = strtok(NULL, " "), comma = ",") printf("%s\"%s\"", comma, m);
        printf("],\"ran\":%s", ran ? "true" : "false");
        if (ran) printf(",\"gflops\":%.2f,\"checksum\":%.0f", gflops, checksum);
        printf("}\n");
        return *comma ? illegal_instruction : 0;
    }
    printf("numbers: host %s, built for %s, ", host, TARGET);
    if (*missing) {
        printf("node LACKS %s: on a real node this is an illegal instruction\n", missing);
        return illegal_instruction;
    }
    if (ran) printf("node has everything it needs; %.2f GFLOP/s, checksum %.0f\n", gflops, checksum);
    else printf("node has everything it needs; the CPU below this lab has not, so nothing was computed\n");
    return 0;
}
