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
    bool strict; // what would be a warning of the step's --mpi is an error
    bool probe;  // two ranks are tried before the program starts
    char modules[SLIPWAY_LIST]; // names, separated by commas
    // The container; none where there is no image.
    char image[SLIPWAY_LIST];   // a reference or a path
    char bind[SLIPWAY_LIST];    // SRC[:DST[:ro|rw]], separated by commas
    char env[SLIPWAY_LIST];     // NAME[=VALUE], separated by commas
    char workdir[SLIPWAY_LIST]; // an absolute path
    char inject[SLIPWAY_WORD];  // off, auto, or names separated by commas
    char profile[SLIPWAY_LIST]; // names, separated by commas
    bool no_home;
    bool entrypoint;
    bool writable;
};

// Takes the value of --eessi: a version, "off", or nothing (NULL, "" and Slurm's "(null)" are one
// value).
// Each returns whether the value was one.
bool slipway_take_version(struct slipway_request *request, const char *value);
bool slipway_take_repository(struct slipway_request *request, const char *value);
bool slipway_take_arch(struct slipway_request *request, const char *value);
bool slipway_take_modules(struct slipway_request *request, const char *value);
bool slipway_take_image(struct slipway_request *request, const char *value);
bool slipway_take_bind(struct slipway_request *request, const char *value);
bool slipway_take_env(struct slipway_request *request, const char *value);
bool slipway_take_workdir(struct slipway_request *request, const char *value);
bool slipway_take_inject(struct slipway_request *request, const char *value);
bool slipway_take_profile(struct slipway_request *request, const char *value);

enum slipway_guard { SLIPWAY_GUARD_STRICT, SLIPWAY_GUARD_WARN, SLIPWAY_GUARD_OFF };

// The words behind the plugin's path in plugstack.conf.
struct slipway_settings {
    char node[4096];   // node=PATH: the helper
    char config[4096]; // config=PATH: slipway.toml
    int deadline;      // deadline=SECONDS for the helper's work
    int load_deadline; // load-deadline=SECONDS for loading modules, on top of it
    int probe_deadline; // probe-deadline=SECONDS for the two ranks of --eessi-probe
    char slipway[4096]; // slipway=PATH: the program that fetches images
    int pull_deadline;  // pull-deadline=SECONDS for fetching an image on a node
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

// MARK: judge.c: what the ranks of --eessi-probe said

// The codes of slipway's failures; ExitStatus in Swift has them all.
enum {
    SLIPWAY_EXIT_USAGE = 64,
    SLIPWAY_EXIT_SOFTWARE = 70,
    SLIPWAY_EXIT_TEMPORARY = 75,
    SLIPWAY_EXIT_PROTOCOL = 76, // the launcher and the MPI library do not understand each other
};

enum { SLIPWAY_PROBE_RANKS = 2 };

// Set for a step that is a probe; srun --export=NONE hands on what begins with SLURM_.
#define SLIPWAY_PROBE_VARIABLE "SLURM_SLIPWAY_PROBE"
// A name of no file, put where the plugin of a node takes it away: before the program of a probe,
// so that nothing is run where it does not, and as local.c says.
#define SLIPWAY_MARK "/.this-node-lacks-the-slipway-plugin"
// The exit code of a step that a probe has failed; its tasks end with it and do not begin.
#define SLIPWAY_STOP_VARIABLE "SLURM_SLIPWAY_STOP"
// The words that slipway-node becomes where it stands in a command's place.
#define SLIPWAY_ENTRY_VARIABLE "SLURM_SLIPWAY_ENTRY"
// What a line begins with that a rank says (rank.c) or that is said in its place (remote.c).
#define SLIPWAY_PROBE_LINE "@slipway-probe "

// What the ranks said so far; zero at first.
struct slipway_probe {
    int none;                                  // ranks whose program has no MPI_Init
    int begun, in_world, exchanged, ended;     // ranks that came so far
    int wrong;                                 // ranks that received other bytes than were sent
    int size;                                  // of the smallest world
    char family[16];                           // as MPIFamily in Swift
    char library[512];                         // the file that the loader picked
    char version[128];                         // the beginning of MPI_Get_library_version
    char refusal[SLIPWAY_MESSAGE];             // why the program was not started
    char broken[512];                          // what the node lacks for a probe
};

// Takes a line of the probe's output; others than the ranks' are let pass.
void slipway_probe_take(struct slipway_probe *probe, const char *line);

// The step that was probed, and how the probe's srun ended.
struct slipway_probed_step {
    const char *program;
    unsigned tasks;
    const char *mpi; // the kind of --mpi
    bool is_late;    // ended by the deadline
    int seconds;     // the deadline of the ranks
    int status;      // of wait(2), where it was not
};

// Says what the probe found, without control characters. Returns the exit code: 0 where the step
// may start.
int slipway_probe_judge(const struct slipway_probe *probe, const struct slipway_probed_step *step,
                        char *message, size_t size);

// The value of an option among the words of a command line, of which words[0] is the command; NULL
// where it is not given. `name` is the long form, of which three letters suffice (getopt_long(3));
// `letter` the short one, or '\0'. The last one counts.
const char *slipway_option_value(const char *const words[], size_t count, const char *name,
                                 char letter);

// Copies a text into `to` without control characters, cut to its size.
void slipway_clean(char *to, size_t size, const char *text);

#endif
