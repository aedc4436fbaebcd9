#include "CLoad.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

// The error's text is this thread's only and until its next (dlerror(3)), so it is copied; once for
// each library of the program, and for good.
static const char *words(void)
{
    const char *text = dlerror();
    char *copy = text ? strdup(text) : NULL;
    return copy ? copy : "no memory";
}

static const char *load(const struct sw_library *library)
{
    void *handle = NULL;
    const char *problem = NULL;
    for (const char *const *soname = library->sonames; !handle && *soname; soname++) {
        handle = dlopen(*soname, RTLD_NOW | RTLD_LOCAL);
        // Of two that are missing, the first is the one to install.
        if (!handle && !problem)
            problem = words();
    }
    if (!handle)
        return problem;
    for (size_t i = 0; library->names[i]; i++) {
        void *function = dlsym(handle, library->names[i]);
        if (!function)
            return words();
        memcpy((char *)library->table + i * sizeof function, &function, sizeof function);
    }
    return library->start ? library->start(handle) : NULL;
}

const char *sw_load(struct sw_library *library)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!library->is_done) {
        library->problem = load(library);
        library->is_done = 1;
    }
    const char *problem = library->problem;
    pthread_mutex_unlock(&lock);
    return problem;
}
