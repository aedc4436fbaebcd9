// slipway's SPANK plugin: what its files share.
//
// The plugin lives in srun, sbatch and salloc as the user, and in slurmstepd as root. There it
// must not crash (the step hangs), fail (the node is drained) or wait without a deadline: it forks
// one helper as the user, reads a bounded answer and keeps every error for task_init, where an
// error fails one job and nothing else. (spank(8), section ERRORS)

#ifndef SLIPWAY_H
#define SLIPWAY_H

#include <stdbool.h>
#include <stddef.h>

// MARK: words.c: what users and administrators write

enum { SLIPWAY_WORD = 128, SLIPWAY_LIST = 4096 };

// The options of one job. Empty words mean "not said".
struct slipway_request {
    bool wanted;
    bool refused;  // --eessi=off
    bool detailed; // one of the other options, which imply --eessi
    bool verbose;
    char version[SLIPWAY_WORD];
    char repository[SLIPWAY_WORD];
    char arch[SLIPWAY_WORD];
    bool fallback;
    char modules[SLIPWAY_LIST]; // names, separated by commas
};

// Takes the value of --eessi: a version, "off", or nothing (NULL, "" and Slurm's "(null)" are one
// value).
// Each returns whether the value was one.
bool slipway_take_version(struct slipway_request *request, const char *value);
bool slipway_take_repository(struct slipway_request *request, const char *value);
bool slipway_take_arch(struct slipway_request *request, const char *value);
bool slipway_take_modules(struct slipway_request *request, const char *value);

enum slipway_guard { SLIPWAY_GUARD_STRICT, SLIPWAY_GUARD_WARN, SLIPWAY_GUARD_OFF };

// The words behind the plugin's path in plugstack.conf.
struct slipway_settings {
    char node[4096];   // node=PATH: the helper
    char config[4096]; // config=PATH: slipway.toml
    int deadline;      // deadline=SECONDS for the helper's work
    int load_deadline; // load-deadline=SECONDS for loading modules, on top of it
    enum slipway_guard guard;
    bool always; // default=on: every job gets the stack
};

// The settings when plugstack.conf says nothing.
void slipway_settings_default(struct slipway_settings *settings);

// Takes one word; false when it is unknown or its value is wrong.
bool slipway_take_setting(struct slipway_settings *settings, const char *word);

// MARK: reply.c: what the helper answers

enum { SLIPWAY_REPLY_LIMIT = 4 << 20, SLIPWAY_MESSAGE = 1024 };

// An answer as it arrives. `bytes` is allocated; `slipway_reply_free` releases it.
struct slipway_reply {
    char *bytes;
    size_t length;
    size_t capacity;
};

enum slipway_state {
    SLIPWAY_INCOMPLETE, // more may come
    SLIPWAY_COMPLETE,
    SLIPWAY_GARBAGE, // no answer of slipway-node, or too long
};

// Adds bytes; judges the whole. Allocates at most SLIPWAY_REPLY_LIMIT.
enum slipway_state slipway_reply_add(struct slipway_reply *reply, const char *bytes,
                                     size_t length);

// Walks over the records: gives the letter of the one at *at and its text, and moves *at behind
// it; '\0' at the end or where the rest is incomplete. Start with *at = 0.
char slipway_reply_next(const struct slipway_reply *reply, size_t *at, const char **text);

// The text of the last record of that letter; NULL when there is none.
const char *slipway_reply_last(const struct slipway_reply *reply, char letter);

void slipway_reply_free(struct slipway_reply *reply);

// Copies a text into `to` without control characters, cut to its size.
void slipway_clean(char *to, size_t size, const char *text);

#endif
