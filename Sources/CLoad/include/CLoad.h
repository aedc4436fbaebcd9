// Shared libraries that are loaded at their first use (dlopen(3)): a program that needs none of
// them starts without them.

#ifndef CLOAD_H
#define CLOAD_H

// What a list X(…) of a library's functions becomes: the members of a table of typed pointers to
// them, and their names in the same order.
#define SW_POINTER(name) __typeof__(&name) name;
#define SW_NAME(name) #name,

// One library, and what came of loading it.
struct sw_library {
    // Of its sonames the first that there is is loaded; NULL ends them.
    const char *sonames[3];
    // Where the functions' addresses go, and their names; NULL ends them.
    void *table;
    const char *const *names;
    // What else is to be done once, or NULL: returns NULL, or why it failed, a text that stays.
    const char *(*start)(void *handle);
    int is_done;
    const char *problem;
};

// Loads a library, once. Returns NULL, or why it cannot be loaded (dlerror(3)); nothing of the
// table may be called before it returned NULL. For several threads.
const char *sw_load(struct sw_library *library);

#endif
