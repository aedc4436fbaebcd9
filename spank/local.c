// The guard: a node without the plugin must not run a job silently without the stack.
//
// Slurm drops an option that a node's plugins do not know, and no reply from a node reaches srun
// before the tasks start. What does reach the node is the environment. So it is marked where the
// job is submitted, and the node's plugin takes the marks off again:
//
// - LD_PRELOAD names a library whose name says what is wrong. The dynamic linker of every program
//   prints it: this is the message.
// - srun: SLURM_RLIMIT_NOFILE, by which srun hands its own limit to slurmstepd, is 3. A program may
//   open no file then, so the dynamic linker ends it with exit code 127. It reaches a step of
//   --export=NONE too.
// - sbatch, which sets that variable only later: PATH has a prefix before every element, so the
//   script finds no command.

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define MARK SLIPWAY_MARK
#define MARK_LIBRARY MARK "-so-the-EESSI-stack-was-not-set-up.so"

#define LIMIT "SLURM_RLIMIT_NOFILE"
#define TRUE_LIMIT "SLURM_SLIPWAY_NOFILE" // srun --export=NONE hands on what begins with SLURM_

// A copy of a colon-separated list with the mark put before each element, or taken off; NULL when
// memory is short.
static char *change_marks(const char *list, bool put)
{
    size_t elements = 1, length = strlen(list);
    for (const char *c = list; *c; c++)
        elements += *c == ':';
    char *result = malloc(length + elements * (sizeof MARK - 1) + 1), *to = result;
    if (!result)
        return NULL;
    for (const char *element = list;;) {
        size_t n = strcspn(element, ":");
        if (put)
            to = mempcpy(to, MARK, sizeof MARK - 1);
        else if (strncmp(element, MARK, sizeof MARK - 1) == 0)
            element += sizeof MARK - 1, n -= sizeof MARK - 1;
        to = mempcpy(to, element, n);
        if (element[n] == '\0')
            break;
        *to++ = ':';
        element += n + 1;
    }
    *to = '\0';
    return result;
}

static bool is_marked(const char *value)
{
    return value && strncmp(value, MARK, sizeof MARK - 1) == 0;
}

static void mark_preload(void)
{
    const char *preload = getenv("LD_PRELOAD");
    char *marked = NULL;
    if (!is_marked(preload) && asprintf(&marked, "%s%s%s", MARK_LIBRARY,
                                        preload && *preload ? ":" : "", preload ? preload : "") >= 0)
        setenv("LD_PRELOAD", marked, 1);
    free(marked);
}

void slipway_mark_step(void)
{
    if (!slipway_is_wanted() || slipway_settings.guard == SLIPWAY_GUARD_OFF)
        return;
    mark_preload();
    // The components of a heterogeneous step come here in threads of one process: the true limit
    // is stored before the mark, so no environment has the mark alone.
    if (slipway_settings.guard == SLIPWAY_GUARD_STRICT && !getenv(TRUE_LIMIT)) {
        const char *limit = getenv(LIMIT);
        setenv(TRUE_LIMIT, limit ? limit : "", 1);
        setenv(LIMIT, "3", 1);
    }
}

void slipway_mark_batch(void)
{
    if (!slipway_is_wanted() || slipway_settings.guard == SLIPWAY_GUARD_OFF)
        return;
    mark_preload();
    const char *path = getenv("PATH");
    if (slipway_settings.guard == SLIPWAY_GUARD_STRICT && path && !is_marked(path)) {
        char *marked = change_marks(path, true);
        if (marked)
            setenv("PATH", marked, 1);
        free(marked);
    }
}

void slipway_unmark(spank_t spank)
{
    char **environment = NULL;
    char *path = NULL, *preload = NULL;
    bool drop_preload = false;
    if (spank_get_item(spank, S_JOB_ENV, &environment) != ESPANK_SUCCESS || !environment)
        return;
    for (char **entry = environment; *entry; entry++) {
        if (strncmp(*entry, "PATH=", 5) == 0 && is_marked(*entry + 5) && !path)
            path = change_marks(*entry + 5, false);
        if (strncmp(*entry, "LD_PRELOAD=", 11) == 0 && is_marked(*entry + 11) && !preload) {
            const char *rest = strpbrk(*entry + 11, ": ");
            if (rest)
                preload = strdup(rest + 1);
            drop_preload = !rest;
        }
    }
    // The environment may move when it is changed, so nothing of it is used from here on.
    if (path)
        spank_setenv(spank, "PATH", path, 1);
    if (preload)
        spank_setenv(spank, "LD_PRELOAD", preload, 1);
    if (drop_preload)
        spank_unsetenv(spank, "LD_PRELOAD");
    free(path);
    free(preload);

    char limit[64];
    if (spank_getenv(spank, TRUE_LIMIT, limit, sizeof limit) == ESPANK_SUCCESS) {
        spank_unsetenv(spank, TRUE_LIMIT);
        if (limit[0] != '\0')
            spank_setenv(spank, LIMIT, limit, 1);
        else
            spank_unsetenv(spank, LIMIT);
    }
}
