// The guard: a node without the plugin must not run a job silently without the stack.
//
// Slurm drops an option that a node's plugins do not know, and no reply from a node reaches srun
// before the tasks start. What does reach the node is the environment. So srun marks it, and the
// node's plugin takes the mark off: PATH gets a prefix before every element, so that no command is
// found, and LD_PRELOAD names a library whose name says what is wrong, which the dynamic linker
// prints for a command that was given by its path.

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define MARK "/.this-node-lacks-the-slipway-plugin"
#define MARK_LIBRARY MARK "-and-runs-the-job-without-the-EESSI-stack.so"

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

void slipway_mark_environment(void)
{
    if (!slipway_is_wanted() || slipway_settings.guard == SLIPWAY_GUARD_OFF)
        return;
    const char *path = getenv("PATH");
    if (slipway_settings.guard == SLIPWAY_GUARD_STRICT && path && !is_marked(path)) {
        char *marked = change_marks(path, true);
        if (marked)
            setenv("PATH", marked, 1);
        free(marked);
    }
    const char *preload = getenv("LD_PRELOAD");
    if (!is_marked(preload)) {
        char *marked = NULL;
        if (asprintf(&marked, "%s%s%s", MARK_LIBRARY, preload && *preload ? ":" : "",
                     preload ? preload : "") >= 0)
            setenv("LD_PRELOAD", marked, 1);
        free(marked);
    }
}

void slipway_unmark_environment(spank_t spank)
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
}
